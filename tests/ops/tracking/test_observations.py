"""What is read for tracking: kinds kept apart, and the overlap with the next segment."""

from dataclasses import replace

import numpy as np

from ops.track import TrackParams
from tests.ops.walkers import Walker, _one, film, steady, track

LEFT = Walker(x=50, y=100, vx=40)
RIGHT = Walker(x=500, y=250, vx=-35)


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
