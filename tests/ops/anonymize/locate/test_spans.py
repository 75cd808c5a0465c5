"""Spans say where people may be at any time, from boxes at some times."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.anonymize.locate.spans import Trajectory, bridge_spans, detection_spans, lingering_spans, track_spans
from tests.ops.people import Box

SECOND = 1_000_000


def track(*points: tuple[float, Box]) -> Trajectory:
    times_us = np.array([round(at * SECOND) for at, _ in points])
    return Trajectory(times_us, np.array([box for _, box in points], float), 0)


@settings(max_examples=50, deadline=None)
@given(
    times=st.lists(st.integers(0, 10_000), min_size=1, max_size=8, unique=True).map(sorted),
    seed=st.integers(0, 1000),
    fill_ms=st.integers(0, 2000),
)
def test_a_filled_track_has_a_box_at_every_time_and_its_own_at_its_points(
    times: list[int], seed: int, fill_ms: int
) -> None:
    corner = np.random.default_rng(seed).uniform(0, 80, (len(times), 2))
    boxes = np.concatenate([corner, corner + 20], axis=1)
    spans = track_spans(Trajectory(np.array(times) * 1000, boxes, 3), fill_ms * 1000, 0.15, 4)
    for time_ms, box in zip(times, boxes, strict=True):
        there = spans.at(time_ms * 1000)
        assert np.isclose(there.boxes[there.sure], box, atol=1e-6).all(axis=1).any()
    for time_ms in range(times[0] - fill_ms, times[-1] + fill_ms + 1, 97):
        there = spans.at(time_ms * 1000)
        assert len(there.boxes)
        assert (there.owner == 3).all()


def test_tracks_are_bridged_where_a_person_sat_still() -> None:
    here, there = (10, 10, 30, 50), (60, 10, 80, 50)
    trajectories = [track((0, here), (1, here)), track((5, here), (6, here)), track((5, there)), track((40, here))]
    spans = bridge_spans(trajectories, 20 * SECOND, 0.3)
    assert list(zip(spans.start_us / SECOND, spans.end_us / SECOND, strict=True)) == [(1, 5)]
    assert len(bridge_spans(trajectories[:1], 20 * SECOND, 0.3)) == 0


def test_lingering_is_around_both_ends_and_never_sure() -> None:
    spans = lingering_spans(track((1, (0, 0, 10, 10)), (2, (50, 0, 60, 10))), SECOND, 0.1, 2)
    for time_s, left in ((0.5, -2.0), (2.5, 48.0)):
        there = spans.at(round(time_s * SECOND))
        assert there.boxes[0, 0] == left
        assert not there.sure.any()
    assert not len(spans.at(round(1.5 * SECOND)).boxes)


def test_a_detection_is_sure_half_of_the_way_and_held_where_no_frame_was_observed() -> None:
    box = np.array([[0, 0, 10, 10.0]])
    looked = np.array([0, 4, 8]) * SECOND
    spans = detection_spans(np.array([4 * SECOND]), box, looked, 60 * SECOND)
    sure = [bool(spans.at(round(time_s * SECOND)).sure.any()) for time_s in (1.9, 2.1, 5.9, 6.1)]
    assert sure == [False, True, True, False]
    assert len(spans.at(0).boxes) == len(spans.at(8 * SECOND).boxes) == 1
    alone = detection_spans(np.array([4 * SECOND]), box, looked[:0], SECOND)
    held = [len(alone.at(round(time_s * SECOND)).boxes) > 0 for time_s in (2.9, 3.1, 4.9, 5.1)]
    assert held == [False, True, True, False]
