"""The benchmark of `tune` shakes footage, the same each time, and scores tracks of people against the truth of PETS."""

from pathlib import Path

import numpy as np
import pytest

from bench.pets import TICKS_A_FRAME, pets_truth
from bench.tune import hota_to_truth, shaken
from ops.tracking.agreement import TrackAgreement
from schemas.op import Tables
from tests.ops.tracking.test_agreement import tables


def test_a_shaken_frame_is_moved_by_a_little_and_always_alike() -> None:
    frame = np.zeros((40, 60, 3), np.uint8)
    frame[10:20, 20:30] = 255
    moved = [shaken(frame, number, 3.0) for number in range(8)]
    assert np.array_equal(moved[2], shaken(frame, 2, 3.0))
    assert len({each.tobytes() for each in moved}) == 8
    for each in moved:
        rows, columns = (axis.mean() for axis in np.nonzero(each[..., 0] > 127))
        assert 0 < np.hypot(rows - 14.5, columns - 24.5) <= 3 * np.sqrt(2) + 0.5


@pytest.mark.assets
def test_the_truth_itself_has_the_best_score(assets: Path) -> None:
    truth = pets_truth(assets)
    truth = truth.take(truth.counts)
    points = {
        "tracklet_id": [str(each) for each in truth.identity],
        "pts": (truth.frame - 1) * TICKS_A_FRAME,
        **{name: truth.box[:, edge] for edge, name in enumerate(("x1", "y1", "x2", "y2"))},
    }
    names = sorted(set(points["tracklet_id"]))
    empty = tables()
    found: Tables = {
        "tracklets": type(empty["tracklets"]).from_pydict({"tracklet_id": names, "label": ["person"] * len(names)}),
        "tracklet_points": type(empty["tracklet_points"]).from_pydict(points),
    }
    assert hota_to_truth(found) == pytest.approx(1.0)
    agreement = TrackAgreement()
    agreement.add(found, found)
    assert agreement.loss == pytest.approx(0, abs=1e-9)
