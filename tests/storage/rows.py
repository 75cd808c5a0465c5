"""Rows and receipts for the tests of the store."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pyarrow as pa

from schemas.tables import TABLES
from schemas.values import SCAN_OP, UNIT_TAG_DIGITS, Receipt, UnitFile
from storage.store.receipts import receipts_from_rows
from storage.store.store import Store

NOW = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
DATE = "2026-03-02"
CAMERA = "cam1"


def receipts_of(store: Store, ops: Collection[str] | None = None) -> list[Receipt]:
    """Returns every readable receipt, ordered by op, camera, date and unit; of some ops, or of all."""
    found = receipts_from_rows(store.read_receipts(ops).rows)
    return sorted(found, key=lambda each: (each.op, each.camera, each.date, each.unit, each.committed))


def print_of(*parts: object) -> str:
    """Returns a fingerprint that differs for each combination of parts."""
    return sha256("|".join(map(str, parts)).encode()).hexdigest()


def sample(kind: pa.DataType, number: int) -> object:
    """Returns a value of an Arrow type that rises with ``number``."""
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
    """Returns rows of a table, one per number from ``first``; every third has nulls where the table allows them."""
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


def segment_rows(segments: Sequence[str], camera: str = CAMERA, date: str = DATE) -> pa.Table:
    """Returns segments of a camera-day, each the first of the footage of the same name."""
    count = len(segments)
    spec = TABLES["segments"]
    columns: dict[str, list[object]] = {
        field.name: [sample(field.type, number) for number in range(count)] for field in spec.columns
    }
    known = {"camera": [camera] * count, "date": [date] * count, "segment_id": list(segments)}
    return spec.conform({**columns, **known, "footage_id": list(segments), "index": [0] * count})


def make_receipt(
    files: dict[str, str] | None = None,
    op: str = "detect",
    unit: str = "day",
    fingerprint: str = "",
    camera: str = CAMERA,
    date: str = DATE,
    committed: datetime = NOW,
    run_id: str = "run",
    sha256: dict[str, str] | None = None,
    rows: int = 7,
) -> Receipt:
    """Returns a receipt; the default fingerprint is that of the unit."""
    return Receipt(
        op=op,
        version=1,
        camera=camera,
        date=date,
        unit=unit,
        fingerprint=fingerprint or print_of(op, camera, date, unit),
        ingredients={"version": "1"},
        files=files or {},
        committed=committed,
        run_id=run_id,
        wall_s=1.5,
        media_s=300.0,
        stage_s={"decode": 0.25},
        counters={"rows": rows},
        sha256=sha256 or {},
    )


def put_all(
    store: Store,
    op: str,
    tables: dict[str, pa.Table],
    unit: str = "day",
    fingerprint: str = "",
    camera: str = CAMERA,
    date: str = DATE,
    committed: datetime = NOW,
    run_id: str = "run",
) -> Receipt:
    """Writes and commits the tables of one unit."""
    fingerprint = fingerprint or print_of(op, camera, date, unit)
    written = {
        name: store.write_table(name, rows, camera=camera, date=date, unit=unit, fingerprint=fingerprint)
        for name, rows in tables.items()
        if rows.num_rows
    }
    files = {name: file for name, (file, _) in written.items()}
    hashes = {name: digest for name, (_, digest) in written.items()}
    count = sum(rows.num_rows for rows in tables.values())
    return store.commit(
        make_receipt(files, op, unit, fingerprint, camera, date, committed, run_id, sha256=hashes, rows=count)
    )


def put(
    store: Store,
    name: str,
    rows: pa.Table,
    unit: str = "day",
    fingerprint: str = "",
    camera: str = CAMERA,
    date: str = DATE,
    committed: datetime = NOW,
    run_id: str = "run",
) -> Receipt:
    """Writes and commits rows of one table, by an op with the table's name."""
    return put_all(store, name, {name: rows}, unit, fingerprint, camera, date, committed, run_id)


def put_scan(
    store: Store, segments: Sequence[str], camera: str = CAMERA, date: str = DATE, committed: datetime = NOW
) -> Receipt:
    """Commits a scan of a camera-day with these segments and nothing else."""
    print_ = print_of(SCAN_OP, camera, date, *segments)
    rows = {"segments": segment_rows(segments, camera, date)}
    return put_all(store, SCAN_OP, rows, "day", print_, camera, date, committed, f"scan-{committed.isoformat()}")


def write_unit(store: Store, name: str, rows: pa.Table, unit: str = "day") -> UnitFile:
    """Writes rows of one unit; commits nothing."""
    fingerprint = print_of(name, unit)
    file, _ = store.write_table(name, rows, camera=CAMERA, date=DATE, unit=unit, fingerprint=fingerprint)
    return UnitFile(file, fingerprint[:UNIT_TAG_DIGITS])


def write(store: Store, name: str, rows: pa.Table, unit: str = "day") -> str:
    """Writes rows of one unit; returns the file."""
    return write_unit(store, name, rows, unit).name


def rows_of(store: Store, receipt: Receipt, table: str = "detections") -> pa.Table:
    """Returns the rows of a receipt."""
    return store.read_tables(table, [UnitFile(receipt.files[table], receipt.unit_tag)])


def root_of(store: Store) -> Path:
    """Returns the folder of a local store."""
    return Path(store.blobs.url)
