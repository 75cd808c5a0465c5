"""Measures what looking again only where a frame changed misses: a few frames, drawn at random, are looked at in full.

The frames are drawn by a hash of the segment's id and their number, so the draw does not depend on what they show, and
the same footage gives the same rows. What the full look finds is not used for anything else: it would make these
frames unlike the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

import numpy as np

from ops.boxes import iou_matrix
from ops.detect.backends import Network
from ops.detect.decode import PERSON, Boxes, Decoder
from ops.detect.tiles import Look, merge_looks, submit_look
from schemas.values import Float32, Uint8

SURE = 0.5
"""Score, 0..1, from which somebody whom the full look finds counts."""

FOUND_IOU = 0.5
"""Least intersection over union with a box of the results, however unsure, that makes somebody found."""


@dataclass(frozen=True)
class SampledFrame:
    """A frame that was looked at in full: its number, the people whom that surely found, and those of them missed."""

    number: int
    people: int
    missed: int


class SampleLooks:
    """The full looks at a segment's drawn frames.

    Args:
        network, decoder: of the same weights.
        source_px: (width, height) that boxes refer to.
        share: of the frames that is drawn, 0..1.
        key: of the draw: the segment's id.
        count: called with the name of each piece of work and its amount: ``detector_calls``, ``sample_calls``.
    """

    def __init__(
        self,
        network: Network,
        decoder: Decoder,
        source_px: tuple[int, int],
        share: float,
        key: str,
        count: Callable[[str, int], None],
    ) -> None:
        self._network = network
        self._decoder = decoder
        self._source_px = source_px
        self._most = round(share * 2**64)
        self._key = key
        self._people = [index for index in decoder.wanted if network.classes[index] == PERSON]
        self._count = count
        self._waiting: dict[int, Uint8] = {}
        self._found: dict[int, dict[int, Boxes]] = {}

    def add(self, number: int, frame: Uint8) -> None:
        """Keeps a frame ``(H, W, 3)`` BGR if it is drawn."""
        digest = blake2b(f"{self._key}/{number}".encode(), digest_size=8).digest()
        if int.from_bytes(digest) < self._most:
            self._waiting[number] = frame.copy()  # not a view: it would hold all of its batch

    def look(self, looks: Sequence[Look], tiles: Sequence[Mapping[int, int]]) -> None:
        """Looks at the frames that wait: whole, and in the tiles that count for them.

        Args:
            looks: all looks at a frame, the whole first.
            tiles: by frame, the numbers of the tiles that count.
        """
        for number, frame in self._waiting.items():
            found = self._found[number] = {}
            for each in (0, *sorted(tiles[number])):
                deliver = partial(found.__setitem__, each)
                submit_look(self._network, self._decoder, frame, looks[each], deliver, self._source_px)
            self._count("detector_calls", 1 + len(tiles[number]))
            self._count("sample_calls", 1 + len(tiles[number]))
        self._waiting.clear()

    def compare(self, found: Sequence[Boxes]) -> list[SampledFrame]:
        """Returns the drawn frames, in order, after the network has finished.

        Args:
            found: by frame, the results.
        """
        return [self._compared(number, found[number]) for number in sorted(self._found)]

    def _compared(self, number: int, found: Boxes) -> SampledFrame:
        looks = self._found[number]
        sure = self._boxes(merge_looks([looks[each] for each in sorted(looks)]), SURE)
        best = iou_matrix(sure, self._boxes(found, 0.0)).max(axis=1, initial=0.0)
        return SampledFrame(number, len(sure), int((best < FOUND_IOU).sum()))

    def _boxes(self, found: Boxes, least: float) -> Float32:
        found = found.visible
        return found.xyxy[(found.confidence >= least) & np.isin(found.classes, self._people)]
