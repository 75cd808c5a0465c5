"""Compares QPIC's matcher and losses with the golden numbers of ``hoi/loss``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ops.interactions.qpic.losses import LossSettings, losses, total
from ops.interactions.qpic.matcher import MatchCosts, Target, cost_matrix, match
from ops.interactions.qpic.network import Outputs
from tests.support.golden import Check, close, equal

RELATIVE = 1e-4
GOLDEN_NAMES = ("pred_obj_logits", "pred_verb_logits", "pred_sub_boxes", "pred_obj_boxes")
TARGET_SHAPES = {"obj_labels": (-1,), "verb_labels": (-1, 7), "sub_boxes": (-1, 4), "obj_boxes": (-1, 4)}


def loss_cases(folder: Path) -> list[dict[str, Any]]:
    """Returns the cases of the file."""
    cases: list[dict[str, Any]] = json.loads((folder / "hoi_loss_cases.json").read_text())["cases"]
    return cases


def loss_checks(case: dict[str, Any], dtype: torch.dtype = torch.float32) -> list[Check]:
    """Compares cost matrices, assignments, and for both kinds of verb loss all losses, the total and its gradients."""
    return [*_match_checks(case, dtype), *_loss_checks(case, "focal", dtype), *_loss_checks(case, "bce", dtype)]


def _match_checks(case: dict[str, Any], dtype: torch.dtype) -> Iterator[Check]:
    layers, targets = _layers(case, dtype), _targets(case, dtype)
    costs, expected, name = _costs(case), case["expected"], case["name"]
    for picture, (target, golden) in enumerate(zip(targets, expected["cost_matrices"], strict=True)):
        one = Outputs(*(values[picture].detach() for values in layers[-1]))
        cost = cost_matrix(one, target, costs)
        want = np.reshape(golden, cost.shape)
        yield close(f"{name} costs of picture {picture}", cost, want, RELATIVE, RELATIVE)
    found = [match(layer, targets, costs) for layer in layers]
    golden = [*expected.get("aux_indices", []), expected["indices"]]
    for number, (ours, theirs) in enumerate(zip(found, golden, strict=True)):
        pairs = [[queries.tolist(), true.tolist()] for queries, true in ours]
        if case["matching_unique"]:
            yield equal(f"{name} indices of layer {number}", pairs, theirs)
        else:
            queries = [sorted(one[0]) for one in pairs], [sorted(one[0]) for one in theirs]
            yield equal(f"{name} queries of layer {number}, equal targets may swap", *queries)


def _loss_checks(case: dict[str, Any], kind: Any, dtype: torch.dtype) -> Iterator[Check]:
    layers, name, golden = _layers(case, dtype), f"{case['name']} {kind}", case["expected"][kind]
    settings = LossSettings(verb_loss=kind, costs=_costs(case))
    found = losses(layers, _targets(case, dtype), settings)
    yield equal(f"{name} names", sorted(found), sorted(golden["losses"]))
    for part, value in golden["losses"].items():
        yield close(f"{name} {part}", found[part].detach(), value, RELATIVE, RELATIVE)
    whole = total(found, settings)
    yield close(f"{name} weighted_total", whole.detach(), golden["weighted_total"], RELATIVE, RELATIVE)
    whole.backward()  # type: ignore[no-untyped-call]
    for values, part in zip(layers[-1], GOLDEN_NAMES, strict=True):
        gradient = torch.zeros_like(values) if values.grad is None else values.grad
        sums = [float(gradient.abs().sum()), float(gradient.sum())]
        yield close(f"{name} gradient of {part}", sums, golden["grad_abs_sum_and_sum"][part], RELATIVE, RELATIVE)
        if f"grad_{part}" in golden:
            yield close(f"{name} whole gradient of {part}", gradient, golden[f"grad_{part}"], RELATIVE, RELATIVE)


def _layers(case: dict[str, Any], dtype: torch.dtype) -> list[Outputs]:
    given = [*case["aux_outputs"], case["outputs"]]
    return [
        Outputs(*(torch.tensor(layer[name], dtype=dtype, requires_grad=True) for name in GOLDEN_NAMES))
        for layer in given
    ]


def _targets(case: dict[str, Any], dtype: torch.dtype) -> list[Target]:
    return [
        Target(
            *(
                torch.tensor(one[name], dtype=torch.int64 if name == "obj_labels" else dtype).reshape(shape)
                for name, shape in TARGET_SHAPES.items()
            )
        )
        for one in case["targets"]
    ]


def _costs(case: dict[str, Any]) -> MatchCosts:
    weights = case["cost_weights"]
    names = ("set_cost_obj_class", "set_cost_verb_class", "set_cost_bbox", "set_cost_giou")
    return MatchCosts(*(weights[name] for name in names))
