"""Notices that an archive changes, so that footage can be processed as recorders finish writing it.

The kernel tells of changes on this machine's own disks (inotify(7)). It does not tell what other machines write to a
share, nor does an object store tell anything: there, only listing the archive shows what is new.
"""

import errno
import re
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from schemas.site import SiteConfig
from storage.archive.listing import find_files
from storage.blobs import Blobs, LocalBlobs, open_blobs

_TOLD = [FileClosedEvent, FileCreatedEvent, FileMovedEvent, DirCreatedEvent, DirMovedEvent]
"""Changes that may complete a file, which one that is moved in is at once: not each write, of which a hundred recorders
make thousands a second."""

_SHARED = {"9p", "afs", "ceph", "cifs", "glusterfs", "lustre", "nfs", "nfs4", "smb3", "smbfs", "virtiofs"}
"""File systems that other machines write to; those of FUSE may be any."""

_MOUNTS = Path("/proc/self/mountinfo")


class ArchiveWatch:
    """Tells when a file of an archive is made, moved into it or closed after writing; a context manager.

    Links to other folders are not followed.

    Args:
        archive: a folder on this machine's own disks (``reason_to_poll``).
        changed: set at every change.

    Raises:
        OSError: on entry: the system watches no more folders for this user.
    """

    def __init__(self, archive: Path, changed: threading.Event) -> None:
        self._observer = Observer()
        self._observer.schedule(_Setter(changed), str(archive), recursive=True, event_filter=_TOLD)

    def __enter__(self) -> "ArchiveWatch":
        self._observer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._observer.stop()
        self._observer.join()


class _Setter(FileSystemEventHandler):
    def __init__(self, changed: threading.Event) -> None:
        self._changed = changed

    def on_any_event(self, event: FileSystemEvent) -> None:
        del event
        self._changed.set()


def reason_to_poll(archive: str, mounts: Path = _MOUNTS) -> str | None:
    """Returns why the system does not tell of all changes in an archive; None if it does.

    Args:
        archive: a folder or ``s3://BUCKET/PREFIX``.
        mounts: the file that lists what is mounted, in the format of proc_pid_mountinfo(5).
    """
    if not isinstance(open_blobs(archive), LocalBlobs):
        return "an object store does not tell what changes"
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return "this system does not say what is mounted"
    kind = _file_system(Path(archive).resolve(), lines)
    if kind in _SHARED or kind.startswith("fuse"):
        return f"the system does not tell what other machines write to a file system of the kind {kind}"
    return None


def _file_system(folder: Path, mounts: list[str]) -> str:
    """Returns the kind of file system that a folder is on: that of the last mount at the longest path above it."""
    best, kind = -1, ""
    for line in mounts:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        # Blanks in paths are octal escapes.
        point = Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4]))
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split(" ")[0]
    return kind


def reason_not_watched(error: OSError) -> str:
    """Returns in words why an ``ArchiveWatch`` could not begin."""
    if error.errno in (errno.ENOSPC, errno.EMFILE):
        return "this user may watch no more folders (sysctl fs.inotify.max_user_watches, fs.inotify.max_user_instances)"
    return str(error.strerror or error)


@dataclass(frozen=True)
class FinishedFiles:
    """The files of an archive that are completely written, as a listing shows them.

    Attributes:
        states: a number for each file's path, size and time of change.
        next_s: seconds until another file counts as completely written; None if no file waits.
    """

    states: frozenset[int]
    next_s: float | None


def finished_files(archive: Blobs, config: SiteConfig, now: datetime) -> FinishedFiles:
    """Lists an archive without reading any file. The rule is that of a scan: nothing changed for ``config.settle_s``.

    Raises:
        SiteError: the archive does not exist or cannot be listed.
    """
    archive.check_readable()
    finished, waits = set(), []
    for file in find_files(archive, config.suffixes):
        left_s = 0.0
        if file.blob is not None:
            age_s = now.timestamp() - file.blob.modified
            left_s = config.settle_s - age_s if abs(age_s) < config.settle_s else 0.0
        if left_s > 0:
            waits.append(left_s)
        else:
            finished.add(hash((file.name, file.problem, file.blob)))
    return FinishedFiles(frozenset(finished), min(waits, default=None))
