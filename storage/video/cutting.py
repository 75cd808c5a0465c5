"""Cuts footage into segments at keyframes and pauses, from a probe alone, so that every machine makes the same cuts.

Decoding can begin at a keyframe only: a segment that began elsewhere would need frames of the one before it. After a
pause one may begin elsewhere, since a pause within a segment would count as observed.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from schemas.clock import MAX_PAUSE_S
from schemas.values import Int64
from storage.video.probe import Probe

CUTTING_VERSION = 2
"""Raised whenever the same file would be cut elsewhere."""


@dataclass(frozen=True)
class Cut:
    """A segment's range in its footage, in PTS, end exclusive, and its number of frames."""

    start_pts: int
    end_pts: int
    frames: int


def cut(found: Probe, segment_s: float) -> tuple[Cut, ...]:
    """Cuts footage at pauses, and at keyframes near multiples of ``segment_s``, there never shorter than half of it."""
    stretches = np.split(found.pts, found.pauses)
    max_pause = round(MAX_PAUSE_S / found.time_base)
    frame_step = int(np.median(np.diff(found.pts))) if found.frames > 1 else max_pause
    cuts: list[Cut] = []
    for number, pts in enumerate(stretches, start=1):
        last_pts = int(pts[-1])
        end_pts = found.end_pts
        if number < len(stretches):
            end_pts = min(int(stretches[number][0]), last_pts + max(1, min(frame_step, max_pause)))
        cuts += _cut_stretch(found, pts, end_pts, Fraction(segment_s) / found.time_base)
    return tuple(cuts)


def _cut_stretch(found: Probe, pts: Int64, end_pts: int, step: Fraction) -> list[Cut]:
    """Cuts a stretch without a pause at keyframes."""
    min_length = step / 2
    starts = [int(pts[0])]
    keyframes = np.array(found.keyframe_pts, dtype=np.int64)
    next_cut = found.first_pts + ((starts[0] - found.first_pts) // step + 1) * step
    for key in keyframes[(keyframes > pts[0]) & (keyframes <= pts[-1])].tolist():
        # The first keyframe at or after each multiple; multiples count from the first frame, so that a late keyframe
        # does not shift all later cuts.
        if key >= next_cut and key - starts[-1] >= min_length:
            starts.append(key)
        if key >= next_cut:
            next_cut = found.first_pts + ((key - found.first_pts) // step + 1) * step
    if len(starts) > 1 and end_pts - starts[-1] < min_length:
        starts.pop()  # a short rest belongs to the segment before it
    ends = [*starts[1:], end_pts]
    edges = [0, *np.searchsorted(pts, ends).tolist()]
    return [Cut(start, end, b - a) for start, end, a, b in zip(starts, ends, edges[:-1], edges[1:], strict=True)]
