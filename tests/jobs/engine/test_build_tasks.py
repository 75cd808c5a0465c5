"""What a task is given to read, and what becomes of one that requires a unit without a result."""

from jobs.engine.build_tasks import build_tasks
from jobs.planning.graph import UnitKey
from jobs.planning.unit_states import UnitStates
from tests.jobs.pipeline import plan_tiny, receipt_for
from tests.support.fakes import make_segment

SEGMENTS = [make_segment(index) for index in range(2)]
DETECT = UnitKey("detect", "cam1", "2026-03-02", SEGMENTS[0].segment_id)
TRACK = DETECT._replace(op="track")
NEXT = DETECT._replace(unit=SEGMENTS[1].segment_id)


def inputs(states, *keys):
    return {item.read.key: (item.files, item.units, item.missing) for item in build_tasks(states, keys)[-1].inputs}


def test_a_required_unit_without_a_result_is_missing_and_an_optional_one_is_left_out():
    states = UnitStates(plan_tiny(SEGMENTS))
    states.mark_done(NEXT, receipt_for(states, NEXT))
    assert inputs(states, TRACK) == {"detections": ((), (), (DETECT,)), "next.detections": ((), (), ())}
    states.mark_quarantined(NEXT, "bad")
    assert inputs(states, DETECT, TRACK) == {"detections": ((), (DETECT,), ()), "next.detections": ((), (), ())}


def test_a_result_without_rows_is_no_missing_one():
    states = UnitStates(plan_tiny(SEGMENTS))
    states.mark_done(DETECT, receipt_for(states, DETECT))
    assert inputs(states, TRACK)["detections"] == ((), (), ()), "it was committed without a file"
