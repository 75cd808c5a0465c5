"""A two-wheeler that moves carries a person, found or not."""

from collections.abc import Sequence

import numpy as np
import pytest

from ops.anonymize.geometry import covered_head_zones
from ops.anonymize.locate.riders import moving, rider_boxes, rider_spans
from ops.anonymize.locate.spans import Spans, Trajectory, detection_spans, join_spans, track_spans
from ops.anonymize.params import AnonymizeParams
from tests.ops.people import HEIGHT, SEGMENT, WIDTH, Box, TimedBox, cover, covered_mask, inputs_of, noise_frames
from tests.support.fakes import make_segment

SECOND = 1_000_000
NOBODY_FOUND = join_spans([])
BICYCLE: Box = (40, 100, 80, 124)
"""24 px high and 40 px long, so that the rider's head is 18 px above it."""


def ride(step_px: float, count: int = 21, start: Box = BICYCLE, away_px: float = 0.0) -> Trajectory:
    """A vehicle observed ten times a second, that passes ``step_px`` from one time to the next."""
    times_us = np.arange(count) * SECOND // 10
    moved = np.arange(count)[:, None] * np.array([step_px, 0, step_px, 0]) + np.array([0, away_px, 0, away_px])
    return Trajectory(times_us, np.array(start, float) + moved, 7)


def person_on(vehicle: Trajectory, above_px: float = 14.0, right_px: float = 0.0) -> Spans:
    """A tracked person who sits on a vehicle."""
    middle = (vehicle.boxes[:, 0] + vehicle.boxes[:, 2]) / 2 + right_px
    edges = [middle - 6, vehicle.boxes[:, 1] - above_px, middle + 6, vehicle.boxes[:, 3] - 4]
    return track_spans(Trajectory(vehicle.times_us, np.stack(edges, axis=1), 0), 0, 0.0, 0.0)


def riders(
    vehicles: Sequence[Trajectory] = (), loose: Spans = NOBODY_FOUND, people: Spans = NOBODY_FOUND, **params: object
) -> Spans:
    """Spans of riders, without those near a track's ends."""
    return rider_spans(vehicles, loose, people, AnonymizeParams(**params), linger=False)  # type: ignore[arg-type]


def test_a_rider_whom_nobody_found_is_there_while_the_vehicle_moves() -> None:
    spans = riders([ride(4.0)])
    now = spans.at(SECOND + 50_000)
    assert now.sure.tolist() == [True]
    assert now.boxes[0].tolist() == pytest.approx([82, 82, 122, 124])
    assert now.owner.tolist() == [-1]  # owners are people's tracks


def test_a_vehicle_that_does_not_move_may_have_a_rider() -> None:
    now = riders([ride(0.2)]).at(SECOND + 50_000)
    assert now.sure.tolist() == [False]
    assert now.boxes[0, 1] == pytest.approx(82)


