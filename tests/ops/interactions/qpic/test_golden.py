"""QPIC's network, pairs, matcher and losses against the golden numbers of the authors' program."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch

from ops.interactions.qpic import network as network_module
from ops.interactions.qpic import transformer
from ops.interactions.qpic.network import Outputs
from tests.support.golden import close, equal, require
from tests.support.qpic_golden import CASES, ForwardCase, detection_list_checks, golden_network, manifest_checks
from tests.support.qpic_loss_golden import loss_cases, loss_checks

LOSS_CASES = (
    *("two_images", "two_images_other_costs", "one_image_without_pairs", "absent_objects"),
    *("absent_objects_other_costs", "all_objects_absent", "first_image_empty_second_absent", "pair_without_verb"),
    *("more_pairs_than_queries", "with_auxiliary_layers", "same_pair_twice", "no_pairs_at_all"),
)


@pytest.fixture(scope="module")
def hoi(assets: Path) -> Path:
    folder = assets / "hoi"
    if not folder.is_dir():
        pytest.skip(f"no golden numbers at {folder}")
    return folder


@pytest.mark.assets
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hico", "vcoco"])
def test_the_state_dict_has_the_published_names_shapes_and_types(hoi: Path, kind: str) -> None:
    require(manifest_checks(hoi / "qpic", kind))


@pytest.mark.assets
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_array_of_a_forward_pass_is_that_of_the_authors_program(hoi: Path, name: str) -> None:
    case = ForwardCase(hoi / "qpic", name)
    require(case.picture_checks(), "The rule of the pictures is another one.")
    run = case.run(golden_network(case.kind))
    require(run.checks(), run.nearest_mistake(hoi / "qpic"))


@pytest.mark.assets
@pytest.mark.slow
def test_in_float64_the_forward_pass_differs_by_the_rounding_of_the_file_only(hoi: Path) -> None:
    case = ForwardCase(hoi / "qpic", "hico_odd")
    run = case.run(deepcopy(golden_network(case.kind)).double())
    assert run.double
    require(run.checks(), run.nearest_mistake(hoi / "qpic"))


@pytest.mark.assets
def test_the_vcoco_detection_list_is_that_of_the_authors_program(hoi: Path) -> None:
    require(detection_list_checks(hoi / "qpic"))


@pytest.mark.assets
@pytest.mark.parametrize("name", LOSS_CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_costs_assignments_losses_and_gradients_are_those_of_the_authors_program(
    hoi: Path, name: str, dtype: torch.dtype
) -> None:
    cases = {case["name"]: case for case in loss_cases(hoi / "loss")}
    assert set(cases) == set(LOSS_CASES)
    require(loss_checks(cases[name], dtype))


def ignore_padding(patch: pytest.MonkeyPatch, network: Any) -> None:
    for layers in (network.transformer.encoder.layers, network.transformer.decoder.layers):
        for layer in layers:
            plain = layer.forward
            patch.setattr(layer, "forward", lambda *given, plain=plain: plain(*given[:-1], torch.zeros_like(given[-1])))


def put_x_before_y(patch: pytest.MonkeyPatch, network: Any) -> None:
    plain = transformer.position_code
    patch.setattr(transformer, "position_code", lambda mask, channels: plain(mask, channels).roll(channels // 2, 1))


def place_in_the_padded_picture(patch: pytest.MonkeyPatch, network: Any) -> None:
    plain = transformer.position_code
    patch.setattr(transformer, "position_code", lambda mask, channels: plain(torch.zeros_like(mask), channels))


def leave_out_the_last_norm(patch: pytest.MonkeyPatch, network: Any) -> None:
    patch.setattr(network.transformer.decoder.norm, "forward", lambda values: values)


def change_norms(patch: pytest.MonkeyPatch, network: Any) -> None:
    for module in network.modules():
        if isinstance(module, torch.nn.LayerNorm):
            patch.setattr(module, "eps", 1e-6)


def change_batch_norms(patch: pytest.MonkeyPatch, network: Any) -> None:
    for module in network.modules():
        if type(module).__name__ == "FrozenBatchNorm":
            patch.setattr(module, "eps", 0.0)


def swap_boxes(patch: pytest.MonkeyPatch, network: Any) -> None:
    heads = network.sub_bbox_embed.forward, network.obj_bbox_embed.forward
    patch.setattr(network.sub_bbox_embed, "forward", heads[1])
    patch.setattr(network.obj_bbox_embed, "forward", heads[0])


def shrink_the_mask_bilinearly(patch: pytest.MonkeyPatch, network: Any) -> None:
    plain = network_module.functional.interpolate
    patch.setattr(network_module.functional, "interpolate", lambda mask, size: plain(mask, size=size, mode="bilinear"))


MISTAKES: dict[str, Callable[[pytest.MonkeyPatch, Any], None]] = {
    "key padding mask ignored in attention": ignore_padding,
    "x half of the position code put before the y half": put_x_before_y,
    "position code computed from the padded size instead of the valid size": place_in_the_padded_picture,
    "final decoder LayerNorm missing": leave_out_the_last_norm,
    "LayerNorm eps 1e-6 instead of 1e-5": change_norms,
    "batch-norm eps 0 instead of 1e-5": change_batch_norms,
    "subject and object box heads swapped": swap_boxes,
    "mask shrunk bilinearly then cast to bool (any padding) instead of nearest": shrink_the_mask_bilinearly,
}


@pytest.mark.assets
@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_and_named(hoi: Path, monkeypatch: pytest.MonkeyPatch, mistake: str) -> None:
    case = ForwardCase(hoi / "qpic", "hico_odd")
    network = golden_network(case.kind)
    MISTAKES[mistake](monkeypatch, network)
    run = case.run(network)
    monkeypatch.undo()
    with pytest.raises(pytest.fail.Exception, match="golden numbers are not met"):
        require(run.checks())
    assert repr(mistake) in run.nearest_mistake(hoi / "qpic")


def test_comparisons_see_what_differs() -> None:
    assert close("same", [1.0, None], [1.0, float("nan")], 0).passed
    assert not close("far", [1.0], [1.1], 0.05).passed
    assert not close("not a number", [float("nan")], [1.0], 9).passed
    assert close("shape", [1.0], [[1.0]], 9).detail == "shape (1,), golden (1, 1)"
    assert not equal("labels", [1, 2], [1, 3]).passed
    with pytest.raises(AssertionError, match="nothing was compared"):
        require([])


def test_outputs_are_named_in_the_order_of_the_golden_arrays() -> None:
    assert Outputs._fields == ("object_logits", "verb_logits", "subject_boxes", "object_boxes")
