"""Runs a segment's frames through a detector's network, whole and in tiles, and gives its tables."""

from collections.abc import Callable

from ops.detect.backends import Network
from ops.detect.decode import PERSON, Decoder
from ops.detect.reach import reach_table
from ops.detect.rows import ObservedFrames, detection_tables, sample_table
from ops.detect.settings import LookSettings
from ops.detect.windows import LookWindow
from schemas.op import FrameSession, Tables
from schemas.values import FrameBatch, Segment


class NetworkSession(FrameSession):
    """The frames of one segment.

    Args:
        network, decoder: of the same weights.
        settings: how frames are looked at.
        count: see ``LookWindow``.
        prefix: of the tables' names, such as ``second_``.
        source: value of the column ``source``.
    """

    def __init__(
        self,
        segment: Segment,
        network: Network,
        decoder: Decoder,
        settings: LookSettings,
        count: Callable[[str, int], None],
        prefix: str = "",
        source: str = "model",
    ) -> None:
        self._segment = segment
        self._network = network
        self._prefix = prefix
        self._source = source
        self._frames = ObservedFrames()
        self._count = count
        self._window = LookWindow(network, decoder, (segment.width, segment.height), settings, count)

    def feed(self, batch: FrameBatch) -> None:
        for frame, time_us in zip(batch.frames, batch.times_us.tolist(), strict=True):
            self._window.add(frame, time_us)
        self._frames.add(batch)

    def finish(self, late: Tables) -> Tables:  # noqa: ARG002
        found = self._window.finish()
        classes = self._network.classes
        person = classes.index(PERSON) if PERSON in classes else None
        window = self._window
        looks = window.looks_at
        self._count("frames_observed", len(looks))
        self._count("frames_held", sum(number == 0 for number in looks))
        tables = detection_tables(self._segment, self._frames, found, classes, self._source, looks, self._prefix)
        reach = reach_table(self._segment, found, person, window.looks, window.looked, window.probes, self._prefix)
        samples = sample_table(self._segment, self._frames, window.sampled) if not self._prefix else {}
        return {**tables, **reach, **samples}

    def abandon(self) -> None:
        self._network.wait()  # the network is shared: the next segment must not find it busy with this one
