"""Says how the frames of a segment are looked at."""

from dataclasses import dataclass
from math import inf

from ops.detect.backends import Network
from ops.detect.decode import PERSON, Decoder
from ops.detect.tiles import network_pyramid
from schemas.values import UnitContext

PEOPLE = frozenset({PERSON, "bicycle", "motorcycle"})
"""Classes that are people or show that one is there: of a far rider, a network may find the motorcycle only."""

MOVING_PROBES = 4
"""Factor by which probes are more frequent where the camera moves, since everything moves in its view."""

BACKGROUND_S = 30.0
"""Least length of a segment, seconds, whose background can vouch for what no detector finds."""

FEW_FPS = 5.0
"""Looks per second below which every look is a probe: a person missed in one of them is a body's width further in the
next, so no track fills the gap."""


@dataclass(frozen=True)
class LookSettings:
    """How frames are looked at.

    Attributes:
        least_person_px: least height of a person that tiles find, px of the frame; infinite: without tiles.
        probe_s: seconds from one probe to the next.
        probe_frames: most frames from one probe to the next, whatever their times say.
        people: class indices that make a tile active.
        holds: what was found holds where nothing changed since.
        stale_s: for at most so many seconds.
        stale_frames: and for at most so many frames.
        gap_s: where it holds, most seconds between two looks at what changes; 0: looked at in every frame.
        gap_frames: and most frames.
        sample_share: where it holds, share of the frames, 0..1, that are looked at in full as well, to compare.
        sample_key: of their draw.
    """

    least_person_px: float
    probe_s: float
    probe_frames: int
    people: frozenset[int]
    holds: bool = False
    stale_s: float = 0.0
    stale_frames: int = 0
    gap_s: float = 0.0
    gap_frames: int = 1
    sample_share: float = 0.0
    sample_key: str = ""


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
