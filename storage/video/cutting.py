"""Cuts footage into segments at keyframes, from a probe alone, so that every machine makes the same cuts.

Decoding can begin at a keyframe only: a segment that began elsewhere would need frames of the one before it.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from storage.video.probe import Probe

_MAX_PAUSE_S = 2.0
"""Longest gap after a segment's last frame that still counts as footage; after a longer one the camera was off."""


@dataclass(frozen=True)
class Cut:
    """A segment's range in its footage, in PTS, end exclusive, and its number of frames."""

    start_pts: int
    end_pts: int
    frames: int


def cut(found: Probe, segment_s: float) -> tuple[Cut, ...]:
    """Cuts footage at keyframes near multiples of ``segment_s``, and never shorter than half of it."""
    step = Fraction(segment_s) / found.time_base
    min_length = step / 2
    starts = [int(found.pts[0])]
    next_cut = found.first_pts + step
    for key in found.keyframe_pts:
        # The first keyframe at or after each multiple; multiples count from the first frame, so that a late keyframe
        # does not shift all later cuts.
        if key >= next_cut and key - starts[-1] >= min_length:
            starts.append(key)
        if key >= next_cut:
            next_cut = found.first_pts + ((key - found.first_pts) // step + 1) * step
    if len(starts) > 1 and found.end_pts - starts[-1] < min_length:
        starts.pop()  # a short rest belongs to the segment before it
    bounds = np.searchsorted(found.pts, [*starts[1:], found.end_pts])
    edges = [0, *(int(bound) for bound in bounds)]
    ends = [*starts[1:], found.end_pts]
    max_pause = round(_MAX_PAUSE_S / found.time_base)
    frame_step = int(np.median(np.diff(found.pts))) if found.frames > 1 else max_pause
    return tuple(
        Cut(start, _end_pts(int(found.pts[b - 1]), end, frame_step, max_pause), b - a)
        for start, end, a, b in zip(starts, ends, edges[:-1], edges[1:], strict=True)
    )


def _end_pts(last_pts: int, next_pts: int, frame_step: int, max_pause: int) -> int:
    """Returns the end of a segment: the start of the next one, unless the camera paused in between."""
    if next_pts - last_pts <= max_pause:
        return next_pts
    return min(next_pts, last_pts + max(1, frame_step))
