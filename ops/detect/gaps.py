"""Settles the frames between looks: halves each gap in which something is unclear, and looks at its middle frame.

So somebody who stands is looked at seldom, somebody who walks twice a second, and a crowd in every frame. This is
bisection as in adaptive sampling; the parts of all gaps of a window share the network's runs.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from ops.boxes import inside_shares, size
from ops.detect.backends import Network
from ops.detect.between import Between, Judged, Seen
from ops.detect.canvas import Canvas
from ops.detect.changes import changed_parts
from ops.detect.decode import Boxes, Decoder
from ops.detect.tiles import PART_SHARE, merge_looks
from ops.detect.waiting import WaitingFrames
from ops.detect.whole import MOSTLY
from schemas.values import Float64, Uint8

RELIABLE = 0.7
"""Share of the least height in the input from which somebody whom a look does not find is not there."""

COMFORT = 1.35
"""Times the least height in the input that the smallest person of a part has: nearly all are found then."""

WHOLE = 0.98
"""Share of a box within a part from which the part shows all of it, but for rounding."""

TOUCH_PX = 3.0
"""A box that ends this close to a part's border, pixels of the frame, may be cut by it."""

LARGEST = 4.0
"""Most times that a part is enlarged, of the scale of the whole look."""


@dataclass(frozen=True)
class Gap:
    """Frames between two looks: their times in microseconds and reduced pictures, by number."""

    before: Seen
    after: Seen
    frames: Mapping[int, tuple[int, Uint8]]


@dataclass
class _Middle:
    """The frame of a gap that is looked at.

    Attributes:
        gap: with the frames that are left.
        number, time_us, picture: of the frame.
        known: px of the source, who is known to be there: what the look does not see.
        found: by part, the boxes in it, px of the source.
    """

    gap: Gap
    number: int
    time_us: int
    picture: Uint8
    known: Boxes
    found: Mapping[int, Boxes]


