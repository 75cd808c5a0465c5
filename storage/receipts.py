"""Receipts as JSON files and as a table, and which of them readers see."""

import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.tables import TABLES
from schemas.values import Receipt
from storage.files import safe_name

RECEIPTS_FOLDER = "_receipts"
FORMAT = 1
"""Version of the JSON, so that an older Nightshift can refuse what it does not understand."""

UnitName = tuple[str, str, str, str]


def receipt_path(receipt: Receipt) -> Path:
    """Where a receipt stands, below the store: one name for each unit and fingerprint."""
    name = f"{safe_name(receipt.unit)}-{safe_name(receipt.fingerprint)}.json"
    return Path(RECEIPTS_FOLDER, safe_name(receipt.op), safe_name(receipt.camera), safe_name(receipt.date), name)


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


def _check(receipt: Receipt) -> None:
    for field in fields(Receipt):
        value = getattr(receipt, field.name)
        kind: Any = getattr(field.type, "__origin__", field.type)
        # JSON of other writers may have 2 for 2.0.
        if not isinstance(value, (int, float) if kind is float else kind):
            raise ValueError(f"not a receipt: {field.name} is {value!r}")
    if receipt.committed.tzinfo is None:
        raise ValueError("not a receipt: committed has no time zone")


def unit_name(receipt: Receipt) -> UnitName:
    """Op, camera, date and unit: what newer receipts of the same name replace."""
    return receipt.op, receipt.camera, receipt.date, receipt.unit


def current(receipts: Iterable[Receipt]) -> list[Receipt]:
    """The receipts that readers see: of each unit the newest, by time of commit and then fingerprint.

    Returns:
        One receipt a unit, ordered by op, camera, date and unit.
    """
    newest: dict[UnitName, Receipt] = {}
    for receipt in receipts:
        known = newest.get(unit_name(receipt))
        if known is None or _age(known) < _age(receipt):
            newest[unit_name(receipt)] = receipt
    return [newest[name] for name in sorted(newest)]


def _age(receipt: Receipt) -> tuple[datetime, str]:
    return receipt.committed, receipt.fingerprint


def files_of(receipts: Iterable[Receipt], table: str) -> list[str]:
    """Files of one table that these receipts name, below the store, by camera, date and unit."""
    ordered = sorted(receipts, key=lambda receipt: (receipt.camera, receipt.date, receipt.unit, receipt.fingerprint))
    return [receipt.files[table] for receipt in ordered if receipt.files.get(table)]


def receipts_table(receipts: Iterable[Receipt], seen: Iterable[Receipt]) -> pa.Table:
    """Receipts as the table ``receipts``; ``seen`` are those that readers see."""
    every = list(receipts)
    shown = {id(receipt) for receipt in seen}
    plain = ("op", "version", "camera", "date", "unit", "fingerprint", "committed", "run_id", "wall_s", "media_s")
    columns: dict[str, list[object]] = {name: [getattr(receipt, name) for receipt in every] for name in plain}
    columns["rows"] = [receipt.counters.get("rows", 0) for receipt in every]
    columns["files"] = [json.dumps(receipt.files, sort_keys=True) for receipt in every]
    columns["current"] = [id(receipt) in shown for receipt in every]
    return TABLES["receipts"].conform(columns)
