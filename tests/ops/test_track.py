"""Tracking: people keep their id where an online tracker would lose, forget or invent it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.track import Track, TrackParams
from ops.tracking.detections import Detections, without_duplicates
from ops.tracking.interpolate import interpolate
from schemas.tables import TABLES
from tests.ops.walkers import SIZE_PX, Walker, film, steady, track
from tests.support.fakes import FakeServices, make_segment, make_unit

LEFT = Walker(x=50, y=100, vx=40)
RIGHT = Walker(x=500, y=250, vx=-35)


def _one(walkers: list[Walker], times_s: np.ndarray, params: TrackParams | None = None) -> dict[str, list]:
    """Tracklets and points of uncut footage as column lists."""
    (piece,) = film(walkers, times_s)
    return {name: table.to_pydict() for name, table in track(piece, params=params).items()}


@pytest.mark.parametrize("fps", [2, 5, 10, 30])
def test_two_walkers_are_two_tracklets_at_any_rate(fps: float) -> None:
    times_s = steady(8, fps)
    got = _one([LEFT, RIGHT], times_s)
    segment_id = make_segment().segment_id
    assert got["tracklets"]["tracklet_id"] == [f"{segment_id}-000", f"{segment_id}-001"]
    assert got["tracklets"]["observed"] == [len(times_s)] * 2
    assert set(got["tracklet_points"]["state"]) == {"observed"}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.03, 0.4), min_size=25, max_size=50))
def test_irregular_rates_keep_a_walker_whole(steps_s: list[float]) -> None:
    times_s = np.cumsum(steps_s)
    got = _one([LEFT], times_s)
    assert got["tracklets"]["observed"] == [len(times_s)]


def test_ids_are_numbered_by_first_time_then_from_the_left() -> None:
    late = replace(LEFT, y=350, from_s=2.0)
    got = _one([late, RIGHT, LEFT], steady(6, 10))
    points = got["tracklet_points"]
    firsts: dict[str, tuple] = {}
    for name, time, x in zip(points["tracklet_id"], points["time"], points["x1"], strict=True):
        firsts.setdefault(name, (time, x))
    assert [firsts[name] for name in sorted(firsts)] == sorted(firsts.values())
    assert len(firsts) == 3


def test_a_walker_who_hides_is_interpolated_on_the_frames_between() -> None:
    times_s = steady(8, 10)
    got = _one([replace(LEFT, hidden_s=(3.0, 4.2))], times_s)
    points = got["tracklet_points"]
    assert len(got["tracklets"]["tracklet_id"]) == 1
    assert len(points["time"]) == len(times_s)
    hidden = [3.0 <= time < 4.2 for time in times_s]
    assert [state == "interpolated" for state in points["state"]] == hidden
    assert [value is None for value in points["confidence"]] == hidden
    assert [value is None for value in points["detection"]] == hidden
    np.testing.assert_allclose(points["x1"], [LEFT.box(time)[0] for time in times_s], atol=0.5)


def test_a_gap_longer_than_allowed_ends_the_tracklet() -> None:
    hiding = replace(LEFT, vx=10, hidden_s=(3.0, 6.0))
    assert len(_one([hiding], steady(10, 10))["tracklets"]["tracklet_id"]) == 2
    patient = _one([hiding], steady(10, 10), TrackParams(max_gap_s=4.0))
    assert len(patient["tracklets"]["tracklet_id"]) == 1


def test_the_first_sighting_counts_though_the_tracker_was_not_sure_yet() -> None:
    got = _one([LEFT, replace(RIGHT, from_s=2.0)], steady(6, 10))
    assert sorted(got["tracklets"]["observed"]) == [40, 60]


def test_glimpses_and_doubtful_things_are_dropped() -> None:
    glimpse = Walker(x=300, y=50, from_s=1.0, until_s=1.3)
    doubtful = Walker(x=300, y=300, confidence=0.15)
    assert len(_one([LEFT, glimpse, doubtful], steady(6, 10))["tracklets"]["tracklet_id"]) == 1


def test_weak_detections_carry_a_track_on() -> None:
    strong = [replace(LEFT, until_s=2.0), replace(LEFT, from_s=5.0)]
    weak = replace(LEFT, from_s=2.0, until_s=5.0, confidence=0.15)
    got = _one([*strong, weak], steady(8, 10))
    assert got["tracklets"]["observed"] == [80]


def test_a_car_never_becomes_a_person() -> None:
    car = Walker(x=50, y=100, vx=60, until_s=3.0, label="car")
    person = Walker(x=50, y=100, vx=60, from_s=3.0, label="person")
    got = _one([car, person], steady(6, 10))
    assert got["tracklets"]["label"] == ["car", "person"]


def test_a_vehicle_keeps_its_id_when_the_detector_wavers_between_its_names() -> None:
    names = ["car", "car", "truck"]
    parts = [replace(LEFT, from_s=k / 10, until_s=(k + 1) / 10 - 1e-6, label=names[k % 3]) for k in range(60)]
    got = _one(parts, steady(6, 10))
    assert (got["tracklets"]["label"], got["tracklets"]["observed"]) == (["car"], [60])


def test_two_boxes_on_one_person_are_one() -> None:
    double = replace(LEFT, y=LEFT.y + 8, confidence=0.5)
    assert len(_one([LEFT, double], steady(5, 10))["tracklets"]["tracklet_id"]) == 1


def test_overlap_follows_into_the_next_segment_and_begins_nothing_there() -> None:
    newcomer = replace(RIGHT, from_s=6.5)
    first, second = film([LEFT, newcomer], steady(12, 10), cuts_s=[6.0])
    got = track(first, second, TrackParams(overlap_s=2.0))
    points = got["tracklet_points"].to_pydict()
    assert got["tracklets"].num_rows == 1
    assert set(points["segment_id"]) == {first.segment.segment_id}
    assert points["frame_segment_id"] == [first.segment.segment_id] * 60 + [second.segment.segment_id] * 20
    assert (
        points["detection"][60:]
        == second.detections.filter(np.array(second.detections["y1"].to_numpy() == LEFT.y))["detection"].to_pylist()[
            :20
        ]
    )


def test_without_a_next_segment_it_ends_with_its_own() -> None:
    first, _ = film([LEFT], steady(12, 10), cuts_s=[6.0])
    points = track(first)["tracklet_points"].to_pydict()
    assert points["frame_segment_id"] == [first.segment.segment_id] * 60


@pytest.mark.parametrize("frames", [0, 30])
def test_empty_segments(frames: int) -> None:
    times_s = steady(3, 10)[:frames]
    (piece,) = film([], steady(3, 10))
    inputs = {"detections": piece.detections, "observed_frames": piece.observed[: len(times_s)]}
    got = Track(TrackParams()).run(make_unit([piece.segment]), inputs, FakeServices())
    for name, table in got.items():
        assert table.num_rows == 0
        assert table.schema.equals(TABLES[name].schema, check_metadata=True)


def test_same_input_same_bytes_also_after_other_work() -> None:
    (piece,) = film([LEFT, RIGHT], steady(5, 10))
    before = track(piece)
    track(film([RIGHT], steady(5, 10))[0])
    after = track(piece)
    assert all(before[name].equals(after[name], check_metadata=True) for name in before)


def test_boxes_stay_inside_the_frame() -> None:
    got = _one([Walker(x=SIZE_PX[0] - 60, y=100, vx=5, until_s=6)], steady(6, 10))["tracklet_points"]
    assert min(got["x1"]) >= 0
    assert max(got["x2"]) <= SIZE_PX[0]


def test_smoothing_takes_jitter_and_leaves_straight_lines() -> None:
    frame_s = steady(5, 10)
    line = np.stack([10 * frame_s, 5 * frame_s, 10 * frame_s + 20, 5 * frame_s + 60], axis=1)
    jitter = np.random.default_rng(7).normal(0, 2, line.shape)
    everything = np.arange(len(frame_s))
    for noise, least_gain in ((0 * jitter, None), (jitter, 1.5)):
        detections = Detections(frame_s, everything, line + noise, np.ones(len(frame_s)))
        _, boxes = interpolate(detections, everything, smooth_s=0.3)
        if least_gain is None:
            np.testing.assert_allclose(boxes, line, atol=1e-9)
        else:
            assert np.std(jitter) / np.std(boxes - line) > least_gain


def test_of_doubles_the_surer_stays() -> None:
    box = np.array([[0, 0, 10, 20], [1, 0, 11, 20], [50, 0, 60, 20], [0, 0, 10, 20]], float)
    detections = Detections(np.array([0.0, 0.1]), np.array([0, 0, 0, 1]), box, np.array([0.4, 0.9, 0.5, 0.3]))
    assert without_duplicates(detections, 0.6).tolist() == [1, 2, 3]


@pytest.mark.assets
def test_truth_as_detections_gives_back_the_people_of_pets(assets: Path) -> None:
    from bench.evaluate import evaluate, load_mot, rows_of
    from tests.ops.walkers import Piece

    truth = load_mot(assets / "gt" / "PETS09-S2L1" / "gt.txt", scale=0.625)
    truth = truth.take(np.argsort(truth.frame, kind="stable"))
    base = film([], steady(40, 10))[0]
    rows = len(truth)
    detections = TABLES["detections"].conform(
        {
            "camera": ["cam1"] * rows,
            "segment_id": [base.segment.segment_id] * rows,
            "time": base.observed["time"].take(truth.frame - 1),
            "pts": base.observed["pts"].take(truth.frame - 1),
            "detection": np.arange(rows),
            "label": ["person"] * rows,
            "confidence": np.full(rows, 0.8),
            **{name: truth.box[:, edge] for edge, name in enumerate(("x1", "y1", "x2", "y2"))},
            "source": ["model"] * rows,
        }
    )
    points = track(Piece(base.segment, detections, base.observed))["tracklet_points"]
    frame = np.searchsorted(base.observed["pts"].to_numpy(), points["pts"].to_numpy()) + 1
    names, identity = np.unique(points["tracklet_id"].to_pylist(), return_inverse=True)
    boxes = np.stack([points[name].to_numpy() for name in ("x1", "y1", "x2", "y2")], axis=1)
    scores = evaluate(truth, rows_of(frame, identity, boxes.astype(float)))
    assert len(names) <= 2 * scores.true_tracks
    assert scores.idf1 > 0.85
    assert scores.hota > 0.75
