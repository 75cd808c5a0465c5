"""KITTI's average precision on boxes whose score is computed by hand."""

from dataclasses import replace

import numpy as np
import pytest

from ops.boxes3d.average_precision import DIFFICULTIES, average_precision
from schemas.frame_boxes3d import FrameBoxes3d


def boxes(count: int, kind: str = "Car", height_px: float = 60.0) -> FrameBoxes3d:
    """One box per frame, ten metres ahead."""
    ones = np.ones(count)
    return FrameBoxes3d(
        frame=np.arange(count) + 1,
        identity=np.full(count, 1),
        kind=np.full(count, kind),
        truncated=0 * ones,
        occluded=np.zeros(count, np.int64),
        alpha=0 * ones,
        box=np.tile([100.0, 100, 180, 100 + height_px], (count, 1)),
        size_m=np.tile([1.5, 1.8, 4.2], (count, 1)),
        location_m=np.tile([0, 1.7, 10.0], (count, 1)),
        rotation_y=0 * ones,
        score=np.nan * ones,
    )


def found(truth: FrameBoxes3d, score: float = 0.9) -> FrameBoxes3d:
    return replace(truth, score=np.full(len(truth), score))


def joined(one: FrameBoxes3d, other: FrameBoxes3d) -> FrameBoxes3d:
    return FrameBoxes3d(
        *(np.concatenate([getattr(each, n) for each in (one, other)]) for n in one.__dataclass_fields__)
    )


@pytest.mark.parametrize("count", [1, 7, 40, 133])
@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_identical_labels_score_100(count, difficulty) -> None:
    truth = boxes(count)
    for measure in ("bev", "3d"):
        score = average_precision(truth, found(truth), "Car", measure, difficulty)
        assert score.average == pytest.approx(100) and score.truth == count and score.mean_iou == pytest.approx(1)


def test_half_of_the_boxes_score_half_and_false_ones_that_are_surer_cost_precision() -> None:
    truth = boxes(40)
    half = found(truth.take(np.arange(20)))
    assert average_precision(truth, half, "Car", "3d", "easy").average == pytest.approx(50)
    false = replace(found(truth, 0.95), location_m=truth.location_m + np.array([0, 0, 30]))
    both = joined(found(truth), false)
    assert average_precision(truth, both, "Car", "3d", "easy").average == pytest.approx(50)
    later = joined(found(truth), replace(false, score=np.full(40, 0.1)))
    assert average_precision(truth, later, "Car", "3d", "easy").average == pytest.approx(100), "unsure ones come last"


def test_an_overlap_below_the_limit_is_no_match_and_bev_ignores_height() -> None:
    truth = boxes(10)
    moved = replace(found(truth), location_m=truth.location_m + np.array([1.0, 0, 0]))  # IoU 3.2 / 5.2
    assert average_precision(truth, moved, "Car", "bev", "easy").average == 0
    raised = replace(found(truth), location_m=truth.location_m - np.array([0, 0.5, 0]))  # volumes 1 / 2
    assert average_precision(truth, raised, "Car", "bev", "easy").average == pytest.approx(100)
    assert average_precision(truth, raised, "Car", "3d", "easy").average == 0
    people, mine = (replace(each, kind=np.full(10, "Pedestrian")) for each in (truth, moved))
    assert average_precision(people, mine, "pedestrian", "bev", "easy").average == pytest.approx(100), "half is enough"


def test_small_hidden_and_cut_boxes_count_by_difficulty_and_else_neither_way() -> None:
    truth = boxes(40)
    truth = replace(truth, occluded=np.repeat([0, 1, 2, 3], 10))
    counted = {each: average_precision(truth, found(truth), "Car", "3d", each) for each in DIFFICULTIES}
    assert [each.truth for each in counted.values()] == [10, 20, 30]
    assert [each.average for each in counted.values()] == pytest.approx([100, 100, 100])
    cut = replace(boxes(4), truncated=np.array([0, 0.2, 0.4, 0.6]))
    assert [average_precision(cut, found(cut), "Car", "3d", each).truth for each in DIFFICULTIES] == [1, 2, 3]
    small = boxes(3, height_px=30)
    assert average_precision(small, found(small), "Car", "3d", "easy").average is None
    assert average_precision(small, found(small), "Car", "3d", "hard").average == pytest.approx(100)


def test_a_van_is_neither_a_car_nor_a_false_one_and_other_types_do_not_count() -> None:
    truth = joined(boxes(10), boxes(10, "Van"))
    truth.frame[10:] += 10
    seen = replace(found(truth), kind=np.full(20, "Car"))
    assert average_precision(truth, seen, "Car", "3d", "hard").average == pytest.approx(100)
    truck = replace(truth, kind=np.where(truth.kind == "Van", "Truck", truth.kind))
    score = average_precision(truck, seen, "Car", "3d", "hard")
    assert score.average == pytest.approx(50) and score.truth == 10
