"""Goes through the folders of an archive, and names what it could not look at."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

_UNFINISHED = ".part"


@dataclass(frozen=True)
class Entry:
    """A file of footage, or with ``trouble`` something that could not be looked at. ``path`` is below the archive."""

    path: PurePath
    trouble: str | None = None

    @property
    def name(self) -> str:
        """The path as text that any table can hold."""
        return os.fsencode(self.path.as_posix()).decode("utf-8", "backslashreplace")


def walk(archive: Path, suffixes: Collection[str]) -> Iterator[Entry]:
    """Files with one of the suffixes (in any case), by path, links followed; hidden and unfinished ones left out."""
    yield from _folder(archive, PurePath(), {suffix.lower() for suffix in suffixes}, ())


def _folder(
    folder: Path, path: PurePath, suffixes: Collection[str], above: tuple[tuple[int, int], ...]
) -> Iterator[Entry]:
    try:
        status = folder.stat()
        names = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        yield Entry(path, f"the folder cannot be read: {error.strerror}")
        return
    itself = (status.st_dev, status.st_ino)
    if itself in above:
        yield Entry(path, "a link back to a folder above it: a loop")
        return
    for name in names:
        if name.startswith(".") or name.lower().endswith(_UNFINISHED):
            continue
        if (folder / name).is_dir():
            yield from _folder(folder / name, path / name, suffixes, (*above, itself))
        else:
            yield from _file(folder / name, path / name, suffixes)


def _file(file: Path, path: PurePath, suffixes: Collection[str]) -> Iterator[Entry]:
    wanted = path.suffix.lower() in suffixes
    try:
        file.stat()
    except OSError as error:
        if wanted or file.is_symlink():
            yield Entry(path, f"it cannot be looked at: {error.strerror}")
        return
    if not wanted:
        return
    text = path.as_posix()
    legible = text.encode("utf-8", "surrogateescape") == text.encode("utf-8", "replace")
    yield Entry(path, None if legible else "its name is not UTF-8: rename it")
