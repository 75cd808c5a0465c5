"""Cuts footage into segments at keyframes: the same cuts on any machine, from a probe alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np

from schemas.values import Segment
from storage.video.probe import Probe
from storage.video.source import pts_to_us

_LONGEST_PAUSE_S = 2.0


@dataclass(frozen=True)
class Cut:
    """Where a segment lies in its footage: PTS, end exclusive, and its frames."""

    start_pts: int
    end_pts: int
    frames: int


def cut(found: Probe, segment_s: float) -> tuple[Cut, ...]:
    """Cuts footage at keyframes, near multiples of ``segment_s`` and never closer than half of it."""
    least = Fraction(segment_s) / found.time_base / 2
    starts = [int(found.pts[0])]
    grid = 2 * least
    tick = found.first_pts + grid
    for key in found.keyframe_pts:
        if key >= tick and key - starts[-1] >= least:
            starts.append(key)
        if key >= tick:
            tick = found.first_pts + ((key - found.first_pts) // grid + 1) * grid
    if len(starts) > 1 and found.end_pts - starts[-1] < least:
        starts.pop()
    bounds = np.searchsorted(found.pts, [*starts[1:], found.end_pts])
    edges = [0, *(int(bound) for bound in bounds)]
    ends = [*starts[1:], found.end_pts]
    longest_pause = round(_LONGEST_PAUSE_S / found.time_base)
    step = int(np.median(np.diff(found.pts))) if found.frames > 1 else longest_pause
    return tuple(
        Cut(start, _end(int(found.pts[b - 1]), end, step, longest_pause), b - a)
        for start, end, a, b in zip(starts, ends, edges[:-1], edges[1:], strict=True)
    )


def _end(last_pts: int, next_pts: int, step: int, longest_pause: int) -> int:
    """Where a segment ends: at the next one, unless the camera paused in between."""
    if next_pts - last_pts <= longest_pause:
        return next_pts
    return min(next_pts, last_pts + max(1, step))


def plan_segments(
    found: Probe, footage_id: str, camera: str, path: str, start: datetime, timezone: str, segment_s: float
) -> list[Segment]:
    """The segments of footage whose first frame was taken at ``start`` (UTC); ``timezone`` names their local days."""
    footage = Footage(footage_id, camera, path, start, found.first_pts, found.time_base, *found.upright_size_px)
    return [footage.segment(index, where, timezone) for index, where in enumerate(cut(found, segment_s))]


@dataclass(frozen=True)
class Footage:
    """What a segment takes over from its footage; names and units as in ``schemas.values.Segment``."""

    footage_id: str
    camera: str
    path: str
    start: datetime
    first_pts: int
    time_base: Fraction
    width: int
    height: int

    def time(self, pts: int) -> datetime:
        """When a frame was taken, UTC."""
        return self.start + timedelta(microseconds=pts_to_us(pts - self.first_pts, self.time_base))

    def segment(self, index: int, where: Cut, timezone: str) -> Segment:
        """Segment number ``index``."""
        begin = self.time(where.start_pts)
        return Segment(
            segment_id=f"{self.footage_id}-{index:04d}",
            footage_id=self.footage_id,
            camera=self.camera,
            date=begin.astimezone(ZoneInfo(timezone)).date().isoformat(),
            index=index,
            path=self.path,
            start=begin,
            end=self.time(where.end_pts),
            start_pts=where.start_pts,
            end_pts=where.end_pts,
            frames=where.frames,
            time_base=self.time_base,
            footage_start=self.start,
            footage_start_pts=self.first_pts,
            width=self.width,
            height=self.height,
        )