class Gaps:
    """Settles the frames of a segment.

    Args:
        network, decoder: of the same weights.
        source_px: (width, height) that boxes refer to.
        longest: most frames and seconds from one look to the next.
        count: called with the name of each piece of work and its amount: ``detector_calls`` (runs of the network),
            ``between_calls`` (those between looks).

    Attributes:
        found: by number of the frame, its boxes, px of the source.
        looked: numbers of the frames that the network looked at.
    """

    def __init__(
        self,
        network: Network,
        decoder: Decoder,
        source_px: tuple[int, int],
        longest: tuple[int, float],
        count: Callable[[str, int], None],
    ) -> None:
        self._network = network
        self._source_px = source_px
        self._longest = longest
        self._count = count
        self._canvas = Canvas(network, decoder, self._count_calls)
        self._end = (0, 0)  # number of a frame, and a time in microseconds: whatever comes first
        self._waiting = WaitingFrames()
        self._at: dict[int, tuple[int, Uint8]] = {}
        self.found: dict[int, Boxes] = {}
        self.looked: set[int] = set()

    def __iter__(self) -> Iterator[int]:
        """Yields the numbers of the frames that wait, in order."""
        return iter(self._at)

    @property
    def full(self) -> bool:
        """Whether frames must be settled before more wait."""
        return self._waiting.full

    def begin(self, number: int, time_us: int) -> None:
        """Begins a gap, after a frame that was looked at."""
        frames, seconds = self._longest
        self._end = (number + frames, time_us + round(seconds * 1e6))

    def may_wait(self, number: int, time_us: int) -> bool:
        """Returns whether a frame need not be looked at yet."""
        return number < self._end[0] and time_us < self._end[1]

    def wait(self, number: int, time_us: int, frame: Uint8, picture: Uint8) -> None:
        """Adds a frame ``(H, W, 3)`` BGR, which must not change while it waits, and its reduced picture."""
        self._waiting.add(number, frame)
        self._at[number] = (time_us, picture)

    def pop_newest(self) -> tuple[Uint8, Uint8]:
        """Returns and removes the frame that was added last, and its picture."""
        number, frame = self._waiting.pop_newest()
        return frame, self._at.pop(number)[1]

    def settle(self, known: Callable[[int], Seen]) -> None:
        """Settles all frames that wait.

        Args:
            known: returns what is known of a frame; called for the frames around those that wait.
        """
        gaps = list(self._open(known))
        while gaps:
            middles = [middle for gap in gaps if (middle := self._judge(gap)) is not None]
            self._canvas.flush()
            self._network.wait()
            gaps = [half for middle in middles for half in self._halves(middle)]
        self._at.clear()
        self._waiting = WaitingFrames()

    def _open(self, known: Callable[[int], Seen]) -> Iterator[Gap]:
        numbers = list(self._at)
        borders = [0, *(np.nonzero(np.diff(numbers) > 1)[0] + 1).tolist(), len(numbers)]
        for first, last in pairwise(borders):
            run = numbers[first:last]
            if run:
                yield Gap(known(run[0] - 1), known(run[-1] + 1), {number: self._at[number] for number in run})

    def _judge(self, gap: Gap) -> _Middle | None:
        """Settles what is clear, and begins to look at the middle frame of the others; None: there are none."""
        between = Between(gap.before, gap.after, self._source_px)
        unclear: dict[int, Judged] = {}
        for number, (time_us, picture) in gap.frames.items():
            judged = between.judge(number, time_us, picture)
            if judged.unclear.any():
                unclear[number] = judged
            else:
                self.found[number] = judged.boxes
        if not unclear:
            return None
        middle = (gap.before.number + gap.after.number) / 2
        number = min(unclear, key=lambda each: (abs(each - middle), each))
        rest = Gap(gap.before, gap.after, {each: gap.frames[each] for each in unclear if each != number})
        known, found = self._look(self._waiting[number], unclear[number])
        self.looked.add(number)
        return _Middle(rest, number, *gap.frames[number], known, found)

    def _look(self, frame: Uint8, judged: Judged) -> tuple[Boxes, Mapping[int, Boxes]]:
        """Begins to look at what is unclear; returns who is known to be elsewhere, and who will be found, by part."""
        frame_px = (frame.shape[1], frame.shape[0])
        scale = np.tile(np.array(frame_px) / np.array(self._source_px), 2)
        concerned = judged.concerned * scale
        parts = changed_parts(judged.unclear, concerned, frame_px)
        if parts is None:
            parts = np.array([[0, 0, *frame_px]], np.float64)
        found: dict[int, Boxes] = {}
        boxes = judged.boxes.xyxy.astype(np.float64) * scale
        inside = inside_shares(parts, boxes)
        replaced = np.zeros(len(boxes), bool)
        for row, (part, shares) in enumerate(zip(parts, inside, strict=True)):
            within = shares > MOSTLY
            cut = judged.boxes.take(np.nonzero((shares > 0) & (shares < WHOLE))[0])
            around = inside_shares(part[None], concerned)[0] > MOSTLY
            factor = self._factor(part, frame_px, size(concerned[around])[:, 1].min(initial=np.inf))
            in_input = size(boxes)[:, 1] * factor * self._whole_scale(frame_px)
            replaced |= within & (in_input >= RELIABLE * self._network.least_input_px)
            x1, y1, x2, y2 = part.astype(int).tolist()
            inner = np.array([x1 > 0, y1 > 0, x2 < frame_px[0], y2 < frame_px[1]])
            border = np.where(inner, part / scale, np.nan)
            self._canvas.add(frame, (x1, y1, x2, y2), partial(_keep, found, row, 1 / scale, border, cut), factor)
        return judged.boxes.take(np.nonzero(~replaced)[0]), found

    def _whole_scale(self, frame_px: tuple[int, int]) -> float:
        return min(self._network.input_px[0] / frame_px[0], self._network.input_px[1] / frame_px[1])

    def _factor(self, part: Float64, frame_px: tuple[int, int], least_px: float) -> float:
        """Returns how much a part is enlarged, times the whole look's scale, for its smallest person to be found."""
        whole = self._whole_scale(frame_px)
        wanted = COMFORT * self._network.least_input_px / (least_px * whole)
        room = min(np.array(self._network.input_px) / (part[2:] - part[:2])) / whole
        return float(max(min(wanted, LARGEST, room), 1.0))

    def _count_calls(self, calls: int) -> None:
        self._count("detector_calls", calls)
        self._count("between_calls", calls)

    def _halves(self, middle: _Middle) -> Iterator[Gap]:
        """Yields what is left of a gap on both sides of its middle frame, after that was looked at."""
        # In the order of the parts: the network delivers them in any.
        boxes = merge_looks([middle.known, *(middle.found[row] for row in sorted(middle.found))])
        self.found[middle.number] = boxes
        seen = Seen(middle.number, middle.time_us, middle.picture, boxes)
        for before, after in ((middle.gap.before, seen), (seen, middle.gap.after)):
            frames = {
                number: frame for number, frame in middle.gap.frames.items() if before.number < number < after.number
            }
            if frames:
                yield Gap(before, after, frames)


def _keep(found: dict[int, Boxes], row: int, scale: Float64, border: Float64, cut: Boxes, boxes: Boxes) -> None:
    """Keeps what a part shows; of somebody whom its border cuts, what was known before.

    Args:
        found: by part; ``row`` is added.
        row: number of the part.
        scale: ``(4,)``, of the frame's pixels to the source's.
        border: ``(4,)``, px of the source: the part's edges; NaN where it ends with the frame.
        cut: known boxes that lie in the part in part.
        boxes: what it shows, px of the frame.
    """
    seen = np.asarray(boxes.xyxy * scale, np.float64)
    halves = inside_shares(cut.xyxy.astype(np.float64), seen) > PART_SHARE
    halves &= cut.classes[:, None] == boxes.classes
    halves &= (np.abs(seen - border) < TOUCH_PX * scale).any(axis=1)
    whole = cut.take(np.nonzero(halves.any(axis=1))[0])
    rest = boxes.take(np.nonzero(~halves.any(axis=0))[0])
    found[row] = Boxes(
        np.concatenate([(rest.xyxy * scale).astype(np.float32), whole.xyxy]),
        np.concatenate([rest.confidence, whole.confidence]),
        np.concatenate([rest.classes, whole.classes]),
    )
