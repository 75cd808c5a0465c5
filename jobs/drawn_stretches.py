"""Draws stretches of a camera's footage of a minute or less: those that choose, and others that test the choice.

They are spread over the hours of its day, and those come first in which something is to be seen, as for frames
(``drawn_frames.py``). The same archive and tables give the same stretches.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction

import pyarrow as pa
import pyarrow.compute as pc

from jobs.drawn_frames import draw_frames
from jobs.site import Site
from ops.arrays import datetime_us
from ops.detect.settings import BACKGROUND_S
from schemas.values import Segment

STRETCH_S = 60.0
"""Length of a stretch; where that gives too few of them, the least that a background can vouch for."""

FRAMES_A_STRETCH = 16
"""Frames that are drawn for each stretch, so that those in which something is seen are found."""


@dataclass(frozen=True)
class Stretches:
    """Stretches of one camera, each as a segment: those that choose a profile, and those that test it."""

    validation: tuple[Segment, ...]
    test: tuple[Segment, ...]


def draw_stretches(site: Site, timeline: pa.Table, camera: str, count: int) -> Stretches:
    """Draws stretches; as many for one part as for the other, or one more.

    Args:
        site: its tables tell what is to be seen when.
        timeline: segments, as in ``Inventory``.
        camera: its id.
        count: most stretches.
    """
    own = timeline.filter(pc.equal(timeline["camera"], camera))
    lengths_s = pc.divide(pc.subtract(own["end_us"], own["start_us"]), 1e6).to_numpy()
    stretch_s = STRETCH_S if int((lengths_s // STRETCH_S).sum()) >= count else BACKGROUND_S
    frames, _ = draw_frames(site, own, [camera], FRAMES_A_STRETCH * count, 0)
    found: dict[tuple[str, int], Segment] = {}
    for frame in frames:
        segment = frame.segment
        parts = int(segment.duration_s // stretch_s)
        if parts:
            into_us = frame.time_us - datetime_us(segment.start)
            part = min(int(into_us * parts / (segment.duration_s * 1e6)), parts - 1)
            found.setdefault((segment.segment_id, part), part_of(segment, part, parts))
    drawn = list(found.values())[:count]
    return Stretches(tuple(drawn[::2]), tuple(drawn[1::2]))


def part_of(segment: Segment, part: int, parts: int) -> Segment:
    """Returns one of several equal parts of a segment, counted from 0."""
    edges = [segment.start + (segment.end - segment.start) * number / parts for number in (part, part + 1)]
    first, last = (_pts_at(segment, edge) for edge in edges)
    return replace(
        segment,
        start=edges[0],
        end=edges[1],
        start_pts=max(first, segment.start_pts),
        end_pts=min(last, segment.end_pts) if part + 1 < parts else segment.end_pts,
        frames=max(segment.frames // parts, 1),
    )


def _pts_at(segment: Segment, time: datetime) -> int:
    since = Fraction((time - segment.footage_start) // timedelta(microseconds=1), 1_000_000)
    return segment.footage_start_pts + int(since / segment.time_base)
