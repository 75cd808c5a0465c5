"""Tracking: people keep their id where an online tracker would lose, forget or invent it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.track import Track, TrackParams
from schemas.tables import TABLES
from tests.ops.walkers import SIZE_PX, Walker, _one, film, steady, track
from tests.support.fakes import FakeServices, make_segment, make_unit

LEFT = Walker(x=50, y=100, vx=40)
RIGHT = Walker(x=500, y=250, vx=-35)


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


def test_two_boxes_on_one_person_are_one() -> None:
    double = replace(LEFT, y=LEFT.y + 8, confidence=0.5)
    assert len(_one([LEFT, double], steady(5, 10))["tracklets"]["tracklet_id"]) == 1


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


@pytest.mark.assets
def test_truth_as_detections_gives_back_the_people_of_pets(assets: Path) -> None:
    from ops.tracking.scores import score_tracks
    from schemas.frame_boxes import FrameBoxes
    from storage.box_files.mot import read_mot
    from tests.ops.walkers import Piece

    truth = read_mot(assets / "gt" / "PETS09-S2L1" / "gt.txt").scaled(0.625, 0.625)
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
    scores = score_tracks(truth, FrameBoxes.of(frame, identity, boxes.astype(float)))
    assert len(names) <= 2 * scores.true_tracks
    assert scores.idf1 > 0.85
    assert scores.hota > 0.75
