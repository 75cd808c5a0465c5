"""The table ``runs``: the journal's records, with what unended runs have committed, by their receipts.

A run writes its record when it starts and when it ends. One that is at work, was killed, or found the disk full has not
written what it did: its receipts say it.
"""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import TABLES
from schemas.values import SCAN_OP
from storage.arrow_sql import numbered, query

_COLUMNS = ("op", "camera", "date", "unit", "fingerprint", "committed", "run_id")

# A receipt that makes former work live again has the run that reaffirmed it; the first receipt has the run that did it.
_DONE = f"""
SELECT number, run_id FROM receipts WHERE op <> '{SCAN_OP}'
QUALIFY row_number() OVER (PARTITION BY op, camera, "date", unit, fingerprint ORDER BY committed, run_id) = 1
ORDER BY number
"""


def units_done_by(receipts: pa.Table, run_id: str) -> pa.Table:
    """Returns the receipts of the units that a run has computed, without scans and without reaffirmed work.

    Args:
        receipts: every receipt of the store, rows of ``RECEIPT_SCHEMA``.
    """
    return receipts.take(_done(receipts, [run_id])["number"])


def complete_runs(runs: pa.Table, receipts: Callable[[], pa.Table]) -> pa.Table:
    """Returns the table ``runs``, in which runs without an end have the number of units that they have committed.

    Args:
        runs: the journal's rows.
        receipts: reads every receipt; called only if a run has no end.
    """
    unended = runs.filter(pc.is_null(runs["ended"]))["run_id"].to_pylist()
    if not unended:
        return runs
    done = dict.fromkeys(unended, 0)
    for run_id in _done(receipts(), unended)["run_id"].to_pylist():
        done[run_id] += 1
    names, recorded = runs["run_id"].to_pylist(), runs["units_done"].to_pylist()
    counted = [done.get(name, count) for name, count in zip(names, recorded, strict=True)]
    return TABLES["runs"].conform({**dict(zip(runs.column_names, runs.columns, strict=True)), "units_done": counted})


def _done(receipts: pa.Table, run_ids: list[str]) -> pa.Table:
    """Returns columns ``number`` (row of the receipt) and ``run_id`` of the units that some runs have computed."""
    done = query(_DONE, receipts=numbered(receipts, *_COLUMNS))
    return done.filter(pc.is_in(done["run_id"], pa.array(run_ids, pa.string())))
