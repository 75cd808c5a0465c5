"""People by OpenCV's HOG and its people detector, which need no weights (Dalal and Triggs, CVPR 2005)."""

import cv2
import numpy as np

from ops.boxes import size
from ops.detect.backends import Deliver, Network
from ops.detect.decode import Boxes, suppress
from ops.detect.letterbox import fit_into
from schemas.values import Float32, Float64, Uint8

WINDOW_PX = (64, 128)
"""Width and height of the window in which HOG finds people."""

STEP = 1.2
"""Ratio of neighbouring sizes at which HOG searches. Measured-real on PETS and TUD-Campus: it finds as many people as
with steps of 1.1, in 47 ms instead of 80 (docs/decisions/0015)."""

FILLED = (0.5, 0.75)
"""Share of its window's width and height that a person fills: HOG was trained with a border."""

SAME_IOU = 0.3
"""Intersection over union above which two boxes are one person."""

INPUT_PX = (640, 480)
"""Width and height of the pictures in which it searches, unless others are given."""

LEAST_PERSON_PX = 48.0
"""Least height of people for whom frames are enlarged, pixels of the frame. It is a choice: beyond twice their size,
frames of 1920x1080 would take too long."""

LEAST_SCORE = 1.2
"""Distance from the support vector machine's boundary from which a window shows a person; at 0 HOG finds people
everywhere."""


class HogPeople:
    """Finds people in pictures."""

    def __init__(self) -> None:
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())  # type: ignore[attr-defined]

    def find(self, grey: Uint8) -> Boxes:
        """Returns people in a picture ``(H, W)``; their confidence is the distance from the boundary, not 0..1."""
        if grey.shape[1] < WINDOW_PX[0] or grey.shape[0] < WINDOW_PX[1]:
            return _boxes(np.empty((0, 4)), np.empty(0))
        # HOG's own grouping depends on the order in which its threads end, so hits are sorted and suppressed here.
        windows, scores = self._hog.detectMultiScale(
            grey, hitThreshold=LEAST_SCORE, winStride=(8, 8), padding=(16, 16), scale=STEP, groupThreshold=0
        )
        if not len(windows):
            return _boxes(np.empty((0, 4)), np.empty(0))
        hits = np.column_stack([np.asarray(windows, np.float64), np.asarray(scores, np.float64).ravel()])
        hits = hits[np.lexsort(hits.T[:4])]
        return suppress(_boxes(_filled(hits[:, :4]), hits[:, 4]), SAME_IOU)


class HogNetwork(Network):
    """HOG in the place of a network: it fits frames into an input and gives the output of one, in layout ``yolo``.

    Args:
        input_px: width and height that frames are fitted into.
    """

    least_input_px = WINDOW_PX[1] * FILLED[1]

    def __init__(self, input_px: tuple[int, int] = INPUT_PX) -> None:
        super().__init__(None, input_px, ("person",))
        self._people = HogPeople()

    def submit(self, frame: Uint8, deliver: Deliver) -> None:
        fit = fit_into((frame.shape[1], frame.shape[0]), self.input_px, self.centred)
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        way = cv2.INTER_AREA if fit.width < frame.shape[1] else cv2.INTER_LINEAR
        # Not padded to the input's size: the border would be an edge, and cost time.
        found = self._people.find(np.asarray(cv2.resize(grey, (fit.width, fit.height), interpolation=way), np.uint8))
        centres = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2 + np.array([fit.left, fit.top], np.float32)
        rows = np.column_stack([centres, size(found.xyxy), confidence_of(found.confidence)])
        # Never exactly six columns, which would be another layout.
        output = np.concatenate([rows, np.zeros((7, 5))]).astype(np.float32)
        deliver(output.T[None])


def confidence_of(scores: Float32) -> Float32:
    """Returns distances from the boundary as confidences, 0..1."""
    return np.asarray(1 - np.exp(-scores / 4), np.float32)


def least_confidence() -> float:
    """Returns the confidence at ``LEAST_SCORE``: that of the least sure person whom it finds."""
    return float(confidence_of(np.array([LEAST_SCORE], np.float32))[0])


def _filled(windows: Float64) -> Float32:
    """Returns the boxes ``(N, 4)`` of people in windows ``x, y, width, height``."""
    centre, half = windows[:, :2] + windows[:, 2:] / 2, windows[:, 2:] / 2 * np.array(FILLED)
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)


def _boxes(boxes: Float64 | Float32, scores: Float64) -> Boxes:
    return Boxes(boxes.astype(np.float32), scores.astype(np.float32), np.zeros(len(boxes), np.int64))
