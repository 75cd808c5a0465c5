"""Files in a folder of this machine, or of one that all workers mount under the same path."""

import errno
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from schemas.errors import SiteError
from storage.blobs.base import Blob
from storage.files import (
    TEMPORARY_PREFIX,
    atomic_path,
    full_disk_said,
    make_folder,
    put_if_absent,
    temporary_path,
    write_atomic,
)

_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


class LocalBlobs:
    """``Blobs`` in a folder.

    Args:
        root: the folder; it need not be there before something is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def url(self) -> str:
        """The folder."""
        return str(self.root)

    @property
    def filesystem(self) -> None:
        """None: a folder needs none."""
        return None

    def read(self, name: str) -> bytes:
        """The content of a file."""
        with open(self._path(name), "rb") as file:  # noqa: PTH123  a Path each is most of the time of 100,000 receipts
            return file.read()

    def open(self, name: str) -> BinaryIO:
        """A file, for reading here and there."""
        return (self.root / name).open("rb")

    def write(self, name: str, content: bytes) -> None:
        """Writes a file whole, in place of what stood there."""
        write_atomic(self.root / name, content)

    def put_if_absent(self, name: str, content: bytes) -> bool:
        """Creates a file whole, unless one stands there."""
        return put_if_absent(self.root / name, content)

    @contextmanager
    def create(self, name: str) -> Iterator[Path]:
        """A hidden path beside the file to be."""
        with atomic_path(self.root / name) as path:
            yield path

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """The file itself."""
        path = self.root / name
        if not path.is_file():
            raise FileNotFoundError(f"{path} is not there")
        yield path

    def list(self, below: str = "") -> Iterator[Blob]:
        """Every file below a folder."""
        start = self._path(below) if below else str(self.root)
        skipped = len(str(self.root)) + 1
        for entry in _files_below(start):
            try:
                status = entry.stat()
            except FileNotFoundError:
                continue  # removed by another process while this one looked
            yield Blob(entry.path[skipped:], status.st_size, status.st_mtime_ns)

    def stat(self, name: str) -> Blob:
        """Size and time of a file, links followed."""
        status = (self.root / name).stat()
        return Blob(name, status.st_size, status.st_mtime_ns)

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.root / name).is_file()

    def delete(self, names: Iterable[str]) -> None:
        """Removes files, and the folders that become empty."""
        folders = set()
        for name in sorted(names):
            path = self.root / name
            path.unlink(missing_ok=True)
            folders.add(path.parent)
        for folder in sorted(folders, reverse=True):
            self._remove_if_empty(folder)

    def free_bytes(self) -> int | None:
        """Space left on the disk."""
        there = next(folder for folder in (self.root, *self.root.absolute().parents) if folder.exists())
        return shutil.disk_usage(there).free

    def sweep(self, older_than_h: float) -> Sequence[str]:
        """Removes hidden temporaries that are as old as that."""
        oldest = time.time() - older_than_h * 3600
        removed = []
        for parent, _, names in os.walk(self.root):
            for path in (Path(parent, name) for name in names if name.startswith(TEMPORARY_PREFIX)):
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < oldest:
                        path.unlink()
                        removed.append(path.relative_to(self.root).as_posix())
        return sorted(removed)

    def check_not_a_file(self) -> None:
        """Raises SiteError if something else stands where the folder should be."""
        if self.root.exists() and not self.root.is_dir():
            raise SiteError(f"{self.root} is not a folder: remove the file, or name another place in site.toml")

    def check_readable(self) -> None:
        """Raises SiteError if the folder is not there, or cannot be listed."""
        self.check_not_a_file()
        try:
            next(self.root.iterdir(), None)
        except FileNotFoundError as error:
            raise SiteError(f"no folder {self.root}: make it, mount it, or correct its place in site.toml") from error
        except OSError as error:
            raise SiteError(f"{self.root} cannot be read: {error.strerror}; check its permissions") from error

    def check_writable(self) -> None:
        """Makes the folder if it is not there; raises SiteError if no file can be created in it."""
        self.check_not_a_file()
        try:
            with full_disk_said(self.root):
                make_folder(self.root)
        except OSError as error:
            raise SiteError(
                f"store {self.root} cannot be made: {error.strerror}; name another place in site.toml"
            ) from error
        probe = temporary_path(self.root / "probe")
        try:
            with full_disk_said(probe):
                probe.touch(exist_ok=False)
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise
            raise SiteError(
                f"store {self.root} is read-only: queries work, runs do not; make it writable, or name another store "
                "in site.toml"
            ) from error
        finally:
            probe.unlink(missing_ok=True)

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _remove_if_empty(self, folder: Path) -> None:
        """Removes an empty folder and those above it that become so; a folder that is being filled stays."""
        while folder != self.root:
            try:
                folder.rmdir()
            except OSError:
                return  # not empty, or gone
            folder = folder.parent


def _files_below(folder: str) -> Iterator["os.DirEntry[str]"]:
    """Files below a folder, in order, without hidden ones; none if there is no such folder."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(entry.path)
        else:
            yield entry
