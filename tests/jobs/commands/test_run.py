"""Runs: what they record however they ended, and what is done again after a change while readers see no hole."""

from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from jobs.commands.diff import diff_runs
from jobs.commands.results import connect, query
from jobs.commands.run import run_site
from jobs.commands.status import read_status
from jobs.engine.options import RunOptions
from jobs.engine.tasks import Failure
from jobs.planning.graph import Selection, UnitKey
from jobs.site import open_site
from ops.detect import Detect
from schemas.errors import ModelError, StoreFull
from schemas.values import SCAN_OP
from storage.sql.query import run_query
from storage.store.run_log import read_run_log
from tests.jobs.commands.reprocessing import HERE, TRACKS, run_ids
from tests.jobs.engine.test_coordination import CommittingPool
from tests.ops.known_people import constant_detector
from tests.storage.rows import receipts_of


@pytest.fixture
def run(fresh_site, monkeypatch):
    """Runs the site with workers that commit every unit without rows, unless ``before`` fails it or raises."""

    def run_with(before=lambda task: None, pool=CommittingPool):
        site = open_site(fresh_site)
        monkeypatch.setattr("jobs.commands.run.open_pool", lambda *_: pool(site.store, before))
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


def test_the_log_of_a_run_tells_its_beginning_its_units_and_its_end(run, fresh_site):
    summary = run(fail_first("track"))
    site = open_site(fresh_site)
    lines = read_run_log(site.store.blobs, summary.record.run_id).rows
    events = Counter(line["event"] for line in lines)
    assert [lines[0]["event"], lines[-1]["event"]] == ["run_began", "run_ended"]
    assert events["unit_done"] == summary.record.units_done == lines[-1]["units_done"]
    (failed,) = [line for line in lines if line["event"] == "unit_failed"]
    assert (failed["op"], failed["message"], failed["level"]) == ("track", "detail", "error")
    (planned,) = [line for line in lines if line["event"] == "planned"]
    assert planned["units"] == sum(planned["ops"].values()) == summary.record.units_planned


def test_the_log_says_why_a_run_broke_off(run, fresh_site):
    def fail(task):
        raise RuntimeError("the driver is broken")

    with pytest.raises(RuntimeError):
        run(fail)
    site = open_site(fresh_site)
    (run_id,) = site.journal.read_runs().rows["run_id"].to_pylist()
    *_, last = read_run_log(site.store.blobs, run_id).rows
    assert (last["event"], last["reason"], last["message"]) == ("run_broke_off", "RuntimeError", "the driver is broken")


def test_while_it_runs_the_table_says_what_it_has_committed(run, fresh_site):
    seen = []

    def look(task):
        (row,) = query(open_site(fresh_site), "SELECT state, units_done FROM runs").to_pylist()
        seen.append((row["state"], row["units_done"]))
        if len(seen) == 3:
            raise StoreFull("no space left")

    with pytest.raises(StoreFull):
        run(look)
    assert seen == [("running", 0), ("running", 1), ("running", 2)]
    assert read_status(open_site(fresh_site)).runs.to_pylist()[0]["units_done"] == 2, "the disk was full: no end"


def test_batches_that_the_deadline_cuts_off_count_with_what_they_committed(fresh_site, monkeypatch):
    class SlowPool(CommittingPool):
        def wait(self, timeout_s):
            (given,) = super().wait(timeout_s)
            return [given] if len(self.worked) < 3 else []

    site = open_site(fresh_site)
    pool = SlowPool(site.store)
    monkeypatch.setattr("jobs.commands.run.open_pool", lambda *_: pool)
    monkeypatch.setattr("jobs.engine.driver.Driver._is_late", lambda self, work_s=0.0: len(pool.worked) >= 3)
    assert run_site(site, Selection(), HERE).report.state == "deadline"
    row, units = last_run(fresh_site)
    assert row["units_done"] == len(units) == len(pool.worked) >= 3


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


