"""Receipts as JSON files, one a unit, and as rows of one Arrow table, for stores of years."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import pyarrow as pa

from schemas.tables import TABLES, TIME
from schemas.values import Receipt, UnitFile
from storage.files import safe_name

RECEIPTS_FOLDER = "_receipts"
RECEIPT_SUFFIX = ".json"
FORMAT = 2
"""Version of the JSON, so that an older Nightshift can refuse what it does not understand."""

RECEIPT_SCHEMA = pa.schema(
    [
        pa.field("op", pa.string(), nullable=False),
        pa.field("version", pa.int32(), nullable=False),
        pa.field("camera", pa.string(), nullable=False),
        pa.field("date", pa.string(), nullable=False),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("fingerprint", pa.string(), nullable=False),
        pa.field("committed", TIME, nullable=False),
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("wall_s", pa.float64(), nullable=False),
        pa.field("media_s", pa.float64(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("files", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("ingredients", pa.string(), nullable=False),
        pa.field("stage_s", pa.string(), nullable=False),
        pa.field("counters", pa.string(), nullable=False),
    ]
)
"""One row a receipt. ``date`` is text; ``files`` and what follows are JSON objects as text."""

_IN_JSON = ("files", "sha256", "ingredients", "stage_s", "counters")


def receipt_path(receipt: Receipt, again: bool = False) -> str:
    """Where a receipt stands, below the store: one name for each unit and fingerprint.

    Args:
        again: the work was committed before, and a later run, whose name is then added, says that it holds again.
    """
    name = f"{safe_name(receipt.unit)}-{safe_name(receipt.fingerprint)}"
    if again:
        name += f"~{safe_name(receipt.run_id)}"
    folders = (RECEIPTS_FOLDER, safe_name(receipt.op), safe_name(receipt.camera), safe_name(receipt.date))
    return "/".join((*folders, f"{name}{RECEIPT_SUFFIX}"))


def to_json(receipt: Receipt) -> bytes:
    """A receipt as JSON; the same receipt gives the same bytes."""
    content = {"format": FORMAT, **asdict(receipt), "committed": receipt.committed.isoformat()}
    return json.dumps(content, indent=1, sort_keys=True).encode()


def from_json(content: bytes) -> Receipt:
    """The receipt that ``to_json`` wrote.

    Raises:
        ValueError: the content is empty, torn, or not a receipt of this format.
    """
    try:
        found: dict[str, Any] = json.loads(content)
        version = found.pop("format")
        if version != FORMAT:
            raise ValueError(f"format {version}, this Nightshift reads {FORMAT}")
        receipt = Receipt(**found | {"committed": datetime.fromisoformat(found["committed"])})
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a receipt: {error}") from error
    _check(receipt)
    return receipt


def format_of(content: bytes) -> int | None:
    """The version of a receipt's JSON; None if it is torn."""
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found.get("format") if isinstance(found, dict) else None


def _check(receipt: Receipt) -> None:
    for field in fields(Receipt):
        value = getattr(receipt, field.name)
        kind: Any = getattr(field.type, "__origin__", field.type)
        # JSON of other writers may have 2 for 2.0.
        if not isinstance(value, (int, float) if kind is float else kind):
            raise ValueError(f"not a receipt: {field.name} is {value!r}")
    if receipt.committed.tzinfo is None:
        raise ValueError("not a receipt: committed has no time zone")


def receipts_to_arrow(receipts: Iterable[Receipt]) -> pa.Table:
    """Receipts as rows of ``RECEIPT_SCHEMA``, in the order given."""
    every = list(receipts)
    columns = []
    values: list[object]
    for field in RECEIPT_SCHEMA:
        if field.name in _IN_JSON:
            values = [as_text(getattr(receipt, field.name)) for receipt in every]
        elif field.name == "rows":
            values = [receipt.counters.get("rows", 0) for receipt in every]
        else:
            values = [getattr(receipt, field.name) for receipt in every]
        columns.append(pa.array(values, field.type))
    return pa.Table.from_arrays(columns, schema=RECEIPT_SCHEMA)


def receipt_of(row: Mapping[str, Any]) -> Receipt:
    """The receipt of a row of ``RECEIPT_SCHEMA``, as ``to_pylist`` gives it."""
    content = {field.name: row[field.name] for field in fields(Receipt)}
    return Receipt(**content | {name: json.loads(row[name]) for name in _IN_JSON})


def receipts_of(table: pa.Table) -> list[Receipt]:
    """The receipts of some rows."""
    return [receipt_of(row) for row in table.to_pylist()]


def unit_files(receipts: pa.Table, table: str) -> list[UnitFile]:
    """Where the rows of one table of some units stand."""
    found = receipts_of(receipts)
    return [UnitFile(each.files[table], each.unit_tag) for each in found if each.files.get(table)]


def shown(receipts: pa.Table, current: pa.Array) -> pa.Table:
    """Receipts as users see them: the table ``receipts``. ``current`` says of each whether readers see its rows."""
    spec = TABLES["receipts"]
    columns = {name: receipts[name] for name in spec.schema.names if name != "current"}
    return spec.conform({**columns, "current": current})


def as_text(value: Mapping[str, object]) -> str:
    """JSON as it stands in a row of ``RECEIPT_SCHEMA``."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
