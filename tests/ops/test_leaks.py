"""Leaks follow their definition, on masks and frames with known answers."""

import numpy as np
import pytest

from ops.leaks import (
    clopper_pearson,
    covered_pixels,
    frame_cover,
    head_zones,
    leak_scores,
    touched_px,
    zone_shares,
)
from schemas.frame_boxes import FrameBoxes

SLATE = (139, 116, 100)


def truth(boxes, identities=None, counts=None):
    boxes = np.array(boxes, np.float64).reshape(-1, 4)
    identity = np.arange(len(boxes)) if identities is None else np.array(identities)
    return FrameBoxes(np.ones(len(boxes), np.int64), identity, boxes, np.array(counts or [True] * len(boxes), np.bool_))


def mask(height=100, width=100, *covered):
    found = np.zeros((height, width), np.bool_)
    for x1, y1, x2, y2 in covered:
        found[y1:y2, x1:x2] = True
    return found


def test_a_head_zone_is_the_top_and_the_middle():
    assert head_zones(np.array([[10.0, 20.0, 50.0, 120.0]])).tolist() == [[20.0, 20.0, 40.0, 38.0]]


def test_pixels_touched_are_all_of_them_and_none_beyond_the_picture():
    boxes = np.array([[1.2, 2.0, 3.0, 4.1], [-5.0, -5.0, 5.0, 5.0], [90.5, 95.0, 130.0, 101.0]])
    assert touched_px(boxes, (100, 100)).tolist() == [[1, 2, 3, 5], [0, 0, 5, 5], [90, 95, 100, 100]]


def test_shares_of_zones():
    zones = np.array([[10.0, 10.0, 20.0, 20.0], [15.0, 10.0, 25.0, 20.0], [200.0, 0.0, 210.0, 10.0]])
    shares = zone_shares(mask(100, 100, (10, 10, 20, 20)), zones)
    assert shares[:2].tolist() == [1.0, 0.5] and np.isnan(shares[2])


def test_pixels_near_the_colour_are_covered():
    original = np.full((40, 60, 3), 30, np.uint8)
    anonymized = original.copy()
    anonymized[10:20, 10:30] = np.add(SLATE, (9, -9, 9))
    anonymized[10:20, 40:50] = np.add(SLATE, (0, 30, 0))
    covered = covered_pixels(anonymized, original, SLATE, 10)
    assert covered[10:20, 10:30].all() and covered.sum() == 200


def test_where_the_original_has_the_colour_the_nearest_pixel_decides():
    original = np.full((40, 60, 3), 30, np.uint8)
    original[:, 20:30] = SLATE  # a slate coat, covered
    original[:, 45:50] = SLATE  # a slate post in the open
    anonymized = original.copy()
    anonymized[:, 10:40] = SLATE
    covered = covered_pixels(anonymized, original, SLATE, 10)
    assert covered[:, 10:40].all() and covered.sum() == 40 * 30


def test_a_picture_all_of_the_colour_has_no_cover():
    picture = np.full((20, 20, 3), SLATE, np.uint8)
    assert not covered_pixels(picture, picture, SLATE, 10).any()


def test_frames_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="one size"):
        covered_pixels(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8), SLATE, 10)


def test_a_frame_counts_heads_that_count_and_are_in_the_picture():
    people = truth([[10, 10, 30, 60], [50, 10, 70, 60], [200, 0, 220, 50]], [4, 5, 6], [True, False, True])
    found = frame_cover(mask(100, 100, (0, 0, 100, 15)), people)
    assert found.identity.tolist() == [4] and found.head_share.tolist() == [pytest.approx(5 / 9)]
    assert found.area == pytest.approx(0.15)


def test_cover_near_a_person_is_no_excess():
    found = frame_cover(mask(100, 100, (8, 0, 32, 70), (60, 60, 80, 70)), truth([[10, 10, 30, 60]]))
    assert found.area == pytest.approx((24 * 70 + 200) / 10_000)
    assert found.over_area == pytest.approx(200 / 10_000)


def test_a_track_leaks_if_any_frame_does():
    people = truth([[10, 10, 30, 60], [50, 10, 70, 60]], [1, 2])
    good = frame_cover(mask(100, 100, (0, 0, 100, 100)), people)
    partly = frame_cover(mask(100, 100, (0, 0, 100, 17)), people)
    bad = frame_cover(mask(100, 100, (0, 0, 40, 100)), people)
    scores = leak_scores([good, partly, bad])
    assert (scores.frames, scores.heads, scores.tracks) == (3, 6, 2)
    assert scores.head_leak == pytest.approx(1 / 6) and scores.head_leak_strict == pytest.approx(3 / 6)
    assert (scores.track_leaks, scores.track_leaks_strict) == (1, 2)
    assert scores.track_interval == pytest.approx((0.0126, 0.9874), abs=1e-4)


def test_a_clip_without_people_has_no_leaks_and_no_certainty():
    scores = leak_scores([frame_cover(mask(), truth([]))])
    assert (scores.heads, scores.head_leak, scores.tracks) == (0, 0.0, 0)
    assert scores.head_interval == (0.0, 1.0)


def test_the_area_ratio_compares_cover_with_the_union_of_true_boxes():
    people = truth([[10, 10, 30, 60], [20, 10, 40, 60]])  # 30 px of 50 together
    twice = frame_cover(mask(100, 100, (0, 0, 60, 50)), people)
    exact = frame_cover(mask(100, 100, (10, 10, 40, 60)), people)
    nobody = frame_cover(mask(100, 100, (0, 0, 100, 100)), truth([]))
    assert twice.true_area == pytest.approx(0.15)
    assert leak_scores([twice, exact, nobody]).area_ratio == pytest.approx(1.5)
    assert leak_scores([nobody]).area_ratio is None


def test_no_frames_are_no_scores():
    with pytest.raises(ValueError, match="no frame"):
        leak_scores([])


@pytest.mark.parametrize(
    ("hits", "trials", "interval"),
    [
        (0, 10, (0.0, 0.3085)),  # published tables of the binomial
        (10, 10, (0.6915, 1.0)),
        (5, 50, (0.0333, 0.2181)),
        (0, 3000, (0.0, 0.001229)),
    ],
)
def test_exact_intervals(hits, trials, interval):
    assert clopper_pearson(hits, trials) == pytest.approx(interval, abs=1e-4)


def test_more_hits_than_trials_are_refused():
    with pytest.raises(ValueError, match="hits"):
        clopper_pearson(3, 2)
