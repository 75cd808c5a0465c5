"""Goes through the files of an archive, and names what it could not look at."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from storage.blobs import Blob, Blobs, LocalBlobs

_UNFINISHED = ".part"


@dataclass(frozen=True)
class ListedFile:
    """A file of footage, or with ``problem`` something that could not be looked at.

    Attributes:
        path: below the archive.
        blob: the file as it was found.
    """

    path: PurePath
    problem: str | None = None
    blob: Blob | None = None

    @property
    def name(self) -> str:
        """The path as text that any table can hold."""
        return os.fsencode(self.path.as_posix()).decode("utf-8", "backslashreplace")


def find_files(archive: Blobs, suffixes: Collection[str]) -> Iterator[ListedFile]:
    """Files with one of the suffixes (in any case), by path, links followed; hidden and unfinished ones left out."""
    wanted = {suffix.lower() for suffix in suffixes}
    if isinstance(archive, LocalBlobs):
        yield from _folder(archive.root, PurePath(), wanted, ())
        return
    for blob in archive.list():
        path = PurePosixPath(blob.name)
        if path.suffix.lower() in wanted:
            yield ListedFile(path, blob=blob)


def _folder(
    folder: Path, path: PurePath, suffixes: Collection[str], above: tuple[tuple[int, int], ...]
) -> Iterator[ListedFile]:
    try:
        status = folder.stat()
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        yield ListedFile(path, f"the folder cannot be read: {error.strerror}")
        return
    itself = (status.st_dev, status.st_ino)
    if itself in above:
        yield ListedFile(path, "a link back to a folder above it: a loop")
        return
    for name in names:
        if name.startswith(".") or name.lower().endswith(_UNFINISHED):
            continue
        if (folder / name).is_dir():
            yield from _folder(folder / name, path / name, suffixes, (*above, itself))
        else:
            yield from _file(folder / name, path / name, suffixes)


def _file(file: Path, path: PurePath, suffixes: Collection[str]) -> Iterator[ListedFile]:
    wanted = path.suffix.lower() in suffixes
    try:
        status = file.stat()
    except OSError as error:
        if wanted or file.is_symlink():
            yield ListedFile(path, f"it cannot be looked at: {error.strerror}")
        return
    if not wanted:
        return
    name = path.as_posix()
    legible = name.encode("utf-8", "surrogateescape") == name.encode("utf-8", "replace")
    found = Blob(name, status.st_size, status.st_mtime_ns)
    yield ListedFile(path, None if legible else "its name is not UTF-8: rename it", found)
