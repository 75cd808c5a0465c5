"""The matcher: which query gets which pair."""

import numpy as np
import pytest
import torch

from ops.interactions.qpic.boxes import corners, giou
from ops.interactions.qpic.matcher import MatchCosts, Target, cost_matrix, match
from ops.interactions.qpic.network import Outputs
from schemas.errors import ModelError

LEFT, RIGHT = [0.2, 0.5, 0.2, 0.6], [0.8, 0.5, 0.2, 0.6]
NOWHERE = [0.0, 0.0, 0.0, 0.0]


def outputs(subjects: list[list[float]], objects: list[list[float]], classes: int = 3, verbs: int = 2) -> Outputs:
    """Returns the outputs of one picture that knows nothing but boxes."""
    return Outputs(
        torch.zeros(1, len(subjects), classes),
        torch.zeros(1, len(subjects), verbs),
        torch.tensor([subjects]),
        torch.tensor([objects]),
    )


def target(subjects: list[list[float]], objects: list[list[float]], verbs: int = 2) -> Target:
    labels = torch.zeros(len(subjects), dtype=torch.int64)
    boxes = (torch.tensor(given).reshape(-1, 4) for given in (subjects, objects))
    return Target(labels, torch.ones(len(subjects), verbs), *boxes)


def test_each_pair_gets_the_query_whose_boxes_fit() -> None:
    ((queries, pairs),) = match(
        outputs([RIGHT, LEFT, LEFT], [LEFT, LEFT, RIGHT]), [target([LEFT, RIGHT], [RIGHT, LEFT])]
    )
    assert queries.tolist() == [0, 2] and pairs.tolist() == [1, 0]


def test_the_worse_box_counts_not_the_sum() -> None:
    costs = MatchCosts(0, 0, 1, 0)
    one = Outputs(*(values[0] for values in outputs([LEFT, RIGHT], [RIGHT, RIGHT])))
    cost = cost_matrix(one, target([LEFT], [LEFT]), costs)
    assert cost[:, 0].tolist() == pytest.approx([0.6, 0.6]), "both boxes wrong costs no more than one"


def test_an_object_that_is_not_in_the_picture_costs_by_its_subject() -> None:
    one = Outputs(*(values[0] for values in outputs([LEFT, RIGHT], [RIGHT, RIGHT])))
    cost = cost_matrix(one, target([LEFT], [NOWHERE]), MatchCosts(0, 0, 1, 0))
    assert cost[:, 0].tolist() == pytest.approx([0.0, 0.6])


def test_verbs_that_are_there_and_verbs_that_are_not_count_alike() -> None:
    one = Outputs(*(values[0] for values in outputs([LEFT] * 2, [LEFT] * 2, verbs=4)))
    one.verb_logits[0] = torch.tensor([50.0, -50.0, -50.0, -50.0])
    one.verb_logits[1] = torch.tensor([50.0, 50.0, 50.0, 50.0])
    wanted = target([LEFT], [LEFT])._replace(verb_labels=torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
    cost = cost_matrix(one, wanted, MatchCosts(0, 1, 0, 0))
    assert cost[:, 0].tolist() == pytest.approx([-1.0, -0.5], abs=1e-3)


def test_a_picture_without_pairs_gets_no_query() -> None:
    ((queries, pairs),) = match(outputs([LEFT], [LEFT]), [target([], [])])
    assert len(queries) == len(pairs) == 0


def test_outputs_that_are_not_finite_are_an_error() -> None:
    given = outputs([LEFT], [LEFT])
    given.subject_boxes[0, 0, 0] = torch.nan
    with pytest.raises(ModelError, match="not finite: train with a lower learning rate"):
        match(given, [target([LEFT], [LEFT])])


def test_generalized_iou_is_one_for_equal_boxes_and_negative_for_distant_ones() -> None:
    left, right = torch.tensor(LEFT), torch.tensor(RIGHT)
    assert giou(left, left).item() == pytest.approx(1)
    # The hull is .8 wide, of which .4 belongs to neither.
    assert giou(left, right).item() == pytest.approx(-0.5)
    assert giou(torch.stack([left, right])[:, None], torch.stack([left] * 3)).shape == (2, 3)
    assert giou(torch.zeros(4), torch.zeros(4)).item() == 0, "not 0 / 0"
    np.testing.assert_allclose(corners(left), [0.1, 0.2, 0.3, 0.8], atol=1e-6)
