"""Measures what a detector loses and gains when it is converted: ``python -m bench.convert``.

The float networks are YOLOX-Nano, and YOLO11n and YOLOv8n restored from their INT8 weights: the same values, computed
in 32 bits. PETS from frame 400 on calibrates; every 10th frame before that, and every 3rd of TUD-Campus, is held out.
People with a score of 0.25 are scored against the published truth at IoU 0.5.
"""

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np

from bench.material import ASSETS, require_assets, require_packages
from ops.boxes import iou_matrix
from ops.conversion.agreement import SURE, Comparison
from ops.conversion.graphs import precision_of, read_graph, write_graph
from ops.conversion.quantize import draw_input, quantize
from ops.detect.decode import Boxes
from schemas.frame_boxes import FrameBoxes
from schemas.op import ModelRequest
from schemas.values import ModelFile, Uint8
from storage.box_files.mot import read_mot
from storage.weights.catalogue import ModelStore

NAMES = ("yolo11n_int8_openvino_model", "yolov8n_int8_openvino_model", "yolox_nano.onnx")
PETS_SCALE, FIRST_CALIBRATION, CALIBRATION_STEP = 0.625, 400, 10
CLIPS = {"PETS09-S2L1": ("pets09_s2l1_480x360.mp4", PETS_SCALE, 10), "TUD-Campus": ("TUD-Campus.mp4", 1.0, 3)}
MATCH_IOU = 0.5


def restored(network: Any) -> Any:
    """Returns an INT8 network that computes in 32 bits, with the values of its INT8 weights."""
    from openvino import opset13

    for node in network.get_ordered_ops():
        if node.get_type_name() == "FakeQuantize":
            node.output(0).replace(node.input_value(0))
    for node in network.get_ordered_ops():
        if node.get_type_name() in ("Convolution", "GroupConvolution"):
            weights = opset13.constant(_weights(node.input_value(1).get_node()))
            weights.set_friendly_name(f"{node.get_friendly_name()}/weights")
            node.input(1).replace_source_output(weights.output(0))
    network.validate_nodes_and_infer_types()
    return network


def _weights(node: Any) -> Any:
    """Returns what a chain of constants, conversions, products and differences gives."""
    kind, inputs = node.get_type_name(), [_weights(each.get_node()) for each in node.input_values()[:2]]
    if kind == "Constant":
        return node.data.astype(np.float32)
    if kind == "Reshape":
        return _weights(node.input_value(0).get_node()).reshape(node.output(0).shape)
    if kind == "Convert":
        return inputs[0]
    return {"Multiply": np.multiply, "Subtract": np.subtract}[kind](*inputs)


def frames_of(name: str) -> list[tuple[int, Uint8]]:
    """Returns the frames of a clip with their numbers, from 1."""
    with av.open(str(ASSETS / "video" / CLIPS[name][0])) as container:
        frames = enumerate(container.decode(video=0), 1)
        return [(number, np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)) for number, frame in frames]


class Scored(Comparison):
    """A comparison that also counts the people that each detector finds."""

    def __init__(self, source: ModelFile, converted: ModelFile) -> None:
        super().__init__(source, converted)
        self.counts = {"source": np.zeros(3, int), "converted": np.zeros(3, int)}

    def score(self, picture: Uint8, truth: FrameBoxes) -> None:
        """Adds a picture with its true boxes."""
        for name, detector in zip(self.counts, self._detectors, strict=True):
            self.counts[name] += people_found(detector.find(picture), truth)


def people_found(found: Boxes, truth: FrameBoxes) -> Any:
    """Returns how many true people are found, how many there are, and how many boxes."""
    people = found.xyxy[(found.classes == 0) & (found.confidence >= SURE)].astype(np.float64)
    overlaps = iou_matrix(truth.box, people) >= MATCH_IOU
    return np.array([int(overlaps.any(axis=1).sum()), len(truth), len(people)])


def compare(source: ModelFile, converted: ModelFile, clips: Mapping[str, list[tuple[int, Uint8]]]) -> None:
    """Prints what a conversion finds on held-out frames, beside its source."""
    for name, held_out in clips.items():
        truth = read_mot(ASSETS / "gt" / name / "gt.txt").scaled(CLIPS[name][1], CLIPS[name][1])
        scored = Scored(source, converted)
        for number, picture in held_out:
            scored.add(name, picture)
            scored.score(picture, truth.take((truth.frame == number) & truth.counts))
        agreement = scored.by_group[name]
        (hit, there, boxes), (own_hit, _, own_boxes) = scored.counts["source"], scored.counts["converted"]
        print(
            f"{source.name} -> {converted.name}, {name}, {len(held_out)} frames: "
            f"agreement {agreement.found}/{agreement.boxes} and {agreement.confirmed}/{agreement.converted_boxes}; "
            f"recall {hit / there:.3f} -> {own_hit / there:.3f}, "
            f"precision {hit / boxes:.3f} -> {own_hit / own_boxes:.3f}; "
            f"CPU {scored.source_s * 1000:.1f} -> {scored.converted_s * 1000:.1f} ms a frame",
            flush=True,
        )


def main() -> None:
    """Measures each network in 32 and 16 bits and in INT8."""
    require_assets()
    require_packages("nncf")
    every = {name: frames_of(name) for name in CLIPS}
    clips = {
        name: [(n, picture) for n, picture in frames if n < FIRST_CALIBRATION and n % CLIPS[name][2] == 1]
        for name, frames in every.items()
    }
    shown = [picture for n, picture in every["PETS09-S2L1"] if n >= FIRST_CALIBRATION and n % CALIBRATION_STEP == 0]
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        models = ModelStore(ASSETS / "weights")
        for name in sys.argv[1:] or NAMES:
            model = models.resolve(ModelRequest(name, "detect"))
            assert model is not None
            graph = read_graph(model)
            network = restored(graph.network) if precision_of(graph.network) == "INT8" else graph.network
            graph = replace(graph, network=network, precision="FP32")
            inputs = [draw_input(picture, graph.input_px, model.layout) for picture in shown]
            kinds = {"fp32": (network, False), "fp16": (network, True)}
            kinds["int8"] = quantize(graph, model.layout, inputs), False
            made = {}
            for kind, (each, to_fp16) in kinds.items():
                write_graph(each, folder / name / kind, to_fp16)
                made[kind] = replace(model, name=f"{name}/{kind}", path=str(folder / name / kind), format="openvino")
                size = sum(part.stat().st_size for part in (folder / name / kind).iterdir())
                print(f"{made[kind].name}: {size / 1e6:.1f} MB", flush=True)
            for kind in ("fp16", "int8"):
                compare(made["fp32"], made[kind], clips)


if __name__ == "__main__":
    main()
