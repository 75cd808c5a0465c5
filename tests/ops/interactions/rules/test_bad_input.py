"""Input that rules must bear: nobody, broken tracks, cameras that shake, pauses, odd boxes and days."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
import shapely

from ops.arrays import times_us
from ops.interactions import Interactions
from ops.interactions.params import UserRule
from ops.interactions.rules.moments import moments_of
from ops.interactions.rules.pairs import track_pairs
from ops.interactions.rules.scene import read_scene
from ops.positions import Positions
from schemas.tables import TABLES
from schemas.values import Feature, FeatureKind
from tests.ops.ground_scene import ORIGIN_M, SIZE_PX, join, make_points, make_view, project
from tests.ops.interactions.rules.day import (
    BAG,
    OWNER,
    PLAIN,
    SEGMENT,
    THING,
    boxed,
    go,
    on_ground,
    only,
    person,
    run,
    seconds_of,
    verbs,
)
from tests.ops.interactions.rules.test_vehicles import CAR, SIDE
from tests.support.fakes import START, FakeServices, make_segment, make_unit

VIEW = make_view()
NOBODY = TABLES["track_points"].empty()
BOTH = pytest.mark.parametrize("view", [VIEW, PLAIN], ids=["ground", "pixels"])
CAR_BOX = tuple(CAR[side][0].as_py() for side in ("x1", "y1", "x2", "y2"))

EARLY = make_segment(0, 20, size_px=SIZE_PX)
LATE = replace(EARLY, segment_id="late", start=START + timedelta(seconds=620), end=START + timedelta(seconds=640))
PAUSED = (EARLY, LATE)
"""Twenty seconds, a pause of ten minutes, and twenty more."""


def put(points, **columns):
    """Points with other values in some columns."""
    for name, values in columns.items():
        field = points.schema.field(name)
        points = points.set_column(points.column_names.index(name), field, [pa.array(values).cast(field.type)])
    return points


def broken(points, seen_s, lost_s):
    """The points as short tracks, with gaps and low scores, as detectors give them at night."""
    since_s = (times_us(points) - times_us(points).min()) / 1e6
    names = [f"{points['track_id'][0]}-{int(at // (seen_s + lost_s)):02d}" for at in since_s]
    kept = pa.array(since_s % (seen_s + lost_s) < seen_s)
    return put(points, track_id=names, confidence=[0.15] * len(since_s)).filter(kept)


def shaken(points, at_s, shift_px, for_s=1.0):
    """The points as of a camera that is pushed within three frames, and swings back after ``for_s``."""
    since_s = times_us(points) / 1e6 - START.timestamp() - at_s
    share = np.clip(since_s / 0.3, 0, 1) - np.clip((since_s - for_s) / 0.3, 0, 1)
    return put(
        points,
        **{
            side: np.asarray(points[side]) + share * shift_px[side.startswith("y")] for side in ("x1", "y1", "x2", "y2")
        },
    )


@BOTH
def test_without_people_nobody_does_anything(view):
    assert run(NOBODY, view) == []
    bag = boxed([(-2, 9), (2, 9)], (0, 8), "bag", "suitcase", 0.4, 0.5)
    assert run(join(CAR, bag), view, things=[THING, (None, 20.0, BAG, "suitcase")]) == []


def test_nobody_put_down_what_was_there_before_the_recording():
    assert run(OWNER, things=[(None, None, BAG, "suitcase"), (0.0, None, BAG)]) == []
    beside = go([(290, 300), (290, 300), (20, 300)], (0, 5, 14), "beside")
    assert run(beside, things=[(0.3, None, BAG)]) == [], "found within the error of its coming"
    assert "puts_down" in verbs(beside, things=[(3.0, None, BAG)])


def test_nobody_is_seen_to_take_what_goes_while_the_recording_pauses():
    beside = join(*(go([(290, 300), (290, 300)], times, "a") for times in ((0, 19.9), (620, 640))))
    assert run(beside, things=[(None, 620.2, BAG, "suitcase")], segments=PAUSED) == []


@BOTH
@pytest.mark.parametrize("shift_px", [(100, 0), (0, 100), (-70, -25)])
@pytest.mark.parametrize("people", [1, 5])
def test_a_shake_of_the_camera_is_no_event(view, shift_px, people):
    corners = [[(120 + 80 * each, 200 + each), (130 + 80 * each, 200 + each)] for each in range(people)]
    calm = join(*(go(corner, (0, 30), f"p{each}", height_px=60) for each, corner in enumerate(corners)))
    kinds = {(row["verb"], row["subject"]) for row in run(calm, view)}
    assert {(row["verb"], row["subject"]) for row in run(shaken(calm, 10, shift_px), view)} == kinds


def test_a_camera_that_is_moved_lets_nobody_get_into_a_parked_car():
    """Tracks end, and the car's place is noticed to be another one soon after."""
    before = person([(-6, 9.8), SIDE, SIDE], (5, 9, 20), "a")
    found = run(before, VIEW, things=[(None, 20.4, CAR_BOX, "car")])
    assert "enters_vehicle" not in [row["verb"] for row in found]


