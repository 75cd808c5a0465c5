"""Small depth graphs as OpenVINO IR, and their descriptions."""

from pathlib import Path
from typing import Any

import numpy as np

from schemas.depth import DepthFacts
from schemas.values import ModelFile

PLAIN = {"mean_rgb": (0.0, 0.0, 0.0), "std_rgb": (1.0, 1.0, 1.0)}
"""Without normalisation: pixels reach the network as 0..1."""


def described(path: Path, kind: str = "openvino", **facts: Any) -> ModelFile:
    depth = DepthFacts(**{"kind": "relative", "input_px": (64, 48), **facts})
    return ModelFile("mine", str(path), kind, "depth", "depth", "0" * 64, "none", "made by a test", depth=depth)


def red_graph(folder: Path, sides_px: tuple[int, int] = (-1, -1), **outputs: list[float]) -> Path:
    """A network from a picture ``(1, 3, H, W)`` to its red channel ``depth`` ``(1, 1, H, W)``.

    Args:
        folder: becomes the IR.
        sides_px: H and W; -1 for any.
        outputs: further outputs, constant lists, by name.
    """
    import openvino
    import openvino.opset13 as ops

    picture = ops.parameter([1, 3, *sides_px], dtype=np.float32, name="image")
    picture.output(0).set_names({"image"})
    red = ops.gather(picture, ops.constant([0]), ops.constant(1))
    red.output(0).set_names({"depth"})
    results = [red]
    for name, values in outputs.items():
        constant = ops.constant(values, dtype=np.float32)
        constant.output(0).set_names({name})
        results.append(constant)
    folder.mkdir()
    openvino.save_model(openvino.Model(results, [picture]), folder / "net.xml", compress_to_fp16=False)
    return folder


def floor_graph(folder: Path, height: int = 48, width: int = 64) -> Path:
    """A network that sees an empty floor in every picture, nearer from row to row."""
    import openvino
    import openvino.opset13 as ops

    picture = ops.parameter([1, 3, height, width], dtype=np.float32, name="image")
    picture.output(0).set_names({"image"})
    nothing = ops.multiply(ops.gather(picture, ops.constant([0]), ops.constant(1)), ops.constant(np.float32(0)))
    rows = np.linspace(0, 1, height, dtype=np.float32).reshape(1, 1, height, 1)
    depth = ops.add(nothing, ops.constant(rows))
    depth.output(0).set_names({"depth"})
    folder.mkdir()
    openvino.save_model(openvino.Model([depth], [picture]), folder / "net.xml", compress_to_fp16=False)
    return folder


def points_graph(folder: Path) -> Path:
    """A network as MoGe: ``points`` ``(1, H, W, 3)`` are the colours times ``gain``; ``mask`` is green."""
    import openvino
    import openvino.opset13 as ops

    picture = ops.parameter([1, 3, -1, -1], dtype=np.float32, name="image")
    picture.output(0).set_names({"image"})
    gain = ops.parameter([], dtype=np.int64, name="gain")
    gain.output(0).set_names({"gain"})
    points = ops.transpose(ops.multiply(picture, ops.convert(gain, "f32")), ops.constant([0, 2, 3, 1]))
    points.output(0).set_names({"points"})
    mask = ops.squeeze(ops.gather(picture, ops.constant([1]), ops.constant(1)), ops.constant([1]))
    mask.output(0).set_names({"mask"})
    factor = ops.constant([3.0], dtype=np.float32)
    factor.output(0).set_names({"factor"})
    folder.mkdir()
    model = openvino.Model([points, mask, factor], [picture, gain])
    openvino.save_model(model, folder / "net.xml", compress_to_fp16=False)
    return folder
