"""Which committed work readers see: the newest of each unit, of footage that the archive's last scan knows.

A file whose content changed under the same path, a camera's clock that was corrected, a file moved to another camera:
each leaves units behind that would otherwise stand beside those that took their place.
"""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.values import DAY_UNIT, SCAN_OP, UNIT_TAG_DIGITS
from storage.store.manifest import Head
from storage.store.scan_rows import scanned_rows
from storage.store.store import Store

_NEWEST = """
SELECT max_by(number, {'committed': committed, 'fingerprint': fingerprint, 'run_id': run_id}) AS number
FROM receipts GROUP BY op, camera, "date", unit
"""

_KNOWN = f"""
SELECT number FROM receipts JOIN newest USING (number)
WHERE op = '{SCAN_OP}' OR unit = '{DAY_UNIT}' AND (camera, "date") IN (SELECT (camera, "date") FROM segments)
OR (camera, "date", unit) IN (
    SELECT (camera, "date", segment_id) FROM segments
    UNION ALL SELECT (camera, "date", footage_id) FROM segments WHERE "index" = 0
)
"""

_FILES = f"""
WITH entries AS (
    SELECT unnest(map_entries(files::JSON::MAP(VARCHAR, VARCHAR))) AS entry,
        camera, "date", fingerprint[:{UNIT_TAG_DIGITS}] AS mark, seen, receipts.rows AS rows, number
    FROM receipts WHERE files <> '{{}}'
)
SELECT entry.key AS "table", entry.value AS "name", camera, "date", mark, rows, seen, number
FROM entries WHERE entry.value <> ''
"""


def newest_of(receipts: pa.Table) -> pa.Table:
    """Of each unit the receipt that counts: the newest by time of commit, then fingerprint."""
    with duckdb.connect() as con:
        con.register("receipts", _numbered(receipts))
        numbers = con.execute(f"{_NEWEST} ORDER BY number").to_arrow_table()["number"]
    return receipts.take(numbers)


def seen_by_readers(store: Store, receipts: pa.Table, head: Head | None = None) -> pa.Array:
    """Of each receipt, whether readers see its rows.

    Args:
        receipts: every receipt there is, or was at some time, as rows of ``RECEIPT_SCHEMA``. Where there is no scan
            among them, none is taken for superseded.
        head: of the manifest; None for the one that holds now.

    Returns:
        ``(len(receipts),)`` bool.
    """
    seen = np.zeros(receipts.num_rows, dtype=bool)
    scans = newest_of(receipts.filter(pc.equal(receipts["op"], SCAN_OP)))
    with duckdb.connect() as con:
        con.register("receipts", _numbered(receipts))
        con.execute(f"CREATE TABLE newest AS {_NEWEST}")
        if scans.num_rows:
            con.register("segments", scanned_rows(store, "segments", scans, head))
            numbers = con.execute(_KNOWN).to_arrow_table()["number"]
        else:
            numbers = con.execute("SELECT number FROM newest").to_arrow_table()["number"]
    seen[numbers.to_numpy()] = True
    return pa.array(seen)


def files_of(receipts: pa.Table, seen: pa.Array) -> pa.Table:
    """The files that receipts name: one row a receipt and table.

    Returns:
        columns ``table``, ``name``, ``camera``, ``date``, ``mark``, ``rows`` (of the receipt, all its tables), ``seen``
        and ``number`` (row of the receipt).
    """
    with duckdb.connect() as con:
        con.register("receipts", _numbered(receipts, "files", "rows").append_column("seen", seen))
        return con.execute(_FILES).to_arrow_table()


def _numbered(receipts: pa.Table, *more: str) -> pa.Table:
    names = ["op", "camera", "date", "unit", "fingerprint", "committed", "run_id", *more]
    return receipts.select(names).append_column("number", pa.array(np.arange(receipts.num_rows)))
