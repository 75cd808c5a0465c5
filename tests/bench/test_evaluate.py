"""The evaluators give the published figures of a known tracker, and the obvious ones for simple cases."""

from pathlib import Path

import numpy as np
import pytest

from bench.evaluate import MotRows, evaluate, load_mot, rows_of

BOX = np.array([10.0, 20.0, 50.0, 120.0])
FAR = np.array([200.0, 20.0, 240.0, 120.0])


def _sequence(identities: list[int], box: np.ndarray = BOX) -> MotRows:
    """Builds one box per frame, at one place, with these identities."""
    return rows_of(np.arange(len(identities)), np.array(identities), np.tile(box, (len(identities), 1)))


def _both(a: MotRows, b: MotRows) -> MotRows:
    return MotRows(*(np.concatenate([getattr(a, n), getattr(b, n)]) for n in ("frame", "identity", "box", "counts")))


@pytest.mark.assets
def test_figures_of_a_published_tracker(assets: Path) -> None:
    folder = assets / "gt" / "TUD-Campus"
    scores = evaluate(load_mot(folder / "gt.txt"), load_mot(folder / "results.txt"))
    assert scores.mota == pytest.approx(0.526462, abs=5e-7)
    assert scores.idf1 == pytest.approx(0.557659, abs=5e-7)
    assert scores.id_switches == 7
    assert scores.hota == pytest.approx(0.3914, abs=5e-5)
    assert scores.deta == pytest.approx(0.4180, abs=5e-5)
    assert scores.assa == pytest.approx(0.3691, abs=5e-5)


def test_the_truth_itself_is_perfect() -> None:
    truth = _both(_sequence([1] * 10), _sequence([2] * 10, FAR))
    scores = evaluate(truth, truth)
    assert (scores.hota, scores.mota, scores.idf1, scores.recall, scores.precision) == (1, 1, 1, 1, 1)
    assert (scores.id_switches, scores.count_mae, scores.tracks, scores.true_tracks) == (0, 0, 2, 2)


def test_one_switch_halfway_halves_the_association_only() -> None:
    scores = evaluate(_sequence([1] * 10), _sequence([5] * 5 + [6] * 5))
    assert scores.id_switches == 1
    assert scores.mota == pytest.approx(0.9)
    assert scores.deta == pytest.approx(1.0)
    assert scores.assa == pytest.approx(0.5)


def test_nothing_found_is_all_missed() -> None:
    scores = evaluate(_sequence([1] * 4), _sequence([]))
    assert (scores.hota, scores.recall, scores.misses, scores.count_mae) == (0, 0, 4, 1)


def test_a_box_elsewhere_is_a_miss_and_a_false_positive() -> None:
    scores = evaluate(_sequence([1] * 4), _sequence([1] * 4, FAR))
    assert (scores.misses, scores.false_positives, scores.mota) == (4, 4, -1)


@pytest.mark.parametrize(("forgive", "false_positives"), [(False, 3), (True, 0)])
def test_results_on_ignored_truth(forgive: bool, false_positives: int) -> None:
    ignored = _sequence([2] * 3, FAR)
    truth = _both(_sequence([1] * 3), MotRows(ignored.frame, ignored.identity, ignored.box, np.zeros(3, np.bool_)))
    found = _both(_sequence([7] * 3), _sequence([8] * 3, FAR))
    scores = evaluate(truth, found, forgive_ignored=forgive)
    assert (scores.misses, scores.false_positives) == (0, false_positives)
    assert scores.true_tracks == 1


def test_load_mot_scales_and_reads_flags(tmp_path: Path) -> None:
    file = tmp_path / "gt.txt"
    file.write_text("1,9,100,40,20,60,1,-1,-1,-1\n2,9,102,40,20,60,0,-1,-1,-1\n")
    rows = load_mot(file, scale=0.5)
    np.testing.assert_allclose(rows.box, [[50, 20, 60, 50], [51, 20, 61, 50]])
    assert rows.counts.tolist() == [True, False]
    assert rows.frame.tolist() == [1, 2]
