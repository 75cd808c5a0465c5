"""Faces, by YuNet (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023).

It runs in OpenVINO as every other network here does, in a third of the time that OpenCV's ``FaceDetectorYN`` takes for
the same boxes.
"""

from typing import Any

import cv2
import numpy as np

from ops.anonymize.verify.people import Found
from ops.detect.decode import Boxes, suppress
from schemas.errors import ModelError
from schemas.values import Float32, Int64, ModelFile, Uint8

SAME_IOU = 0.3

STRIDES = (8, 16, 32)
"""Sides, in pixels, of the cells of which each gives one face at most; frames are padded to the largest."""

MOST_SIZES = 4
"""Of so many frame sizes the compiled network is kept: a worker sees many cameras, of few sizes."""


class FaceDetector:
    """YuNet in OpenVINO.

    Args:
        cpus: threads.
        confidence: least score, 0..1.
        widest_px: wider frames are reduced to this.

    Raises:
        ModelError: OpenVINO cannot load the weights, or they are not YuNet's.
    """

    def __init__(self, model: ModelFile, cpus: int, confidence: float = 0.5, widest_px: int = 1280) -> None:
        import openvino as ov

        self._confidence = confidence
        self._widest_px = widest_px
        self._settings = {"INFERENCE_NUM_THREADS": cpus, "PERFORMANCE_HINT": "LATENCY"}
        self._core = ov.Core()
        try:
            self._network = self._core.read_model(model.path)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ModelError(f"OpenVINO cannot load {model.path} as YuNet: {reason}; fetch it again") from error
        named = {name for output in self._network.outputs for name in output.get_names()}
        if not {f"{part}_{stride}" for part in ("cls", "obj", "bbox") for stride in STRIDES} <= named:
            raise ModelError(f"{model.path} has not the outputs of YuNet; use a face_detection_yunet file")
        self._compiled: dict[tuple[int, int], Any] = {}

    def find(self, frame: Uint8) -> Found:
        """Faces in a frame ``(H, W, 3)`` BGR."""
        scale = min(1.0, self._widest_px / frame.shape[1])
        size = (max(round(frame.shape[1] * scale), 1), max(round(frame.shape[0] * scale), 1))
        small = frame if scale == 1 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        width, height = (-(-side // STRIDES[-1]) * STRIDES[-1] for side in size)
        padded = cv2.copyMakeBorder(small, 0, height - size[1], 0, width - size[0], cv2.BORDER_CONSTANT)
        request = self._request((width, height))
        request.infer([padded.astype(np.float32).transpose(2, 0, 1)[None]])
        faces = suppress(self._decoded(request, width), SAME_IOU)
        return np.column_stack([faces.xyxy / scale, faces.confidence]).astype(np.float64).reshape(-1, 5)

    def _request(self, size_px: tuple[int, int]) -> Any:
        """What infers frames of one size; the last few are kept."""
        request = self._compiled.pop(size_px, None)
        if request is None:
            self._network.reshape([1, 3, size_px[1], size_px[0]])
            request = self._core.compile_model(self._network, "CPU", self._settings).create_infer_request()
        self._compiled[size_px] = request
        if len(self._compiled) > MOST_SIZES:
            self._compiled.pop(next(iter(self._compiled)))
        return request

    def _decoded(self, request: Any, width: int) -> Boxes:
        """All faces that are sure enough, in pixels of what was inferred, those that overlap included."""
        boxes, scores = [], []
        for stride in STRIDES:
            output = {part: request.get_tensor(f"{part}_{stride}").data[0] for part in ("cls", "obj", "bbox")}
            score = np.sqrt(np.clip(output["cls"][:, 0], 0, 1) * np.clip(output["obj"][:, 0], 0, 1))
            sure = np.flatnonzero(score >= self._confidence)
            boxes.append(_boxes(output["bbox"][sure], sure, width // stride) * stride)
            scores.append(score[sure])
        confidence = np.concatenate(scores).astype(np.float32)
        return Boxes(np.concatenate(boxes).astype(np.float32), confidence, np.zeros(len(confidence), np.int64))


def _boxes(offsets: Float32, cells: Int64, columns: int) -> Float32:
    """Corners ``(N, 4)`` in cells: centres count from the cell's corner, sizes are logarithms."""
    corner = np.stack([cells % columns, cells // columns], axis=1)
    centre, half = corner + offsets[:, :2], np.exp(offsets[:, 2:]) / 2
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
