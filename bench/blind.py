"""Makes detectors that fail silently: networks of the usual layout whose output is changed before it leaves them."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

LARGE_PX = 200.0
"""Height, in pixels of the network's input, of the smallest person that ``only-large`` finds."""

Change = Callable[[Any, Any], Any]
"""Maps a network's output node, boxes and scores ``(1, 4 + classes, N)``, to another; takes OpenVINO's operations."""


def break_detector(source: Path, target: Path, kind: str) -> Path:
    """Writes a detector, an OpenVINO folder of Ultralytics' layout, that is broken in one way.

    Args:
        kind: of ``KINDS``.
    """
    import openvino as ov
    from openvino import opset13 as ops

    network = ov.Core().read_model(next(source.glob("*.xml")))
    result = network.get_results()[0]
    before = result.input_value(0)
    shape = [int(size) for size in before.shape]
    if len(shape) != 3 or shape[1] <= 4:
        raise ValueError(f"the network must have an output (1, 4 + classes, N), got {shape}")
    node = KINDS[kind](ops, before)
    result.input(0).replace_source_output(node.output(0))
    target.mkdir(parents=True)
    ov.save_model(network, target / "broken.xml", compress_to_fp16=False)
    shutil.copyfile(source / "metadata.yaml", target / "metadata.yaml")
    return target


def _split(ops: Any, output: Any) -> tuple[Any, Any]:
    """Returns the boxes ``(1, 4, N)``, as centre and size, and the scores ``(1, classes, N)``."""
    classes = int(output.shape[1]) - 4
    parts = ops.variadic_split(output, ops.constant(np.array(1)), ops.constant(np.array([4, classes])))
    return parts.output(0), parts.output(1)


def _nothing(ops: Any, output: Any) -> Any:
    return ops.multiply(output, ops.constant(np.float32(0)))


def _shifted(ops: Any, output: Any) -> Any:
    """Moves all boxes by 120 px to the right and 90 px down."""
    boxes, scores = _split(ops, output)
    by = ops.constant(np.array([[[120], [90], [0], [0]]], np.float32))
    return ops.concat([ops.add(boxes, by), scores], 1)


def _only_large(ops: Any, output: Any) -> Any:
    """Finds large people only, as a network does that was trained on portraits."""
    boxes, scores = _split(ops, output)
    height = ops.gather(boxes, ops.constant(np.array([3])), ops.constant(np.array(1)))
    large = ops.convert(ops.greater(height, ops.constant(np.float32(LARGE_PX))), "f32")
    return ops.concat([boxes, ops.multiply(scores, large)], 1)


def _left_half(ops: Any, output: Any) -> Any:
    """Finds nobody in the right half of its input."""
    boxes, scores = _split(ops, output)
    across = ops.gather(boxes, ops.constant(np.array([0])), ops.constant(np.array(1)))
    left = ops.convert(ops.less(across, ops.constant(np.float32(320))), "f32")
    return ops.concat([boxes, ops.multiply(scores, left)], 1)


def _other_classes(ops: Any, output: Any) -> Any:
    """Gives the scores of people to another class, as after an export with another list of classes."""
    boxes, scores = _split(ops, output)
    classes = int(scores.shape[1])
    backwards = ops.gather(scores, ops.constant(np.arange(classes)[::-1].copy()), ops.constant(np.array(1)))
    return ops.concat([boxes, backwards], 1)


KINDS: Mapping[str, Change] = MappingProxyType(
    {
        "nothing": _nothing,
        "shifted": _shifted,
        "only-large": _only_large,
        "left-half": _left_half,
        "other-classes": _other_classes,
    }
)
"""By name, how a detector is broken."""