def test_another_one_who_takes_a_thing_removes_it_and_the_score_shows_the_doubt():
    corners = [(2, 300), (290, 300), (290, 300), (2, 300)]
    found = run(join(OWNER, go(corners, (30, 38, 42, 50), "other")), things=[(10.0, 40.0, BAG)])
    score = {(row["verb"], row["subject"]): row["score"] for row in found}
    assert ("removes", "other") in score and ("abandons", "owner") in score
    assert score["picks_up", "other"] < score["puts_down", "owner"], "it may be the owner who came back"


def test_another_one_who_enters_where_the_owner_just_left_may_be_the_owner():
    """Positions alone cannot tell: the owner leaves at 21 s, and somebody enters at 22 s at the same edge."""
    corners = [(2, 300), (290, 300), (290, 300), (2, 300)]
    found = run(join(OWNER, go(corners, (22, 30, 32, 40), "other")), things=[(10.0, 31.0, BAG)])
    score = {row["verb"]: row["score"] for row in found}
    assert score["picks_up"] == pytest.approx(0.8 * score["puts_down"]), "not as sure as one track"
    assert "removes" not in score


@BOTH
def test_at_night_broken_tracks_still_meet_once_each_long_enough(view):
    a, b = (go([(x, 300), (x, 300)], (0, 40), name) for x, name in ((300, "a"), (340, "b")))
    rows = only("meets", join(broken(a, 9, 0.6), broken(b, 9, 0.6)), view)
    assert 3 <= len(rows) <= 5
    assert run(join(broken(a, 2, 1), broken(b, 2, 1)), view) == [], "too short to tell"


@pytest.mark.parametrize("lost_s", [0.6, 3.0, 7.0])
def test_who_is_lost_and_found_at_a_car_does_not_get_in_and_out(lost_s):
    stays = broken(person([(-6, 9.8), SIDE, SIDE, (-6, 9.8)], (5, 9, 40, 44), "a"), 6, lost_s)
    crossings = [row for row in run(join(CAR, stays), VIEW) if row["verb"] in ("enters_vehicle", "exits_vehicle")]
    assert len({row["subject"] for row in crossings}) == len(crossings), "nobody who never walks does both"


@BOTH
def test_a_crowd_is_compared_part_by_part(view):
    """What is held at once depends on how many are in view, not on how long."""
    random = np.random.default_rng(1)
    at_s = np.arange(0, 120, 0.25)
    places = [np.tile(random.uniform((-6, 7), (6, 14)), (len(at_s), 1)) for _ in range(60)]
    crowd = join(*(make_points(SEGMENT, at_s, project(ORIGIN_M + at), f"p{n:02d}") for n, at in enumerate(places)))
    unit = make_unit([make_segment(duration_s=120, size_px=SIZE_PX)], view, unit="day")
    inputs = {read.key: TABLES[read.table].empty() for read in Interactions.spec.reads} | {"track_points": crowd}
    inputs |= Positions().run(unit, inputs, FakeServices())
    moments = moments_of(read_scene(unit, inputs, Interactions().params, 0))
    parts = list(track_pairs(moments))
    assert len(parts) == 2
    assert all(len(part) <= 60 * 59 * 340 for part in parts)
    seen = [set(moments.tick[part.subject].tolist()) for part in parts]
    assert not seen[0] & seen[1] and len(seen[0] | seen[1]) == len(at_s)


