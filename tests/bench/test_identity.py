"""The parts of the identity benchmark that need no weights: thinning, true detections, perfect association, parts."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bench.identity_ablation import PARTS, means
from bench.identity_material import DetectedSequence, look_numbers, moments, thinned, true_detections
from bench.identity_trackers import at_every_frame, between_looks, oracle, ours, track_points
from bench.real_clips import steady_times, write_frames
from ops.tracking.scores import score_tracks
from schemas.frame_boxes import FrameBoxes
from schemas.tables import TABLES
from tests.support.fakes import make_segment

FPS, FRAMES, SIZE_PX = 10, 40, (320, 240)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    noise = np.random.default_rng(0).integers(0, 255, (FRAMES, SIZE_PX[1], SIZE_PX[0], 3), np.uint8)
    return write_frames(tmp_path_factory.mktemp("clips") / "noise.mp4", noise, steady_times(FRAMES, FPS))


@pytest.fixture(scope="module")
def truth():
    """Two people who walk towards each other on different heights of the picture; the second one is ignored."""
    frame = np.repeat(np.arange(1, FRAMES + 1), 2)
    left = np.where(np.arange(2 * FRAMES) % 2, 250.0 - 4 * frame, 20.0 + 4 * frame)
    top = np.tile([10.0, 130.0], FRAMES)
    box = np.column_stack([left, top, left + 30, top + 80])
    identity = np.tile([7, 3], FRAMES)
    return FrameBoxes(frame, identity, box, identity == 7)


@pytest.fixture(scope="module")
def known(clip, truth):
    segment = make_segment(0, FRAMES / FPS, FPS, SIZE_PX)
    pts, times_us = moments(segment, FPS, np.arange(1, FRAMES + 1))
    columns = {
        "camera": [segment.camera] * FRAMES,
        "segment_id": [segment.segment_id] * FRAMES,
        "time": times_us,
        "pts": pts,
        "detections": [2] * FRAMES,
        "looks": [1] * FRAMES,
        "source": ["model"] * FRAMES,
    }
    tables = {"observed_frames": TABLES["observed_frames"].conform(columns)}
    return true_detections(DetectedSequence(segment, tables, FPS), clip, truth)


@pytest.mark.parametrize(
    ("step", "numbers"), [(1, [1, 2, 3, 4, 5, 6]), (2, [1, 3, 5]), (2.5, [1, 3, 6]), (5, [1, 6]), (9, [1])]
)
def test_looks_begin_with_the_first_frame_and_keep_their_distance(step, numbers):
    assert look_numbers(6, step).tolist() == numbers


def test_true_detections_are_all_true_boxes_without_their_ids_and_with_colours(known, truth):
    people = known.people()
    assert len(people.frame) == len(truth)
    assert {*map(tuple, people.box.tolist())} == {*map(tuple, truth.box.tolist())}
    rows = known.tables["detections"].to_pylist()
    # In the order of the picture, which changes when the two pass each other.
    assert all(a["x1"] <= b["x1"] for a, b in pairwise(rows) if a["pts"] == b["pts"])
    assert people.frame.tolist() == sorted(people.frame.tolist())
    assert known.tables["appearances"].num_rows == FRAMES  # two people in every second of ten frames a second


def test_tracks_of_true_detections_are_the_truth(known, truth):
    scores = score_tracks(truth, ours(known), forgive_ignored=True)
    assert (scores.idf1, scores.tracks) == (1.0, 1)


def test_thinned_footage_has_fewer_looks_and_boxes_at_every_frame(known, truth):
    thin = thinned(known, 5)
    assert thin.people().looks.tolist() == [1, 6, 11, 16, 21, 26, 31, 36]
    assert set(thin.people().frame.tolist()) == set(thin.people().looks.tolist())
    kept = set(thin.tables["detections"]["detection"].to_pylist())
    assert set(thin.tables["appearances"]["detection"].to_pylist()) <= kept
    points = track_points(thin)
    tracks = at_every_frame(thin, points)
    assert set(np.unique(tracks.frame).tolist()) == set(range(1, 37)) and len(tracks) == 2 * 36
    assert score_tracks(truth.take(truth.frame <= 36), tracks).id_switches == 0


def test_cut_footage_is_linked_again(known, truth):
    assert score_tracks(truth, ours(known, cuts_s=(2.0,))).tracks == 2


def test_perfect_association_gives_true_ids_to_the_boxes_that_show_somebody(known, truth):
    people = known.people()
    stray = np.array([[0.0, 0.0, 9.0, 9.0]])
    with_stray = replace(
        people,
        frame=np.append(people.frame, 40),
        box=np.concatenate([people.box, stray]),
        confidence=np.append(people.confidence, 0.9),
    )
    best = oracle(with_stray, truth)
    assert len(best) == len(truth)
    assert score_tracks(truth, best, forgive_ignored=True).hota == pytest.approx(1.0)


def test_boxes_lie_between_two_looks_that_found_somebody_and_nowhere_else():
    box = np.array([[0.0, 0, 10, 10], [4, 0, 14, 10], [20, 0, 30, 10]])
    found = FrameBoxes.of(np.array([1, 3, 7]), np.array([5, 5, 5]), box)
    filled = between_looks(found, np.array([1, 3, 5, 7]))
    assert filled.frame.tolist() == [1, 2, 3, 7]  # the look at frame 5 did not find them
    assert filled.box[1].tolist() == [2, 0, 12, 10]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_tracker_without_a_part_still_tracks_and_is_whole_again_afterwards(part, known, truth):
    before = [getattr(module, name) for module, name, _ in part.swapped]
    scores = score_tracks(truth, part.tracks(known), forgive_ignored=True)
    assert scores.idf1 > 0.9
    assert [getattr(module, name) for module, name, _ in part.swapped] == before


def test_means_are_over_runs(truth):
    counted = truth.take(truth.counts)
    perfect, nothing = score_tracks(counted, counted), score_tracks(counted, truth.take(slice(0, 0)))
    found = means([perfect, nothing])
    assert (found["idf1"], found["ids"]) == (0.5, 0.5)
