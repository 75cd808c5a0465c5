"""3D boxes between the moments that have rows: on straight lines, as 2D boxes are."""

import numpy as np

from ops.ground.camera_matrix import wrapped
from schemas.values import Float64, Int64


def rows_around(track: Int64, time_us: Int64, asked_track: Int64, asked_us: Int64) -> tuple[Int64, Int64, Float64]:
    """Returns the row before and the row after each asked moment of a track, and the share of the way, 0..1.

    Before a track's first row and after its last both are that row; for a track without rows both are -1.

    Args:
        track, time_us: ``(N,)``, sorted by track and then by time.
        asked_track, asked_us: ``(M,)``.
    """
    if not len(track):
        none = np.full(len(asked_track), -1)
        return none, none, np.zeros(len(asked_track))
    moments = np.unique(np.concatenate([time_us, asked_us]))
    keys, asked = (
        names * len(moments) + np.searchsorted(moments, times)
        for names, times in ((track, time_us), (asked_track, asked_us))
    )
    after = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    before = np.maximum(np.searchsorted(keys, asked, side="right") - 1, 0)
    mine = [track[each] == asked_track for each in (before, after)]
    before, after = np.where(mine[0], before, after), np.where(mine[1], after, before)
    length = time_us[after] - time_us[before]
    share = np.where(length > 0, (asked_us - time_us[before]) / np.where(length > 0, length, 1), 0.0)
    known = mine[0] | mine[1]
    return np.where(known, before, -1), np.where(known, after, -1), np.where(known, share, 0.0)


def between(values: Float64, before: Int64, after: Int64, share: Float64) -> Float64:
    """Returns values ``(M, K)`` on the line between rows of ``(N, K)``."""
    return np.asarray(values[before] + (values[after] - values[before]) * share[:, None])


def angles_between(angle_rad: Float64, before: Int64, after: Int64, share: Float64) -> Float64:
    """Returns angles ``(M,)`` on the shorter way between those of rows, in [-pi, pi)."""
    return wrapped(angle_rad[before] + wrapped(angle_rad[after] - angle_rad[before]) * share)
