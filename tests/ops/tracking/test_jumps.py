"""Jumps in the picture: another person ends a tracklet, fast movement and boxes that change do not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.track import TrackParams
from ops.tracking.detections import Detections
from ops.tracking.jumps import least_shift, split_jumps
from tests.ops.walkers import Walker, _one, steady

HEIGHT = 90.0


def made(places: np.ndarray, fps: float, sizes: np.ndarray | None = None) -> Detections:
    """A person's boxes with their upper left corner at places ``(N, 2)``, one on every frame."""
    count = len(places)
    sizes = np.tile((30.0, HEIGHT), (count, 1)) if sizes is None else sizes
    boxes = np.hstack([places, places + sizes])
    return Detections(np.arange(count) / fps, np.arange(count), boxes, np.full(count, 0.8))


def lengths(detections: Detections, speed: float = 5.0) -> list[int]:
    """Lengths of the pieces of one tracklet of all detections."""
    return [len(piece) for piece in split_jumps(detections, [np.arange(len(detections))], speed)]


@pytest.mark.parametrize("fps", [2, 5, 12.5, 25])
def test_a_tracklet_ends_where_another_person_takes_it_over(fps: float) -> None:
    places = np.column_stack([np.arange(20) * 40 / fps, np.full(20, 100.0)])
    places[12:, 0] += HEIGHT * (0.3 + 6 / fps)
    assert lengths(made(places, fps)) == [12, 8]
    assert lengths(made(places, fps), speed=1e9) == [20]


def test_a_box_that_errs_once_is_a_piece_of_its_own() -> None:
    places = np.full((20, 2), 100.0)
    places[9] += 80
    assert lengths(made(places, 25)) == [9, 1, 10]


@pytest.mark.parametrize("fps", [2, 5, 25])
def test_who_is_fast_all_the_time_is_not_split(fps: float) -> None:
    """A person on a bicycle: 9 body heights per second, faster than anybody on foot."""
    places = np.column_stack([np.arange(30) * 9 * HEIGHT / fps, np.full(30, 100.0)])
    assert lengths(made(places, fps)) == [30]


def test_who_is_hidden_in_part_has_not_moved() -> None:
    """A car hides the legs, then a post one side of the body: the box shrinks and grows, head and shoulder stay."""
    sizes = np.tile((30.0, HEIGHT), (30, 1))
    sizes[10:20, 1] = 30.0
    sizes[22:26, 0] = 8.0
    assert lengths(made(np.full((30, 2), 100.0), 25, sizes)) == [30]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([2.0, 5.0, 10.0, 25.0]), st.floats(-4, 4), st.floats(-2, 2))
def test_people_who_walk_and_run_are_never_split(seed: int, fps: float, vx: float, vy: float) -> None:
    """Boxes err by 5 % of the height, as detectors' do; 4 body heights per second is 7 m/s."""
    rng = np.random.default_rng(seed)
    places = np.arange(40)[:, None] / fps * HEIGHT * np.array([vx, vy]) + rng.normal(0, 0.05 * HEIGHT, (40, 2))
    sizes = np.array([30.0, HEIGHT]) + rng.normal(0, (1.5, 4.5), (40, 2))
    assert lengths(made(places, fps, sizes)) == [40]


def test_a_shift_is_that_of_the_edge_that_moved_less() -> None:
    before = np.tile((10.0, 10.0, 40.0, 100.0), (3, 1))
    after = np.array([(15.0, 10.0, 47.0, 40.0), (5.0, 0.0, 50.0, 90.0), (10.0, 10.0, 40.0, 100.0)])
    assert least_shift(before, after).tolist() == [[5.0, 0.0], [0.0, -10.0], [0.0, 0.0]]


@pytest.mark.parametrize("fps", [10.0, 25.0])
def test_the_op_gives_two_people_two_tracklets(fps: float) -> None:
    """One is lost behind a pillar when another appears beside it: the tracker takes them for one."""
    people = [Walker(x=100, y=100, vx=20, until_s=3.0), Walker(x=100, y=180, vx=20, from_s=3.0)]
    uncut = _one(people, steady(6, fps), TrackParams(max_speed_heights_s=1e9))["tracklets"]
    assert len(uncut["tracklet_id"]) == 1, "the tracker makes this error"
    got = _one(people, steady(6, fps))
    assert got["tracklets"]["observed"] == [3 * fps, 3 * fps]
    first = [y for name, y in zip(got["tracklet_points"]["tracklet_id"], got["tracklet_points"]["y1"], strict=True)
             if name.endswith("-000")]  # fmt: skip
    assert np.abs(np.array(first) - 100).max() < 1, "no box is put between the two"


def test_vehicles_are_not_split() -> None:
    cars = [Walker(x=100, y=100, until_s=3.0, label="car"), Walker(x=100, y=180, from_s=3.0, label="car")]
    assert len(_one(cars, steady(6, 25))["tracklets"]["tracklet_id"]) == 1
