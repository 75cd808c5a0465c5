"""Quantizes a detector's network to INT8, calibrated on pictures (post-training quantization with NNCF).

Activations are asymmetric (preset ``MIXED``), and what follows the last convolutions stays in floating point: there,
boxes in pixels and scores in 0..1 share a tensor, whose 256 steps would be pixels wide. Ultralytics' exporter does the
same. Measured-real, docs/benchmarks.md.
"""

import io
import logging
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np

from ops.conversion.graphs import Graph
from ops.detect.letterbox import fit_into, letterbox
from ops.openvino_cpu import reason_of
from schemas.errors import ModelError
from schemas.values import Float32, Uint8

_CONVOLUTIONS = ("Convolution", "GroupConvolution")


def require_nncf() -> None:
    """Checks that networks can be quantized here.

    Raises:
        ModelError: NNCF is not installed.
    """
    from importlib.util import find_spec

    if find_spec("nncf") is None:
        raise ModelError("INT8 is made with the package nncf: pip install 'nightshift[convert]'")


def draw_input(picture: Uint8, input_px: tuple[int, int], layout: str) -> Uint8:
    """Fits a picture ``(H, W, 3)`` BGR into an input, as ``detect`` does; returns ``(input height, width, 3)``."""
    canvas = np.empty((input_px[1], input_px[0], 3), np.uint8)
    letterbox(picture, fit_into((picture.shape[1], picture.shape[0]), input_px, layout != "yolox"), canvas)
    return canvas


def quantize(graph: Graph, layout: str, inputs: Sequence[Uint8]) -> Any:
    """Returns the network in INT8, an ``openvino.Model``; ``graph`` stays as it is.

    Args:
        graph: a network that is not in INT8.
        layout: as in ``ModelFile``.
        inputs: from ``draw_input``, all used; they show what the network will be used on.

    Raises:
        ModelError: NNCF is not installed, or does not know such a network.
    """
    require_nncf()
    # NNCF tells its progress on stdout, where a command's own output goes, and that PyTorch finds no GPU.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    with redirect_stdout(io.StringIO()):
        import nncf

        nncf.set_log_level(logging.ERROR)
        try:
            return nncf.quantize(
                graph.network.clone(),
                nncf.Dataset(inputs, lambda canvas: _tensor(canvas, layout)),
                preset=nncf.QuantizationPreset.MIXED,
                subset_size=len(inputs),
                ignored_scope=nncf.IgnoredScope(names=tail_of(graph.network), validate=False),
            )
        except (nncf.InternalError, nncf.ValidationError, nncf.UnsupportedModelError, RuntimeError) as error:
            raise ModelError(f"NNCF cannot quantize this network: {reason_of(error)}; keep the source") from error


def tail_of(network: Any) -> list[str]:
    """Returns the names of the nodes after the last convolutions and their biases.

    The convolution that sums up a distribution of distances (DFL), of one channel, belongs to the tail.
    """
    found: dict[str, Any] = {}
    waiting = [node for result in network.get_results() for node in _inputs(result)]
    while waiting:
        node = waiting.pop()
        name = node.get_friendly_name()
        if name in found or node.get_type_name() in ("Constant", "Parameter") or _ends_tail(node):
            continue
        found[name] = node
        waiting += _inputs(node)
    return sorted(found)


def _ends_tail(node: Any) -> bool:
    if node.get_type_name() == "Add":  # a bias
        return any(_is_convolution(each) for each in _inputs(node))
    return _is_convolution(node) or node.get_type_name() == "MatMul"


def _is_convolution(node: Any) -> bool:
    return node.get_type_name() in _CONVOLUTIONS and node.get_output_partial_shape(0)[1] != 1


def _inputs(node: Any) -> list[Any]:
    return [each.get_source_output().get_node() for each in node.inputs()]


def _tensor(canvas: Uint8, layout: str) -> Float32:
    """Returns what ``ops.detect.backends`` makes of a canvas before the network's first node, ``(1, 3, H, W)``."""
    if layout == "yolox":
        return np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], np.float32)
    return np.ascontiguousarray(canvas[:, :, ::-1].transpose(2, 0, 1)[None], np.float32) / np.float32(255)
