"""The boxes of tracks, thinned, in pixels of a view: to see which tracks a thing has, and which things are people."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import boxes_of, encode_column, times_us
from ops.boxes import iou_matrix
from ops.static_detections import LIVING
from ops.static_objects.stays import Stay
from ops.static_objects.views import SameView, SegmentSpan
from schemas.values import Float64, Int64

STEP_US = 2_000_000
"""Sampling interval of tracks: one point of each is used per interval."""

PERSON_OVERLAP, PERSON_SHARE = 0.4, 0.5
"""Least overlap (IoU) with the box of a living being, and least share of the time, from which the thing is that one."""

LEAST_POINTS, LEAST_SHARE = 3, 0.5
"""Points at a thing, or share of a track's points there, from which the track covers the thing."""


@dataclass(frozen=True)
class Cover:
    """The part of a track that is at a thing: its first and last point there, and the share of the track's points."""

    track_id: str
    first_us: int
    last_us: int
    share: float


@dataclass(frozen=True, eq=False)
class TrackPoints:
    """Points of tracks in a view.

    Attributes:
        names: of the tracks.
        track: ``(N,)``, index of each point's track.
        time_us: ``(N,)``.
        boxes: ``(N, 4)``, pixels of the view.
    """

    names: tuple[str, ...]
    track: Int64
    time_us: Int64
    boxes: Float64

    @classmethod
    def read(cls, points: pa.Table, living: bool, view: SameView, segments: list[SegmentSpan]) -> "TrackPoints":
        """Reads ``track_points`` of living beings, or of all else, on the segments of a view."""
        alive = pc.is_in(points["label"], pa.array(LIVING))
        points = points.filter(alive if living else pc.invert(alive))
        numbers = {segments[number].segment_id: number for number in range(view.first, view.last + 1)}
        points = points.filter(pc.is_in(points["segment_id"], pa.array(numbers, pa.string())))
        names, track = encode_column(points, "track_id")
        time_us = times_us(points)
        order = np.lexsort((time_us, track))
        step = np.stack([track[order], time_us[order] // STEP_US])
        fresh = np.ones(len(order), bool)
        fresh[1:] = (step[:, 1:] != step[:, :-1]).any(axis=0)
        rows = order[fresh]
        boxes = boxes_of(points)[rows]
        segment_names, segment = encode_column(points, "segment_id")
        for code, name in enumerate(segment_names):
            at = segment[rows] == code
            boxes[at] = view.placed(numbers[name], boxes[at], segments[numbers[name]].size_px)
        return cls(names, track[rows], time_us[rows], boxes)

    def take(self, stay: Stay) -> bool:
        """Returns whether what stays is one of those tracked, such as somebody who sits."""
        during = (self.time_us >= stay.start.time_us) & (self.time_us <= stay.end.time_us)
        there = iou_matrix(self.boxes[during], stay.box[None])[:, 0] >= PERSON_OVERLAP
        steps = len(np.unique(self.time_us[during][there] // STEP_US))
        return steps * STEP_US > PERSON_SHARE * (stay.end.time_us - stay.start.time_us)

    def covers(self, stay: Stay, least_overlap: float) -> list[Cover]:
        """Returns the tracks that are at a thing while it stays, in order of their names."""
        at = np.flatnonzero((self.time_us >= stay.start.time_us) & (self.time_us <= stay.end.time_us))
        at = at[iou_matrix(self.boxes[at], stay.box[None])[:, 0] >= least_overlap]
        found = []
        for code in np.unique(self.track[at]).tolist():
            own = at[self.track[at] == code]
            share = len(own) / int((self.track == code).sum())
            if len(own) >= LEAST_POINTS or share >= LEAST_SHARE:
                found.append(Cover(self.names[code], int(self.time_us[own[0]]), int(self.time_us[own[-1]]), share))
        return found
