"""A readable file of an object store that raises translated errors."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import BinaryIO


class TranslatedFile(io.RawIOBase):
    """A file for reading.

    Args:
        file: fetched in blocks as it is read.
        translated_errors: opens a context that translates the errors raised in it.
    """

    def __init__(self, file: BinaryIO, translated_errors: Callable[[], AbstractContextManager[None]]) -> None:
        self._file = file
        self._translated_errors = translated_errors

    def readable(self) -> bool:
        """Returns True."""
        return True

    def seekable(self) -> bool:
        """Returns True."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Returns the next ``size`` bytes, fewer only at the end; without a size, the rest of the file."""
        with self._translated_errors():
            return self._file.read(-1 if size is None else size)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed has it positional
        """Reads into a buffer; returns the number of bytes read."""
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves the read position."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Returns the read position."""
        return self._file.tell()

    def close(self) -> None:
        """Closes the file and frees the fetched blocks."""
        self._file.close()
        super().close()
