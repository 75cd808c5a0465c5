"""The bench that trains a tiny QPIC: a few steps show that its material is right and that the loss falls."""

import numpy as np
import pytest
import torch

from bench.interactions_overfit import BICYCLE, HOLD, PERSON, PUSH, SETTINGS, draw_picture, overfit


def test_a_picture_shows_what_its_truth_says() -> None:
    random = np.random.default_rng(3)
    for _ in range(20):
        picture = draw_picture(random)
        target, truth = picture.target(), picture.truth
        assert set(target.object_labels.tolist()) <= {1, 2} and len(target.object_labels) == len(truth.box) // 2
        for box, label in zip(truth.box.astype(int), truth.label, strict=True):
            x1, y1, x2, y2 = box
            inside = picture.image[:, y1:y2, x1:x2]
            assert inside.shape[1:] == (y2 - y1, x2 - x1), "within the picture"
            assert (inside.flatten(1).argmax(0) == [0, 2, 1][label]).all(), "in the colour of its class"
        pushed = target.object_labels[target.verb_labels[:, PUSH] == 1]
        assert (pushed == BICYCLE).all() and torch.equal(target.verb_labels[:, PUSH], target.verb_labels[:, HOLD])
        assert (truth.label[truth.pair[:, 0]] == PERSON).all()


@pytest.mark.slow
def test_a_few_steps_lower_the_loss() -> None:
    found = overfit(steps=24)
    assert found.loss < 0.9 * found.first_loss
    assert 0 <= found.mean_ap < 1, "so few steps are not enough to know the pictures"
    assert SETTINGS.dropout == 0
