"""Compares a converted detector with its source: do they find the same things in the same pictures, and how fast?"""

from collections import defaultdict
from dataclasses import dataclass
from time import process_time

import numpy as np

from ops.boxes import iou_matrix
from ops.detect.backends import open_network
from ops.detect.decode import Boxes, Decoder
from ops.detect.tiles import find_in_looks, network_pyramid
from schemas.values import ModelFile, Uint8

SURE, WEAK = 0.25, 0.1
"""Least score, 0..1, of a box that is looked for in the other detector's boxes, and of those. A score that moves by a
little is no loss: ``detect`` keeps boxes from 0.1 on."""

SAME_IOU = 0.5
"""Least overlap of a box with the same one of the other detector; their classes are the same, too."""

SUPPRESS_IOU = 0.7
"""As ``detect`` suppresses overlaps by default."""


@dataclass(frozen=True)
class Agreement:
    """How far two detectors find the same in some pictures.

    Attributes:
        pictures: number of them.
        boxes: sure boxes of the source; ``found``: of those, what the converted network finds, too.
        converted_boxes: sure boxes of the converted network; ``confirmed``: of those, what the source finds, too.
    """

    pictures: int = 0
    boxes: int = 0
    found: int = 0
    converted_boxes: int = 0
    confirmed: int = 0

    def __add__(self, other: "Agreement") -> "Agreement":
        return Agreement(
            *(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True))
        )

    @property
    def share(self) -> float:
        """The lower of the two shares found again, 0..1; 1 if neither finds anything surely."""
        shares = [part / whole for part, whole in self._parts if whole]
        return min(shares, default=1.0)

    @property
    def most_boxes(self) -> int:
        """The larger number of sure boxes."""
        return max(self.boxes, self.converted_boxes)

    @property
    def _parts(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return (self.found, self.boxes), (self.confirmed, self.converted_boxes)


class Comparison:
    """Runs a source and its conversion on pictures, one after the other, on one core.

    Args:
        source, converted: detectors of the same classes.

    Attributes:
        by_group: agreement by the name that pictures were given with.

    Raises:
        ModelError: one cannot be loaded as a detector.
    """

    def __init__(self, source: ModelFile, converted: ModelFile) -> None:
        self.by_group: dict[str, Agreement] = defaultdict(Agreement)
        self._detectors = (_Detector(source), _Detector(converted))

    def add(self, group: str, picture: Uint8) -> None:
        """Compares what both find in a picture ``(H, W, 3)`` BGR."""
        mine, theirs = (detector.find(picture) for detector in self._detectors)
        (found, boxes), (confirmed, converted_boxes) = _found_again(mine, theirs), _found_again(theirs, mine)
        self.by_group[group] += Agreement(1, boxes, found, converted_boxes, confirmed)

    @property
    def source_s(self) -> float:
        """CPU seconds a picture, of the source; fitting into the input and decoding included."""
        return self._detectors[0].mean_s

    @property
    def converted_s(self) -> float:
        """CPU seconds a picture, of the conversion."""
        return self._detectors[1].mean_s


class _Detector:
    def __init__(self, model: ModelFile) -> None:
        self._network = open_network(model, 1)
        every_class = tuple(range(len(self._network.classes)))
        self._decoder = Decoder(model.layout, self._network.input_px, every_class, WEAK, SUPPRESS_IOU)
        self._seconds: list[float] = []

    def find(self, picture: Uint8) -> Boxes:
        looks = network_pyramid(self._network, (picture.shape[1], picture.shape[0]), np.inf)
        began = process_time()
        found = find_in_looks(self._network, self._decoder, picture, looks).visible
        self._seconds.append(process_time() - began)
        return found

    @property
    def mean_s(self) -> float:
        # The first run allocates its buffers.
        return float(np.mean(self._seconds[1:] or self._seconds or [np.nan]))


def _found_again(boxes: Boxes, among: Boxes) -> tuple[int, int]:
    """Returns how many of the sure boxes are among others of their class, and how many there are."""
    sure = boxes.take(np.nonzero(boxes.confidence >= SURE)[0])
    overlaps = iou_matrix(sure.xyxy.astype(np.float64), among.xyxy.astype(np.float64))
    same = (overlaps >= SAME_IOU) & (sure.classes[:, None] == among.classes[None])
    return int(same.any(axis=1).sum()), len(sure)
