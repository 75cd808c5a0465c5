"""Reads a detector's network as an OpenVINO graph, and writes graphs and ONNX files."""

import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ops.detect.backends import USUAL_INPUT_PX, fix_input, read_checkpoint
from ops.openvino_cpu import graph_file, reason_of
from schemas.errors import ModelError
from schemas.values import ModelFile

if TYPE_CHECKING:
    from collections.abc import Iterator

Precision = Literal["FP32", "FP16", "INT8"]

GRAPH_FILE = "model.xml"
ONNX_OPSET = 17
"""ONNX Runtime and OpenVINO have read it since 2023."""


@dataclass(frozen=True)
class Graph:
    """A detector's network.

    Attributes:
        network: ``openvino.Model`` with one input ``(1, 3, height, width)`` of fixed size.
        precision: of its weights.
        input_px: (width, height) of the input.
        classes: class names by index.
    """

    network: Any
    precision: Precision
    input_px: tuple[int, int]
    classes: tuple[str, ...]


def read_graph(model: ModelFile) -> Graph:
    """Reads a detector in OpenVINO IR, ONNX, or Ultralytics' own format.

    Raises:
        ModelError: the weights cannot be loaded, or are of another format or layout.
    """
    if model.layout not in ("yolo", "yolox"):
        raise ModelError(f"weights {model.name!r} have an output of unknown layout; give a YOLO or YOLOX detector")
    import openvino as ov

    try:
        if model.format == "pt":
            module, classes = read_checkpoint(model)
            input_px = model.input_px or USUAL_INPUT_PX
            with _traced(module, input_px) as (traced, given):
                network = ov.convert_model(traced, example_input=given, input=list(given.shape))
            return Graph(network, "FP32", input_px, classes)
        if model.format in ("openvino", "onnx"):
            network = ov.Core().read_model(graph_file(Path(model.path)))
            return Graph(network, precision_of(network), fix_input(network, model.input_px), model.classes)
    except RuntimeError as error:
        reason = f"OpenVINO cannot load {model.path}: {reason_of(error)}; fetch or export it again"
        raise ModelError(reason) from error
    raise ModelError(f"weights {model.name!r} are of the format {model.format}, which is not for detectors")


def precision_of(network: Any) -> Precision:
    """Returns the precision of an OpenVINO network's weights."""
    nodes = network.get_ops()
    if any(node.get_type_name() in ("FakeQuantize", "FakeConvert") for node in nodes):
        return "INT8"
    kinds = {node.get_element_type().get_type_name() for node in nodes if node.get_type_name() == "Constant"}
    return "FP16" if "f16" in kinds else "FP32"


def write_graph(network: Any, folder: Path, to_fp16: bool) -> None:
    """Writes OpenVINO IR into a folder.

    Args:
        network: as in ``Graph``.
        folder: made if it is missing.
        to_fp16: write weights of 32 bits as 16. They still count in 32 bits, unless the device counts faster in 16.
    """
    import openvino as ov

    folder.mkdir(parents=True, exist_ok=True)
    ov.save_model(network, folder / GRAPH_FILE, compress_to_fp16=to_fp16)


def write_onnx(model: ModelFile, path: Path, metadata: Mapping[str, str]) -> None:
    """Writes an Ultralytics checkpoint as ONNX, with metadata.

    Raises:
        ModelError: the weights cannot be loaded or exported, or the package ``onnx`` is not installed.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise ModelError("ONNX is written with the package onnx: pip install 'nightshift[convert]'") from error
    import torch

    module, _ = read_checkpoint(model)
    with _traced(module, model.input_px or USUAL_INPUT_PX) as (traced, given):
        try:
            torch.onnx.export(
                traced,
                (given,),
                str(path),
                input_names=["images"],
                output_names=["output0"],
                opset_version=ONNX_OPSET,
                dynamo=False,
            )
        except (torch.onnx.OnnxExporterError, RuntimeError) as error:
            raise ModelError(f"PyTorch cannot export {model.path} to ONNX: {reason_of(error)}") from error
    network = onnx.load(path)
    onnx.helper.set_model_props(network, dict(metadata))
    onnx.save(network, path)


@contextmanager
def _traced(module: Any, input_px: tuple[int, int]) -> "Iterator[tuple[Any, Any]]":
    """Yields a network traced with an empty picture, of whose outputs only the first is left, and that picture."""
    import torch

    class First(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, picture: Any) -> Any:
            output = self.module(picture)
            return output[0] if isinstance(output, tuple | list) else output

    picture = torch.zeros(1, 3, input_px[1], input_px[0])
    with warnings.catch_warnings(), torch.no_grad():
        # Tracing and the exporter that reads traces are deprecated; OpenVINO and Ultralytics rely on both.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(First().eval(), picture, strict=False, check_trace=False)  # type: ignore[no-untyped-call]
        yield traced, picture
