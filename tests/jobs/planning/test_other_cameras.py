"""Ops that read the same day of cameras that see the same ground."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jobs.planning.graph import Selection, UnitKey
from jobs.planning.queue import WorkQueue
from jobs.planning.unit_states import UnitStates
from schemas.op import Neighbour, Read, Scope
from tests.jobs.pipeline import all_receipts, plan_tiny, quarantine_for, receipt_for, tiny_op, tiny_site
from tests.support.fakes import START, make_segment

PLACE = tiny_op("place", Scope.CAMERA_DAY, [], ["positions"])
JOIN = tiny_op(
    "join", Scope.CAMERA_DAY, [Read("positions"), Read("positions", Neighbour.OTHERS, required=False)], ["tracks"]
)
SEGMENTS = [
    replace(
        make_segment(start=START + timedelta(days=days), camera=camera),
        segment_id=f"{camera}{days}",
        date=(START + timedelta(days=days)).date().isoformat(),
    )
    for camera in ("a", "b", "c", "far")
    for days in (0, 1)
]
GROUPS = (("a", "b", "c"),)
TODAY, TOMORROW = "2026-03-02", "2026-03-03"


def site(knobs=None):
    return tiny_site(knobs, ops=(PLACE, JOIN), groups=GROUPS)


def join_of(camera, day=TODAY):
    return UnitKey("join", camera, day, "day")


def place_of(camera, day=TODAY):
    return UnitKey("place", camera, day, "day")


def test_a_unit_reads_the_same_day_of_the_group_and_nothing_else():
    plan = plan_tiny(SEGMENTS, site=site())
    sources = {key: [source.key for source in unit.sources] for key, unit in plan.units.items()}
    assert sources[join_of("b")] == [place_of("b"), place_of("a"), place_of("c")]
    assert sources[join_of("a", TOMORROW)] == [place_of(camera, TOMORROW) for camera in "abc"]
    assert sources[join_of("far")] == [place_of("far")]


def test_a_change_on_one_camera_makes_the_others_stale_on_that_day_only():
    done = all_receipts(plan_tiny(SEGMENTS, site=site()))
    changed = [replace(each, footage_id="new") if each.segment_id == "a0" else each for each in SEGMENTS]
    plan = plan_tiny(changed, done, site())
    assert set(plan.to_do) == {place_of("a"), join_of("a"), join_of("b"), join_of("c")}
    assert plan.statuses[join_of("b")].reason == "reads place"


def test_one_selected_camera_reads_what_is_there_of_the_others():
    alone = plan_tiny(SEGMENTS, site=site(), selection=Selection(cameras=("b",), last=START.date()))
    assert set(alone.to_do) == {place_of("b"), join_of("b")}
    states = UnitStates(alone)
    assert states.receipt(place_of("a")) is None, "nobody asked for it, so it is not waited for"
    receipts = [receipt_for(plan_tiny(SEGMENTS, site=site()), place_of("a"))]
    beside = plan_tiny(SEGMENTS, receipts, site(), Selection(cameras=("b",), last=START.date()))
    assert set(beside.to_do) == {place_of("b"), join_of("b")}
    assert beside.fingerprints[join_of("b")] != alone.fingerprints[join_of("b")]


def test_a_camera_that_failed_is_done_without():
    plan = plan_tiny(SEGMENTS, site=site())
    queue = WorkQueue(states := UnitStates(plan))
    before = states.fingerprint(join_of("b"))
    while keys := queue.take():
        for key in keys:
            if key == place_of("a"):
                queue.mark_quarantined(key, "bad")
            else:
                assert key.op != "join" or key.camera == "far" or states.statuses[place_of("a", key.date)].state
                queue.mark_done(key)
    assert not queue.left
    assert states.statuses[join_of("a")].state.value == "blocked"
    assert states.statuses[join_of("b")].state.value == "done" and states.fingerprint(join_of("b")) != before
    night = plan_tiny(SEGMENTS, site=site(), quarantined=[quarantine_for(plan, place_of("a"))])
    assert night.fingerprints[join_of("b")] == states.fingerprint(join_of("b")), "the next night has it done"


def test_units_wait_until_the_others_are_settled():
    queue = WorkQueue(UnitStates(plan_tiny(SEGMENTS, site=site(), selection=Selection(last=START.date()))))
    taken = {}
    while keys := queue.take():
        taken[keys[0].partition] = keys
        if len(taken) == 4:
            break
    waiting = {key for key in queue.left if key.op == "join"}
    assert waiting == {join_of(camera) for camera in "abc"}
    for keys in taken.values():
        for key in keys:
            queue.mark_done(key)
    ready = [key for _ in range(3) for key in queue.take()]
    assert set(ready) == waiting


def test_other_cameras_cannot_be_required():
    with pytest.raises(ValueError, match="wait for all others"):
        Read("positions", Neighbour.OTHERS)
