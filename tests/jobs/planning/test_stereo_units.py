"""Ops that read the same day of the other camera of a stereo pair."""

from dataclasses import replace

import pytest

from jobs.planning.graph import Selection, UnitKey
from jobs.planning.unit_states import UnitStates
from schemas.op import Neighbour, Read, Scope
from tests.jobs.pipeline import all_receipts, plan_tiny, tiny_op, tiny_pair, tiny_site
from tests.jobs.planning.test_other_cameras import JOIN, PLACE, SEGMENTS, TODAY, TOMORROW

PICTURE = tiny_op("picture", Scope.SEGMENT, [], ["backgrounds"])
MAP = tiny_op(
    "map",
    Scope.CAMERA_DAY,
    [Read("backgrounds"), Read("backgrounds", Neighbour.STEREO, required=False)],
    ["depth_maps"],
    ("stereo",),
)
GROUND = tiny_op("ground", Scope.CAMERA_DAY, [Read("depth_maps", required=False)], ["ground_models"])


class OffMap(MAP):
    """The same op where no model is named."""

    enabled = False


def site(stereo, ops=(PICTURE, MAP, GROUND), groups=()):
    return replace(tiny_site(ops=ops, groups=groups), stereo=stereo)


def key(op, camera, day=TODAY, unit="day"):
    return UnitKey(op, camera, day, unit)


def picture(camera, days=0):
    return key("picture", camera, (TODAY, TOMORROW)[days], f"{camera}{days}")


def sources(plan, reader):
    return [source.key for source in plan.units[reader].sources]


def test_a_unit_reads_the_segments_of_the_other_camera_of_that_day_and_nothing_else():
    plan = plan_tiny(SEGMENTS, site=site(tiny_pair("a", "b")))
    assert sources(plan, key("map", "a")) == [picture("a"), picture("b")]
    assert sources(plan, key("map", "b", TOMORROW)) == [picture("b", 1), picture("a", 1)]
    assert sources(plan, key("map", "c")) == [picture("c")]


def test_footage_of_the_other_camera_that_comes_later_makes_its_day_stale():
    stereo = site(tiny_pair("a", "b"))
    early = [each for each in SEGMENTS if each.segment_id != "b0"]
    done = all_receipts(plan_tiny(early, site=stereo))
    plan = plan_tiny(SEGMENTS, done, stereo)
    assert set(plan.to_do) == {picture("b"), key("map", "a"), key("map", "b"), key("ground", "a"), key("ground", "b")}
    assert plan.statuses[key("map", "a")].reason == "reads picture"
    assert UnitStates(plan).fingerprint(key("map", "a")) == plan.fingerprints[key("map", "a")]


def test_a_pair_that_is_declared_or_changed_makes_its_own_cameras_stale():
    done = all_receipts(plan_tiny(SEGMENTS, site=site({})))
    first = plan_tiny(SEGMENTS, done, site(tiny_pair("a", "b")))
    ours = {key(op, camera, day) for op in ("map", "ground") for camera in "ab" for day in (TODAY, TOMORROW)}
    assert set(first.to_do) == ours
    assert first.statuses[key("map", "a")].reason == "stereo, reads picture"
    done += all_receipts(first, second=1)
    changed = plan_tiny(SEGMENTS, done, site(tiny_pair("a", "b", 0.4)))
    assert set(changed.to_do) == ours and changed.statuses[key("map", "a")].reason == "stereo"
    assert not plan_tiny(SEGMENTS, done, site(tiny_pair("a", "b"))).to_do


def test_an_op_that_is_off_runs_for_the_cameras_of_the_pair_only():
    without = (PICTURE, GROUND)
    done = all_receipts(plan_tiny(SEGMENTS, site=site({}, without)))
    plan = plan_tiny(SEGMENTS, done, site(tiny_pair("a", "b"), (PICTURE, OffMap, GROUND)))
    assert {unit.camera for unit in plan.to_do} == {"a", "b"}, "others keep what they have, and read no backgrounds"
    assert {unit.op for unit in plan.to_do} == {"map", "ground"}


def test_one_selected_camera_reads_what_is_there_of_the_other():
    only = Selection(cameras=("a",), last=SEGMENTS[0].start.date())
    plan = plan_tiny(SEGMENTS, site=site(tiny_pair("a", "b")), selection=only)
    assert set(plan.to_do) == {picture("a"), key("map", "a"), key("ground", "a")}


def test_a_camera_of_a_pair_may_be_in_a_group_of_others():
    ready = site(tiny_pair("c", "far"), (PLACE, JOIN, PICTURE, MAP), groups=(("a", "b", "c"),))
    plan = plan_tiny(SEGMENTS, site=ready)
    places = [key("place", camera) for camera in "bac"]
    assert sources(plan, key("join", "b")) == places, "the pair adds nobody to the group"
    assert sources(plan, key("join", "far")) == [key("place", "far")]
    assert sources(plan, key("map", "far")) == [picture("far"), picture("c")]


def test_the_other_camera_cannot_be_required():
    with pytest.raises(ValueError, match="of other cameras cannot be required"):
        Read("backgrounds", Neighbour.STEREO)
