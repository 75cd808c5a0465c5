"""Hands and feet where a pose network saw them: key points carried along with the boxes of people's tracks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from ops.arrays import boxes_of, float_columns, times_us
from ops.interactions.rules.in_frames import tracks_in_frames
from ops.interactions.rules.scene import Scene, frame_scale
from schemas.values import Float64, Int64

HELD_US = 500_000
"""Longest time from a look to a moment at which a joint counts as where it was in the box: op ``keypoints`` looks
twice a second."""

SIDES = ("left", "right")


@dataclass(frozen=True, eq=False)
class Seen:
    """Looks at one joint, sorted by track and time.

    Attributes:
        track, time_us: ``(K,)``.
        share: ``(K, 2)``, place within the person's box: 0, 0 is its upper left corner, 1, 1 its lower right one.
    """

    track: Int64
    time_us: Int64
    share: Float64


@dataclass(frozen=True, eq=False)
class Joints:
    """Where joints were seen, by key point."""

    seen: Mapping[str, Seen]

    def at(self, track: Int64, time_us: Int64, box: Float64, part: str) -> Float64:
        """Returns x and y of the left and the right joint ``(M, 4)`` at moments of tracks, pixels.

        NaN where no look is near.

        Args:
            track, time_us: ``(M,)``.
            box: ``(M, 4)`` of the track at the moment.
            part: ``wrist`` or ``ankle``.
        """
        return np.hstack([self._at(track, time_us, box, f"{side}_{part}") for side in SIDES])

    def _at(self, track: Int64, time_us: Int64, box: Float64, name: str) -> Float64:
        seen = self.seen.get(name)
        if seen is None or not len(track):
            return np.full((len(track), 2), np.nan)
        first_us = min(int(time_us.min()), int(seen.time_us.min()))
        width_us = max(int(time_us.max()), int(seen.time_us.max())) - first_us + HELD_US + 1
        keys = seen.track * width_us + (seen.time_us - first_us)
        wanted = track * width_us + (time_us - first_us)
        after = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        before = np.maximum(after - 1, 0)
        nearest = np.where(np.abs(keys[before] - wanted) < np.abs(keys[after] - wanted), before, after)
        near = (seen.track[nearest] == track) & (np.abs(seen.time_us[nearest] - time_us) <= HELD_US)
        place = box[:, :2] + seen.share[nearest] * (box[:, 2:] - box[:, :2])
        return np.where(near[:, None], place, np.nan)


def read_joints(scene: Scene) -> Joints:
    """Reads the joints of the scene's people; none where no pose network ran."""
    table = scene.extra["keypoints"]
    wanted = [f"{side}_{part}" for part in ("wrist", "ankle") for side in SIDES]
    seen = {}
    for name in wanted:
        rows = table.filter(pc.equal(table["keypoint"], name))
        if not rows.num_rows:
            continue
        track, at_us = tracks_in_frames(scene, rows), times_us(rows)
        box = boxes_of(rows) * frame_scale(rows["segment_id"], scene.unit)
        place = float_columns(rows, ["x", "y"]) * frame_scale(rows["segment_id"], scene.unit)[:, :2]
        order = np.lexsort((at_us, track))
        order = order[track[order] >= 0]
        if len(order):
            share = (place - box[:, :2]) / np.maximum(box[:, 2:] - box[:, :2], 1e-6)
            seen[name] = Seen(track[order], at_us[order], share[order])
    return Joints(seen)
