"""HOTA is 1 for the same tracks, and less for boxes that are off, tracks that break, and what is invented or missed."""

from collections.abc import Sequence

import pyarrow as pa
import pytest

from ops.arrays import boxes_of
from ops.tracking.agreement import TrackAgreement
from schemas.frame_boxes import FrameBoxes
from schemas.op import Tables
from tests.ops.tracking.paper_evaluators import by_trackeval, judged

Followed = tuple[str, str, Sequence[int], float]
"""A track: its id and label, the frames that it has, and how far it is from its place, pixels."""


def tables(*walks: Followed) -> Tables:
    rows = [
        {"tracklet_id": name, "pts": pts, "x1": 5.0 * pts + off, "y1": 0.0, "x2": 5.0 * pts + off + 40, "y2": 100.0}
        for name, _, frames, off in walks
        for pts in frames
    ]
    columns = ["tracklet_id", "pts", "x1", "y1", "x2", "y2"]
    points = pa.table({column: [row[column] for row in rows] for column in columns})
    return {
        "tracklets": pa.table({"tracklet_id": [walk[0] for walk in walks], "label": [walk[1] for walk in walks]}),
        "tracklet_points": points,
    }


def loss(reference: Tables, others: Tables) -> float:
    agreement = TrackAgreement()
    agreement.add(reference, others)
    return agreement.loss


ONE = tables(("a", "person", range(20), 0))
NOBODY = tables()


def test_the_same_tracks_lose_nothing_whatever_their_ids() -> None:
    assert loss(ONE, tables(("z", "person", range(20), 0))) == pytest.approx(0, abs=1e-9)


def test_boxes_that_are_off_broken_tracks_and_gaps_lose() -> None:
    off, more_off = (loss(ONE, tables(("a", "person", range(20), px))) for px in (4, 12))
    assert 0.05 < off < more_off
    broken = loss(ONE, tables(("a", "person", range(10), 0), ("b", "person", range(10, 20), 0)))
    assert broken == pytest.approx(1 - 0.5**0.5), "all found, each box associated with half of the track"
    assert 0 < loss(ONE, tables(("a", "person", range(19), 0))) < 0.1


def test_where_nobody_is_only_what_is_invented_loses() -> None:
    assert loss(NOBODY, NOBODY) == 0
    assert loss(NOBODY, ONE) == 1
    assert loss(ONE, NOBODY) == 1


def test_a_car_is_no_person_but_a_truck_may_be_a_car() -> None:
    car = tables(("a", "car", range(20), 0))
    assert loss(ONE, car) == 1
    assert loss(car, tables(("a", "truck", range(20), 0))) == pytest.approx(0, abs=1e-9)


def test_stretches_count_together_and_their_ids_are_apart() -> None:
    agreement = TrackAgreement()
    agreement.add(ONE, ONE)
    agreement.add(NOBODY, NOBODY)
    agreement.add(ONE, ONE)
    assert agreement.loss == pytest.approx(0, abs=1e-9)
    assert (agreement.tracks, agreement.boxes, agreement.other_boxes) == (2, 40, 40)
    agreement.add(ONE, NOBODY)
    assert 0 < agreement.loss < 0.5


def test_it_agrees_with_the_evaluator_of_papers() -> None:
    pytest.importorskip("trackeval")
    true = tables(("a", "person", range(20), 0), ("b", "person", range(5, 15), 30))
    found = tables(("c", "person", range(12), 3), ("d", "person", range(12, 20), -2), ("e", "person", range(8, 30), 33))
    rows = []
    for each in (true, found):
        points, names = each["tracklet_points"], each["tracklets"]["tracklet_id"].to_pylist()
        identity = [names.index(name) for name in points["tracklet_id"].to_pylist()]
        rows.append(FrameBoxes.of(points["pts"].to_numpy(), pa.array(identity).to_numpy(), boxes_of(points)))
    assert 1 - loss(true, found) == pytest.approx(by_trackeval(judged(*rows))["hota"], abs=1e-6)
