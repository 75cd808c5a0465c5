"""Decodes network outputs to boxes: the layouts of Ultralytics and YOLOX, and non-maximum suppression."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ops.boxes import suppress_overlaps
from schemas.values import Float32, Int64

PERSON = "person"
"""The class of people, as all networks that find any call it."""

MAX_CANDIDATES = 1000
MAX_DETECTIONS = 300  # per frame, as Ultralytics
YOLOX_STRIDES = (8, 16, 32)


@dataclass(frozen=True)
class Boxes:
    """Objects found in one frame, surest first.

    Attributes:
        xyxy: ``(N, 4)`` x1, y1, x2, y2 in px, right and bottom exclusive.
        confidence: ``(N,)`` 0..1.
        classes: ``(N,)`` class index.
    """

    xyxy: Float32
    confidence: Float32
    classes: Int64

    def __len__(self) -> int:
        return len(self.xyxy)

    def take(self, rows: Int64) -> "Boxes":
        """Returns some of the boxes, in the order of ``rows``."""
        return Boxes(self.xyxy[rows], self.confidence[rows], self.classes[rows])

    @property
    def visible(self) -> "Boxes":
        """Returns the boxes at least one pixel wide and tall: clipping to the frame leaves slivers."""
        sides = self.xyxy[:, 2:] - self.xyxy[:, :2]
        return self.take(np.nonzero((sides >= 1).all(axis=1))[0])


@dataclass(frozen=True)
class Decoder:
    """Turns a network's output into boxes.

    Attributes:
        layout: ``yolo``: (1, 4 + classes, N), or (1, N, 6) from networks with suppression built in;
            ``yolox``: (1, N, 5 + classes).
        input_px: (width, height) of the input.
        wanted: class indices to find, rising.
        confidence: least score, 0..1.
        iou: overlap above which two boxes of one class are one, 0..1.
    """

    layout: str
    input_px: tuple[int, int]
    wanted: tuple[int, ...]
    confidence: float
    iou: float

    def __call__(self, output: Float32) -> Boxes:
        """Returns boxes in px of the input; ``output`` is the network's, batch dimension included, and is not kept."""
        if self.layout == "yolox":
            found = decode_yolox(output[0], self.input_px, self.wanted, self.confidence)
        elif output.shape[2] == 6 and output.shape[1] != 6:
            return decode_suppressed(output[0], self.wanted, self.confidence)
        else:
            found = decode_yolo(output[0], self.wanted, self.confidence)
        return suppress(found, self.iou)


def decode_yolo(output: Float32, wanted: tuple[int, ...], confidence: float) -> Boxes:
    """Decodes Ultralytics' output ``(4 + classes, N)``: centre, width and height in px, then one score per class."""
    scores = output[[4 + index for index in wanted]]
    best = scores.max(axis=0)
    # Nearly all of the thousands of columns are dropped here, so nothing else is computed before.
    (columns,) = np.nonzero(best >= confidence)
    return Boxes(
        _corners(output[:4, columns].T), best[columns], np.array(wanted, np.int64)[scores[:, columns].argmax(axis=0)]
    )


def decode_yolox(output: Float32, input_px: tuple[int, int], wanted: tuple[int, ...], confidence: float) -> Boxes:
    """Decodes YOLOX's output ``(N, 5 + classes)``: offsets in grid cells, log sizes, objectness, scores per class."""
    (rows,) = np.nonzero(output[:, 4] >= confidence)  # score = objectness * class score, and that is at most 1
    kept = output[rows]
    scores = kept[:, [5 + index for index in wanted]] * kept[:, 4:5]
    best = scores.max(axis=1, initial=0)
    (sure,) = np.nonzero(best >= confidence)
    cells, strides = _yolox_grid(input_px)
    kept, stride = kept[sure], strides[rows[sure], None]
    centres = (kept[:, :2] + cells[rows[sure]]) * stride
    sizes = np.exp(kept[:, 2:4]) * stride
    classes = np.array(wanted, np.int64)[scores[sure].argmax(axis=1)]
    return Boxes(_corners(np.concatenate([centres, sizes], axis=1)), best[sure], classes)


@lru_cache(maxsize=4)
def _yolox_grid(input_px: tuple[int, int]) -> tuple[Float32, Float32]:
    """Returns the cell of each output row ``(N, 2)`` x, y, and its stride ``(N,)`` in px."""
    cells, strides = [], []
    for stride in YOLOX_STRIDES:
        columns, rows = input_px[0] // stride, input_px[1] // stride
        y, x = np.mgrid[:rows, :columns]
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full(rows * columns, stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def decode_suppressed(output: Float32, wanted: tuple[int, ...], confidence: float) -> Boxes:
    """Decodes the output ``(N, 6)`` of a network with suppression built in: x1, y1, x2, y2 in px, score, class."""
    classes = output[:, 5].astype(np.int64)
    (rows,) = np.nonzero((output[:, 4] >= confidence) & np.isin(classes, wanted))
    order = rows[np.argsort(-output[rows, 4], kind="stable")]
    return Boxes(output[order, :4].copy(), output[order, 4].copy(), classes[order])


def _corners(centred: Float32) -> Float32:
    """Converts ``(N, 4)`` centre x, centre y, width, height to x1, y1, x2, y2."""
    half = centred[:, 2:] / 2
    return np.concatenate([centred[:, :2] - half, centred[:, :2] + half], axis=1)


def suppress(found: Boxes, iou: float) -> Boxes:
    """Keeps the surest of boxes of one class that overlap by more than ``iou``; surest first, at most 300."""
    found = found.take(np.argsort(-found.confidence, kind="stable")[:MAX_CANDIDATES])
    return found.take(suppress_overlaps(found.xyxy, found.confidence, iou, found.classes)[:MAX_DETECTIONS])
