"""Runs a segment's frames through a detector's network, whole and in tiles, and gives its tables."""

from collections.abc import Callable

from ops.detect.backends import Network
from ops.detect.decode import Decoder
from ops.detect.reach import reach_table
from ops.detect.rows import ObservedFrames, detection_tables
from ops.detect.tiles import network_pyramid
from ops.detect.windows import LookWindow, TileSettings
from schemas.op import FrameSession, Tables
from schemas.values import FrameBatch, Segment, UnitContext

PERSON = "person"
PEOPLE = frozenset({PERSON, "bicycle", "motorcycle"})
"""Classes that are people or show that one is there: of a far rider, a network may find the motorcycle only."""

MOVING_PROBES = 4
"""Factor by which probes are more frequent where the camera moves, since everything moves in its view."""

FEW_FPS = 5.0
"""Looks per second below which every look is a probe: a person missed in one of them is a body's width further in the
next, so no track fills the gap."""


class NetworkSession(FrameSession):
    """The frames of one segment.

    Args:
        network, decoder: of the same weights.
        tiles: None: frames are looked at as a whole only.
        count: see ``LookWindow``.
        prefix: of the tables' names, such as ``second_``.
        source: value of the column ``source``.
    """

    def __init__(
        self,
        segment: Segment,
        network: Network,
        decoder: Decoder,
        tiles: TileSettings | None,
        count: Callable[[str, int], None],
        prefix: str = "",
        source: str = "model",
    ) -> None:
        self._segment = segment
        self._network = network
        self._prefix = prefix
        self._source = source
        self._frames = ObservedFrames()
        self._window = LookWindow(network, decoder, (segment.width, segment.height), tiles, count)

    def feed(self, batch: FrameBatch) -> None:
        for frame, time_us in zip(batch.frames, batch.times_us.tolist(), strict=True):
            self._window.add(frame, time_us)
        self._frames.add(batch)

    def finish(self, late: Tables) -> Tables:  # noqa: ARG002
        found = self._window.finish()
        classes = self._network.classes
        person = classes.index(PERSON) if PERSON in classes else None
        window = self._window
        tables = detection_tables(self._segment, self._frames, found, classes, self._source, self._prefix)
        reach = reach_table(self._segment, found, person, window.looks, window.looked, window.probes, self._prefix)
        return {**tables, **reach}

    def abandon(self) -> None:
        self._network.wait()  # the network is shared: the next segment must not find it busy with this one


def tile_settings(
    network: Network, decoder: Decoder, unit: UnitContext, least_person_px: float, probe_s: float, fps: float
) -> TileSettings | None:
    """Returns how tiles are looked at; None if nobody would be found in them that is not found in the whole frame.

    Args:
        least_person_px: least height of a person to find, px of the source.
        probe_s: seconds from one probe to the next on a fixed camera.
        fps: frames per second that are looked at.
    """
    people = frozenset(index for index in decoder.wanted if network.classes[index] in PEOPLE)
    source_px = (unit.segment.width, unit.segment.height)
    if not people or len(network_pyramid(network, source_px, least_person_px)) == 1:
        return None
    seconds = probe_s if unit.camera.fixed else probe_s / MOVING_PROBES
    if min(fps, unit.segment.frames / max(unit.segment.duration_s, 1e-6)) < FEW_FPS:
        seconds = 0.0
    return TileSettings(least_person_px, seconds, max(round(seconds * fps), 1), people)
