"""What may run now, in which order, and what becomes of those who wait for what failed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jobs.planning.graph import UnitKey
from jobs.planning.queue import Priority, WorkQueue
from jobs.planning.unit_states import UnitStates
from jobs.planning.unit_status import State
from schemas.site_views import CameraConfig
from tests.jobs.pipeline import all_receipts, plan_tiny, receipt_for, tiny_site
from tests.support.fakes import make_segment

SEGMENTS = [make_segment(index) for index in range(3)]
LONE = [
    replace(make_segment(0), segment_id=f"{camera}-{day}", camera=camera, footage_id=f"{camera}{day}", date=day)
    for camera in ("cam1", "cam2", "cam3")
    for day in ("2026-03-01", "2026-03-02")
]


def partitions(queue):
    """Camera and date of all that is ready, in the order in which it is handed out."""
    found = []
    while keys := queue.take():
        found.append((keys[0].camera, keys[0].date[-2:]))
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(
    ("order", "first", "last"),
    [
        (Priority(), ("cam1", "02"), ("cam3", "01")),
        (Priority(newest_first=False), ("cam1", "01"), ("cam3", "02")),
        (Priority(cameras_first=("cam3", "cam2")), ("cam3", "02"), ("cam1", "01")),
        (Priority(newest_first=False, cameras_first=("cam2",)), ("cam2", "01"), ("cam3", "02")),
    ],
)
def test_partitions_go_by_priority(order, first, last):
    found = partitions(WorkQueue(UnitStates(plan_tiny(LONE)), order))
    assert (found[0], found[-1]) == (first, last) and len(found) == 6


def test_cameras_of_a_higher_priority_go_first_and_the_options_of_a_run_before_them():
    site = tiny_site()
    cameras = tuple(CameraConfig(id=name, priority=rank) for name, rank in (("cam1", -1), ("cam3", 5)))
    config = site.site.config.model_copy(update={"cameras": cameras})
    site = replace(site, site=replace(site.site, config=config))
    found = partitions(WorkQueue(UnitStates(plan_tiny(LONE, site=site))))
    assert [camera for camera, _ in found] == ["cam3", "cam3", "cam2", "cam2", "cam1", "cam1"]
    assert found[0] == ("cam3", "02"), "and the newest footage of each first"
    chosen = partitions(WorkQueue(UnitStates(plan_tiny(LONE, site=site)), Priority(cameras_first=("cam1",))))
    assert [camera for camera, _ in chosen[::2]] == ["cam1", "cam3", "cam2"]


def test_within_a_day_the_newest_footage_goes_first():
    queue = WorkQueue(UnitStates(plan_tiny(SEGMENTS)))
    assert queue.take()[0].unit == SEGMENTS[2].segment_id
    oldest = WorkQueue(UnitStates(plan_tiny(SEGMENTS)), Priority(newest_first=False))
    assert oldest.take()[0].unit == SEGMENTS[0].segment_id


def test_sources_that_are_done_keep_nobody_waiting():
    receipts = [receipt for receipt in all_receipts(plan_tiny(SEGMENTS)) if receipt.op == "detect"]
    queue = WorkQueue(UnitStates(plan_tiny(SEGMENTS, receipts)))
    assert queue.total.units == 6
    assert [key.op for key in queue.take()] == ["track"]


def test_who_cannot_do_without_what_failed_is_settled_with_it():
    states = UnitStates(plan := plan_tiny(SEGMENTS))
    queue = WorkQueue(states)
    while any(key.op == "detect" for key in queue.left):
        queue.take()
    bad = UnitKey("detect", "cam1", "2026-03-02", SEGMENTS[1].segment_id)
    queue.mark_quarantined(bad, "bad")
    assert states.statuses[bad._replace(op="track")].state is State.BLOCKED
    (publish,) = [key for key in plan.units if key.op == "publish"]
    assert states.statuses[publish].state is State.BLOCKED and queue.settled.units == 3


def test_a_reader_in_the_same_batch_is_blocked_and_not_tried_without_its_source():
    states = UnitStates(plan_tiny(SEGMENTS[:1]))
    queue = WorkQueue(states)
    detect, track = queue.take()
    queue.mark_quarantined(detect, "bad")
    queue.give_back([track])
    assert {key.op for key in queue.take()} == {"link", "counts"}, "they can do without tracklets"
    assert states.statuses[track].state is State.BLOCKED and queue.left == []


def test_work_that_turns_out_to_be_done_is_not_done_again():
    bad = UnitKey("detect", "cam1", "2026-03-02", SEGMENTS[1].segment_id)
    before = UnitKey("track", "cam1", "2026-03-02", SEGMENTS[0].segment_id)
    without = UnitStates(plan_tiny(SEGMENTS))
    without.mark_quarantined(bad, "bad")
    done = [receipt_for(without, key) for key in (before, before._replace(op="detect"))]
    plan = plan_tiny(SEGMENTS, done)
    assert plan.statuses[before].state is State.STALE
    states = UnitStates(plan)
    queue = WorkQueue(states)
    while any(key.op == "detect" for key in queue.left):
        queue.take()
    queue.mark_quarantined(bad, "bad")
    while queue.take():
        pass
    assert states.statuses[before].state is State.DONE


def test_segments_farther_apart_than_a_second_do_not_wait_for_each_other():
    apart = [SEGMENTS[0], replace(SEGMENTS[1], start=SEGMENTS[1].start + timedelta(seconds=5))]
    assert [len(WorkQueue(UnitStates(plan_tiny(segments))).take()) for segments in (apart, SEGMENTS[:2])] == [2, 2]
    plan = plan_tiny(apart)
    track = plan.units[UnitKey("track", "cam1", "2026-03-02", apart[0].segment_id)]
    assert {source.key.unit for source in track.sources} == {apart[0].segment_id}


def test_units_are_given_back_from_a_generator_too():
    queue = WorkQueue(UnitStates(plan_tiny(SEGMENTS)))
    keys = queue.take()
    queue.give_back(key for key in keys)
    assert queue.take() == keys


def test_cameras_of_a_group_wait_for_their_workers_and_the_others_go_on():
    queue = WorkQueue(UnitStates(plan_tiny(LONE)), groups={"cam1": "machine=vault-2"})
    taken = []
    while keys := queue.take({None}):
        taken += keys
    assert {key.camera for key in taken} == {"cam2", "cam3"}
    assert queue.offers_others({None}) and not queue.offers_others(None)
    assert {key.camera for key in queue.take({None, "machine=vault-2"})} == {"cam1"}
