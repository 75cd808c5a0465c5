"""Training makes losses small, is the same every time, and goes on where it was stopped."""

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from ops.interactions.qpic.checkpoints import load_qpic
from ops.interactions.qpic.training import Training, begin_network
from schemas.errors import UserError
from schemas.labelled_pictures import LabelledPicture
from schemas.training import TrainingSettings
from schemas.values import Uint8
from storage.hoi_datasets.own import read_own
from tests.ops.interactions.qpic.tiny import TINY, tiny_network, tiny_weights
from tests.support.labelled import write_own

pytestmark = pytest.mark.slow

QUICK = TrainingSettings(
    epochs=3, rate=1e-3, backbone_rate=5e-4, drop_epoch=0, short_side_px=64, long_side_px=96, fixed_stem=False
)


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[LabelledPicture, ...]:
    return read_own(write_own(tmp_path / "labelled"), ()).pictures


def read(labels: LabelledPicture) -> Uint8:
    return np.asarray(cv2.imread(str(labels.path)), np.uint8)


def weights_of(training: Training) -> dict[str, torch.Tensor]:
    return torch.load(io.BytesIO(training.weights()), weights_only=True)["model"]


def test_losses_fall(pictures) -> None:
    training = Training(tiny_network(), pictures, read, replace(QUICK, augment=False, rate=4e-3))
    totals = [training.run_epoch().total for _ in range(10)]
    assert totals[-1] < 0.75 * totals[0]
    assert [row.epoch for row in training.log] == list(range(1, 11))
    assert {"loss_obj_ce", "loss_verb_ce", "loss_sub_bbox", "loss_obj_giou"} <= set(training.log[0].losses)


def test_the_same_seed_gives_the_same_network_and_another_seed_another(pictures) -> None:
    networks = []
    for seed in (1, 1, 2):
        training = Training(tiny_network(), pictures, read, replace(QUICK, seed=seed))
        steps: list[tuple[int, int]] = []
        training.run_epoch(lambda *step, steps=steps: steps.append(step))
        assert steps == [(1, 2), (2, 2)]
        networks.append(weights_of(training))
    first, again, other = networks
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_a_training_that_goes_on_gives_what_one_without_a_break_gives(pictures) -> None:
    settings = replace(QUICK, drop_epoch=2)
    unbroken = Training(tiny_network(), pictures, read, settings)
    states = []
    for _ in range(3):
        unbroken.run_epoch()
        states.append(unbroken.state())
    again = Training(tiny_network(seed=5), pictures, read, settings)
    again.restore(states[0])
    assert again.done == 1
    with pytest.raises(UserError, match="state of the training is damaged"):
        Training(tiny_network(), pictures, read, settings).restore(states[0][:500])
    for _ in range(2):
        again.run_epoch()
    assert again.log == unbroken.log
    mine, theirs = weights_of(again), weights_of(unbroken)
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    assert [row.rate for row in unbroken.log] == [1e-3, 1e-3, pytest.approx(1e-4)]


def test_the_weights_carry_their_names(pictures, tmp_path: Path) -> None:
    training = Training(tiny_network(), pictures, read, QUICK)
    (tmp_path / "weights.pth").write_bytes(training.weights())
    _, settings = load_qpic(tmp_path / "weights.pth")
    assert (settings.objects, settings.verbs) == (TINY.objects, TINY.verbs)


def test_the_first_layers_stay_if_they_are_fixed(pictures) -> None:
    before = {name: values.clone() for name, values in tiny_network().state_dict().items()}
    training = Training(tiny_network(), pictures, read, replace(QUICK, fixed_stem=True))
    training.run_epoch()
    after = weights_of(training)
    stem = [name for name in before if "body.conv1" in name or "body.layer1" in name]
    assert stem and all(torch.equal(before[name], after[name]) for name in stem)
    assert not torch.equal(
        before["backbone.0.body.layer2.0.conv1.weight"], after["backbone.0.body.layer2.0.conv1.weight"]
    )


def test_a_training_begins_with_weights_of_other_classes(tmp_path: Path) -> None:
    start = Path(tiny_weights(tmp_path / "tiny.pth").path)
    settings = replace(TINY, objects=("person", "bench"), verbs=("sits_on", "lies_on"))
    network, unknown = begin_network(settings, start, seed=0)
    assert unknown == ["lies_on"]
    old, new = tiny_network().state_dict(), network.state_dict()
    assert torch.equal(new["verb_class_embed.weight"][0], old["verb_class_embed.weight"][1])
    assert torch.equal(new["obj_class_embed.bias"], old["obj_class_embed.bias"][[0, 2, 3]])
    again, _ = begin_network(settings, start, seed=0)
    assert torch.equal(again.state_dict()["verb_class_embed.weight"], new["verb_class_embed.weight"])


def test_pictures_without_pairs_and_with_more_pairs_than_queries_are_learned_from(pictures) -> None:
    nobody = replace(pictures[0], pairs=())
    boxes = np.tile(pictures[1].boxes, (5, 1))
    (pair,) = pictures[1].pairs
    crowd = LabelledPicture(
        pictures[1].path,
        boxes,
        np.tile(pictures[1].labels, 5),
        tuple(pair._replace(subject=2 * subject, object=2 * thing + 1) for subject in range(5) for thing in range(5)),
    )
    losses = Training(tiny_network(), (nobody, crowd), read, QUICK).run_epoch()
    assert np.isfinite(losses.total) and losses.steps == 1


def test_a_picture_that_cannot_be_read_ends_the_epoch_with_its_name(pictures) -> None:
    def fail(labels: LabelledPicture) -> Uint8:
        raise UserError(f"{labels.path} cannot be read")

    with pytest.raises(UserError, match=r"\.png cannot be read"):
        Training(tiny_network(), pictures, fail, QUICK).run_epoch()
