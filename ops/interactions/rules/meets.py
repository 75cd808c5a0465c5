"""Rule: two people who stay close together, hardly moving relative to each other."""

from dataclasses import dataclass

import numpy as np

from ops.arrays import run_starts
from ops.boxes import iou_pairs
from ops.ground.smooth import local_line
from ops.interactions.rules.scene import PERSON, Evidence, Interaction, Scene
from schemas.values import Bools, Float64, Int64

TICK_US = 250_000
"""People are compared four times per second: they do not move far in between."""

SPEED_WINDOW_S = 1.0
MOST_HEIGHT_RATIO = 1.3
"""Without calibration, people who look larger than others by this factor do not stand beside them."""

DOUBLE_OVERLAP = 0.7
"""Two tracks that overlap more (IoU) are one person, detected twice."""


@dataclass(frozen=True, eq=False)
class _Moments:
    """One point per person and tick: ``at`` in metres and ``unit`` 1, or in pixels and ``unit`` the body height.

    ``at`` counts from ``origin`` ``(2,)``.
    """

    track: Int64
    tick: Int64
    time_us: Int64
    at: Float64
    velocity: Float64
    unit: Float64
    box: Float64
    origin: Float64


def meets(scene: Scene) -> list[Interaction]:
    """Returns one interaction per pair and unbroken stretch of time together."""
    moments = _moments(scene)
    here, there = _near_pairs(moments, scene)
    if not len(here):
        return []
    tracks = len(scene.trajectories.tracks)
    order = np.lexsort((moments.tick[here], moments.track[there], moments.track[here]))
    here, there = here[order], there[order]
    begins = run_starts(moments.track[here] * tracks + moments.track[there])
    begins[1:] |= np.diff(moments.time_us[here]) > scene.params.meet_break_s * 1e6
    begin = np.flatnonzero(begins)
    found = []
    for first, last in zip(begin, np.append(begin[1:], len(here)) - 1, strict=True):
        lasting_s = (moments.time_us[here[last]] - moments.time_us[here[first]]) / 1e6
        if lasting_s >= scene.params.meet_s:
            found.append(_meeting(scene, moments, here[first : last + 1], there[first : last + 1]))
    return found


def _moments(scene: Scene) -> _Moments:
    at = scene.place_m if scene.on_ground else scene.foot
    known = np.flatnonzero(scene.people & np.isfinite(at).all(axis=1))
    trajectories, at = scene.trajectories, at[known]
    track, time_us = trajectories.track[known], trajectories.time_us[known]
    # Coordinates of a CRS are large: centred, the fit below loses no digits.
    origin = at.mean(axis=0) if len(at) else np.zeros(2)
    at = at - origin
    velocity = local_line(time_us, at, np.ones(len(at)), track, SPEED_WINDOW_S).slope
    box = scene.box[known]
    unit = np.ones(len(at)) if scene.on_ground else box[:, 3] - box[:, 1]
    tick = time_us // TICK_US
    kept = np.flatnonzero(run_starts(track) | run_starts(tick))
    return _Moments(track[kept], tick[kept], time_us[kept], at[kept], velocity[kept], unit[kept], box[kept], origin)


def _near_pairs(moments: _Moments, scene: Scene) -> tuple[Int64, Int64]:
    """Returns pairs of moments at which two people are close and slow relative to each other; lower track first."""
    from scipy.spatial import cKDTree

    if len(moments.track) < 2:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    limit = scene.params.meet_m if scene.on_ground else scene.params.meet_heights
    reach = limit * float(moments.unit.max())
    # Time as a third axis, stretched so that different ticks are never near: one search finds all pairs of the day.
    ticks = (moments.tick - moments.tick.min()) * (4 * reach)
    pairs = cKDTree(np.column_stack([moments.at, ticks])).query_pairs(reach, output_type="ndarray").astype(np.int64)
    here, there = pairs[:, 0], pairs[:, 1]
    swap = moments.track[here] > moments.track[there]
    here, there = np.where(swap, there, here), np.where(swap, here, there)
    met = np.flatnonzero(_meet(moments, here, there, scene, limit))
    return here[met], there[met]


def _meet(moments: _Moments, here: Int64, there: Int64, scene: Scene, limit: float) -> Bools:
    params = scene.params
    fastest = params.meet_speed_m_s if scene.on_ground else params.meet_speed_heights_s
    ratio = moments.unit[here] / moments.unit[there]
    alike = np.maximum(ratio, 1 / ratio) <= MOST_HEIGHT_RATIO
    apart = iou_pairs(moments.box[here], moments.box[there]) <= DOUBLE_OVERLAP
    close = _apart(moments.at, moments, here, there) <= limit
    slow = _apart(moments.velocity, moments, here, there) <= fastest
    return np.asarray(alike & apart & close & slow)


def _apart(values: Float64, moments: _Moments, here: Int64, there: Int64) -> Float64:
    """Returns how far apart places or velocities ``(N, 2)`` are, in metres or in body heights (per second)."""
    unit = (moments.unit[here] + moments.unit[there]) / 2
    return np.asarray(np.hypot(*(values[here] - values[there]).T) / unit)


def _meeting(scene: Scene, moments: _Moments, here: Int64, there: Int64) -> Interaction:
    """Returns a meeting: the longer and the less broken the time together, the higher its score."""
    start_us, end_us = int(moments.time_us[here[0]]), int(moments.time_us[here[-1]])
    lasting_s = (end_us - start_us) / 1e6
    share = min(1.0, len(here) / (moments.tick[here[-1]] - moments.tick[here[0]] + 1))
    distance = _apart(moments.at, moments, here, there)
    suffix = "m" if scene.on_ground else "heights"
    evidence: Evidence = {
        f"mean_distance_{suffix}": float(distance.mean()),
        f"least_distance_{suffix}": float(distance.min()),
        f"mean_relative_speed_{suffix}_s": float(_apart(moments.velocity, moments, here, there).mean()),
        "lasting_s": lasting_s,
        "time_share": float(share),
    }
    one, other = (scene.trajectories.tracks[moments.track[part[0]]] for part in (here, there))
    score = share * lasting_s / (lasting_s + scene.params.meet_s)
    place_m: tuple[float, float] | None = None
    if scene.on_ground:
        east_m, north_m = moments.origin + (moments.at[here] + moments.at[there]).mean(axis=0) / 2
        place_m = float(east_m), float(north_m)
    return Interaction("meets", one, PERSON, other, "track", start_us, end_us, score, evidence, place_m)