def test_a_broken_detector_ends_the_run_before_any_unit(fresh_site):
    (fresh_site / "models").mkdir(exist_ok=True)
    constant_detector(fresh_site / "models" / "blind.onnx", np.empty((0, 4)))
    detect = Selection(ops=("detect",))
    with pytest.raises(ModelError, match=r"blind\.onnx.*not able to see.*0 of 18 people.*\[ops\.detect\]"):
        run_site(open_site(fresh_site), detect, HERE)
    row, units = last_run(fresh_site)
    assert (row["state"], row["units_done"], units) == ("failed", 0, []) and row["units_planned"] > 1
    # Ops that use no detector run all the same.
    assert run_site(open_site(fresh_site), Selection(ops=("view_motion",)), HERE).report.receipts


@pytest.mark.slow
def test_only_what_is_stale_is_done_again_and_the_second_time_nothing(changed_site):
    site = open_site(changed_site)
    first = run_site(site, TRACKS, HERE)
    ops = {receipt.op for receipt in first.report.receipts}
    assert "track" in ops and "detect" not in ops and first.record.detector_calls == 0
    second = run_site(open_site(changed_site), TRACKS, HERE)
    assert second.record.units_planned == second.record.units_done == second.record.frames_decoded == 0


@pytest.mark.slow
def test_a_reader_between_two_units_sees_each_unit_old_or_new_and_never_a_hole(changed_site):
    site = open_site(changed_site)
    by_segment = "SELECT segment_id, count(*) AS n FROM tracklet_points GROUP BY ALL"
    units = "SELECT camera, date, unit, fingerprint FROM receipts WHERE current AND op = 'track'"

    def look():
        with closing(connect(site, for_query=f"{by_segment}; {units}")) as connection:
            rows = {row["segment_id"]: row["n"] for row in run_query(connection, by_segment).to_pylist()}
            seen = run_query(connection, units).to_pylist()
        return rows, {(row["camera"], row["date"], row["unit"]): row["fingerprint"] for row in seen}, len(seen)

    looks = [look()]
    run_site(site, TRACKS, HERE, on_progress=lambda _: looks.append(look()))
    looks.append(look())
    old, new = looks[0], looks[-1]
    assert old[1].keys() == new[1].keys() and all(old[1][unit] != new[1][unit] for unit in old[1])
    kinds = Counter()
    for rows, fingerprints, count in looks:
        assert fingerprints.keys() == old[1].keys() and count == len(fingerprints), (
            "each unit has one version at any time"
        )
        for unit, fingerprint in fingerprints.items():
            assert fingerprint in (old[1][unit], new[1][unit])
            version = new if fingerprint == new[1][unit] else old
            assert rows.get(unit[2], 0) == version[0].get(unit[2], 0)
        kinds[len({fingerprint == new[1][unit] for unit, fingerprint in fingerprints.items()})] += 1
    assert kinds[2], "some look was between two units"


@pytest.mark.slow
def test_a_budget_stops_it_and_the_next_call_continues(changed_site):
    site = open_site(changed_site)
    short = run_site(site, TRACKS, RunOptions(workers=None, max_hours=0.0))
    assert short.report.state == "deadline" and short.exit_code == 3 and short.report.left
    rest = run_site(open_site(changed_site), TRACKS, HERE)
    assert rest.report.left == 0 and rest.record.units_done == short.report.left


class Past(datetime):
    """A clock that was set back."""

    @classmethod
    def now(cls, tz=None):
        return datetime(2001, 1, 1, tzinfo=UTC)


@pytest.mark.slow
def test_with_the_clock_set_back_new_work_is_what_readers_see(changed_site, monkeypatch):
    site = open_site(changed_site)
    (first,) = run_ids(site)
    for module in ("commands.run", "engine.run_clock", "engine.unit_work", "engine.driver"):
        monkeypatch.setattr(f"jobs.{module}.datetime", Past)
    summary = run_site(site, TRACKS, HERE)
    assert summary.record.units_done
    assert summary.record.ended >= max(receipt.committed for receipt in summary.report.receipts)
    sql = "SELECT DISTINCT run_id FROM receipts WHERE current AND op = 'track'"
    assert [row["run_id"] for row in query(site, sql).to_pylist()] == [summary.record.run_id]
    assert not diff_runs(site, first, summary.record.run_id).is_empty
    assert run_ids(site) == [first, summary.record.run_id]