@BOTH
@pytest.mark.parametrize("size_px", [(1, 1), (0, 0), (30, 0), (0, 80)])
def test_boxes_of_one_pixel_or_none_tell_nothing_and_break_nothing(view, size_px):
    points = join(*(on_ground([(-5, 9 + each), (5, 9 + each)], (0, 4), name) for each, name in enumerate("abc")))
    odd = put(points, x1=np.asarray(points["x2"]) - size_px[0], y1=np.asarray(points["y2"]) - size_px[1])
    dot = (300.0, 280.0, 300.0, 280.0)
    found = run(odd, view, things=[(1.0, 3.0, dot), (1.0, 3.0, (*dot[:2], 301.0, 281.0), "suitcase")])
    assert size_px[1] == 80 or found == []


def test_a_zone_of_one_pixel_is_a_zone():
    dot = Feature("dot", "layer", FeatureKind.ZONE, "pixel", "cam1", shapely.box(300, 299, 301, 301))
    rule = UserRule("stays_at_dot", "distance_m < 0.3 and speed_m_s < 0.4", object=("zone:dot",), for_s=3.0)
    (row,) = only("stays_at_dot", go([(300, 300), (300, 300)], (0, 10)), features=[dot], rules=(rule,))
    assert (row["object"], row["object_kind"]) == ("dot", "zone")


def two(fps, way):
    """Two people side by side, at a frame rate: one metre apart, ``way`` metres in nine seconds."""
    at_s = np.arange(0, 9 * fps + 1) / fps
    place = np.column_stack([-way / 2 + at_s * way / 9, np.full(len(at_s), 9.0)])
    return join(*(make_points(SEGMENT, at_s, project(ORIGIN_M + place + [0, side]), name)
                  for side, name in ((0, "a"), (1, "b"))))  # fmt: skip


@BOTH
@pytest.mark.parametrize("fps", [1, 2, 60])
def test_any_frame_rate_tells_who_walks_from_who_stands(view, fps):
    assert set(verbs(two(fps, 10), view)) == {"walks_with"}
    assert set(verbs(two(fps, 0), view)) == {"meets"}


@BOTH
def test_tracks_of_one_frame_do_nothing(view):
    frames = [make_points(SEGMENT, np.array([n / 10]), np.array([[300.0 + n, 290.0]]), f"t{n:02d}") for n in range(40)]
    assert [row for row in run(join(*frames), view) if row["object_kind"] != "static_object"] == []


@BOTH
@pytest.mark.parametrize("rows", [slice(40, 60), slice(None)])
def test_boxes_that_are_no_numbers_are_passed_over(view, rows):
    a, b = (go([(x, 300), (x, 300)], (0, 20), name) for x, name in ((300, "a"), (340, "b")))
    sides = {name: np.array(a[name], np.float64) for name in ("x1", "y1", "x2", "y2")}
    for side in sides.values():
        side[rows] = np.nan
    found = only("meets", join(put(a, **sides), b), view)
    assert len(found) == (0 if rows == slice(None) else 2)


def test_points_without_a_position_are_passed_over():
    points = join(*(on_ground([(x, 9), (x, 9)], (0, 20), name) for x, name in ((0, "a"), (0.8, "b"))))
    unit = make_unit([SEGMENT], VIEW, unit="day")
    positions = Positions().run(unit, {"track_points": points}, FakeServices())["positions"]
    chance = np.random.default_rng(1).random(positions.num_rows)
    for share, rows in ((1.0, 1), (0.6, 1), (0.0, 0)):
        kept = positions.filter(pa.array(chance < share))
        table = Interactions().run(unit, {"track_points": points, "positions": kept}, FakeServices())["interactions"]
        assert table.num_rows == rows


@BOTH
def test_ids_that_two_people_share_break_nothing(view):
    """As tables of two cameras would give: one track at two places at once."""
    shared = join(go([(100, 300), (200, 300)], (0, 9), "a"), go([(500, 300), (600, 300)], (0, 9), "a"))
    assert {row["subject"] for row in run(shared, view, things=[THING])} <= {"a"}


