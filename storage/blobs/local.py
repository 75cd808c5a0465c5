"""Files in a local folder, or in a network folder that all workers mount under the same path."""

import errno
import os
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from schemas.errors import LeavesRoot, SiteError
from storage.blobs.base import Blob
from storage.blobs.names import check_name, leads_out
from storage.files import (
    TEMPORARY_PREFIX,
    atomic_path,
    make_folder,
    put_if_absent,
    temporary_path,
    translate_full_disk,
    write_atomic,
    writer_is_gone,
)

_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


class LocalBlobs:
    """``Blobs`` in a folder.

    Args:
        root: the folder; the first write creates it.
        private: names of its folders, and of files directly in it, that only the owner may read; the others follow the
            umask.
        short_lived: names of its folders whose files need not survive a power cut.
    """

    def __init__(self, root: Path, private: Collection[str] = (), short_lived: Collection[str] = ()) -> None:
        self.root = root
        self._private = frozenset(private)
        self._short_lived = frozenset(short_lived)

    @property
    def url(self) -> str:
        """The folder's path."""
        return str(self.root)

    def read(self, name: str) -> bytes:
        """Returns the content of a file."""
        # Building a Path per file would take most of the time of reading 100,000 receipts.
        with open(self._path(name), "rb") as file:  # noqa: PTH123
            return file.read()

    def open(self, name: str) -> BinaryIO:
        """Opens a file for random access."""
        return self._file(name).open("rb")

    def write(self, name: str, content: bytes) -> None:
        """Writes a file atomically, replacing an existing one."""
        write_atomic(self._file(name), content, self._is_private(name))

    def put_if_absent(self, name: str, content: bytes) -> bool:
        """Creates a file atomically unless it exists."""
        durable = name.partition("/")[0] not in self._short_lived
        return put_if_absent(self._file(name), content, self._is_private(name), durable)

    def create(self, name: str) -> AbstractContextManager[Path]:
        """Yields a hidden path in the folder of the future file."""
        return atomic_path(self._file(name), self._is_private(name))

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """Yields the path of the file itself."""
        path = self._file(name)
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist")
        yield path

    def list(self, below: str = "") -> Iterator[Blob]:
        """Lists every file below a folder."""
        start = self._path(below) if below else str(self.root)
        skipped = len(str(self.root)) + 1
        for entry in _files_below(start):
            try:
                status = entry.stat()
            except FileNotFoundError:
                continue  # another process removed it during the listing
            yield Blob(entry.path[skipped:], status.st_size, status.st_mtime_ns)

    def stat(self, name: str) -> Blob:
        """Returns size and time of a file; symbolic links are followed."""
        status = self._file(name).stat()
        return Blob(name, status.st_size, status.st_mtime_ns)

    def exists(self, name: str) -> bool:
        """Returns whether the file exists."""
        return self._file(name).is_file()

    def contains(self, name: str) -> bool:
        """Returns whether a name, with links followed, stays below the folder."""
        return not leads_out(name) and self._is_inside(self.root / name)

    def delete(self, names: Iterable[str]) -> None:
        """Removes files and the folders that become empty."""
        paths = [self._file(name) for name in sorted(names)]
        folders = sorted({path.parent for path in paths}, reverse=True)
        for folder in folders:
            if not self._is_inside(folder):
                raise LeavesRoot(f"a link leads from {folder} out of {self.root}: what lies there is not deleted")
        for path in paths:
            path.unlink(missing_ok=True)
        for folder in folders:
            self._remove_if_empty(folder)

    def free_bytes(self) -> int | None:
        """Returns the space left on the disk, also before the folder exists."""
        existing = next(folder for folder in (self.root, *self.root.absolute().parents) if folder.exists())
        return shutil.disk_usage(existing).free

    def sweep(self, older_than_h: float) -> Sequence[str]:
        """Removes temporary files that are older than ``older_than_h``, or whose writer is gone."""
        oldest = time.time() - older_than_h * 3600
        removed = []
        for parent, _, names in os.walk(self.root):
            for path in (Path(parent, name) for name in names if name.startswith(TEMPORARY_PREFIX)):
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < oldest or writer_is_gone(path.name):
                        path.unlink()
                        removed.append(path.relative_to(self.root).as_posix())
        return sorted(removed)

    def check_not_a_file(self) -> None:
        """Raises SiteError if the root exists and is not a folder."""
        if self.root.exists() and not self.root.is_dir():
            raise SiteError(f"{self.root} is not a folder: remove the file, or name another folder in site.toml")

    def check_readable(self) -> None:
        """Raises SiteError if the folder does not exist or cannot be listed."""
        self.check_not_a_file()
        try:
            next(self.root.iterdir(), None)
        except FileNotFoundError as error:
            raise SiteError(f"no folder {self.root}: make it, mount it, or correct the path in site.toml") from error
        except OSError as error:
            raise SiteError(f"{self.root} cannot be read: {error.strerror}; check its permissions") from error

    def check_writable(self) -> None:
        """Creates the folder if needed; raises SiteError if no file can be created in it."""
        self.check_not_a_file()
        try:
            with translate_full_disk(self.root):
                make_folder(self.root)
        except OSError as error:
            raise SiteError(
                f"store {self.root} cannot be made: {error.strerror}; name another folder in site.toml"
            ) from error
        probe = temporary_path(self.root / "probe")
        try:
            with translate_full_disk(probe):
                probe.touch(exist_ok=False)
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise
            raise SiteError(
                f"store {self.root} is read-only: queries work, runs do not; make it writable, or name another store "
                "in site.toml"
            ) from error
        # Not in a `finally`: a read-only file system refuses to remove even what is not there.
        probe.unlink(missing_ok=True)

    def _is_private(self, name: str) -> bool:
        """Returns whether a new file is private, after making the root, which never is."""
        if name.partition("/")[0] not in self._private:
            return False
        with translate_full_disk(self.root):
            make_folder(self.root)
        return True

    def _is_inside(self, path: Path) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.root))

    def _file(self, name: str) -> Path:
        return Path(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self.root}/{check_name(name, self.url)}"

    def _remove_if_empty(self, folder: Path) -> None:
        """Removes an empty folder and the parents that become empty; stops at a folder that is being filled."""
        while folder != self.root:
            try:
                folder.rmdir()
            except OSError:
                return  # not empty, or removed by another process
            folder = folder.parent


def _files_below(folder: str) -> Iterator["os.DirEntry[str]"]:
    """Yields the files below a folder, sorted, without hidden ones; none if the folder does not exist."""
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
