"""The points at which a store is written to, and what can go wrong at each: a full disk, or the end of the process.

Points are counted where Nightshift meets the file system: the bytes of a file, the moment before it gets its name, and
the moment after, when the name is made to survive a power cut, which is where a full disk may be told as well.
"""

import errno
import os
import signal
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from storage import files
from storage.blobs import LocalBlobs, local

Act = Callable[[], None]

_HEART = "nightshift-heartbeat"


def full_disk() -> None:
    """What a file system does that has no space left."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def kill_9() -> None:
    """Ends this process as an operator, or a kernel that is out of memory, would."""
    os.kill(os.getpid(), signal.SIGKILL)


class WritePoints:
    """Counts the points that are passed, and lets something happen at one of them.

    Args:
        at: number of the point, from 1; None: they are only counted.
        act: what happens there. Deletions are points for ``kill_9`` alone: they need no space.

    Attributes:
        passed: points so far.
    """

    def __init__(self, at: int | None = None, act: Act = full_disk) -> None:
        self.passed = 0
        self._at = at
        self._act = act
        self._lock = threading.Lock()
        self._inside = threading.local()

    def point(self) -> None:
        """Passes a point; the heart, which beats whenever it wants, passes none, and folders are no files."""
        if threading.current_thread().name == _HEART or getattr(self._inside, "folder", False):
            return
        with self._lock:
            self.passed += 1
            struck = self.passed == self._at
        if struck:
            self._act()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While the block lasts, stores in folders pass their points here."""
        fsync, make_folder = os.fsync, files.make_folder
        create, delete = LocalBlobs.create, LocalBlobs.delete

        def fsync_here(descriptor: int) -> None:
            named = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            if not named:
                self.point()
            fsync(descriptor)
            if named:
                self.point()

        def make_folder_here(folder: Path) -> None:
            outer = getattr(self._inside, "folder", False)
            self._inside.folder = True
            try:
                make_folder(folder)
            finally:
                self._inside.folder = outer

        @contextmanager
        def create_here(blobs: LocalBlobs, name: str) -> Iterator[Path]:
            with create(blobs, name) as path:
                yield path
                if path.exists():
                    whole = path.read_bytes()
                    path.write_bytes(whole[: len(whole) // 2])
                    self.point()
                    path.write_bytes(whole)

        def delete_here(blobs: LocalBlobs, names: Iterable[str]) -> None:
            for name in sorted(names):
                self.point()
                delete(blobs, [name])

        with (
            mock.patch.object(os, "fsync", fsync_here),
            mock.patch.object(files, "make_folder", make_folder_here),
            mock.patch.object(local, "make_folder", make_folder_here),
            mock.patch.object(LocalBlobs, "create", create_here),
            mock.patch.object(LocalBlobs, "delete", delete_here if self._act is kill_9 else delete),
        ):
            yield
