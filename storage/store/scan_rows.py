"""Scan rows: what scans wrote into ``footage`` and ``segments``.

Every plan, and every check of what is live, needs them all. The manifest therefore keeps a copy in one file per table,
instead of the thousands of small files that scans wrote (docs/decisions/0010-a-plan-of-a-million-units.md).
"""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import TABLES
from storage.store.layout import MANIFEST_FOLDER
from storage.store.manifest import Head, Part
from storage.store.parquet import UNIT_COLUMN, conform_rows, file_schema
from storage.store.receipts import unit_files, unit_tags
from storage.store.store import Store

SCAN_TABLES = ("footage", "segments")
"""The tables that scans write."""

SCAN_ROWS_PREFIX = f"{MANIFEST_FOLDER}/scan-rows-"


def read_scan_rows(store: Store, table: str, scans: pa.Table, head: Head | None = None) -> pa.Table:
    """Reads the rows of a table that some scans wrote, in the table's sort order.

    Args:
        scans: receipts of scans, as rows of ``RECEIPT_SCHEMA``.
        head: head of the manifest to take rows from where it has them; None for the newest.

    Raises:
        NightshiftError: a file is missing or torn.
    """
    spec = TABLES[table]
    found = _file_rows(store, head or store.manifest.head(), table, scans)
    return conform_rows(found, spec.schema).sort_by([(name, "ascending") for name in spec.order])


def write_scan_rows(store: Store, head: Head, scans: pa.Table) -> dict[str, Part]:
    """Writes the manifest's copy for the head that follows ``head``; keeps the file of ``head`` if nothing changed."""
    parts = {}
    for table in SCAN_TABLES:
        rows = _file_rows(store, head, table, scans)
        part = head.scan_rows.get(table)
        if part is None or part.rows != rows.num_rows or not rows.equals(store.manifest.read(part, rows.schema)):
            part = store.manifest.write(f"scan-rows-{table}", rows)
        parts[table] = part
    return parts


def _file_rows(store: Store, head: Head, table: str, scans: pa.Table) -> pa.Table:
    """Reads rows with their unit tags: from the manifest's copy, and those of newer scans from their own files."""
    schema = file_schema(TABLES[table])
    tags = unit_tags(scans)
    # The copy may also have rows of scans that newer ones have superseded.
    known = store.manifest.read(head.scan_rows.get(table), schema)
    known = known.filter(pc.is_in(known[UNIT_COLUMN], pa.array(tags.to_pylist(), pa.string())))
    others = scans.filter(pc.invert(pc.is_in(tags, known[UNIT_COLUMN].combine_chunks().unique())))
    return pa.concat_tables([known, store.read_rows(table, sorted(unit_files(others, table)), schema)])
