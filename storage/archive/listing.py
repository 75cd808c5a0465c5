"""Lists the footage files of an archive, and reports what it cannot read."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from storage.archive.notices import suffix_of
from storage.blobs import Blob, Blobs, LocalBlobs
from storage.blobs.names import leads_out

_UNFINISHED = ".part"


@dataclass(frozen=True)
class ListedFile:
    """A footage file, or with ``problem`` something that cannot be read.

    Attributes:
        path: below the archive.
        problem: why it cannot be used; None for a file that can.
        blob: size and time as listed; None if it could not be examined.
    """

    path: PurePath
    problem: str | None = None
    blob: Blob | None = None

    @property
    def name(self) -> str:
        """The path as valid Unicode text, which any table can hold."""
        return os.fsencode(self.path.as_posix()).decode("utf-8", "backslashreplace")


def find_files(archive: Blobs, suffixes: Collection[str], others: Counter[str] | None = None) -> Iterator[ListedFile]:
    """Yields the files with one of the suffixes (in any case), by path; follows links, skips hidden and ``.part``.

    Args:
        others: counts the files with other suffixes, by suffix.
    """
    others = Counter() if others is None else others
    wanted = {suffix.lower() for suffix in suffixes}
    if isinstance(archive, LocalBlobs):
        yield from _list_folder(archive.root, PurePath(), wanted, (), others)
        return
    for blob in archive.list():
        path = PurePosixPath(blob.name)
        if path.suffix.lower() in wanted:
            problem = "its name leads out of the archive: rename it" if leads_out(blob.name) else None
            yield ListedFile(path, problem, blob)
        elif not path.name.startswith("."):
            others[suffix_of(path)] += 1


def empty_folders(archive: Blobs, files: Iterable[ListedFile]) -> list[str]:
    """Returns the folders right below an archive in which nothing of a list lies: cameras that recorded nothing.

    Object stores have no empty folders.
    """
    if not isinstance(archive, LocalBlobs):
        return []
    folders = {entry.name for entry in os.scandir(archive.root) if entry.is_dir() and not entry.name.startswith(".")}
    return sorted(folders - {file.path.parts[0] for file in files if file.path.parts})


def folder_of(path: str) -> str:
    """Returns the folder right below the archive in which a file lies; empty if it lies in none."""
    folder, slash, _ = path.partition("/")
    return folder if slash else ""


def _list_folder(
    folder: Path, path: PurePath, suffixes: Collection[str], parents: tuple[tuple[int, int], ...], others: Counter[str]
) -> Iterator[ListedFile]:
    try:
        status = folder.stat()
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        yield ListedFile(path, f"the folder cannot be read: {error.strerror}")
        return
    # Links are followed, so a link to a parent folder would recurse for ever; device and inode identify a folder.
    identity = (status.st_dev, status.st_ino)
    if identity in parents:
        yield ListedFile(path, "a link back to a folder above it: a loop")
        return
    for name in names:
        if name.startswith(".") or name.lower().endswith(_UNFINISHED):
            continue
        if (folder / name).is_dir():
            yield from _list_folder(folder / name, path / name, suffixes, (*parents, identity), others)
        else:
            yield from _list_file(folder / name, path / name, suffixes, others)


def _list_file(file: Path, path: PurePath, suffixes: Collection[str], others: Counter[str]) -> Iterator[ListedFile]:
    wanted = path.suffix.lower() in suffixes
    try:
        status = file.stat()
    except OSError as error:
        # A dangling link may have been footage, whatever its name.
        if wanted or file.is_symlink():
            yield ListedFile(path, f"it cannot be examined: {error.strerror}")
        return
    if not wanted:
        others[suffix_of(path)] += 1
        return
    name = path.as_posix()
    is_utf8 = name.encode("utf-8", "surrogateescape") == name.encode("utf-8", "replace")
    found = Blob(name, status.st_size, status.st_mtime_ns)
    yield ListedFile(path, None if is_utf8 else "its name is not UTF-8: rename it", found)
