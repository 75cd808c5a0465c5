"""Records: small JSON files of one fact each, such as a receipt, a run or a purge, which readers find by listing."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Generic, TypeVar, get_type_hints

from schemas.errors import NightshiftError
from storage.blobs import Blobs
from storage.files import first_line, safe_name

RECORD_SUFFIX = ".json"

FIRST_YEAR, LAST_YEAR = 1900, 2199
"""Years of plausible times. Wide, since a clock may be wrong and its work is kept all the same; narrow enough that a
day more or less, or another time zone, leads to no year that Python lacks."""

Record = TypeVar("Record")
Rows = TypeVar("Rows")
Fields = TypeVar("Fields")


@dataclass(frozen=True)
class ReadResult(Generic[Rows]):
    """Rows with the problems of reading them. Problems are returned, not raised: one torn file must not stop a night.

    Attributes:
        rows: what could be read.
        problems: one line per file that could not be read.
    """

    rows: Rows
    problems: tuple[str, ...] = ()


def record_bytes(content: Mapping[str, object]) -> bytes:
    """Returns a record as JSON; the same content gives the same bytes."""
    return json.dumps(content, indent=1, sort_keys=True).encode()


def parse_record(content: bytes, version: int) -> dict[str, Any]:
    """Returns a record without its ``format``, which names the version of its fields.

    Raises:
        ValueError: it is torn, no record, or of another version.
    """
    found = json.loads(content)
    if not isinstance(found, dict) or "format" not in found:
        raise ValueError("not a record: a JSON object with a format")
    if (other := found.pop("format")) != version:
        raise ValueError(f"format {other}, this Nightshift reads {version}")
    return found


def parse_as(kind: type[Fields], key: str, name: str, content: bytes, version: int) -> Fields:
    """Returns a record as a dataclass of texts, numbers and times.

    Args:
        kind: the dataclass; a field that is a dataclass itself is not part of the record.
        key: the field that the record's file is named after.
        name: the file.
        content: of the file.
        version: of its fields.

    Raises:
        ValueError: it is torn, has other fields or values of another type, lies under the name of another record, or
            has a time that is not plausible.
    """
    hints = {name: hint for name, hint in get_type_hints(kind).items() if _plain(hint)}
    found = parse_record(content, version)
    if found.keys() != hints.keys():
        raise ValueError(f"its fields are {', '.join(sorted(found))}")
    for field, hint in hints.items():
        if hint is datetime:
            found[field] = parse_time(field, found[field])
        elif not isinstance(found[field], hint) or isinstance(found[field], bool):
            raise ValueError(f"{field} is {found[field]!r}")
    if PurePosixPath(name).name != f"{safe_name(found[key])}{RECORD_SUFFIX}":
        raise ValueError(f"{key} is {found[key]!r}: the file has the name of another record")
    return kind(**found)


def _plain(hint: object) -> bool:
    return hint is datetime or hint in (str, int, str | None)


def parse_time(name: str, text: object) -> datetime:
    """Returns a time of a record, by the name of its field.

    Raises:
        ValueError: it is no time, has no zone, or lies in no plausible year.
    """
    if not isinstance(text, str):
        raise ValueError(f"{name} is {text!r}, which is no time")
    return check_time(name, datetime.fromisoformat(text))


def check_time(name: str, time: datetime) -> datetime:
    """Returns a time of a record that has a zone and lies in a plausible year.

    Raises:
        ValueError: it has no zone, or another year.
    """
    if time.tzinfo is None:
        raise ValueError(f"{name} has no time zone")
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise ValueError(f"{name} is {time.isoformat()}, which is no plausible time")
    return time


def record_names(blobs: Blobs, *folders: str) -> Iterator[str]:
    """Yields the names of all records below some folders."""
    return (blob.name for folder in folders for blob in blobs.list(folder) if blob.name.endswith(RECORD_SUFFIX))


def read_records(
    blobs: Blobs, names: Iterable[str], parse: Callable[[str, bytes], Record]
) -> tuple[dict[str, Record], dict[str, Exception]]:
    """Reads records; returns them by name, and by name the errors of those that cannot be read.

    Args:
        parse: returns a record, given its name and content; raises ``ValueError`` if it is torn.
    """
    found, errors = {}, dict[str, Exception]()
    for name in names:
        try:
            found[name] = parse(name, blobs.read(name))
        except FileNotFoundError:
            continue  # gone since it was listed: a compaction moved a receipt, or a run released a quarantined unit
        except (OSError, ValueError) as error:
            errors[name] = error
    return found, errors


def read_whole_folder(
    blobs: Blobs, folder: str, parse: Callable[[str, bytes], Record], what: str, advice: str
) -> Iterator[Record]:
    """Yields all records of a folder, by name. None is skipped: it may be the one that holds or rejects something.

    Args:
        parse: returns a record, given its name and content; raises ``ValueError`` if it is torn.
        what: a record is of, as in "a hold".
        advice: what to do about one that cannot be read.

    Raises:
        NightshiftError: a record is damaged.
    """
    for blob in blobs.list(folder):
        try:
            yield parse(blob.name, blobs.read(blob.name))
        except ValueError as error:
            raise NightshiftError(
                f"{blobs.url}/{blob.name}, the record of {what}, cannot be read: {first_line(error)}; {advice}"
            ) from error
