"""Which rows readers see: the *live* rows (docs/decisions/0003-live-rows.md).

A row is live if all of this holds:

1. a receipt names its file and its unit tag (a file without a receipt does not exist for readers);
2. that receipt is the newest of its unit (op, camera, date, unit), by time of commit, then fingerprint;
3. the newest scan of its camera-day still lists the unit's segment, footage or day.

The third rule is for a file whose content changed under the same path, a camera's clock that was corrected, a file
that moved to another camera: each leaves units behind, which would otherwise be counted beside their successors.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.values import DAY_UNIT, SCAN_OP
from storage.arrow_sql import numbered, query
from storage.store.manifest import Head
from storage.store.scan_rows import read_scan_rows
from storage.store.store import Store

_NAMES = ("op", "camera", "date", "unit", "fingerprint", "committed", "run_id")

# The largest struct wins: of commits in the same microsecond the fingerprint decides, so that all readers agree.
_NEWEST = """
SELECT max_by(number, {'committed': committed, 'fingerprint': fingerprint, 'run_id': run_id}) AS number
FROM receipts GROUP BY op, camera, "date", unit
"""

# The unit of a footage op is a footage id, and belongs to the day on which its first segment starts.
_LISTED = f"""
WITH newest AS ({_NEWEST})
SELECT number FROM receipts JOIN newest USING (number)
WHERE op = '{SCAN_OP}' OR unit = '{DAY_UNIT}' AND (camera, "date") IN (SELECT (camera, "date") FROM segments)
OR (camera, "date", unit) IN (
    SELECT (camera, "date", segment_id) FROM segments
    UNION ALL SELECT (camera, "date", footage_id) FROM segments WHERE "index" = 0
)
"""

# Reaffirmed work has several receipts with one unit tag: its rows are live if one of them is the newest of its unit.
_LIVE_FILES = """
WITH units AS (SELECT "table", "name", unit_tag, bool_or(live) AS live FROM files GROUP BY ALL)
SELECT "table", "name", bool_and(live) AS whole FROM units
GROUP BY ALL HAVING bool_or(live) ORDER BY "table", "name"
"""


def newest_receipts(receipts: pa.Table) -> pa.Table:
    """Returns the newest receipt of each unit, by time of commit, then fingerprint."""
    return receipts.take(query(f"{_NEWEST} ORDER BY number", receipts=numbered(receipts, *_NAMES))["number"])


def is_live(store: Store, receipts: pa.Table, head: Head | None = None) -> pa.Array:
    """Returns which receipts' rows are live.

    Args:
        receipts: every receipt there is, or was at some time, as rows of ``RECEIPT_SCHEMA``. Without a scan among them
            the third rule is not applied.
        head: head of the manifest to take scan rows from; None for the newest.

    Returns:
        ``(len(receipts),)`` bool.
    """
    live = np.zeros(receipts.num_rows, dtype=bool)
    scans = newest_receipts(receipts.filter(pc.equal(receipts["op"], SCAN_OP)))
    if scans.num_rows:
        segments = read_scan_rows(store, "segments", scans, head)
        found = query(_LISTED, receipts=numbered(receipts, *_NAMES), segments=segments)
    else:
        found = query(_NEWEST, receipts=numbered(receipts, *_NAMES))
    live[found["number"].to_numpy()] = True
    return pa.array(live)


def live_files(files: pa.Table) -> pa.Table:
    """Returns the files with live rows, as rows of ``manifest.LIVE_SCHEMA``; ``files`` are those of ``files_of``."""
    return query(_LIVE_FILES, files=files)
