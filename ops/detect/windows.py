"""Decides which tiles of each frame are looked at: all in some frames, the probes; in the others those with people.

A frame between two probes is looked at in the tiles in which either of them found somebody whom the whole frame's look
misses. So a view without small people costs the probes only. Frames wait for the next probe, which comes early where
there is no memory for more.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ops.boxes import iou_matrix
from ops.detect.backends import Network
from ops.detect.decode import Boxes, Decoder
from ops.detect.tiles import SAME_IOU, Look, merge_looks, network_pyramid, submit_look
from ops.detect.waiting import WaitingFrames
from schemas.values import Float32, Uint8

ACTIVE_CONFIDENCE = 0.2
"""Least score, 0..1, with which somebody found in a tile makes it active.

Measured-real with yolo11n INT8 on 49 probes, one in 4 s, of seven clips, most of whose people are tall enough for the
whole look: 0.1 makes tiles active in 5 of them, 0.15 in 4, 0.2 in 2, 0.25 in 1.
"""

SURE_SHARE = 0.7
"""Share of a look's least height below which people are missed so often that finding one once proves little; a
choice, not measured."""

STRIDES_AROUND = 1.0
"""Tiles are active that people may reach soon: this many of their heights around them; one takes a walker 1.25 s
(1.75 m at 1.4 m/s). A choice, not measured."""


@dataclass(frozen=True)
class TileSettings:
    """How tiles are looked at.

    Attributes:
        least_person_px: least height of a person that tiles find, px of the frame.
        probe_s: seconds from one probe to the next.
        probe_frames: most frames from one probe to the next, whatever their times say.
        people: class indices that make a tile active.
    """

    least_person_px: float
    probe_s: float
    probe_frames: int
    people: frozenset[int]


class LookWindow:
    """Looks at a segment's frames as a whole, and in tiles where a probe finds people too small for that.

    Args:
        network, decoder: of the same weights.
        source_px: (width, height) that boxes refer to.
        tiles: None: frames are looked at as a whole only.
        count: called with the name of each piece of work and its amount: ``detector_calls`` (whole frames and tiles),
            ``tile_calls``.

    Attributes:
        looks: all looks at a frame, the whole first; empty before the first frame.
        looked: by frame, the numbers of the tiles in ``looks`` that were looked at; complete after ``finish``.
        probes: number of frames that were looked at in all tiles.
    """

    def __init__(
        self,
        network: Network,
        decoder: Decoder,
        source_px: tuple[int, int],
        tiles: TileSettings | None,
        count: Callable[[str, int], None],
    ) -> None:
        self._network = network
        self._decoder = decoder
        self._source_px = source_px
        self._tiles = tiles
        self._count = count
        self._found: dict[tuple[int, int], Boxes] = {}
        self._waiting = WaitingFrames()
        self._active: frozenset[int] = frozenset()
        self._probe_due = (0, 0)  # number of a frame, and a time in microseconds: whatever comes first
        self.looks: tuple[Look, ...] = ()
        self.looked: list[frozenset[int]] = []
        self.probes = 0

    def add(self, frame: Uint8, time_us: int) -> None:
        """Looks at the next frame ``(H, W, 3)`` BGR, which must not change until ``finish``."""
        if not self.looks:
            self.looks = self._plan((frame.shape[1], frame.shape[0]))
        number = len(self.looked)
        self.looked.append(frozenset())
        self._submit(number, frame, (0,))
        if self._tiles is None or len(self.looks) == 1:
            return
        self._waiting.add(number, frame)
        if number >= self._probe_due[0] or time_us >= self._probe_due[1] or self._waiting.full:
            self._probe(self._tiles)
            self._probe_due = (number + self._tiles.probe_frames, time_us + round(self._tiles.probe_s * 1e6))

    def finish(self) -> list[Boxes]:
        """Returns the boxes of each frame, px of the source, surest first."""
        if self._tiles is not None and len(self._waiting):
            self._probe(self._tiles)  # the last frame, so that every frame lies between two probes
        self._network.wait()
        return [
            merge_looks([self._found[number, look] for look in (0, *sorted(tiles))])
            for number, tiles in enumerate(self.looked)
        ]

    def _plan(self, frame_px: tuple[int, int]) -> tuple[Look, ...]:
        least_px = np.inf if self._tiles is None else self._tiles.least_person_px
        return network_pyramid(self._network, frame_px, least_px)

    def _probe(self, tiles: TileSettings) -> None:
        """Looks at the newest waiting frame in all tiles, and at the others in those with people before or now."""
        probed, frame = self._waiting.pop_newest()
        self._submit(probed, frame, range(1, len(self.looks)))
        self.probes += 1
        self._network.wait()
        found = {look: self._found[probed, look] for look in range(len(self.looks))}
        present = active_tiles(self.looks, found, tiles)
        active = self._active | present
        # What an inactive tile finds is dropped: it would be there in this frame and in none around it.
        for look in range(1, len(self.looks)):
            if look not in active:
                del self._found[probed, look]
        self.looked[probed] = active
        for number, waiting in self._waiting.pop_all():
            self.looked[number] = active
            self._submit(number, waiting, sorted(active))
        self._active = present

    def _submit(self, number: int, frame: Uint8, looks: Sequence[int]) -> None:
        for look in looks:
            deliver = partial(self._found.__setitem__, (number, look))
            submit_look(self._network, self._decoder, frame, self.looks[look], deliver, self._source_px)
        if looks:
            self._count("detector_calls", len(looks))
            if looks[0] > 0:
                self._count("tile_calls", len(looks))


def active_tiles(looks: Sequence[Look], found: Mapping[int, Boxes], tiles: TileSettings) -> frozenset[int]:
    """Returns the numbers of the tiles that must be looked at to find the people of a probe.

    A person whom a coarser look finds at a height that it finds reliably needs no tile.

    Args:
        looks: of ``pyramid``.
        found: the boxes of each look, by its number.
        tiles: who counts: smaller ones than the least do not, since signs and cones look like them.
    """
    active: set[int] = set()
    coarser = np.empty((0, 4), np.float32)
    for level in range(looks[-1].level + 1):
        numbers = [number for number, look in enumerate(looks) if look.level == level]
        boxes = np.concatenate([_people(found[number], tiles) for number in numbers])
        if level > 0:
            needed = boxes[~(iou_matrix(boxes, coarser) > SAME_IOU).any(axis=1)]
            for number in numbers:
                if _near(looks[number], needed):
                    active.add(number)
        heights = boxes[:, 3] - boxes[:, 1]
        reliable = boxes[heights >= SURE_SHARE * looks[numbers[0]].least_height_px]
        coarser = np.concatenate([coarser, reliable])
    return frozenset(active)


def _people(found: Boxes, tiles: TileSettings) -> Float32:
    sure = (found.confidence >= ACTIVE_CONFIDENCE) & np.isin(found.classes, sorted(tiles.people))
    tall = found.xyxy[:, 3] - found.xyxy[:, 1] >= tiles.least_person_px
    return found.xyxy[sure & tall]


def _near(look: Look, boxes: Float32) -> bool:
    """Returns whether a tile shows any of the boxes, or may soon."""
    around = STRIDES_AROUND * (boxes[:, 3:] - boxes[:, 1:2])
    low, high = boxes[:, :2] - around, boxes[:, 2:] + around
    return bool(((low < [look.x2, look.y2]) & (high > [look.x1, look.y1])).all(axis=1).any())
