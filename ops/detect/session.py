"""Runs a segment's frames through a detector's network, whole and in tiles, and gives its tables."""

from collections.abc import Callable
from math import inf

from ops.detect.backends import Network
from ops.detect.decode import PERSON, Decoder
from ops.detect.reach import reach_table
from ops.detect.rows import ObservedFrames, detection_tables, sample_table
from ops.detect.tiles import network_pyramid
from ops.detect.windows import LookSettings, LookWindow
from schemas.op import FrameSession, Tables
from schemas.values import FrameBatch, Segment, UnitContext

PEOPLE = frozenset({PERSON, "bicycle", "motorcycle"})
"""Classes that are people or show that one is there: of a far rider, a network may find the motorcycle only."""

MOVING_PROBES = 4
"""Factor by which probes are more frequent where the camera moves, since everything moves in its view."""

BACKGROUND_S = 30.0
"""Least length of a segment, seconds, whose background can vouch for what no detector finds."""

FEW_FPS = 5.0
"""Looks per second below which every look is a probe: a person missed in one of them is a body's width further in the
next, so no track fills the gap."""


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


def look_settings(
    network: Network,
    decoder: Decoder,
    unit: UnitContext,
    least_person_px: float | None,
    probe_s: float,
    fps: float,
    skip_unchanged: bool,
    sample_share: float = 0.0,
    gap_s: float = 0.0,
) -> LookSettings:
    """Returns how the frames of a segment are looked at.

    Args:
        least_person_px: least height of a person to find, px of the source; None: no tiles.
        probe_s: seconds from one probe to the next on a fixed camera.
        fps: frames per second that are looked at.
        skip_unchanged: what was found holds where nothing changed, if a background may vouch.
        sample_share: share of the frames that are then looked at in full as well, to compare.
        gap_s: where it holds, most seconds between two looks at what changes.
    """
    people = frozenset(index for index in decoder.wanted if network.classes[index] in PEOPLE)
    source_px = (unit.segment.width, unit.segment.height)
    fits = least_person_px is None or not people or len(network_pyramid(network, source_px, least_person_px)) == 1
    stale_s = seconds = probe_s if unit.camera.fixed else probe_s / MOVING_PROBES
    if min(fps, unit.segment.frames / max(unit.segment.duration_s, 1e-6)) < FEW_FPS:
        seconds = 0.0
    least_px = inf if fits or least_person_px is None else least_person_px
    frames, stale_frames = (max(round(each * fps), 1) for each in (seconds, stale_s))
    holds = skip_unchanged and may_have_background(unit)
    return LookSettings(
        least_px,
        seconds,
        frames,
        people,
        holds,
        stale_s,
        stale_frames,
        gap_s,
        max(round(gap_s * fps), 1),
        sample_share,
        unit.segment.segment_id,
    )


def may_have_background(unit: UnitContext) -> bool:
    """Returns whether a background may vouch for the segment; where none can, every frame is looked at."""
    return unit.camera.fixed and unit.segment.duration_s >= BACKGROUND_S
