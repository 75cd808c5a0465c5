"""Reads JSON files with errors that name file and field, and writes them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError

from schemas.activities import FrameRange
from schemas.errors import UserError
from storage.activity_files.signals import frame_ranges
from storage.files import atomic_path

Content = TypeVar("Content")


class Part(BaseModel):
    """An object of a file; fields that Nightshift does not know are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)


Signal = Annotated[dict[int, int], AfterValidator(frame_ranges)]
"""Read as ranges of frames."""


def ranges_of(signal: Any) -> tuple[FrameRange, ...]:
    """Returns what ``Signal`` holds once it is read."""
    ranges: tuple[FrameRange, ...] = signal
    return ranges


def read_document(path: Path, kind: type[Content] | Any, what: str) -> Content:
    """Reads a JSON file.

    Args:
        kind: what pydantic checks it against.
        what: it should be, for messages, as "a file index".

    Raises:
        UserError: it cannot be read, is no JSON, or is malformed; the message names the first wrong field.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not a text file: {error}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {error.lineno}: not JSON: {error.msg}") from error
    try:
        read: Content = TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "[key]")
        message = first["msg"].removeprefix("Value error, ")
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise UserError(f"{path} is not {what}: {where + ': ' if where else ''}{message}{more}") from error
    return read


def write_document(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file, which is replaced."""
    with atomic_path(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
