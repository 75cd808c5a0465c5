"""Purged work is not redone unless the user asks for it, and what was made from it stays done."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from jobs.planning.graph import Selection, UnitKey
from jobs.planning.unit_status import State
from schemas.values import FOOTAGE_OP, Tombstone
from tests.jobs.pipeline import all_receipts, plan_tiny, quarantine_for, receipt_for, tiny_site, tombstone_for
from tests.support.fakes import make_segment

SEGMENTS = [make_segment(index) for index in range(3)]
FIRST = UnitKey("detect", "cam1", "2026-03-02", SEGMENTS[0].segment_id)
REASON = "purged 2026-11-01 by rule tables_days = 90"
FOOTAGE = Tombstone(
    FOOTAGE_OP, "cam1", "2026-03-02", "", SEGMENTS[0].footage_id, datetime(2026, 11, 1, tzinfo=UTC), "footage_days = 30"
)


@pytest.fixture(scope="module")
def receipts():
    return all_receipts(plan_tiny(SEGMENTS))


def split(receipts, *ops):
    """Returns tombstones of what these ops committed, and the other receipts."""
    return [tombstone_for(r) for r in receipts if r.op in ops], [r for r in receipts if r.op not in ops]


def test_a_purged_unit_is_not_done_again_and_its_readers_stay_done(receipts):
    tombstones, left = split(receipts, "detect", "track")
    plan = plan_tiny(SEGMENTS, left, tombstones=tombstones)
    assert plan.to_do == [] and not plan.units
    assert plan.statuses[FIRST].state is State.PURGED and plan.statuses[FIRST].reason == REASON
    assert plan.unit_counts()["detect"] == {State.PURGED: 3} and plan.done["counts"] == 1


def test_it_stays_purged_when_its_op_changes_and_so_do_its_readers(receipts):
    tombstones, left = split(receipts, "detect")
    plan = plan_tiny(SEGMENTS, left, tiny_site({"detect": 2}), tombstones=tombstones)
    assert plan.to_do == [] and plan.statuses[FIRST].state is State.PURGED


def test_a_unit_that_requires_a_purged_one_is_blocked_and_no_problem(receipts):
    tombstones, left = split(receipts, "track")
    plan = plan_tiny(SEGMENTS, left, tiny_site({"publish": 2}), tombstones=tombstones)
    (publish,) = plan.units
    status = plan.statuses[publish]
    assert status.state is State.BLOCKED and not status.is_problem
    assert status.reason == f"needs track of {SEGMENTS[0].segment_id}: {REASON}"


def test_a_unit_that_requires_a_blocked_one_is_no_problem_either(receipts):
    tombstones, left = split(receipts, "link")
    left = [receipt for receipt in left if receipt.op != "counts"]
    of_detect, left = split(left, "detect")
    left = [receipt for receipt in left if receipt.op != "track"]
    plan = plan_tiny(SEGMENTS, left, tiny_site({"publish": 2}), tombstones=[*tombstones, *of_detect])
    assert {status.state for status in plan.statuses.values()} == {State.PURGED, State.BLOCKED}
    assert not any(status.is_problem for status in plan.statuses.values())


def test_a_unit_with_an_optional_purged_source_runs_without_it(receipts):
    last = FIRST._replace(op="track", unit=SEGMENTS[0].segment_id)
    tombstones = [tombstone_for(r) for r in receipts if (r.op, r.unit) == ("detect", SEGMENTS[1].segment_id)]
    left = [r for r in receipts if (r.op, r.unit) == ("detect", SEGMENTS[0].segment_id)]
    chosen = Selection(ops=("track",))
    plan = plan_tiny(SEGMENTS[:2], left, selection=chosen, tombstones=tombstones)
    alone = plan_tiny(SEGMENTS[:1], left, selection=chosen)
    assert plan.statuses[last].state is State.MISSING
    assert plan.fingerprints[last] == alone.fingerprints[last]
    done = [*left, receipt_for(plan, last)]
    assert last not in plan_tiny(SEGMENTS[:2], done, selection=chosen, tombstones=tombstones).statuses


def test_purged_work_is_redone_when_the_user_asks_for_it(receipts):
    tombstones, left = split(receipts, "detect")
    plan = plan_tiny(SEGMENTS, left, selection=Selection(purged=True), tombstones=tombstones)
    assert {key.op for key in plan.to_do} == {"detect"}
    again = [receipt_for(plan, key) for key in plan.to_do]
    assert not plan_tiny(SEGMENTS, left + again, tombstones=tombstones).statuses


def test_a_purged_older_version_does_not_keep_a_unit_from_being_redone(receipts):
    tombstones, _ = split(receipts, "counts")
    newer = all_receipts(plan_tiny(SEGMENTS, receipts, tiny_site({"counts": 2})))
    left = [receipt for receipt in receipts if receipt.op != "counts"] + newer
    plan = plan_tiny(SEGMENTS, left, tiny_site({"counts": 3}), tombstones=tombstones)
    assert [(key.op, plan.statuses[key].state) for key in plan.units] == [("counts", State.STALE)]


def test_without_footage_old_detections_are_still_read(receipts):
    plan = plan_tiny(SEGMENTS, receipts, tiny_site({"detect": 2, "counts": 2}), tombstones=[FOOTAGE])
    assert plan.statuses[FIRST].state is State.PURGED
    assert plan.statuses[FIRST].reason == "its footage was purged 2026-11-01 by rule footage_days = 30"
    assert {key.op for key in plan.to_do} == {"counts"}, "a moved zone is counted again without any footage"


def test_without_footage_a_unit_that_never_ran_stays_undone(receipts):
    never = [receipt for receipt in receipts if receipt.op not in ("detect", "track")]
    entry = quarantine_for(plan_tiny(SEGMENTS), FIRST)
    plan = plan_tiny(SEGMENTS, never, tombstones=[FOOTAGE], quarantined=[entry])
    assert plan.unit_counts()["detect"] == {State.PURGED: 3}
    assert plan.unit_counts()["track"] == {State.BLOCKED: 3}
    assert not any(status.is_problem for status in plan.statuses.values())


def test_purged_footage_concerns_only_its_own_units(receipts):
    elsewhere = replace(FOOTAGE, unit="another file")
    assert plan_tiny(SEGMENTS, tombstones=[elsewhere]).unit_counts()["detect"] == {State.MISSING: 3}
    assert plan_tiny(SEGMENTS, receipts, tombstones=[FOOTAGE]).statuses == {}
