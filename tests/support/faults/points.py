"""The write points of a store, and the faults that can strike at each: a full disk, or kill -9.

Points are counted where Nightshift calls the file system: at the bytes of a file, before the file gets its name, and
afterwards, when the folder is synced, since a full disk may be reported there as well.
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
from storage.store.run_log import RunLog

Act = Callable[[], None]

_HEARTBEAT_THREAD = "nightshift-heartbeat"


def full_disk() -> None:
    """Raises the error of a file system without space."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def kill_9() -> None:
    """Kills this process as an operator, or a kernel without memory, would."""
    os.kill(os.getpid(), signal.SIGKILL)


class WritePoints:
    """Counts the write points passed, and strikes at one of them.

    Args:
        at: number of the point to strike, from 1; None only counts.
        act: the fault. Deletions are points for ``kill_9`` only, since they need no space.

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
        """Passes a point. Heartbeats and logs are not counted, since their times vary; neither are folders."""
        if threading.current_thread().name == _HEARTBEAT_THREAD or getattr(self._inside, "uncounted", False):
            return
        with self._lock:
            self.passed += 1
            struck = self.passed == self._at
        if struck:
            self._act()

    @contextmanager
    def _uncounted(self) -> Iterator[None]:
        outer = getattr(self._inside, "uncounted", False)
        self._inside.uncounted = True
        try:
            yield
        finally:
            self._inside.uncounted = outer

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Counts the points of all stores in folders while the block runs."""
        fsync, make_folder = os.fsync, files.make_folder
        create, delete, flush = LocalBlobs.create, LocalBlobs.delete, RunLog.flush

        def fsync_here(descriptor: int) -> None:
            # A file is synced before it gets its name, its folder afterwards.
            named = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            if not named:
                self.point()
            fsync(descriptor)
            if named:
                self.point()

        def make_folder_here(folder: Path, private: bool = False) -> None:
            with self._uncounted():
                make_folder(folder, private)

        def flush_here(log: RunLog) -> None:
            with self._uncounted():
                flush(log)

        @contextmanager
        def create_here(blobs: LocalBlobs, name: str) -> Iterator[Path]:
            with create(blobs, name) as path:
                yield path
                if path.exists():
                    # Half of the bytes are written when the fault strikes, as on a disk that fills up.
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
            mock.patch.object(RunLog, "flush", flush_here),
            mock.patch.object(LocalBlobs, "create", create_here),
            mock.patch.object(LocalBlobs, "delete", delete_here if self._act is kill_9 else delete),
        ):
            yield
