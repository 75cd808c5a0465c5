"""What storage asks of the place that files live in: little enough for an object store to give."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from fsspec.spec import AbstractFileSystem


@dataclass(frozen=True)
class Blob:
    """A file. ``modified_ns`` is in nanoseconds since 1970, as exactly as the place knows it."""

    name: str
    size_bytes: int
    modified_ns: int

    @property
    def modified(self) -> float:
        """The same in seconds."""
        return self.modified_ns / 1e9


class Blobs(Protocol):
    """Files below one root, each there whole or not at all. A name is a POSIX path below the root.

    Names of which a part starts with a dot are hidden: they are never listed. Every method that writes raises
    ``StoreFull`` where no space is left. It pickles, so that workers on other machines can have it.
    """

    @property
    def url(self) -> str:
        """The root, as people write it and DuckDB reads it: ``/srv/store`` or ``s3://bucket/prefix``."""

    @property
    def filesystem(self) -> AbstractFileSystem | None:
        """What fsspec, and so DuckDB, reads an object store with; None for a folder, which needs nothing."""

    def read(self, name: str) -> bytes:
        """The content; ``FileNotFoundError`` if there is none."""

    def open(self, name: str) -> BinaryIO:
        """The content, for reading here and there; ``FileNotFoundError`` if there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Writes a file that takes the place of what stood there; it survives a power cut."""

    def put_if_absent(self, name: str, content: bytes) -> bool:
        """Creates a file, unless one stands there; of several at once exactly one is told True."""

    def create(self, name: str) -> AbstractContextManager[Path]:
        """A local path for the block to write; its file becomes ``name`` at the end, or vanishes if the block raises.

        A block that removes the file leaves what stood under the name as it was.
        """

    def local(self, name: str) -> AbstractContextManager[Path]:
        """A local file with the content, for as long as the block lasts; ``FileNotFoundError`` if there is none."""

    def list(self, below: str = "") -> Iterator[Blob]:
        """Every file below a folder, ordered within each folder; none if there is no such folder."""

    def stat(self, name: str) -> Blob:
        """What ``list`` says of one file; ``FileNotFoundError`` if there is none."""

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    def delete(self, names: Iterable[str]) -> None:
        """Removes files; one that is not there is no error. Folders that become empty may go as well."""

    def free_bytes(self) -> int | None:
        """Space left for new files; None where nobody can say."""

    def sweep(self, older_than_h: float) -> Sequence[str]:
        """Removes what killed writers left half-written so many hours ago; gives the names."""

    def check_readable(self) -> None:
        """Raises ``SiteError`` if the root is not there, or may not be looked into."""

    def check_writable(self) -> None:
        """Raises ``SiteError`` if files cannot be created below the root, which is made if that is possible."""
