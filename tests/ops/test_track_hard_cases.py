"""Tracks hold in crowds, at low rates, with shake and missing frames, behind pillars, and where clothes are alike."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from ops.track import Track, TrackParams
from ops.tracking.colours import SIZE
from schemas.op import Tables
from schemas.tables import TABLES
from tests.ops.walkers import Piece, Walker, film, steady, track
from tests.support.fakes import FakeServices, make_unit

RED, BLUE = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
RED[:36:9], BLUE[4:36:9] = 120, 120


def paths(tracked: Tables) -> list[list[float]]:
    """The left edges of each tracklet, in order of time."""
    points = tracked["tracklet_points"].to_pydict()
    found: dict[str, list[float]] = {}
    for name, left in zip(points["tracklet_id"], points["x1"], strict=True):
        found.setdefault(name, []).append(left)
    return list(found.values())


def with_clothes(piece: Piece, colours: list[np.ndarray], walkers: list[Walker]) -> Tables:
    """Tracks a segment whose walkers wear colours; at one time, detections come in the walkers' order."""
    shown: dict[object, int] = {}
    rows = []
    for detection, time in zip(*(piece.detections[name].to_pylist() for name in ("detection", "time")), strict=True):
        seconds = (time - piece.segment.start).total_seconds()
        there = [number for number, walker in enumerate(walkers) if walker.shown(round(seconds, 3))]
        rows.append((detection, colours[there[shown.setdefault(time, 0)]].tobytes()))
        shown[time] += 1
    appearances = {name: piece.detections[name] for name in ("camera", "segment_id", "time", "pts", "detection")}
    appearances = TABLES["appearances"].conform(appearances | {"colours": [packed for _, packed in rows]})
    inputs = {"detections": piece.detections, "observed_frames": piece.observed, "appearances": appearances}
    return Track(TrackParams()).run(make_unit([piece.segment]), inputs, FakeServices())


def test_two_hundred_people_in_view_keep_their_ids() -> None:
    crowd = [
        Walker(x=8 + 31 * column, y=6 + 46 * row, vx=4.0, vy=(-1) ** row, size=(14.0, 40.0))
        for column in range(20)
        for row in range(10)
    ]
    (piece,) = film(crowd, steady(2.4, 5))
    found = paths(track(piece))
    assert len(found) == 200
    assert all(len(path) == 12 and np.ptp(np.diff(path)) < 0.5 for path in found)


def test_one_frame_a_second_is_enough_for_those_who_walk_slowly() -> None:
    walkers = [Walker(x=20, y=100, vx=14), Walker(x=560, y=300, vx=-14)]
    (piece,) = film(walkers, steady(30, 1))
    assert [len(path) for path in paths(track(piece))] == [30, 30]


def test_one_frame_a_second_keeps_somebody_at_the_side_of_the_picture() -> None:
    (piece,) = film([Walker(x=0, y=100)], steady(20, 1))
    assert [len(path) for path in paths(track(piece))] == [20]


def test_a_camera_that_shakes_breaks_no_track() -> None:
    walkers = [Walker(x=20, y=100, vx=30), Walker(x=560, y=150, vx=-30), Walker(x=300, y=300)]
    (piece,) = film(walkers, steady(12, 10))
    random = np.random.default_rng(3)
    shifts = dict(
        zip(piece.observed["time"].to_pylist(), random.uniform(-8, 8, (piece.observed.num_rows, 2)), strict=True)
    )
    moved = np.array([shifts[time] for time in piece.detections["time"].to_pylist()])
    columns = {name: piece.detections[name] for name in piece.detections.column_names}
    for name, axis in (("x1", 0), ("x2", 0), ("y1", 1), ("y2", 1)):
        columns[name] = pa.array(piece.detections[name].to_numpy() + moved[:, axis], pa.float32())
    shaken = replace(piece, detections=TABLES["detections"].conform(columns))
    assert [len(path) for path in paths(track(shaken))] == [120, 120, 120]


def test_half_of_the_frames_may_be_missing() -> None:
    random = np.random.default_rng(5)
    times_s = np.sort(random.choice(steady(20, 10), 100, replace=False))
    walkers = [Walker(x=20, y=100, vx=25), Walker(x=560, y=130, vx=-25)]
    (piece,) = film(walkers, times_s)
    assert [len(path) for path in paths(track(piece))] == [100, 100]


def test_two_who_turn_back_behind_a_pillar_are_told_apart_by_their_clothes() -> None:
    # Both walk towards the pillar at x = 300 to 340, stop behind it, and go back where they came from.
    walkers = [
        Walker(x=180, y=150, vx=40, until_s=3.0),
        Walker(x=440, y=152, vx=-40, until_s=3.0),
        Walker(x=300 + 40 * 4.0, y=150, vx=-40, from_s=4.0),
        Walker(x=320 - 40 * 4.0, y=152, vx=40, from_s=4.0),
    ]
    (piece,) = film(walkers, steady(8, 10))
    told_apart = sorted((path[0], path[-1]) for path in paths(with_clothes(piece, [RED, BLUE, RED, BLUE], walkers)))
    assert [(start < 300, end < 300) for start, end in told_apart] == [(True, True), (False, False)]
    alike = sorted((path[0], path[-1]) for path in paths(with_clothes(piece, [RED] * 4, walkers)))
    assert [(start < 300, end < 300) for start, end in alike] == [(True, False), (False, True)], "uniforms: straight on"


def test_uniforms_do_not_join_those_who_walk_past_each_other() -> None:
    walkers = [Walker(x=100, y=150, vx=60, hidden_s=(3.0, 3.6)), Walker(x=500, y=160, vx=-60, hidden_s=(3.0, 3.6))]
    (piece,) = film(walkers, steady(7, 10))
    ends = sorted((path[0], path[-1]) for path in paths(with_clothes(piece, [RED, RED], walkers)))
    assert [(start < 300, end < 300) for start, end in ends] == [(True, False), (False, True)]


def test_a_crowd_that_leaves_together_leaves_no_ghost() -> None:
    crowd = [
        Walker(x=60 + 22 * number, y=100 + 9 * (number % 4), vx=80, until_s=(520 - 22 * number) / 80)
        for number in range(12)
    ]
    (piece,) = film(crowd, steady(9, 10))
    tracked = track(piece)
    assert tracked["tracklets"].num_rows == 12
    last = max(walker.until_s for walker in crowd)
    ends = [(end - piece.segment.start).total_seconds() for end in tracked["tracklets"]["end_time"].to_pylist()]
    assert max(ends) <= last


def test_a_dog_on_a_leash_is_neither_its_owner_nor_a_second_person() -> None:
    owner = Walker(x=40, y=100, vx=45)
    dog = Walker(x=60, y=160, vx=45, label="dog", size=(40.0, 30.0))
    (piece,) = film([owner, dog], steady(10, 10))
    tracked = track(piece)
    assert sorted(tracked["tracklets"]["label"].to_pylist()) == ["dog", "person"]
    assert [len(path) for path in paths(tracked)] == [100, 100]
