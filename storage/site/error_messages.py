"""Describes a mistake in ``site.toml`` in one line: file, line, key, what is wrong and what to do.

pydantic finds the mistakes; it knows neither the file's lines nor TOML's terms.
"""

import difflib
import json
import re
import tomllib
import typing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.errors import SiteError
from schemas.site import SiteConfig
from storage.site.toml_lines import KeyPath, key_lines

_WORDS = {
    "tuple_type": "should be a list in [ ]",
    "too_long": "has too many items",
    "bool_parsing": "should be true or false",
    "dict_type": "should be a table: a header in [ ], then keys",
    "model_type": "should be a table: a header in [ ], or { key = value, ... }",
}
"""Messages in TOML's terms, by pydantic's error type."""


@dataclass(frozen=True)
class Document:
    """A site file's text and its parsed content."""

    path: Path
    text: str
    table: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Document":
        """Reads a site file.

        Raises:
            SiteError: it is missing, not readable, not UTF-8, or not TOML.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise SiteError(
                f"no {path.name} in {path.parent}: name the site's folder with --site, or make one with "
                f"`nightshift init {path.parent} --crs EPSG:... --timezone Area/City`"
            ) from error
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            raise SiteError(f"{path}, line {line}: not UTF-8 text; save the file as UTF-8") from error
        except OSError as error:
            raise SiteError(f"cannot read {path}: {error.strerror}; check its permissions") from error
        try:
            return cls(path, text, tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise SiteError(_syntax(path, text, str(error))) from error

    @cached_property
    def lines(self) -> dict[KeyPath, int]:
        """Line numbers by key."""
        return key_lines(self.text)

    def line(self, path: KeyPath) -> int | None:
        """Returns the line of a key, or of the nearest table around it that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def at(self, path: KeyPath, problem: str) -> str:
        """Returns a message about a key: ``FILE, line N: KEY: PROBLEM``."""
        line = self.line(path)
        where = f"{self.path}, line {line}" if line else str(self.path)
        key = _dotted(path)
        return f"{where}: {key}: {problem}" if key else f"{where}: {problem}"


def _syntax(path: Path, text: str, message: str) -> str:
    """Returns tomllib's message with its position moved to the front."""
    found = re.search(r" \(at line (\d+), column \d+\)| \(at end of document\)", message)
    line = found[1] if found and found[1] else text.count("\n") + 1
    problem = message.replace(found.group(), "") if found else message
    return f"{path}, line {line}: not TOML: {problem}; write texts in quotes, lists in [ ]"


def describe_error(document: Document, error: ValidationError) -> str:
    """Returns the first mistake in the file's order, as one line, and the number of further ones.

    A missing key comes last: often it exists but is misspelled, and then the misspelling is the useful message.
    """
    mistakes: dict[KeyPath, ErrorDetails] = {}
    for details in error.errors():
        mistakes.setdefault(_path_in_file(document, details), details)
    # A mistake within a table makes pydantic report the table as well.
    inner = [path for path in mistakes if not any(other[:-1] == path for other in mistakes if other)]
    path = min(inner, key=lambda each: (mistakes[each]["type"] == "missing", document.line(each) or 0))
    details = mistakes[path]
    others = len(inner) - 1
    more = f" ({others} more mistake{'s' if others > 1 else ''} in this file)" if others else ""
    if details["type"] == "extra_forbidden":
        return _unknown_key(document, path) + more
    if details["type"] == "missing" and path[-1] == details["loc"][-1]:
        return document.at(path[:-1], f'key "{path[-1]}" is missing: {_meaning(path)}') + more
    if details["type"] == "missing":
        return document.at(path, f"is too short: {_meaning(path)}") + more
    return document.at(path, plain_message(details)) + more


def _unknown_key(document: Document, path: KeyPath) -> str:
    model = _model_at(path[:-1])
    known = list(model.model_fields) if model else []
    near = difflib.get_close_matches(str(path[-1]), known, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(known)}"
    place = f" in {_dotted(path[:-1])}" if len(path) > 1 else ""
    line = document.line(path)
    return f'{document.path}: unknown key "{path[-1]}"{place} on line {line}; {hint}'


def plain_message(details: ErrorDetails) -> str:
    """Returns pydantic's message in TOML's terms, with the value that is wrong."""
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] == "value_error":
        return message
    message = _WORDS.get(details["type"], message).removeprefix("Input ")
    text = json.dumps(details["input"], ensure_ascii=False, default=str)
    got = text if len(text) <= 40 else f"{text[:37]}..."
    return f"{message[0].lower()}{message[1:]}, got {got}"


def _path_in_file(document: Document, details: ErrorDetails) -> KeyPath:
    """Returns a mistake's path in the file: pydantic's location without the union alternatives that it tried."""
    path: KeyPath = ()
    value: Any = document.table
    for part in details["loc"]:
        is_key = isinstance(value, dict) and part in value
        is_index = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if is_key or is_index:
            value = value[part]
            path = (*path, part)
    if details["type"] == "missing" and isinstance(details["loc"][-1], str):
        return (*path, details["loc"][-1])
    return path or _quoted_path(document, details["msg"])


def _quoted_path(document: Document, message: str) -> KeyPath:
    """Returns the last id, name or camera whose value a message quotes, or ().

    Checks over the whole configuration, such as for duplicate ids, have no location.
    """
    quoted = re.search(r"'([^']*)'", message)
    paths: list[KeyPath] = [
        (group, number, key)
        for group in ("cameras", "layers")
        for number, item in enumerate(document.table.get(group, []))
        for key, value in item.items()
        if key in ("id", "name", "camera") and quoted and value == quoted[1]
    ]
    return max(paths, key=lambda path: document.line(path) or 0, default=())


def _model_at(path: KeyPath) -> type[BaseModel] | None:
    """Returns the model of the table at a path."""
    model: type[BaseModel] | None = SiteConfig
    for part in path:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part) if model else None
        model = _model_in(field.annotation) if field else None
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in typing.get_args(annotation) if (found := _model_in(inner))), None)


def _meaning(path: KeyPath) -> str:
    """Returns the description of the key at a path; items of a list have that of the list."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    model = _model_at(path[:-1])
    field = model.model_fields.get(str(path[-1])) if model else None
    return (field.description if field else None) or "add it"


def _dotted(path: KeyPath) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")
