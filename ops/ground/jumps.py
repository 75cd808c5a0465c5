"""Cuts tracks at jumps on the ground that no person can make: there the tracker took one person for another."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ops.ground.feet import feet_of, on_ground
from ops.ground.homography import GroundPlane
from ops.ground.movement import SURE_SIGMAS, MovementParams, is_impossible, movement
from ops.ground.project import covariance, to_ground
from ops.ground.smooth import local_line
from ops.trajectories import Trajectories
from schemas.values import Bools, CameraView, Float64, Int64, Segment

NEAR_US = 1_000_000
"""Time to each side of a jump over which the usual speed of its track is taken."""

LEAST_PIECE_US = 500_000
"""A piece between two jumps that is shorter is a box that errs for a moment, not a person."""

MOST_USUAL = 2.0
"""Multiple of the usual speed that a jump exceeds."""


def cut_at_jumps(
    points: pa.Table,
    view: CameraView,
    plane: GroundPlane,
    segments: Sequence[Segment],
    params: MovementParams,
    window_s: float,
) -> list[str]:
    """Returns the track id of each point: its own, and beyond a jump ``TRACKLET-PTS`` of the first point there.

    Args:
        points: columns of ``track_points``, and ``tracklet_id``.
        view, plane: of the camera.
        segments: of all points.
        params: standard deviations of feet, and the speed that nobody reaches.
        window_s: time to each side over which the speed at a point is measured.
    """
    names = np.array(points["track_id"].to_pylist(), dtype=object)
    points = points.append_column("row", pa.array(np.arange(len(points))))
    grounded = on_ground(points, params)
    trajectories = Trajectories.from_table(grounded)
    feet = feet_of(grounded, trajectories, view, segments)
    sigma_px = feet.sigma_px(params)
    jumps = np.flatnonzero(find_jumps(trajectories, feet.on_ground_px, sigma_px, plane, params.max_speed_m_s, window_s))
    rows = grounded["row"].to_numpy()[trajectories.row]
    first = points.select(["tracklet_id", "pts"]).take(pa.array(rows[jumps])).to_pylist()
    for jump, begin in zip(jumps, first, strict=True):
        end = int(np.searchsorted(trajectories.track, trajectories.track[jump], side="right"))
        names[rows[jump:end]] = f"{begin['tracklet_id']}-{begin['pts']}"
    return list(names)


def find_jumps(
    trajectories: Trajectories,
    foot: Float64,
    sigma_px: Float64,
    plane: GroundPlane,
    max_speed_m_s: float,
    window_s: float,
) -> Bools:
    """Marks the first point ``(N,)`` after each jump: there another person has taken over the track.

    Args:
        trajectories: of one camera.
        foot: ``(N, 2)``, foot points in pixels.
        sigma_px: ``(N, 2)``, their standard deviations.
        plane: of the camera.
        max_speed_m_s: speed that nobody reaches.
        window_s: time to each side over which the speed at a point is measured.
    """
    trust = sigma_px[:, 1] ** -2.0
    lines = local_line(trajectories.time_us, foot, trust, trajectories.track, window_s)
    moved = movement(plane, foot, lines, sigma_px)
    impossible = is_impossible(moved, trajectories, max_speed_m_s)
    place, spread = to_ground(plane, foot), covariance(plane, foot, sigma_px)
    jumps = np.zeros(len(foot), dtype=np.bool_)
    for first, end in _runs(impossible, trajectories.track):
        # Lines see a jump from both sides: it is one step of the run, the longest.
        before, after = max(first - 1, 0), min(end, len(foot) - 1)
        if trajectories.track[before] != trajectories.track[after] or before == first or after == end - 1:
            continue  # without a point on either side nothing shows how fast the track usually is
        usual_m_s = _usual_speed(trajectories.time_us, moved.speed_m_s, impossible, trajectories.track, before, after)
        apart_s = (trajectories.time_us[after] - trajectories.time_us[before]) / 1e6
        apart = place[after] - place[before]
        apart_m = float(np.hypot(*apart))
        sigma_m = float(np.sqrt(apart @ (spread[before] + spread[after]) @ apart)) / max(apart_m, 1e-9)
        # Somebody on a bicycle is as fast before and after.
        if apart_m > MOST_USUAL * usual_m_s * apart_s + SURE_SIGMAS * sigma_m:
            steps = np.hypot(*np.diff(place[before : after + 1], axis=0).T)
            jumps[before + 1 + int(np.nanargmax(steps))] = True
    return _without_errors(jumps, trajectories)


def _without_errors(jumps: Bools, trajectories: Trajectories) -> Bools:
    """Unmarks pairs of jumps of a track, away and back, with little time between them."""
    rows = np.flatnonzero(jumps)
    kept: list[int] = []
    for row in rows.tolist():
        same = bool(kept) and trajectories.track[kept[-1]] == trajectories.track[row]
        if same and trajectories.time_us[row] - trajectories.time_us[kept[-1]] < LEAST_PIECE_US:
            kept.pop()
        else:
            kept.append(row)
    return np.isin(np.arange(len(jumps)), kept)


def _runs(marked: Bools, track: Int64) -> list[tuple[int, int]]:
    """Returns first point and end of each run of marked points of one track."""
    rows = np.flatnonzero(marked)
    if not len(rows):
        return []
    breaks = np.flatnonzero((np.diff(rows) > 1) | (np.diff(track[rows]) != 0)) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(rows, breaks)]


def _usual_speed(time_us: Int64, speed_m_s: Float64, impossible: Bools, track: Int64, before: int, after: int) -> float:
    """Returns the speed of a track near a jump: the larger one of the medians before and after it."""
    low, high = np.searchsorted(track, [track[before], track[before] + 1])
    times = time_us[low:high]
    first = low + int(np.searchsorted(times, time_us[before] - NEAR_US))
    end = low + int(np.searchsorted(times, time_us[after] + NEAR_US, side="right"))
    sides = (np.arange(first, before + 1), np.arange(after, end))
    speeds = [speed_m_s[rows[~impossible[rows] & np.isfinite(speed_m_s[rows])]] for rows in sides]
    return max((float(np.median(side)) for side in speeds if len(side)), default=np.inf)
