"""The record of a run: it counts what was committed, planned and quarantined, however the run ended."""

from dataclasses import replace

import pytest

from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.engine.tasks import Failure
from jobs.planning.graph import Selection, UnitKey
from jobs.site import open_site
from ops.detect import Detect
from schemas.errors import ModelError
from schemas.values import SCAN_OP
from tests.jobs.engine.test_coordination import CommittingPool
from tests.storage.rows import receipts_of

HERE = RunOptions(workers=None)


@pytest.fixture
def run(fresh_site, monkeypatch):
    """Runs the site with workers that commit every unit without rows, unless ``before`` fails it or raises."""

    def run_with(before=lambda task: None, pool=CommittingPool):
        site = open_site(fresh_site)
        monkeypatch.setattr("jobs.commands.run.open_pool", lambda setup, options, units: pool(site.store, before))
        return run_site(site, Selection(), HERE)

    return run_with


def last_run(folder):
    """The run's row in the journal, and the units that the store has of it."""
    site = open_site(folder)
    (row,) = site.journal.read_runs().rows.to_pylist()
    units = [
        receipt for receipt in receipts_of(site.store) if receipt.run_id == row["run_id"] and receipt.op != SCAN_OP
    ]
    return row, units


def fail_first(op, kind="bug"):
    """Fails the first unit of an op."""
    failed = []

    def before(task):
        if task.key.op == op and not failed:
            failed.append(task.key)
            return Failure(task.key, kind, "reason", "detail")
        return None

    return before


@pytest.mark.parametrize(("error", "state"), [(KeyboardInterrupt, "interrupted"), (RuntimeError, "failed")])
def test_a_run_that_is_broken_off_records_what_it_committed(run, fresh_site, error, state):
    worked = []

    def break_off(task):
        worked.append(task.key)
        if len(worked) == 6:
            raise error

    with pytest.raises(error):
        run(break_off)
    row, units = last_run(fresh_site)
    assert (row["state"], row["units_done"], len(units)) == (state, 5, 5), "also those of the batch in flight"
    assert row["units_planned"] > 6 and row["media_s"] > 0


def test_units_that_are_blocked_in_mid_run_stay_planned(run, fresh_site):
    whole = run(fail_first("detect"))
    row, units = last_run(fresh_site)
    assert whole.report.left == 0 and row["units_quarantined"] == 1
    assert row["units_planned"] == len(whole.plan.to_do) > row["units_done"] + 1, "some units need the one that failed"
    assert row["units_done"] == len(units)


def test_lost_stretches_are_no_units(run, fresh_site):
    class LossyPool(CommittingPool):
        def wait(self, timeout_s):
            ((batch, outcome),) = super().wait(timeout_s)
            key = UnitKey("decode", "hall", batch.tasks[0].key.date, f"{batch.number}@0")
            return [(batch, replace(outcome, lost=(Failure(key, "footage", "decode_error", "0.5 s"),)))]

    summary = run(pool=LossyPool)
    row, units = last_run(fresh_site)
    assert row["units_planned"] == row["units_done"] == len(units) and row["units_quarantined"] == 0
    assert summary.report.lost and set(summary.report.lost) <= set(summary.quarantined)
    assert {entry.op for entry in open_site(fresh_site).journal.read_quarantine().rows} >= {"decode"}


def test_weights_that_do_not_load_quarantine_their_units_and_the_run_goes_on(fresh_site, monkeypatch):
    opened = []

    def open_broken(op, models, cpus):
        opened.append(op)
        raise ModelError("yolo11n.xml cannot be read: download it again")

    monkeypatch.setattr(Detect, "open", open_broken)
    summary = run_site(open_site(fresh_site), Selection(ops=("detect",)), HERE)
    row, _ = last_run(fresh_site)
    assert (summary.exit_code, row["state"], summary.report.left) == (1, "partial", 0)
    assert row["units_quarantined"] == row["units_planned"] == len(opened) > 1, "each is tried once"
    reasons = {(entry.kind, entry.reason, entry.detail) for entry in summary.report.quarantined}
    assert reasons == {("bug", "ModelError", "yolo11n.xml cannot be read: download it again")}