def test_a_vehicle_moves_from_shortly_before_it_starts_until_shortly_after_it_stops() -> None:
    boxes = np.concatenate([ride(0.0, 30).boxes, ride(4.0, 20).boxes, ride(0.0, 30, (116, 100, 156, 124)).boxes])
    moves = moving(Trajectory(np.arange(80) * SECOND // 10, boxes, 0))
    assert not moves[:25].any()
    assert moves[27:52].all()
    assert not moves[56:].any()


@pytest.mark.parametrize("count", [1, 2])
def test_a_short_track_is_judged_by_the_time_it_has(count: int) -> None:
    assert moving(ride(4.0, count)).tolist() == [count > 1] * count
    assert len(riders([ride(4.0, count)]))


def test_before_and_after_the_track_a_rider_may_be_there() -> None:
    spans = riders([ride(4.0)], extend_s=0.5)
    for time_us in (-SECOND // 4, 2 * SECOND + SECOND // 4):
        now = spans.at(time_us)
        assert now.sure.tolist() == [False]
        assert now.boxes[0, 1] < 82
    near = rider_spans([ride(0.0)], NOBODY_FOUND, NOBODY_FOUND, AnonymizeParams(), linger=True)
    assert near.at(-4 * SECOND).sure.tolist() == [False]
    assert not len(riders([ride(0.0)]).at(-4 * SECOND).boxes)


def test_a_found_rider_is_not_doubled() -> None:
    vehicle = ride(4.0)
    assert len(riders([vehicle], people=person_on(vehicle))) == 0


@pytest.mark.parametrize(
    ("above_px", "right_px"), [(14.0, 40.0), (0.0, 0.0)], ids=["walks in front", "is no taller than the vehicle"]
)
def test_somebody_who_does_not_sit_on_the_vehicle_is_not_its_rider(above_px: float, right_px: float) -> None:
    vehicle = ride(4.0)
    spans = riders([vehicle], people=person_on(vehicle, above_px, right_px))
    assert spans.at(SECOND).sure.any()


def test_a_rider_found_for_a_part_of_the_time_is_added_for_the_rest() -> None:
    vehicle = ride(4.0)
    first_half = person_on(Trajectory(vehicle.times_us[:11], vehicle.boxes[:11], 0))
    spans = riders([vehicle], people=first_half)
    assert not len(spans.at(SECOND // 2).boxes)
    later = spans.at(SECOND + SECOND // 2 + 1000)
    assert later.sure.tolist() == [True]


def test_a_vehicle_without_a_track_may_have_a_rider() -> None:
    observed_us = np.arange(3) * SECOND
    loose = detection_spans(observed_us[1:2], np.array([BICYCLE], float), observed_us, SECOND)
    now = riders(loose=loose).at(SECOND)
    assert not now.sure.any()
    assert now.boxes[:, 1].tolist() == pytest.approx([82, 82])
    vehicle = Trajectory(observed_us, np.array([BICYCLE] * 3, float), 0)
    assert len(riders(loose=loose, people=person_on(vehicle))) == 0


SIDE, FRONT, WITH_RIDER, NARROW = BICYCLE, (40, 100, 52, 124), (40, 100, 80, 140), (40, 100, 55, 140)


@pytest.mark.parametrize(
    ("box", "head"),
    [
        (SIDE, (56, 84, 64, 94)),
        (FRONT, (42, 84, 50, 94)),
        (WITH_RIDER, (56, 104, 64, 113)),
        (NARROW, (44, 100, 51, 108)),
    ],
    ids=["from the side", "from the front", "a box that holds the rider too", "such a box from the front"],
)
def test_where_heads_alone_are_covered_the_covered_head_zone_holds_the_rider_s_head(box: Box, head: Box) -> None:
    zone = covered_head_zones(rider_boxes(np.array([box], float), heads_only=True))[0]
    assert (zone[:2] <= head[:2]).all()
    assert (zone[2:] >= head[2:]).all()


@pytest.mark.parametrize("target", ["person", "head"])
@pytest.mark.parametrize("label", ["bicycle", "motorcycle"])
def test_the_rider_of_a_moving_vehicle_is_covered_in_video(target: str, label: str) -> None:
    segment = make_segment(duration_s=4.0, size_px=(WIDTH, HEIGHT))
    track = [TimedBox(t / 10, (10 + t, 40, 40 + t, 60), label=label) for t in range(40)]
    frames = noise_frames(40)
    covered = covered_mask(frames, cover(frames, inputs_of(segment, [track]), segment=segment, targets=(target,))[0])
    assert covered[20, 30, 45]  # ten pixels above the vehicle
    assert not covered[20, 5, 45]


def test_vehicles_with_four_wheels_have_no_riders() -> None:
    track = [TimedBox(t / 10, (10 + t, 40, 40 + t, 60), label="car") for t in range(40)]
    frames = noise_frames(40)
    assert not covered_mask(frames, cover(frames, inputs_of(SEGMENT, [track]))[0]).any()
