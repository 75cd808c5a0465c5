"""What scans wrote of the archive: read from one file a table where the manifest has it, not from thousands."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import TABLES
from schemas.values import UNIT_TAG_DIGITS
from storage.store.manifest import MANIFEST_FOLDER, Head, Part
from storage.store.parquet import UNIT_COLUMN, file_schema, in_columns, in_schema
from storage.store.receipts import unit_files
from storage.store.store import Store

SCANNED = ("footage", "segments")
"""The tables that scans write."""

SCANNED_PREFIX = f"{MANIFEST_FOLDER}/scanned-"


def scanned_rows(store: Store, table: str, scans: pa.Table, head: Head | None = None) -> pa.Table:
    """The rows of a table that some scans wrote, in the table's order.

    Args:
        scans: receipts of scans, as rows of ``RECEIPT_SCHEMA``.
        head: whose rows are taken where it has them; None for the head that holds now.

    Raises:
        NightshiftError: a file is missing or torn.
    """
    spec = TABLES[table]
    found = _marked_rows(store, head or store.manifest.head(), table, scans)
    rows = in_columns(found, spec, spec.schema.names)
    return rows.sort_by([(name, "ascending") for name in spec.order])


def keep_scanned(store: Store, head: Head, scans: pa.Table) -> dict[str, Part]:
    """Writes the rows of some scans for the head that follows ``head``, table by table, unless it has just those."""
    parts = {}
    for table in SCANNED:
        rows = _marked_rows(store, head, table, scans)
        former = head.scanned.get(table)
        same = former is not None and former.rows == rows.num_rows and rows.equals(store.manifest.scanned(head, table))
        parts[table] = former if same and former else store.manifest.write(f"scanned-{table}", rows)
    return parts


def _marked_rows(store: Store, head: Head, table: str, scans: pa.Table) -> pa.Table:
    schema = file_schema(TABLES[table])
    marks = pc.utf8_slice_codeunits(scans["fingerprint"], 0, UNIT_TAG_DIGITS)
    known = store.manifest.scanned(head, table)
    known = known.filter(pc.is_in(known[UNIT_COLUMN], pa.array(marks.to_pylist(), pa.string())))
    others = scans.filter(pc.invert(pc.is_in(marks, known[UNIT_COLUMN].combine_chunks().unique())))
    places: dict[str, set[str]] = {}
    for file, mark in unit_files(others, table):
        places.setdefault(file, set()).add(mark)
    found = [in_schema(store.read_units(table, file, schema.names, places[file]), schema) for file in sorted(places)]
    return pa.concat_tables([known, *found])
