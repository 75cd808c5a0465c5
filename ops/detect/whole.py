"""Looks at whole frames; of a frame of which only parts changed, at these parts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ops.boxes import inside_shares
from ops.detect.backends import Network
from ops.detect.canvas import Canvas
from ops.detect.changes import changed, changed_parts
from ops.detect.decode import Boxes, Decoder
from ops.detect.tiles import Look, merge_looks, submit_look
from schemas.values import Float32, Float64, Uint8

MOSTLY = 0.5
"""Share of a box within a part above which it is found anew with the part. Parts hold boxes as a whole or not at all,
but for rounding."""


@dataclass
class _Frame:
    """What was looked at of a frame.

    Attributes:
        base: number of the frame whose whole look holds: itself if it was looked at as a whole.
        parts: ``(N, 4)``, px of the frame: what was looked at again.
        found: the boxes in each part, by its row, px of the source.
    """

    base: int
    parts: Float64 = field(default_factory=lambda: np.empty((0, 4)))
    found: dict[int, Boxes] = field(default_factory=dict)


class WholeLooks:
    """Whole looks at a segment's frames, in order; what an earlier one found holds where nothing changed.

    Args:
        network, decoder: of the same weights.
        source_px: (width, height) that boxes refer to.
        count: called with the name of each piece of work and its amount: ``detector_calls`` (runs of the network),
            ``part_calls`` (those for parts).

    Attributes:
        base: number of the last frame that was looked at as a whole; -1 before the first.
        picture: that frame, reduced, if what it showed may hold.
    """

    def __init__(
        self, network: Network, decoder: Decoder, source_px: tuple[int, int], count: Callable[[str, int], None]
    ) -> None:
        self.base = -1
        self.picture: Uint8 | None = None
        self._network = network
        self._decoder = decoder
        self._source_px = source_px
        self._scale = np.ones(4, np.float32)  # of the source's pixels to the frame's
        self._count = count
        self._canvas = Canvas(network, decoder, self._count_parts)
        self._frames: dict[int, _Frame] = {}
        self._whole: dict[int, Boxes] = {}

    def look(self, number: int, frame: Uint8, look: Look, picture: Uint8 | None) -> int:
        """Looks at all of a frame, and returns the number of looks: 1.

        Args:
            frame: ``(H, W, 3)`` BGR.
            look: at the whole frame.
            picture: the frame, reduced; None: what is found never holds for another frame.
        """
        frame_px = (frame.shape[1], frame.shape[0])
        self._scale = np.tile(np.array(self._source_px, np.float32) / np.array(frame_px, np.float32), 2)
        self.base, self.picture = number, picture
        self._frames[number] = _Frame(number)
        deliver = partial(self._whole.__setitem__, number)
        submit_look(self._network, self._decoder, frame, look, deliver, self._source_px)
        self._count("detector_calls", 1)
        return 1

    def differs(self, picture: Uint8) -> bool:
        """Returns whether a frame, reduced, shows anything else than the last whole look."""
        return self.picture is None or bool(changed(picture, self.picture).any())

    def look_again(self, number: int, frame: Uint8, look: Look, picture: Uint8) -> int:
        """Looks at what changed since the last whole look, and returns the number of looks: 0 or 1.

        Args: as those of ``look``.
        """
        assert self.picture is not None
        mask = changed(picture, self.picture)
        if not mask.any():
            self._frames[number] = _Frame(self.base)
            return 0
        self._network.wait()
        known = (self._whole[self.base].xyxy / self._scale).astype(np.float64)
        parts = changed_parts(mask, known, (frame.shape[1], frame.shape[0]))
        if parts is None:
            return self.look(number, frame, look, picture)
        one = self._frames[number] = _Frame(self.base, parts)
        for row, (x1, y1, x2, y2) in enumerate(parts.astype(int).tolist()):
            self._canvas.add(frame, (x1, y1, x2, y2), partial(self._keep, one, row))
        return 1

    def _keep(self, frame: _Frame, row: int, found: Boxes) -> None:
        boxes: Float32 = found.xyxy * self._scale
        frame.found[row] = Boxes(boxes, found.confidence, found.classes)

    def _count_parts(self, calls: int) -> None:
        self._count("detector_calls", calls)
        self._count("part_calls", calls)

    def finish(self, number: int | None = None) -> None:
        """Waits for the looks at a frame, or at all of them."""
        if number is None or len(self._frames[number].parts):
            self._canvas.flush()
        self._network.wait()

    def found(self, number: int) -> Boxes:
        """Returns what is known of a frame, surest first, after ``finish``: found in its parts, or holding."""
        frame = self._frames[number]
        base = self._whole[frame.base]
        if not len(frame.parts):
            return base
        inside = inside_shares(frame.parts, (base.xyxy / self._scale).astype(np.float64)).max(axis=0, initial=0)
        (held,) = np.nonzero(inside < MOSTLY)
        return merge_looks([base.take(held), *(frame.found[row] for row in range(len(frame.parts)))])
