"""File indexes and activity indexes of NIST's ActEV: which frames of which files count, and for which activities."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field

from schemas.activities import ActivityFile, FileIndex
from storage.activity_files.documents import Part, Signal, ranges_of, read_document, write_document
from storage.activity_files.signals import signal_of


class _File(Part):
    framerate: float = Field(gt=0, allow_inf_nan=False)
    selected: Signal


def read_file_index(path: Path) -> FileIndex:
    """Reads a file index.

    Raises:
        UserError: it is malformed; the message names file and field.
    """
    read: dict[str, _File] = read_document(path, dict[str, _File], "a file index of ActEV")
    return {name: ActivityFile(each.framerate, ranges_of(each.selected)) for name, each in read.items()}


def write_file_index(files: FileIndex, path: Path) -> None:
    """Writes a file index, which is replaced."""
    content = {
        name: {"framerate": each.frame_rate, "selected": signal_of(each.selected)} for name, each in files.items()
    }
    write_document(path, content)


def read_activity_index(path: Path) -> tuple[str, ...]:
    """Reads the names of an activity index, in its order.

    Raises:
        UserError: it is malformed.
    """
    read: dict[str, dict[str, Any]] = read_document(path, dict[str, dict[str, Any]], "an activity index of ActEV")
    return tuple(read)


def write_activity_index(activities: Iterable[str], path: Path) -> None:
    """Writes an activity index, which is replaced."""
    write_document(path, {name: {} for name in activities})