@BOTH
def test_who_is_detected_twice_does_nothing_with_themselves(view):
    a, twin, c = (go([(x, 300), (x + 1, 300)], (0, 40), name) for x, name in ((300, "a"), (302, "twin"), (365, "c")))
    assert run(join(a, twin), view) == []
    assert "queues" not in verbs(join(a, twin, c), view), "two people are no queue"


@BOTH
def test_nothing_lasts_over_a_pause_of_the_recording(view):
    times = ((0, 19.9), (620, 640))
    people = [go([(x, 300), (x, 300)], each, name) for x, name in ((300, "a"), (340, "b")) for each in times]
    rows = run(join(*people), view, segments=PAUSED, loiter_s=30.0)
    assert [row["verb"] for row in rows] == ["meets", "meets"]
    assert all(seconds_of(row)[1] - seconds_of(row)[0] <= 20 for row in rows)


def test_who_is_at_a_car_as_the_recording_pauses_does_not_get_in_or_out():
    people = (person([SIDE, SIDE], (0, 19.9), "a"), person([SIDE, SIDE], (620, 640), "b"))
    rows = run(join(*people), VIEW, segments=PAUSED, things=[(None, None, CAR_BOX, "car", 640.0)])
    assert {row["verb"] for row in rows} == {"loads_unloads"}


def test_an_owner_at_the_thing_as_the_recording_pauses_is_not_away_meanwhile():
    owner = go([(20, 300), (290, 300), (290, 300)], (0, 8, 19.9), "owner")
    thing = (10.0, None, BAG, None, 640.0)
    stays = join(owner, go([(290, 300), (290, 300)], (620, 640), "again"))
    assert only("abandons", stays, things=[thing], segments=PAUSED) == []
    (row,) = only("abandons", owner, things=[thing], segments=PAUSED)
    assert seconds_of(row) == [620, 640], "gone when the recording goes on"


def test_an_owner_who_leaves_before_a_pause_is_away_over_it():
    leaves = go([(20, 300), (290, 300), (290, 300), (2, 300)], (0, 5, 8, 17), "owner")
    (row,) = only("abandons", leaves, things=[(7.0, None, BAG, None, 640.0)], segments=PAUSED)
    assert 10 < seconds_of(row)[0] < 17


MIDNIGHT = datetime(2026, 3, 28, 23, tzinfo=UTC)
"""Begin of 29 March 2026 in Amsterdam; clocks go forward two hours later, and the day lasts 23 hours."""


@BOTH
@pytest.mark.parametrize(
    ("since_s", "lasts_s"),
    [(-40, 0), (-10, 10), (0, 20), (2 * 3600 - 10, 20), (23 * 3600 - 20, 20)],
    ids=["before", "midnight", "begin", "clocks", "end"],
)
def test_the_day_on_which_clocks_go_forward_has_each_moment_once(view, since_s, lasts_s):
    start = MIDNIGHT + timedelta(seconds=since_s)
    at_s = np.arange(0, 20, 0.1)
    points = join(*(make_points(SEGMENT, at_s, np.tile([x, 300.0], (200, 1)), name, start=start)
                    for x, name in ((300, "a"), (340, "b"))))  # fmt: skip
    unit = replace(make_unit([replace(SEGMENT, start=start)], view, unit="day"), date="2026-03-29")
    inputs = {"track_points": points}
    inputs |= Positions().run(unit, inputs, FakeServices())
    rows = Interactions().run(unit, inputs, FakeServices())["interactions"].to_pylist()
    lengths = [(row["end_time"] - row["start_time"]).total_seconds() for row in rows if row["verb"] == "meets"]
    assert lengths == ([pytest.approx(lasts_s, abs=0.3)] if lasts_s else [])
    assert all(row["start_time"] >= MIDNIGHT for row in rows)


@BOTH
def test_columns_at_their_limits(view):
    points = join(*(go([(x, 300), (x, 300)], (0, 9), name) for x, name in ((300, "a" * 1000), (340, "人"))))
    count = points.num_rows
    odd = put(points, pts=np.full(count, 2**63 - 1), confidence=pa.array([None] * count, pa.float32()))
    assert verbs(odd, view) == verbs(points, view) == ["meets"]
    far = np.full(count, 1e9)
    assert run(put(points, x1=-far, y1=-far, x2=far, y2=far), view) == []
