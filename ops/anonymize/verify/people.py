"""People by a second detector: a network with other weights than those they were found with, or OpenCV's HOG."""

from typing import Literal, Protocol

import cv2
import numpy as np

from ops.detect.backends import open_network
from ops.detect.decode import Boxes, Decoder, suppress
from ops.detect.letterbox import fit_into, to_source
from schemas.errors import ModelError
from schemas.values import Float32, Float64, ModelFile, Uint8

PERSON = "person"
SAME_IOU = 0.45

HOG_WINDOW_PX = (64, 128)
HOG_STEP = 1.2
"""Each size at which HOG looks is so many times smaller than the one before. Measured-real on PETS and TUD-Campus: it
finds as many people as with steps of 1.1, in 47 ms instead of 80."""

HOG_FILLED = (0.5, 0.75)
"""Share of its window's width and height that a person fills: HOG was trained with a border."""

Found = Float64
"""``(N, 5)``: x1, y1, x2, y2 in pixels of the frame, and a score; surest first."""


class SecondDetector(Protocol):
    """Finds people, or their faces, in one frame."""

    def find(self, frame: Uint8) -> Found:
        """What is in a frame ``(H, W, 3)`` BGR; the same frame gives the same."""


def open_people(model: ModelFile | None, cpus: int) -> SecondDetector:
    """The second detector: of these weights, or HOG where there are none.

    Raises:
        ModelError: the weights are no detector, damaged, or do not know people.
    """
    return HogPersonDetector() if model is None else NetworkPersonDetector(model, cpus)


class NetworkPersonDetector:
    """A detector's network, one frame at a time.

    Args:
        confidence: least score, 0..1.
    """

    def __init__(self, model: ModelFile, cpus: int, confidence: float = 0.5) -> None:
        self._network = open_network(model, cpus)
        if PERSON not in self._network.classes:
            raise ModelError(f"weights {model.name!r} do not know the class {PERSON!r}; verify with others")
        layout: Literal["yolo", "yolox"] = "yolox" if model.layout == "yolox" else "yolo"
        wanted = (self._network.classes.index(PERSON),)
        self._decode = Decoder(layout, self._network.input_px, wanted, confidence, SAME_IOU)

    def find(self, frame: Uint8) -> Found:
        """People in a frame ``(H, W, 3)`` BGR."""
        found: list[Boxes] = []
        self._network.submit(frame, lambda output: found.append(self._decode(output)))
        self._network.wait()
        (people,) = found
        size_px = (frame.shape[1], frame.shape[0])
        fit = fit_into(size_px, self._network.input_px, self._network.centred)
        return _with_scores(to_source(people.xyxy, fit, size_px), people.confidence)


class HogPersonDetector:
    """OpenCV's HOG with its people detector (Dalal and Triggs, CVPR 2005), which needs no weights.

    Args:
        least_score: distance from the support vector machine's border; at 0 it sees people everywhere.
        work_width_px: small pictures are enlarged and large ones reduced to it: the window is 128 pixels high.
    """

    def __init__(self, least_score: float = 1.2, work_width_px: int = 800) -> None:
        self._least = least_score
        self._width_px = work_width_px
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())  # type: ignore[attr-defined]

    def find(self, frame: Uint8) -> Found:
        """People in a frame ``(H, W, 3)`` BGR; nobody in one that is smaller than the window."""
        scale = self._width_px / frame.shape[1]
        size = (self._width_px, max(round(frame.shape[0] * scale), 1))
        if size[0] < HOG_WINDOW_PX[0] or size[1] < HOG_WINDOW_PX[1]:
            return np.empty((0, 5))
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        # Its own grouping depends on the order in which its threads end, so hits are sorted and suppressed here.
        windows, scores = self._hog.detectMultiScale(
            grey, hitThreshold=self._least, winStride=(8, 8), padding=(16, 16), scale=HOG_STEP, groupThreshold=0
        )
        if not len(windows):
            return np.empty((0, 5))
        hits = np.column_stack([np.asarray(windows, np.float64), np.asarray(scores, np.float64).ravel()])
        hits = hits[np.lexsort(hits.T[:4])]
        people = suppress(
            Boxes(_filled(hits[:, :4]), hits[:, 4].astype(np.float32), np.zeros(len(hits), np.int64)), 0.3
        )
        limits = np.array([frame.shape[1], frame.shape[0]] * 2)
        return _with_scores(np.clip(people.xyxy / scale, 0, limits), people.confidence)


def _filled(windows: Float64) -> Float32:
    """The boxes ``(N, 4)`` of people in windows ``x, y, width, height``."""
    centre, half = windows[:, :2] + windows[:, 2:] / 2, windows[:, 2:] / 2 * np.array(HOG_FILLED)
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)


def _with_scores(boxes: Float32 | Float64, scores: Float32) -> Found:
    return np.column_stack([boxes, scores]).astype(np.float64).reshape(-1, 5)
