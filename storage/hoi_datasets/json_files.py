"""Reads label files, with errors that name the file and the field."""

import json
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from schemas.errors import UserError

Labels = TypeVar("Labels")


def read_labels(path: Path, kind: type[Labels]) -> Labels:
    """Reads a JSON file as values of a type.

    Raises:
        UserError: the file is missing, no JSON, or has another layout; the message names the first wrong field.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}") from error
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise UserError(f"{path}, {where}: {first['msg']}") from error
