"""What a reading of many small files gives: rows, and the files that could not be read."""

from dataclasses import dataclass
from typing import Generic, TypeVar

Rows = TypeVar("Rows")


@dataclass(frozen=True)
class ReadResult(Generic[Rows]):
    """Rows with the problems of reading them. Problems are returned, not raised: one torn file must not stop a night.

    Attributes:
        rows: what could be read.
        problems: one line per file that could not be read.
    """

    rows: Rows
    problems: tuple[str, ...] = ()
