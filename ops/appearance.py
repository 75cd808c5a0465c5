"""Op ``appearance``: the colours of people's clothes, by which ``track`` knows people again who were hidden.

It shares the decode of ``detect``, and keeps small pictures in memory until the boxes of the segment are known. No
picture is stored. Decision 39.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import boxes_of, times_us
from ops.detect.changes import changed, reduced
from ops.tracking.colours import body_colours
from schemas.op import FrameNeed, FrameOp, FrameSession, OpSpec, Read, Scope, Services, Tables, param
from schemas.tables import TABLES
from schemas.values import FrameBatch, Segment, Uint8, UnitContext

WIDTH_PX = 640
"""Width to which wider frames are reduced: clothes of people of 50 px are 15 px wide there at 1280 px."""

REDUCED = 2
"""Factor by which pictures are reduced to see whether anything changed since the one before."""

JPEG_QUALITY = 95
MOST_BYTES = 48_000_000
"""Memory for the pictures of a segment; when they need more, every second one is dropped, and from then on."""


@dataclass(frozen=True)
class AppearanceParams:
    """Parameters of ``appearance``."""

    fps: float = param(5.0, "frames per second in which people's colours are measured; fewer where the view is busy")
    confidence: float = param(0.25, "least score of a person whose colours are measured, 0..1")


class Appearance(FrameOp):
    """Measures the colours of the upper and lower body of the people whom ``detect`` found."""

    spec = OpSpec(
        name="appearance",
        version=2,
        summary="Measures the colours of people's clothes, by which tracks go on after people were hidden.",
        scope=Scope.SEGMENT,
        reads=(Read("detections", late=True),),
        writes=("appearances",),
        params=AppearanceParams,
        memory_mb=200,
    )
    params: AppearanceParams

    def frame_need(self, unit: UnitContext) -> FrameNeed | None:  # noqa: ARG002 - all segments need the same
        return FrameNeed(self.params.fps, WIDTH_PX)

    def start(self, unit: UnitContext, inputs: Tables, services: Services) -> FrameSession:  # noqa: ARG002
        return AppearanceSession(unit.segment, self.params)


class AppearanceSession(FrameSession):
    """Keeps small pictures of a segment until its detections are known."""

    def __init__(self, segment: Segment, params: AppearanceParams) -> None:
        self._segment = segment
        self._params = params
        self._kept = SmallPictures(MOST_BYTES)

    def feed(self, batch: FrameBatch) -> None:
        for frame, time_us in zip(batch.frames, batch.times_us.tolist(), strict=True):
            self._kept.add(frame, time_us)

    def finish(self, late: Tables) -> Tables:
        """Returns one row per person in a picture."""
        rows = late["detections"]
        rows = rows.filter(
            pc.and_(pc.equal(rows["label"], "person"), pc.greater_equal(rows["confidence"], self._params.confidence))
        )
        at_us, boxes = times_us(rows), boxes_of(rows)
        measured: list[int] = []
        found: list[Uint8] = []
        for time_us, picture in self._kept.pictures(set(at_us.tolist())):
            (chosen,) = np.nonzero(at_us == time_us)
            scale = np.tile([picture.shape[1] / self._segment.width, picture.shape[0] / self._segment.height], 2)
            lab = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2LAB), np.uint8)
            colours = body_colours(lab, boxes[chosen] * scale)
            (known,) = np.nonzero(colours.any(axis=1))
            measured += chosen[known].tolist()
            found += list(colours[known])
        people = rows.take(pa.array(measured, pa.int64()))
        names = ("camera", "segment_id", "detection", "time", "pts")
        columns = {name: people[name] for name in names} | {"colours": [each.tobytes() for each in found]}
        return {"appearances": TABLES["appearances"].conform(columns)}


class SmallPictures:
    """Keeps pictures coded, each different one once.

    Args:
        most_bytes: memory above which every second one is dropped.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._every = 1
        self._number = self._bytes = 0
        self._coded: dict[int, bytes] = {}  # by number of the picture
        self._shown: list[tuple[int, int, int]] = []  # number, time in microseconds, and number of the picture shown
        self._last: Uint8 | None = None

    def add(self, picture: Uint8, time_us: int) -> None:
        """Adds a picture ``(H, W, 3)`` BGR."""
        number, self._number = self._number, self._number + 1
        if number % self._every:
            return
        small = reduced(picture, REDUCED)
        if self._last is not None and not changed(small, self._last).any():
            self._shown.append((number, time_us, self._shown[-1][2]))
            return
        self._last = small
        _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        self._coded[number] = coded.tobytes()
        self._shown.append((number, time_us, number))
        self._bytes += len(self._coded[number])
        while len(self._shown) > 1 and self._bytes > self._most_bytes:
            self._drop_every_second()

    def pictures(self, wanted_us: set[int]) -> Iterator[tuple[int, Uint8]]:
        """Yields the kept pictures at the wanted times, as far as there are any, each with its time."""
        for _, time_us, shown in self._shown:
            if time_us in wanted_us:
                coded = np.frombuffer(self._coded[shown], np.uint8)
                yield time_us, np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)

    def _drop_every_second(self) -> None:
        self._every *= 2
        newest = self._shown[-1]
        self._shown = [each for each in self._shown if each[0] % self._every == 0]
        if self._shown[-1] != newest:
            self._last = None  # the picture that it shows is not kept, so the next one is not compared with it
        needed = {shown for _, _, shown in self._shown}
        self._coded = {number: coded for number, coded in self._coded.items() if number in needed}
        self._bytes = sum(map(len, self._coded.values()))
