"""Finds people for measurements, by a network that the product does not use, on overlapping tiles of three sizes.

The network is Intel's person-vehicle-bike-detection-2002 (MobileNet-SSD, Open Model Zoo) at 512 x 512. A tile of 320 px
is seen at 1.6 times its size, so that people of 20 px are found; larger tiles and the whole picture find larger people.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ops.boxes import inside_shares, iou_matrix, suppress_overlaps
from schemas.frame_boxes import FrameBoxes
from schemas.values import Float32, Float64, Int64, Uint8

WEIGHTS = "person-vehicle-bike-detection-2002.xml"
VEHICLE, PERSON, BIKE = 0, 1, 2
"""Labels of the network's output."""

TILES_PX = (320, 720)
"""Sides of the square tiles; the whole picture is looked at besides."""

OVERLAP = 0.3
"""Share of a tile that its neighbour sees as well."""

CONFIDENCE = 0.4
"""Least score, 0..1, of what is found."""

SAME = 0.5
"""IoU above which two boxes are of one person."""

WITHIN = 0.7
"""Share of a box that lies in a surer one, above which it is part of the same person."""

CUT_PX = 3.0
"""A box that ends this close, in pixels of the picture, to an edge of its tile that is no edge of the picture is of a
person whom the tile cuts."""

Tile = tuple[int, int, int, int]
"""x1, y1, x2, y2 in pixels, ends exclusive."""


@dataclass(frozen=True)
class Found:
    """Objects found in a picture, surest first: ``(N, 4)`` boxes, ``(N,)`` scores 0..1 and labels."""

    box: Float64
    score: Float64
    label: Int64

    def __len__(self) -> int:
        return len(self.box)

    def of(self, label: int, least_score: float = 0.0) -> Float64:
        """Returns the boxes of a label with at least this score."""
        return np.asarray(self.box[(self.label == label) & (self.score >= least_score)])


class Auditor:
    """Runs the network through OpenVINO.

    Args:
        assets: folder of the real material.
        confidence: least score, 0..1.
    """

    def __init__(self, assets: Path, confidence: float = CONFIDENCE) -> None:
        import openvino as ov

        network = ov.Core().read_model(assets / "weights_more" / WEIGHTS)
        self.confidence = confidence
        self._network = ov.Core().compile_model(network, "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        _, _, height, width = network.input(0).shape
        self._input_px = (int(width), int(height))

    def look(self, image: Uint8) -> Found:
        """Returns the objects in a picture ``(H, W, 3)`` BGR."""
        parts = [self._look_at(image, tile) for tile in tiles_of((image.shape[1], image.shape[0]))]
        return merge(parts)

    def people(self, image: Uint8) -> Float64:
        """Returns the boxes ``(N, 4)`` of people, surest first."""
        return self.look(image).of(PERSON)

    def _look_at(self, image: Uint8, tile: Tile) -> Found:
        x1, y1, x2, y2 = tile
        scaled = cv2.resize(image[y1:y2, x1:x2], self._input_px, interpolation=cv2.INTER_LINEAR)
        output = self._network(scaled.transpose(2, 0, 1)[None].astype(np.float32))[0]
        found = decode_ssd(np.asarray(output), (x2 - x1, y2 - y1), self.confidence)
        return without_cut(Found(found.box + np.array([x1, y1, x1, y1]), found.score, found.label), tile, image.shape)


def tiles_of(size_px: tuple[int, int]) -> Iterator[Tile]:
    """Yields the tiles of a picture of (width, height), and the whole picture; all cover it evenly."""
    width, height = size_px
    for side in TILES_PX:
        if side < max(width, height):
            for y in _starts(height, side):
                for x in _starts(width, side):
                    yield x, y, min(x + side, width), min(y + side, height)
    yield 0, 0, width, height


def _starts(length: int, side: int) -> list[int]:
    count = 1 + int(np.ceil(max(length - side, 0) / (side * (1 - OVERLAP))))
    return [int(start) for start in np.linspace(0, max(length - side, 0), count).round()]


def decode_ssd(output: Float32, size_px: tuple[int, int], confidence: float) -> Found:
    """Decodes an SSD's output ``(1, 1, N, 7)``: image (negative: no more), label, score, x1, y1, x2, y2 in 0..1.

    Args:
        size_px: (width, height) of the picture that the shares refer to.
    """
    rows = output.reshape(-1, 7).astype(np.float64)
    ends = np.flatnonzero(rows[:, 0] < 0)
    rows = rows[: ends[0]] if len(ends) else rows
    rows = rows[rows[:, 2] >= confidence]
    rows = rows[np.argsort(-rows[:, 2], kind="stable")]
    width, height = size_px
    return Found(rows[:, 3:7] * [width, height, width, height], rows[:, 2], rows[:, 1].astype(np.int64))


def without_cut(found: Found, tile: Tile, shape: tuple[int, ...]) -> Found:
    """Drops the boxes that an edge of the tile cuts; edges of the picture of (height, width) cut nothing."""
    height, width = shape[:2]
    x1, y1, x2, y2 = tile
    box = found.box
    cut = (
        ((x1 > 0) & (box[:, 0] < x1 + CUT_PX))
        | ((y1 > 0) & (box[:, 1] < y1 + CUT_PX))
        | ((x2 < width) & (box[:, 2] > x2 - CUT_PX))
        | ((y2 < height) & (box[:, 3] > y2 - CUT_PX))
    )
    return Found(box[~cut], found.score[~cut], found.label[~cut])


def merge(parts: list[Found]) -> Found:
    """Joins what several tiles found: of overlapping boxes of one label, the surest is kept."""
    box = np.concatenate([part.box for part in parts])
    score = np.concatenate([part.score for part in parts])
    label = np.concatenate([part.label for part in parts])
    kept = suppress_overlaps(box, score, SAME, label)
    box, score, label = box[kept], score[kept], label[kept]
    alone = np.ones(len(box), np.bool_)
    for row in range(1, len(box)):
        surer = alone[:row] & (label[:row] == label[row])
        alone[row] = not (inside_shares(box[:row][surer], box[row : row + 1]) > WITHIN).any()
    return Found(box[alone], score[alone], label[alone])


@dataclass(frozen=True)
class Accuracy:
    """How well the auditor finds people, at an IoU of 0.5 or more, over some pictures with truth.

    Attributes:
        people: number of true people.
        found: number of people whom it found.
        right: number of those who are true people.
    """

    people: int
    found: int
    right: int

    @property
    def recall(self) -> float:
        """The share of people who were found, 0..1."""
        return self.right / self.people if self.people else 1.0

    @property
    def precision(self) -> float:
        """The share of what was found that are people, 0..1."""
        return self.right / self.found if self.found else 1.0


def accuracy(found: list[Float64], truth: list[FrameBoxes]) -> Accuracy:
    """Compares boxes with the truth, picture by picture; boxes on ignored people count neither way."""
    people = shown = right = 0
    for boxes, rows in zip(found, truth, strict=True):
        overlap = iou_matrix(boxes, rows.box) if len(boxes) and len(rows) else np.zeros((len(boxes), len(rows)))
        taken = np.zeros(len(rows), np.bool_)
        for box in range(len(boxes)):
            free = np.where(taken, 0.0, overlap[box])
            best = int(free.argmax()) if len(free) else -1
            if best >= 0 and free[best] >= SAME:
                taken[best] = True
                shown += int(rows.counts[best])
            else:
                shown += 1
        people += int(rows.counts.sum())
        right += int((taken & rows.counts).sum())
    return Accuracy(people, shown, right)
