"""The network: the numbers of a tiny one, and what padding, batches and sizes may not change."""

import json

import numpy as np
import pytest
import torch

from ops.interactions.qpic.names import COCO_IDS, COCO_OBJECTS, HICO_VERBS, MISSING_OBJECT, VCOCO_VERBS
from ops.interactions.qpic.network import Qpic, pad_pictures
from ops.interactions.qpic.settings import hico_settings, vcoco_settings
from ops.interactions.qpic.transformer import position_code
from tests.support.golden import Check, close, equal, require
from tests.support.qpic_tiny import FIXTURE, tiny_numbers
from tests.support.qpic_weights import TINY, network_of, picture_of


def test_a_tiny_network_gives_the_numbers_that_it_gave() -> None:
    golden, ours = json.loads(FIXTURE.read_text()), tiny_numbers()
    checks: list[Check] = [equal("names", sorted(ours), sorted(golden))]
    for name, values in golden.items():
        if isinstance(values, dict):
            checks += [close(f"{name} {part}", ours[name][part], value, 1e-6) for part, value in values.items()]
        else:
            checks.append(
                equal(name, ours[name], values) if name == "indices" else close(name, ours[name], values, 1e-6)
            )
    require(checks)


def test_the_transformer_does_not_see_padding() -> None:
    network = network_of(TINY).double()
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, TINY.hidden, 3, 5, generator=generator, dtype=torch.float64)
    mask = torch.zeros(2, 3, 5, dtype=torch.bool)
    mask[1, :, 2:], mask[1, 2] = True, True
    queries = network.query_embed.weight
    with torch.inference_mode():
        both = network.transformer(features, mask, queries)[-1]
        changed = network.transformer(features.masked_fill(mask[:, None], 7.0), mask, queries)[-1]
        alone = network.transformer(features[1:, :, :2, :2], mask[1:, :2, :2], queries)[-1]
    np.testing.assert_allclose(both, changed, atol=1e-12)
    np.testing.assert_allclose(both[1], alone[0], atol=1e-12)


def test_pictures_are_padded_at_the_right_and_below() -> None:
    images, mask = pad_pictures([torch.ones(3, 4, 6), torch.ones(3, 5, 2)])
    assert images.shape == (2, 3, 5, 6) and mask.shape == (2, 5, 6)
    assert images[1, 0].tolist() == [[1, 1, 0, 0, 0, 0]] * 5
    assert mask.sum((1, 2)).tolist() == [6, 20] and not mask[0, :4].any() and not mask[1, :, :2].any()


def test_a_place_is_a_share_of_the_picture_without_padding() -> None:
    mask = torch.zeros(2, 2, 4, dtype=torch.bool)
    mask[1, :, 2:] = True
    whole, half = position_code(mask, 8)
    # The first channel of each half turns once over the picture: its sine is 0 at the end.
    assert whole[4, 0].numpy() == pytest.approx([1, 0, -1, 0], abs=1e-5)
    assert half[4, 0, :2].numpy() == pytest.approx([0, 0], abs=1e-5)
    assert whole[0, :, 0].numpy() == pytest.approx([0, 0], abs=1e-5)
    assert whole[5, 0].numpy() == pytest.approx([0, -1, 0, 1], abs=1e-5), "the second channel is the cosine"


def test_half_precision_keeps_places_in_float32() -> None:
    network = network_of(TINY)
    images, mask = pad_pictures([picture_of("half", 64, 96)])
    with torch.inference_mode():
        full = network(images, mask)[-1]
        half = network.to(torch.bfloat16)(images.to(torch.bfloat16), mask)[-1]
    assert half.subject_boxes.dtype == torch.bfloat16
    assert position_code(mask, 16).dtype == torch.float32
    np.testing.assert_allclose(half.subject_boxes.float(), full.subject_boxes, atol=0.05)


def test_frozen_batch_norm_has_no_weights_to_train_and_dropout_is_off_unless_training() -> None:
    network = Qpic(TINY)
    assert not [name for name, _ in network.named_parameters() if ".bn" in name or "downsample.1" in name]
    images, mask = pad_pictures([picture_of("train", 64, 64)])
    with torch.inference_mode():
        torch.manual_seed(0)
        trained = [network.train()(images, mask)[-1].verb_logits for _ in range(2)]
        run = [network.eval()(images, mask)[-1].verb_logits for _ in range(2)]
    assert not torch.equal(*trained) and torch.equal(*run)


def test_names_are_in_the_published_order() -> None:
    assert (len(COCO_OBJECTS), len(COCO_IDS), len(HICO_VERBS), len(VCOCO_VERBS)) == (80, 80, 117, 29)
    assert list(HICO_VERBS) == sorted(set(HICO_VERBS)), "HICO-DET numbers its verbs by the alphabet"
    ids = dict(zip(COCO_OBJECTS, COCO_IDS, strict=True))
    assert (ids["person"], ids["stop sign"], ids["backpack"], ids["tv"], ids["toothbrush"]) == (1, 13, 27, 72, 90)
    assert vcoco_settings().objects[80] == MISSING_OBJECT and vcoco_settings().missing_object == 80
    assert hico_settings(101).blocks == (3, 4, 23, 3) and hico_settings().missing_object is None
