"""Tracklets are joined where their ends meet, and over longer gaps where clothes are alike."""

import numpy as np
import pytest

from ops.tracking.colours import SIZE
from ops.tracking.detections import Detections, Tracklet
from ops.tracking.join import join
from schemas.values import Float64, Uint8

FPS = 10.0
RED, BLUE = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
RED[:36:9], BLUE[4:36:9] = 120, 120

Route = tuple[float, float, float, float, Uint8 | None]
"""From and to, seconds; place at the beginning, px; speed, px a second; colours."""


def film(*walks: Route, frames: int = 100, size_px: tuple[int, int] | None = None) -> tuple[Detections, list[Tracklet]]:
    """Detections of walks, and one tracklet each."""
    rows: list[tuple[int, int, Float64, Uint8]] = []
    for name, (from_s, to_s, x, speed, colours) in enumerate(walks):
        for frame in range(round(from_s * FPS), round(to_s * FPS)):
            left = x + speed * (frame / FPS - from_s)
            box = np.array([left, 50.0, left + 30, 130.0])
            rows.append((frame, name, box, np.zeros(SIZE, np.uint8) if colours is None else colours))
    rows.sort(key=lambda row: row[:2])
    frame, owner = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    boxes, colours = np.stack([row[2] for row in rows]), np.stack([row[3] for row in rows])
    detections = Detections(np.arange(frames) / FPS, frame, boxes, np.full(len(rows), 0.8), colours, size_px)
    return detections, [np.flatnonzero(owner == name) for name in range(len(walks))]


def joined(*walks: Route, max_gap_s: float = 1.5, alike_gap_s: float = 4.0) -> list[list[int]]:
    """The numbers of the walks that make a tracklet, in order of time."""
    detections, tracklets = film(*walks)
    names = {int(row): name for name, tracklet in enumerate(tracklets) for row in tracklet}
    found, _ = join(detections, tracklets, max_gap_s, alike_gap_s)
    return [list(dict.fromkeys(names[int(row)] for row in tracklet)) for tracklet in found]


def test_two_who_meet_and_turn_back_are_known_by_their_clothes() -> None:
    meet: list[tuple[float, float, float, float]] = [(0, 3, 0, 40), (0, 3, 240, -40)]
    meet += [(3.6, 7, 100, -40), (3.6, 7, 140, 40)]
    colours = (RED, BLUE, RED, BLUE)
    walks = [(*walk, colour) for walk, colour in zip(meet, colours, strict=True)]
    assert joined(*walks) == [[0, 2], [1, 3]]
    assert joined(*((*walk, None) for walk in meet)) == [[0, 3], [1, 2]], "without colours, people walk straight on"


def test_a_long_gap_is_bridged_only_where_clothes_are_alike() -> None:
    before, after = (0.0, 2.0, 0.0, 20.0), (5.0, 7.0, 100.0, 20.0)
    assert joined((*before, RED), (*after, RED)) == [[0, 1]]
    assert joined((*before, RED), (*after, BLUE)) == [[0], [1]]
    assert joined((*before, None), (*after, None)) == [[0], [1]]
    assert joined((*before, RED), (*after, None)) == [[0], [1]], "one is unknown"
    assert joined((*before, RED), (*after, RED), alike_gap_s=2.0) == [[0], [1]]


def test_who_is_there_at_the_same_time_is_somebody_else_and_nobody_is_joined_twice() -> None:
    assert joined((0, 4, 0, 10, RED), (2, 6, 20, 10, RED)) == [[0], [1]]
    assert joined((0, 2, 0, 20, RED), (2.5, 4, 50, 20, RED), (2.5, 4, 54, 20, RED)) == [[0, 1], [2]]


def test_a_child_does_not_become_an_adult() -> None:
    detections, tracklets = film((0, 2, 0, 20, None), (2.4, 4, 48, 20, None))
    boxes = detections.box.copy()
    boxes[tracklets[1], 1] = 90.0
    half = Detections(detections.frame_s, detections.frame, boxes, detections.confidence, detections.colours)
    assert len(join(detections, tracklets, 1.5, 4.0)[0]) == 1
    assert len(join(half, tracklets, 1.5, 4.0)[0]) == 2


def test_a_crowd_is_solved_group_by_group(monkeypatch: pytest.MonkeyPatch) -> None:
    import scipy.optimize

    solved: list[int] = []
    assign = scipy.optimize.linear_sum_assignment
    monkeypatch.setattr(
        scipy.optimize, "linear_sum_assignment", lambda costs: solved.append(costs.size) or assign(costs)
    )
    places = [200.0 * number for number in range(300)]
    routes = [route for x in places for route in ((0, 1, x, 20, RED), (1.5, 2.5, x + 30, 20, RED))]
    detections, tracklets = film(*routes, frames=30)
    found, _ = join(detections, tracklets, 1.5, 4.0)
    assert len(found) == 300 and {len(tracklet) for tracklet in found} == {20}
    assert max(solved) <= 16


def test_whoever_comes_in_where_somebody_left_is_somebody_else() -> None:
    out, back = (0.0, 2.0, 560.0, 25.0), (2.3, 4.0, 610.0, -25.0)
    for width, left in ((640, 2), (2000, 1)):
        detections, tracklets = film((*out, None), (*back, None), size_px=(width, 480))
        assert len(join(detections, tracklets, 1.5, 4.0)[0]) == left


def test_a_person_whose_legs_are_hidden_is_known_by_the_head() -> None:
    detections, tracklets = film((0, 2, 0, 20, None), (2.2, 4, 44, 20, None))
    upper, lower = detections.box.copy(), detections.box.copy()
    upper[tracklets[1], 3] = 80.0  # the upper half
    lower[tracklets[1], 1] = 90.0
    for boxes, pieces in ((upper, 1), (lower, 2)):
        half = Detections(detections.frame_s, detections.frame, boxes, detections.confidence)
        assert len(join(half, tracklets, 1.5, 4.0)[0]) == pieces


def test_colours_of_a_covered_box_do_not_count() -> None:
    detections, tracklets = film((0, 2, 0, 20, RED), (2.2, 4, 44, 20, BLUE), (2.2, 4, 50, 20, BLUE))
    boxes = detections.box.copy()
    assert len(join(detections, tracklets[:2], 1.5, 4.0)[0]) == 2
    boxes[tracklets[2], 3] += 5  # somebody in blue, in front of the second
    covered = Detections(
        detections.frame_s, detections.frame, boxes, detections.confidence, detections.colours, detections.size_px
    )
    assert len(join(covered, tracklets[:2], 1.5, 4.0)[0]) == 1


def test_a_join_is_less_sure_where_another_competes() -> None:
    before, after = (0.0, 2.0, 0.0, 20.0, RED), (2.5, 4.0, 50.0, 20.0, RED)
    detections, tracklets = film(before, after)
    _, (alone,) = join(detections, tracklets, 1.5, 4.0)
    assert (alone.before, alone.after) == (tracklets[0][-1], tracklets[1][0])
    detections, tracklets = film(before, after, (2.5, 4.0, 54.0, 20.0, RED))
    _, (contested,) = join(detections, tracklets, 1.5, 4.0)
    assert 0.5 < contested.probability < 0.85 < alone.probability < 1


def test_nothing_is_joined_to_nothing() -> None:
    detections, tracklets = film((0, 2, 0, 20, None))
    assert join(detections, [], 1.5, 4.0) == ([], [])
    assert len(join(detections, tracklets, 1.5, 4.0)[0]) == 1
