"""Rows and receipts for the tests of the store."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from schemas.tables import TABLES
from schemas.values import Receipt
from storage.store import Store

NOW = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
DATE = "2026-03-02"
CAMERA = "cam1"


def sample(kind: pa.DataType, number: int) -> object:
    """A value of an Arrow type that rises with ``number``."""
    if pa.types.is_string(kind):
        return f"text-{number:03d}"
    if pa.types.is_timestamp(kind):
        return NOW + timedelta(microseconds=number)
    if pa.types.is_binary(kind):
        return bytes([number % 256, 0, 255])
    if pa.types.is_boolean(kind):
        return number % 2 == 0
    if pa.types.is_floating(kind):
        return number + 0.5
    return number


def make_rows(name: str, count: int = 3, camera: str = CAMERA, first: int = 0) -> pa.Table:
    """Rows of a table, one value for each number from ``first``; null where the table allows it, every third row."""
    spec = TABLES[name]
    columns: dict[str, list[object]] = {
        field.name: [
            None if field.nullable and number % 3 == 2 else sample(field.type, number)
            for number in range(first, first + count)
        ]
        for field in spec.columns
    }
    if "camera" in columns:
        columns["camera"] = [camera] * count
    if "date" in columns:
        columns["date"] = [DATE] * count
    return spec.conform(columns)


def make_receipt(
    files: dict[str, str] | None = None,
    op: str = "detect",
    unit: str = "day",
    fingerprint: str = "f" * 64,
    camera: str = CAMERA,
    date: str = DATE,
    committed: datetime = NOW,
) -> Receipt:
    """A receipt, of a plain unit unless told otherwise."""
    return Receipt(
        op=op,
        version=1,
        camera=camera,
        date=date,
        unit=unit,
        fingerprint=fingerprint,
        ingredients={"version": "1"},
        files=files or {},
        committed=committed,
        run_id="run",
        wall_s=1.5,
        media_s=300.0,
        stage_s={"decode": 0.25},
        counters={"rows": 7},
    )


def put(
    store: Store,
    name: str,
    rows: pa.Table,
    unit: str = "day",
    fingerprint: str = "f" * 64,
    camera: str = CAMERA,
    date: str = DATE,
    committed: datetime = NOW,
) -> Receipt:
    """Writes and commits rows of one table, by an op that is named as the table."""
    file = store.write_table(name, rows, camera=camera, date=date, unit=unit, fingerprint=fingerprint)
    files = {name: file} if file else {}
    return store.commit(make_receipt(files, name, unit, fingerprint, camera, date, committed))
