"""Detectors of constant output, for proofs: what they say of the known picture is what a test wants."""

from pathlib import Path

import numpy as np

from ops.detect.letterbox import fit_into
from ops.known_picture import BUSES, PEOPLE, PHOTOGRAPH_PX, known_boxes
from schemas.values import Float64, ModelFile
from tests.storage.onnx_file import constant_network

SIDE_PX = 640
KNOWN_PEOPLE, KNOWN_BUSES = known_boxes(PEOPLE.whole), known_boxes(BUSES.whole)


def constant_detector(path: Path, boxes: Float64, name: str = "person", score: float = 0.9) -> ModelFile:
    """Writes a detector of one class that gives these boxes, pixels of the known picture, on every picture."""
    # Centres and sizes in the input; the last columns are nothing, so that there are more than six of them.
    fit = fit_into(PHOTOGRAPH_PX, (SIDE_PX, SIDE_PX), True)
    scale = np.array([fit.width, fit.height] * 2) / np.array(PHOTOGRAPH_PX * 2)
    low, high = np.split(boxes * scale + np.array([fit.left, fit.top] * 2), 2, axis=1)
    found = np.column_stack([(low + high) / 2, high - low, np.full(len(boxes), score)])
    rows = np.concatenate([found, np.zeros((9, 5))])
    metadata = {"task": "detect", "names": str({0: name}), "license": "none"}
    values = rows.T.ravel()
    path.write_bytes(constant_network((1, 3, SIDE_PX, SIDE_PX), (1, 5, len(rows)), metadata, values))
    return ModelFile(
        path.name, str(path), "onnx", "detect", "yolo", "0" * 64, "none", "test", (SIDE_PX, SIDE_PX), (name,)
    )
