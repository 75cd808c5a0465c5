"""Finds the tracks of people whose boxes a network saw in single frames."""

import numpy as np
import pyarrow as pa

from ops.arrays import boxes_of, times_us
from ops.boxes import iou_pairs
from ops.interactions.rules.scene import Scene, frame_scale
from schemas.values import Int64

OVERLAP = 0.5
"""Least overlap (IoU) of a network's box of a person with the track's."""

NEAREST_US = 500_000
"""Longest time from a frame to the track's nearest point."""


def tracks_in_frames(scene: Scene, table: pa.Table) -> Int64:
    """Returns the track ``(N,)`` of the person of each row, by box and time; -1 for none.

    Args:
        table: with ``segment_id``, ``time`` and the person's box, in pixels of the frame.
    """
    boxes = boxes_of(table) * frame_scale(table["segment_id"], scene.unit)
    time_us, trajectories = times_us(table), scene.trajectories
    best, found = np.full(len(boxes), OVERLAP), np.full(len(boxes), -1, np.int64)
    for track in np.flatnonzero(scene.people[scene.bounds[:-1]]) if len(trajectories) else []:
        points = scene.points_of(int(track))
        own_us = trajectories.time_us[points]
        rows = np.flatnonzero((time_us >= own_us[0] - NEAREST_US) & (time_us <= own_us[-1] + NEAREST_US))
        if not len(rows):
            continue
        after = np.clip(np.searchsorted(own_us, time_us[rows]), 0, len(points) - 1)
        before = np.maximum(after - 1, 0)
        near = np.where(np.abs(own_us[before] - time_us[rows]) < np.abs(own_us[after] - time_us[rows]), before, after)
        overlap = iou_pairs(boxes[rows], scene.box[points[near]])
        better = (overlap >= best[rows]) & (np.abs(own_us[near] - time_us[rows]) <= NEAREST_US)
        best[rows[better]], found[rows[better]] = overlap[better], track
    return found
