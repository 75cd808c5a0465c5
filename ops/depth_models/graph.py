"""Depth networks as ONNX files or OpenVINO IR, such as MiDaS, Depth Anything 3, Metric3D, UniDepth and MoGe.

A graph does not say what its numbers mean nor how it wants its picture: ``ModelFile.depth`` does, from the file
``depth.toml`` beside it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ops.depth_models.network import DepthEstimate, DepthNetwork, facts_of, typed_estimate
from ops.openvino_cpu import cpu_settings, graph_file, reason_of
from schemas.depth import DepthFacts
from schemas.errors import ModelError
from schemas.values import Float32, ModelFile, Uint8

Run = Callable[[Float32], Mapping[str, Float32]]
"""From an input ``(1, 3, h, w)`` to outputs by name."""

PAST_MASK = 0.5


@dataclass(frozen=True)
class Placement:
    """Where the picture is in the network's input: ``size_px`` (width, height) from ``left_top_px`` on."""

    input_px: tuple[int, int]
    size_px: tuple[int, int]
    left_top_px: tuple[int, int] = (0, 0)


def place(picture_px: tuple[int, int], facts: DepthFacts) -> Placement:
    """Returns where a picture of (width, height) goes; the input is never smaller than ``multiple_px``."""
    assert facts.input_px is not None
    if facts.resize == "stretch":
        return Placement(facts.input_px, facts.input_px)
    ratio = min(box / side for box, side in zip(facts.input_px, picture_px, strict=True))
    if facts.resize == "fit":
        step = facts.multiple_px
        width, height = (max(step, round(side * ratio / step) * step) for side in picture_px)
        return Placement((width, height), (width, height))
    width, height = (max(1, round(side * ratio)) for side in picture_px)
    return Placement(
        facts.input_px, (width, height), ((facts.input_px[0] - width) // 2, (facts.input_px[1] - height) // 2)
    )


def load_graph(model: ModelFile, cpus: int) -> DepthNetwork:
    """Loads an ONNX file or a folder of OpenVINO IR with input ``(1, 3, H, W)``, RGB.

    Raises:
        ModelError: OpenVINO cannot read it, or it has no such inputs and outputs.
    """
    import openvino

    facts = facts_of(model)
    try:
        core = openvino.Core()
        network = core.read_model(graph_file(Path(model.path)))
    except RuntimeError as error:
        raise ModelError(f"{model.path}: OpenVINO cannot load it as a depth model: {reason_of(error)}") from error
    _check_names(model, facts, network)
    compiled: dict[tuple[int, int], Run] = {}

    def estimate(picture: Uint8) -> DepthEstimate:
        height, width = picture.shape[:2]
        placement = place((width, height), facts)
        if placement.input_px not in compiled:
            compiled[placement.input_px] = _compile(model, core, network, placement.input_px, cpus)
        outputs = compiled[placement.input_px](_input(picture, placement, facts))
        values = _restored(_values(model, facts, outputs), placement, (width, height))
        ratio = placement.size_px[0] / width
        focal_px = None if facts.intrinsics is None else float(outputs[facts.intrinsics].reshape(-1)[0]) / ratio
        return typed_estimate(model, values, focal_px, ratio)

    return estimate


def _check_names(model: ModelFile, facts: DepthFacts, network: Any) -> None:
    outputs = {name for port in network.outputs for name in port.names}
    wanted = [name for name in (facts.output, facts.factor, facts.mask, facts.intrinsics) if name is not None]
    inputs = {name for port in network.inputs for name in port.names}
    for name in (*(name for name in wanted if name not in outputs), *(n for n, _ in facts.inputs if n not in inputs)):
        raise ModelError(
            f"{model.path}: depth.toml names {name!r}, but there are inputs {', '.join(sorted(inputs))} "
            f"and outputs {', '.join(sorted(outputs))}"
        )
    if facts.output is None and len(network.outputs) > 1:
        raise ModelError(f"{model.path}: has outputs {', '.join(sorted(outputs))}; depth.toml must name its output")
    pictures = [port for port in network.inputs if not port.names & dict(facts.inputs).keys()]
    if len(pictures) != 1 or pictures[0].partial_shape.rank.get_length() != 4:
        raise ModelError(
            f"{model.path}: beside those of depth.toml it must have one input (1, 3, H, W), and has "
            f"{', '.join(str(port.partial_shape) for port in pictures) or 'none'}"
        )


def _compile(model: ModelFile, core: Any, network: Any, input_px: tuple[int, int], cpus: int) -> Run:
    facts = facts_of(model)
    further = dict(facts.inputs)
    (picture,) = (port for port in network.inputs if not port.names & further.keys())
    try:
        sized = network.clone()
        sized.reshape({picture.any_name: [1, 3, input_px[1], input_px[0]]})
        # 32 bits by name: processors with bfloat16 would use it by default.
        settings = cpu_settings(cpus) | {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = core.compile_model(sized, "CPU", settings)
    except RuntimeError as error:
        raise ModelError(
            f"{model.path}: cannot run on an input of {input_px[0]} x {input_px[1]} pixels: {reason_of(error)}"
        ) from error

    def run(tensor: Float32) -> Mapping[str, Float32]:
        given = {
            port.any_name: np.full(list(port.shape), further[name], port.element_type.to_dtype())
            for port in compiled.inputs
            for name in port.names & further.keys()
        }
        found = compiled({picture.any_name: tensor, **given})
        return {
            name: np.asarray(value, np.float32)
            for port, value in found.items()
            for name in port.names or {facts.output or ""}
        }

    return run


def _input(picture: Uint8, placement: Placement, facts: DepthFacts) -> Float32:
    """Returns ``(1, 3, h, w)``; around the picture is the mean colour, which is 0."""
    smaller = placement.size_px[0] < picture.shape[1]
    scaled = cv2.resize(picture, placement.size_px, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    normal = (scaled.astype(np.float32) / 255 - np.array(facts.mean_rgb, np.float32)) / np.array(
        facts.std_rgb, np.float32
    )
    (width, height), (left, top) = placement.input_px, placement.left_top_px
    tensor = np.zeros((1, 3, height, width), np.float32)
    tensor[0, :, top : top + placement.size_px[1], left : left + placement.size_px[0]] = normal.transpose(2, 0, 1)
    return tensor


def _values(model: ModelFile, facts: DepthFacts, outputs: Mapping[str, Float32]) -> Float32:
    """Returns the depth ``(h, w)`` of the network's output; NaN where its mask says so."""
    found = outputs[facts.output] if facts.output is not None else next(iter(outputs.values()))
    values = _without_channels(np.squeeze(found), facts.channel)
    if values.ndim != 2:
        raise ModelError(f"{model.path}: its output is no map but {found.shape = }; depth.toml may name a channel")
    if facts.factor is not None:
        values = values * outputs[facts.factor].reshape(-1)[0]
    if facts.mask is not None:
        values = np.where(np.squeeze(outputs[facts.mask]) < PAST_MASK, np.float32(np.nan), values)
    return np.asarray(values, np.float32)


def _without_channels(values: Float32, channel: int | None) -> Float32:
    """Returns one channel of ``(C, h, w)`` or ``(h, w, C)``, whichever axis is the shorter one."""
    if channel is None or values.ndim != 3:
        return values
    axis = 0 if values.shape[0] < values.shape[2] else 2
    return np.asarray(np.take(values, channel, axis=axis)) if channel < values.shape[axis] else values


def _restored(values: Float32, placement: Placement, picture_px: tuple[int, int]) -> Float32:
    """Cuts the picture out of the output, which may be smaller than the input, and gives it the picture's size."""
    per_px = np.array(values.shape[::-1]) / placement.input_px
    left, top = np.rint(placement.left_top_px * per_px).astype(int)
    width, height = np.maximum(np.rint(placement.size_px * per_px).astype(int), 1)
    cut = values[top : top + height, left : left + width]
    # Interpolation would spread what is unknown.
    how = cv2.INTER_LINEAR if np.isfinite(cut).all() else cv2.INTER_NEAREST_EXACT
    return np.asarray(cv2.resize(cut, picture_px, interpolation=how), np.float32)
