"""Scores are the published ones of a known tracker, those of the evaluators of papers, and obvious in simple cases."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ops.tracking.scores import score_tracks
from schemas.frame_boxes import FrameBoxes
from storage.box_files.mot import read_mot
from tests.ops.tracking.paper_evaluators import by_motmetrics, by_trackeval, judged

BOX = np.array([10.0, 20.0, 50.0, 120.0])
FAR = np.array([200.0, 20.0, 240.0, 120.0])


def _sequence(identities: list[int], box: np.ndarray = BOX) -> FrameBoxes:
    """Builds one box per frame, at one place, with these identities."""
    return FrameBoxes.of(np.arange(len(identities)), np.array(identities), np.tile(box, (len(identities), 1)))


def _both(a: FrameBoxes, b: FrameBoxes) -> FrameBoxes:
    return FrameBoxes(*(np.concatenate([getattr(a, n), getattr(b, n)]) for n in ("frame", "identity", "box", "counts")))


@pytest.mark.assets
def test_figures_of_a_published_tracker(assets: Path) -> None:
    folder = assets / "gt" / "TUD-Campus"
    scores = score_tracks(read_mot(folder / "gt.txt"), read_mot(folder / "results.txt"))
    assert scores.mota == pytest.approx(0.526462, abs=5e-7)
    assert scores.idf1 == pytest.approx(0.557659, abs=5e-7)
    assert scores.id_switches == 7
    assert scores.hota == pytest.approx(0.3914, abs=5e-5)
    assert scores.deta == pytest.approx(0.4180, abs=5e-5)
    assert scores.assa == pytest.approx(0.3691, abs=5e-5)


def test_the_truth_itself_is_perfect() -> None:
    truth = _both(_sequence([1] * 10), _sequence([2] * 10, FAR))
    scores = score_tracks(truth, truth)
    assert (scores.hota, scores.mota, scores.idf1, scores.recall, scores.precision) == (1, 1, 1, 1, 1)
    assert (scores.id_switches, scores.count_mae, scores.tracks, scores.true_tracks) == (0, 0, 2, 2)


def test_one_switch_halfway_halves_the_association_only() -> None:
    scores = score_tracks(_sequence([1] * 10), _sequence([5] * 5 + [6] * 5))
    assert scores.id_switches == 1
    assert scores.mota == pytest.approx(0.9)
    assert scores.deta == pytest.approx(1.0)
    assert scores.assa == pytest.approx(0.5)


def test_nothing_found_is_all_missed() -> None:
    scores = score_tracks(_sequence([1] * 4), _sequence([]))
    assert (scores.hota, scores.recall, scores.misses, scores.count_mae) == (0, 0, 4, 1)


def test_a_box_elsewhere_is_a_miss_and_a_false_positive() -> None:
    scores = score_tracks(_sequence([1] * 4), _sequence([1] * 4, FAR))
    assert (scores.misses, scores.false_positives, scores.mota) == (4, 4, -1)


@pytest.mark.parametrize(("forgive", "false_positives"), [(False, 3), (True, 0)])
def test_results_on_ignored_truth(forgive: bool, false_positives: int) -> None:
    ignored = _sequence([2] * 3, FAR)
    truth = _both(_sequence([1] * 3), FrameBoxes(ignored.frame, ignored.identity, ignored.box, np.zeros(3, np.bool_)))
    found = _both(_sequence([7] * 3), _sequence([8] * 3, FAR))
    scores = score_tracks(truth, found, forgive_ignored=forgive)
    assert (scores.misses, scores.false_positives) == (0, false_positives)
    assert scores.true_tracks == 1


def _film(seed: int, noise_px: float) -> tuple[FrameBoxes, FrameBoxes]:
    """Builds walkers that now and then are out of sight, and tracks of them with noise, gaps and switched ids."""
    random = np.random.default_rng(seed)
    people = random.integers(1, 5)
    names = random.permutation(people)
    rows: tuple[list[list[float]], list[list[float]]] = ([], [])
    for frame in range(1, 16):
        if random.random() < 0.2:
            names = random.permutation(people)
        for person in range(people):
            box = np.array([100 * person + 5 * frame, 50, 100 * person + 5 * frame + 40, 130])
            if random.random() < 0.9:
                rows[0].append([frame, person, *box])
            if random.random() < 0.8:
                rows[1].append([frame, 10 + names[person], *(box + np.tile(random.normal(0, noise_px, 2), 2))])
    arrays = (np.array(each).reshape(-1, 6) for each in rows)
    true, found = (FrameBoxes.of(a[:, 0].astype(int), a[:, 1].astype(int), a[:, 2:].astype(float)) for a in arrays)
    return true, found


@given(st.integers(0, 10**6), st.sampled_from([1.0, 6.0, 15.0]))
@settings(max_examples=30, deadline=None)
def test_scores_are_those_of_trackeval_and_motmetrics(seed: int, noise_px: float) -> None:
    pytest.importorskip("trackeval", reason="the test extra is not installed")
    truth, tracks = _film(seed, noise_px)
    assume(len(truth) and len(tracks))
    ours, frames = asdict(score_tracks(truth, tracks)), judged(truth, tracks)
    for theirs in (by_trackeval(frames), by_motmetrics(frames)):
        assert {name: ours[name] for name in theirs} == pytest.approx(theirs, abs=1e-9)


def test_frames_in_which_nobody_is_and_nobody_is_found_count_for_the_count_error_only() -> None:
    truth, tracks = _sequence([1] * 4), _sequence([])
    assert score_tracks(truth, tracks, frames=np.arange(8)).count_mae == 0.5
    found = asdict(score_tracks(truth, truth, frames=np.arange(2, 40)))
    assert (found["hota"], found["mota"], found["misses"], found["count_mae"]) == (1, 1, 0, 0)


def test_scores_are_defined_where_nobody_was_to_be_found() -> None:
    nobody = _sequence([])
    scores = score_tracks(nobody, _sequence([1] * 3), frames=np.arange(3))
    assert (scores.hota, scores.false_positives, scores.count_mae, scores.true_tracks) == (0, 3, 1, 0)
    assert score_tracks(nobody, nobody, frames=np.arange(3)).count_mae == 0
    assert score_tracks(nobody, nobody).count_mae == 0
