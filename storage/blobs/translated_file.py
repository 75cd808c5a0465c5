"""A file of an object store whose errors are told like those of its place."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO


class TranslatedFile(io.RawIOBase):
    """A file for reading.

    Args:
        file: fetched in blocks as it is read.
        translated_errors: a context that raises what an error within it means.
    """

    def __init__(self, file: BinaryIO, translated_errors: Callable[[], AbstractContextManager[None]]) -> None:
        self._file = file
        self._translated_errors = translated_errors

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes from here, fewer only at the end; all that are left if none are named."""
        with self._translated_errors():
            return self._file.read(-1 if size is None else size)

    def readall(self) -> bytes:
        """All bytes from here."""
        return self.read()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed has it positional
        """Fills a buffer from here; gives how many bytes it took."""
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to a place in the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place in the file."""
        return self._file.tell()

    def close(self) -> None:
        """Lets go of what was fetched."""
        self._file.close()
        super().close()
