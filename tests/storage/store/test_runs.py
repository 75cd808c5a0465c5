"""What the table ``runs`` says of runs that have not ended."""

from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.values import SCAN_OP
from storage.store.journal import Journal, RunRecord
from storage.store.runs import complete_runs, units_done_by
from storage.store.store import Store
from tests.storage.rows import NOW, make_receipt


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "store")


def commit(store, run_id, *units, op="detect"):
    return [store.commit(make_receipt(op=op, unit=unit, run_id=run_id)) for unit in units]


def counted(store, read=None):
    runs = Journal(store.blobs).read_runs().rows
    rows = complete_runs(runs, read or (lambda: store.read_receipts().rows)).to_pylist()
    return {row["run_id"]: (row["state"], row["units_done"]) for row in rows}


def test_a_run_that_works_or_was_killed_has_done_what_it_committed(store):
    journal = Journal(store.blobs)
    journal.write_run(RunRecord("killed", NOW, units_planned=9))
    journal.write_run(RunRecord("at-work", NOW + timedelta(hours=1), units_planned=9))
    journal.write_run(RunRecord("new", NOW + timedelta(hours=2), units_planned=9))
    commit(store, "killed", "a", "b", "c")
    commit(store, "at-work", "d")
    commit(store, "at-work", "scanned", op=SCAN_OP)
    assert counted(store) == {"killed": ("running", 3), "at-work": ("running", 1), "new": ("running", 0)}


def test_work_that_became_live_again_counts_for_the_run_that_did_it(store):
    Journal(store.blobs).write_run(RunRecord("first", NOW))
    Journal(store.blobs).write_run(RunRecord("second", NOW + timedelta(hours=1)))
    (done,) = commit(store, "first", "a")
    store.reaffirm(done, "second", NOW + timedelta(hours=1))
    assert counted(store) == {"first": ("running", 1), "second": ("running", 0)}
    receipts = store.read_receipts().rows
    assert [units_done_by(receipts, run).num_rows for run in ("first", "second", "none")] == [1, 0, 0]


def test_runs_that_ended_keep_their_record_and_no_receipt_is_read(store):
    run = RunRecord("r", NOW)
    Journal(store.blobs).finish_run(replace(run, ended=NOW, state="failed", units_done=7))

    def read():
        raise AssertionError("receipts are read for nothing")

    assert counted(store, read) == {"r": ("failed", 7)}
