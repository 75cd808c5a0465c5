"""Compares QPIC's network with the golden numbers of ``hoi/qpic``: names, weights, every forward array, pairs."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ops.interactions.qpic.network import Outputs, Qpic, pad_pictures
from ops.interactions.qpic.postprocess import postprocess, vcoco_detections
from ops.interactions.qpic.settings import hico_settings, vcoco_settings
from ops.interactions.qpic.transformer import position_code
from tests.support.golden import Check, close, equal
from tests.support.qpic_weights import network_of, picture_of, weights_of

CASES = ("hico_a", "hico_odd", "vcoco_a")
SETTINGS = {"hico": hico_settings(), "vcoco": vcoco_settings()}
GOLDEN_NAMES = ("pred_obj_logits", "pred_verb_logits", "pred_sub_boxes", "pred_obj_boxes")
LOGITS_F32, BOXES_F32, CORNERS_F32_PX, F64 = 5e-4, 1e-4, 0.05, 1e-6
CORNERS_F64_PX = 1e-4
"""The golden corners are float32, of up to a thousand pixels."""
NO_MISTAKE = 1e-9


@cache
def golden_network(kind: str) -> Qpic:
    """Returns the full network with the weights of the rule; built once, since that takes seconds."""
    return network_of(SETTINGS[kind])


def manifest_checks(folder: Path, kind: str) -> list[Check]:
    """Compares names, shapes and types of the state dict, and the values that the rule gives."""
    golden = json.loads((folder / "state_dict_manifest.json").read_text())[kind]
    network = golden_network(kind)
    state, parameters = network.state_dict(), dict(network.named_parameters())
    ours = {
        name: [list(values.shape), str(values.dtype).removeprefix("torch."), name in parameters]
        for name, values in state.items()
    }
    theirs = {one["key"]: [one["shape"], one["dtype"], one["kind"] == "parameter"] for one in golden["keys"]}
    checks = [Check(f"{kind} {name}", ours.get(name) == entry, f"{ours.get(name)}") for name, entry in theirs.items()]
    checks.append(equal(f"{kind} further entries", sorted(set(ours) - set(theirs)), []))
    checks.append(equal(f"{kind} n_values", sum(values.numel() for values in state.values()), golden["n_values"]))
    for name, want in golden["weight_check_values"].items():
        values = weights_of(name, tuple(state[name].shape)).astype(np.float64).ravel()
        got = [*values[:4], values[-1]]
        checks.append(close(f"{kind} weights of {name}", got, [*want["first4"], want["last"]], 1e-7))
        sums = [values.sum(), np.abs(values).sum()]
        checks.append(close(f"{kind} sums of {name}", sums, [want["sum_float64"], want["abs_sum_float64"]], 1e-6, 1e-9))
    return checks


class ForwardCase:
    """One golden forward pass: pictures, golden arrays, and how many pixels the originals have."""

    def __init__(self, folder: Path, case: str) -> None:
        self.name = case
        self.kind = case.partition("_")[0]
        self.about = json.loads((folder / f"forward_{case}.json").read_text())
        self.golden = dict(np.load(folder / f"forward_{case}.npz"))
        images = self.about["images"]
        self.pictures = [picture_of(one["tag"], one["height"], one["width"]) for one in images]
        self.images, self.mask = pad_pictures(self.pictures)
        self.target_sizes = torch.from_numpy(self.golden["target_sizes_hw"])

    def picture_checks(self) -> list[Check]:
        """Compares the pictures that the rule gives, and the size of their batch."""
        checks = [equal(f"{self.name} padded_hw", list(self.images.shape[2:]), self.about["padded_hw"])]
        for picture, golden in zip(self.pictures, self.about["images"], strict=True):
            name = f"{self.name} {golden['tag']}"
            values = picture.numpy().astype(np.float64)
            checks.append(close(f"{name} sum", values.sum(), golden["sum_float64"], 1e-5))
            checks.append(close(f"{name} first3", values.ravel()[:3], golden["first3"], 1e-7))
        return checks

    def run(self, network: Qpic) -> "ForwardRun":
        """Runs a network on the pictures, in the precision of its weights."""
        dtype = network.query_embed.weight.dtype
        with torch.inference_mode(), _recorded(network) as inner:
            layers = network(self.images.to(dtype), self.mask)
        return ForwardRun(self, network, layers, inner)


@contextmanager
def _recorded(network: Qpic) -> Iterator[dict[str, list[Any]]]:
    """Keeps what the inner modules give during one pass."""
    body: Any = network.backbone[0].body
    transformer = network.transformer
    watched = {name: getattr(body, name) for name in ("maxpool", "layer1", "layer4")}
    watched |= {"input_proj": network.input_proj, "memory": transformer.encoder.layers[-1]}
    watched["decoder_hs"] = transformer.decoder.norm
    given: dict[str, list[Any]] = {name: [] for name in watched}
    hooks = [
        module.register_forward_hook(lambda _module, _inputs, output, kept=given[name]: kept.append(output))
        for name, module in watched.items()
    ]
    try:
        yield given
    finally:
        for hook in hooks:
            hook.remove()


class ForwardRun:
    """What a network gave for a case, and its comparison with the golden arrays."""

    def __init__(self, case: ForwardCase, network: Qpic, layers: list[Outputs], inner: dict[str, list[Any]]) -> None:
        self.case, self.layers, self.inner = case, layers, inner
        self.hidden = network.settings.hidden
        self.double = network.query_embed.weight.dtype == torch.float64

    def checks(self) -> list[Check]:
        """Compares every array of the case."""
        found = [*self._layer_checks(), *self._inner_checks(), *self._pair_checks()]
        missed = set(self.case.golden) - {check.name.split()[-1] for check in found}
        missed -= {"target_sizes_hw", "image_sizes_hw", "feature_pos_channels"}  # given, not found
        return [*found, equal(f"{self.case.name} arrays that were not compared", sorted(missed), [])]

    def nearest_mistake(self, folder: Path) -> str:
        """Names the typical mistake whose errors are most like ours, by the mean difference of their logarithms."""
        errors = [
            float(np.abs(ours.numpy() - self.case.golden[name]).max())
            for ours, name in zip(self.layers[-1], GOLDEN_NAMES, strict=True)
        ]
        known = json.loads((folder / "mistake_signatures.json").read_text())["mistakes"]
        case = self.case.name if self.case.name != "vcoco_a" else "hico_a"

        def unlikeness(mistake: str) -> float:
            pairs = zip(errors, known[mistake][case], strict=True)
            return math.fsum(abs(math.log((ours + NO_MISTAKE) / (theirs + NO_MISTAKE))) for ours, theirs in pairs)

        return f"Most like the mistake {min(known, key=unlikeness)!r}; errors {[f'{error:.2g}' for error in errors]}."

    def _close(self, name: str, got: Any, tolerance: float) -> Check:
        return close(f"{self.case.name} {name}", got, self.case.golden[name], F64 if self.double else tolerance)

    def _layer_checks(self) -> Iterator[Check]:
        for number, layer in enumerate(self.layers):
            last = number == len(self.layers) - 1
            for values, plain in zip(layer, GOLDEN_NAMES, strict=True):
                name = plain if last else f"aux{number}_{plain}"
                tolerance = LOGITS_F32 if "logits" in plain else BOXES_F32
                if name in self.case.golden:
                    yield self._close(name, values, tolerance)
                else:
                    yield self._close(f"{name}_q0to4", values[:, :5], tolerance)

    def _inner_checks(self) -> Iterator[Check]:
        golden = self.case.golden
        height, width = golden["feature_mask"].shape[1:]
        small = torch.nn.functional.interpolate(self.case.mask[:, None].float(), size=(height, width))[:, 0] > 0
        yield equal(f"{self.case.name} feature_mask", small.numpy(), golden["feature_mask"])
        code = position_code(small, self.hidden)[:, golden["feature_pos_channels"]]
        yield self._close("feature_pos", code, LOGITS_F32)
        cells = self.inner["memory"][-1].transpose(1, 2)
        maps = {name: self.inner[name][0] for name in ("maxpool", "layer1", "layer4", "input_proj")}
        for name, values in {**maps, "memory": cells.unflatten(2, (height, width))}.items():
            flat = values.flatten(1)
            spread = torch.stack([flat.mean(1), flat.std(1, correction=0), flat.abs().amax(1)], dim=1)
            yield self._close(f"{name}_mean_std_absmax", spread, LOGITS_F32)
            part = values[:, :2, ::8, ::8] if name in ("maxpool", "layer1") else values[:, :4]
            yield self._close(f"{name}_slice", part, LOGITS_F32)
        decoded = torch.stack(self.inner["decoder_hs"]).flatten(2)
        spread = torch.stack([decoded.mean(2), decoded.std(2, correction=0)], dim=2)
        yield self._close("decoder_hs_mean_std", spread, LOGITS_F32)
        yield self._close("decoder_hs_last_first8", self.inner["decoder_hs"][-1][:, :8], LOGITS_F32)

    def _pair_checks(self) -> Iterator[Check]:
        for number, pairs in enumerate(postprocess(self.layers[-1], self.case.target_sizes)):
            prediction = pairs.as_prediction()
            for name in ("labels", "sub_ids", "obj_ids"):
                golden = self.case.golden[f"post{number}_{name}"]
                yield equal(f"{self.case.name} post{number}_{name}", prediction[name], golden)
            boxes = self.case.golden[f"post{number}_boxes"]
            tolerance = CORNERS_F64_PX if self.double else CORNERS_F32_PX
            yield close(f"{self.case.name} post{number}_boxes", prediction["boxes"], boxes, tolerance)
            yield self._close(f"post{number}_verb_scores", prediction["verb_scores"], BOXES_F32)


def detection_list_checks(folder: Path) -> list[Check]:
    """Compares the V-COCO list, from the golden outputs: it needs no network."""
    golden = json.loads((folder / "vcoco_detection_list.json").read_text())
    arrays = dict(np.load(folder / "forward_vcoco_a.npz"))
    outputs = Outputs(*(torch.from_numpy(arrays[name]).clone() for name in GOLDEN_NAMES))
    outputs.object_logits[:, 0:3, 80] += 12.0
    possible = np.random.Generator(np.random.PCG64(7)).random((29, 80)) < 0.5
    pictures = postprocess(outputs, torch.from_numpy(arrays["target_sizes_hw"]))
    lists = [
        vcoco_detections(pairs, image_id, possible)
        for pairs, image_id in zip(pictures, golden["image_ids"], strict=True)
    ]
    kept = [record for records in lists for record in records[: golden["queries_kept_per_image"]]]
    checks = [
        equal("vcoco list, sums of rows of correct_mat", possible.sum(axis=1).tolist(), golden["correct_mat_row_sums"]),
        equal("vcoco list, records", sum(len(records) for records in lists), golden["detections_total"]),
    ]
    for number, (ours, theirs) in enumerate(zip(kept, golden["detections"], strict=True)):
        checks.append(equal(f"vcoco list, fields of record {number}", sorted(ours), sorted(theirs)))
        checks += [_field_check(f"vcoco list, {name} of record {number}", ours[name], theirs[name]) for name in theirs]
    return checks


def _field_check(name: str, ours: Any, theirs: Any) -> Check:
    if isinstance(theirs, list) and len(theirs) == 5:
        score, box = (
            close(name, ours[4], theirs[4], BOXES_F32),
            close(name, ours[:4], _with_nan(theirs[:4]), CORNERS_F32_PX),
        )
        return box if score.passed else score
    return close(name, ours, theirs, CORNERS_F32_PX if name.startswith("vcoco list, person_box") else BOXES_F32)


def _with_nan(values: list[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]
