"""Things that stay are one row each, from when they came to when they went, whatever happens in front of them."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ops.statics import Statics
from schemas.tables import TABLES
from schemas.values import CameraView, ControlPoint
from tests.ops.ground_scene import measured_ground, project
from tests.ops.rest_scene import (
    CAR,
    CASE,
    SEGMENT_S,
    Scene,
    Thing,
    Walker,
    backgrounds_of,
    edges_off,
    find,
    second,
    segments_of,
    stand,
)
from tests.ops.walkabout import Box, street
from tests.support.fakes import START, FakeServices, make_unit

BICYCLE: Box = (10, 30, 50, 60)
AT_THE_BORDER: Box = (250, 60, 274, 80)
BEFORE_THE_BORDER: Box = (200, 60, 224, 80)
LEFT: Box = (200, 205, 224, 225)
RIGHT: Box = (232, 205, 256, 225)
FROM: Box = (20, 205, 44, 225)
TO: Box = (70, 205, 94, 225)

SEGMENTS = segments_of(5)
SCENE = Scene(
    [
        Thing(BICYCLE, label="bicycle"),
        Thing(CAR, 20, 100, (200, 60, 60), "car"),
        Thing(AT_THE_BORDER, 22.6, 79),
        Thing(BEFORE_THE_BORDER, 19),
        Thing(LEFT, 6, 90),
        Thing(RIGHT, 30),
        Thing(FROM, 10, 60, (40, 40, 200)),
        Thing(TO, 60, colour=(40, 40, 200)),
    ],
    [Walker(55, 170), Walker(80, 170)],
    light=lambda second: 0.85 + 0.3 * second / 120,
    detected=lambda thing, second: thing.label != "car" or not 30 < second % 60 < 50,
)
"""The car is missed for twenty seconds of each minute, people walk in front of it, and it gets lighter."""


@pytest.fixture(scope="module")
def evening() -> dict[str, pa.Table]:
    return backgrounds_of(SCENE, SEGMENTS)


@pytest.fixture(scope="module")
def things(evening: dict[str, pa.Table]) -> list[dict[str, object]]:
    return find(evening, SEGMENTS)[0]


def at(things: list[dict[str, object]], box: Box) -> dict[str, object]:
    """The one thing at a place."""
    (row,) = [row for row in things if edges_off(row, box) <= 3]
    return row


def times(row: Mapping[str, object]) -> tuple[float | None, float | None]:
    came, left = row["came_time"], row["left_time"]
    return came and second(came), left and second(left)


def test_there_are_as_many_things_as_there_were_stays(things: list[dict[str, object]]) -> None:
    assert len(things) == len(SCENE.things)
    assert len({row["static_id"] for row in things}) == len(things)


def test_a_parked_car_is_one_thing_though_it_is_missed_and_people_walk_by(
    things: list[dict[str, object]],
) -> None:
    car = at(things, CAR)
    assert car["label"] == "car"
    assert times(car) == pytest.approx((20, 100), abs=1)
    assert (car["came_by"], car["left_by"]) == ("detections", "region"), "missed as it went, but the ground changed"
    assert car["confidence"] == pytest.approx(0.7)
    assert float(str(car["verified"])) > 0.85


def test_what_is_there_all_the_time_has_no_coming_and_no_going(things: list[dict[str, object]]) -> None:
    bicycle = at(things, BICYCLE)
    assert times(bicycle) == (None, None)
    assert (second(bicycle["start_time"]), second(bicycle["end_time"])) == (0, 5 * SEGMENT_S)
    assert (bicycle["came_by"], bicycle["left_by"]) == ("unseen", "unseen")
    assert (bicycle["label"], bicycle["verified"]) == ("bicycle", 1)


def test_a_thing_comes_in_one_segment_and_goes_in_another(things: list[dict[str, object]]) -> None:
    left = at(things, LEFT)
    assert times(left) == (6, 90)
    assert (left["came_by"], left["came_error_s"], left["label"]) == ("region", 2, None)
    assert float(str(left["confidence"])) > 0.6


def test_two_side_by_side_are_two(things: list[dict[str, object]]) -> None:
    assert times(at(things, RIGHT)) == (30, None)


def test_what_is_left_in_the_last_seconds_of_a_segment_is_found(things: list[dict[str, object]]) -> None:
    before = at(things, BEFORE_THE_BORDER)
    assert times(before) == (19, None)
    assert before["came_by"] == "region"
    border = at(things, AT_THE_BORDER)
    assert times(border) == (24, 79)
    assert (border["came_by"], border["came_error_s"]) == ("border", SEGMENT_S / 2)


def test_what_is_moved_stays_twice(things: list[dict[str, object]]) -> None:
    assert times(at(things, FROM)) == (10, 60)
    assert times(at(things, TO)) == (60, None)


@pytest.mark.slow
def test_another_run_on_one_segment_keeps_the_ids_of_what_it_did_not_touch(
    evening: dict[str, pa.Table], things: list[dict[str, object]]
) -> None:
    """As if somebody had left another bag in the third segment."""
    again = backgrounds_of(Scene([*SCENE.things, Thing((150, 210, 174, 230), 55, 68)], [], SCENE.light), SEGMENTS[2:3])
    other = SEGMENTS[2].segment_id
    mixed = {
        name: pa.concat_tables([table.filter(pc.not_equal(table["segment_id"], other)), again[name]])
        for name, table in evening.items()
    }
    found = {row["static_id"] for row in find(mixed, SEGMENTS)[0]}
    assert {row["static_id"] for row in things} <= found
    assert len(found) == len(things) + 1


def test_the_order_of_rows_does_not_matter(evening: dict[str, pa.Table], things: list[dict[str, object]]) -> None:
    turned = {name: table.take(list(range(len(table)))[::-1]) for name, table in evening.items()}
    assert find(turned, SEGMENTS)[0] == things


def test_tracks_of_a_thing_are_listed_and_a_person_who_is_tracked_is_none(evening: dict[str, pa.Table]) -> None:
    def points(track: str, label: str, box: Box, first_s: int, last_s: int) -> pa.Table:
        seconds = range(first_s, last_s)
        count = len(seconds)
        return TABLES["track_points"].conform(
            {
                "camera": ["cam1"] * count,
                "track_id": [track] * count,
                "time": [round((START.timestamp() + each) * 1e6) for each in seconds],
                "pts": list(seconds),
                "segment_id": [SEGMENTS[int(each // SEGMENT_S)].segment_id for each in seconds],
                "label": [label] * count,
                **{name: [edge] * count for name, edge in zip(("x1", "y1", "x2", "y2"), box, strict=True)},
                "state": ["observed"] * count,
            }
        )

    parts = [
        points("first", "car", CAR, 21, 30),
        points("second", "truck", CAR, 50, 90),
        points("elsewhere", "car", (220, 100, 300, 140), 50, 90),
        points("somebody", "person", LEFT, 6, 90),
    ]
    rows, tables = find({**evening, "track_points": pa.concat_tables(parts)}, SEGMENTS)
    assert at(rows, CAR)["tracks"] == 2
    links = tables["static_object_tracks"].to_pylist()
    assert {(row["track_id"], row["static_id"]) for row in links} == {
        (track, at(rows, CAR)["static_id"]) for track in ("first", "second")
    }
    assert not [row for row in rows if edges_off(row, LEFT) <= 3], "somebody was tracked there for all of that time"


def test_things_have_a_place_on_the_ground(evening: dict[str, pa.Table]) -> None:
    corners = ((0, 0, 0, 24), (320, 0, 32, 24), (0, 240, 0, 0), (320, 240, 32, 0))
    points = tuple(ControlPoint(*corner) for corner in corners)
    camera = CameraView("cam1", "Camera 1", "Europe/Amsterdam", True, points, (320, 240))
    car = at(find(evening, SEGMENTS, camera=camera)[0], CAR)
    assert (car["x_m"], car["y_m"]) == pytest.approx((9.5, 10), abs=0.3)


@pytest.mark.parametrize("on_map", [True, False])
def test_a_measured_ground_gives_things_a_place_if_it_is_on_the_map(evening: dict[str, pa.Table], on_map: bool) -> None:
    """The ground is that of pictures twice as large as these."""
    camera = CameraView("cam1", "Camera 1", "Europe/Amsterdam", True, image_size_px=(320, 240))
    inputs = {**evening, "ground_models": measured_ground(on_map=on_map)}
    car = at(find(inputs, SEGMENTS, camera=camera)[0], CAR)
    if on_map:
        foot_px = np.array([[CAR[0] + CAR[2], 2 * CAR[3]]], np.float64)
        assert project(np.array([[car["x_m"], car["y_m"]]], np.float64)) == pytest.approx(foot_px, abs=6)
    else:
        assert car["x_m"] is None and car["y_m"] is None


@pytest.mark.slow
def test_a_short_stay_needs_a_smaller_limit() -> None:
    scene = Scene([Thing(CASE, 30, 40)])
    assert times(at(stand(scene, 2, least_stay_s=8), CASE)) == (30, 39)
    assert stand(scene, 2) == []


def test_an_empty_night_has_nothing() -> None:
    assert stand(Scene(walkers=[Walker(5), Walker(30)], light=lambda each: 1 + 0.003 * each), 2) == []
    empty = {read.table: TABLES[read.table].empty() for read in Statics.spec.reads}
    tables = Statics().run(make_unit([], unit="day"), empty, FakeServices())
    assert not any(table.num_rows for table in tables.values())


@pytest.mark.slow
def test_a_lamp_that_is_switched_ends_nothing() -> None:
    scene = Scene([Thing(CASE, 6, 55), Thing(CAR, label="car")], light=lambda each: 1.0 if each < 24 else 0.5)
    things = stand(scene, 3)
    assert times(at(things, CASE)) == (6, 55)
    assert times(at(things, CAR)) == (None, None)
    assert len(things) == 2


@pytest.mark.slow
def test_nothing_is_joined_over_a_camera_that_was_turned() -> None:
    scene = Scene([Thing(CASE, 6)], view=lambda each: np.roll(street(), 0 if each < 2 * SEGMENT_S else 25, axis=1))
    (case,) = stand(scene, 4)
    assert times(case) == (6, None)
    assert second(case["end_time"]) == 2 * SEGMENT_S


@pytest.mark.slow
def test_a_thing_keeps_its_id_over_midnight() -> None:
    scene = Scene([Thing(CASE, 30), Thing(LEFT, 46, 80), Thing(CAR, label="car"), Thing(RIGHT, 5, 40)])
    segments = segments_of(4)
    before, after = backgrounds_of(scene, segments[:2]), backgrounds_of(scene, segments[2:])
    evening, _ = find(before, segments[:2])
    morning, _ = find(after, segments[2:], day_before=before)
    for box in (CASE, CAR):
        assert at(evening, box)["static_id"] == at(morning, box)["static_id"]
        assert second(at(morning, box)["start_time"]) == 2 * SEGMENT_S
    assert times(at(morning, CASE)) == (30, None)
    assert not [row for row in evening if edges_off(row, LEFT) <= 3], "two seconds before midnight it may be anything"
    assert times(at(morning, LEFT)) == (48, 80)
    assert times(at(evening, RIGHT)) == (5, 40)
    assert len(morning) == 3, "what went before midnight has no row"
