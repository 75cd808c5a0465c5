"""The statuses of units while a run works on them."""

from jobs.planning.graph import UnitKey
from jobs.planning.unit_states import UnitStates
from jobs.planning.unit_status import State
from tests.jobs.pipeline import plan_tiny, receipt_for
from tests.support.fakes import make_segment

SEGMENTS = [make_segment(index) for index in range(3)]
DETECT = UnitKey("detect", "cam1", "2026-03-02", SEGMENTS[1].segment_id)
TRACK = DETECT._replace(op="track")
BEFORE = TRACK._replace(unit=SEGMENTS[0].segment_id)
"""The tracklets of the segment before: they can do without the detections of the next."""


def test_a_plan_does_not_change_while_a_run_works_on_it():
    plan = plan_tiny(SEGMENTS)
    statuses, fingerprints = dict(plan.statuses), {key: plan.fingerprints[key] for key in plan.to_do}
    states = UnitStates(plan)
    states.mark_done(BEFORE._replace(op="detect"))
    states.mark_quarantined(DETECT, "bad")
    assert plan.statuses == statuses != states.statuses
    assert {key: plan.fingerprints[key] for key in plan.to_do} == fingerprints
    assert states.fingerprint(BEFORE) != fingerprints[BEFORE]


def test_a_receipt_is_found_by_the_fingerprint_that_a_unit_has_now():
    plan = plan_tiny(SEGMENTS)
    states = UnitStates(plan)
    assert states.receipt(DETECT) is None
    receipt = receipt_for(plan, DETECT)
    states.mark_done(DETECT, receipt)
    assert states.receipt(DETECT) == receipt and states.statuses[DETECT].state is State.DONE
    tracks = receipt_for(plan, BEFORE)
    states.mark_done(BEFORE, tracks)
    states.mark_quarantined(DETECT, "bad")
    assert states.receipt(DETECT) is None, "it has no result"
    assert states.receipt(BEFORE) is None, "it would be other work without what failed"


def test_a_failed_unit_blocks_every_unit_that_requires_it_and_no_other():
    states = UnitStates(plan_tiny(SEGMENTS))
    closed = states.mark_quarantined(DETECT, "bad")
    assert [key.op for key in closed] == ["detect", "track", "publish"]
    assert states.statuses[DETECT].reason == "bad" and states.statuses[DETECT].is_problem
    assert states.statuses[TRACK].reason == f"needs detect of {DETECT.unit}, which failed"
    assert states.statuses[closed[2]].reason == f"needs track of {TRACK.unit}, which failed"
    assert {key.op for key, status in states.statuses.items() if status.to_do} == {"detect", "track", "link", "counts"}


def test_a_blocked_unit_that_failed_by_itself_too_is_quarantined():
    states = UnitStates(plan_tiny(SEGMENTS))
    states.mark_quarantined(DETECT, "bad")
    assert states.mark_quarantined(TRACK, "worse") == [TRACK], "its readers are blocked already"
    assert states.statuses[TRACK].state is State.QUARANTINED
