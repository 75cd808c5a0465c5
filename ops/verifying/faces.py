"""Faces, by YuNet (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023)."""

import cv2
import numpy as np

from ops.verifying.people import Found
from schemas.errors import ModelError
from schemas.values import ModelFile, Uint8

SAME_IOU = 0.3
MOST_FACES = 500


class FaceSpotter:
    """YuNet in OpenCV.

    Args:
        confidence: least score, 0..1.
        widest_px: wider frames are reduced to this.

    Raises:
        ModelError: OpenCV cannot load the weights.
    """

    def __init__(self, model: ModelFile, confidence: float = 0.5, widest_px: int = 1280) -> None:
        self._widest_px = widest_px
        try:
            self._network = cv2.FaceDetectorYN.create(model.path, "", (320, 320), confidence, SAME_IOU, MOST_FACES)
        except cv2.error as error:
            raise ModelError(f"OpenCV cannot load {model.path} as YuNet: {error.err}; fetch it again") from error

    def find(self, frame: Uint8) -> Found:
        """Faces in a frame ``(H, W, 3)`` BGR."""
        scale = min(1.0, self._widest_px / frame.shape[1])
        size = (max(round(frame.shape[1] * scale), 1), max(round(frame.shape[0] * scale), 1))
        small = frame if scale == 1 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        self._network.setInputSize(size)
        _, rows = self._network.detect(small)
        # There are no rows, not even an empty array, where there is no face, which the stubs do not know.
        found = np.asarray([] if rows is None else rows, np.float64).reshape(-1, 15)
        corners = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:4]], axis=1) / scale
        return np.column_stack([corners, found[:, -1]])
