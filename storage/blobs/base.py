"""The file operations that storage needs, few enough for an object store to provide.

Why these and no others: docs/decisions/0013-object-stores-and-sql.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class Blob:
    """A file. ``modified_ns`` is in nanoseconds since 1970, as exactly as the location records it."""

    name: str
    size_bytes: int
    modified_ns: int

    @property
    def modified(self) -> float:
        """Modification time in seconds since 1970."""
        return self.modified_ns / 1e9


class Blobs(Protocol):
    """Files below one root; each is complete or absent. A name is a POSIX path below the root.

    Names with a part that starts with a dot are hidden: they are never listed. Every method that writes raises
    ``StoreFull`` when no space is left. Every method that takes a name raises ``LeavesRoot`` for one that is no path
    below the root (names.py). Instances can be pickled, so that workers on other machines can use them.
    """

    @property
    def url(self) -> str:
        """The root as users write it and DuckDB reads it: ``/srv/store`` or ``s3://bucket/prefix``."""

    def read(self, name: str) -> bytes:
        """Returns the content; raises ``FileNotFoundError`` if there is no such file."""

    def open(self, name: str) -> BinaryIO:
        """Opens a file for random access; raises ``FileNotFoundError`` if there is no such file."""

    def write(self, name: str, content: bytes) -> None:
        """Writes a file, replacing an existing one; it survives a power cut."""

    def put_if_absent(self, name: str, content: bytes) -> bool:
        """Creates a file unless it exists; of several concurrent callers exactly one gets True."""

    def create(self, name: str) -> AbstractContextManager[Path]:
        """Yields a local path to write; the file becomes ``name`` at the end, or is dropped if the block raises.

        If the block removes the file, an existing file ``name`` stays as it was.
        """

    def local(self, name: str) -> AbstractContextManager[Path]:
        """Yields a local file with the content for the block's duration; ``FileNotFoundError`` if there is none."""

    def list(self, below: str = "") -> Iterator[Blob]:
        """Lists every file below a folder, sorted within each folder; nothing if the folder does not exist."""

    def stat(self, name: str) -> Blob:
        """Returns the entry of one file, as ``list`` gives it; ``FileNotFoundError`` if there is no such file."""

    def exists(self, name: str) -> bool:
        """Returns whether the file exists."""

    def contains(self, name: str) -> bool:
        """Returns whether a name, with links followed, stays below the root, whether the file exists or not."""

    def delete(self, names: Iterable[str]) -> None:
        """Removes files; missing ones are ignored. Folders that become empty may be removed as well.

        Raises:
            LeavesRoot: a link on the way to one leads out of the root; nothing was removed.
        """

    def free_bytes(self) -> int | None:
        """Returns the space left for new files, or None where it is unknown."""

    def sweep(self, older_than_h: float) -> Sequence[str]:
        """Removes unfinished files that are older than ``older_than_h``, or whose writer is known to be gone.

        Returns:
            Their names.
        """

    def check_readable(self) -> None:
        """Raises ``SiteError`` if the root does not exist or cannot be listed."""

    def check_writable(self) -> None:
        """Creates the root if possible; raises ``SiteError`` if files cannot be created below it."""
