"""Tracks at common moments, four a second: where each is, how it moves, how tall it is there.

Where nobody knows a camera's ground, its metres are those of the people in view: a body height at the place of
somebody's feet counts as ``BODY_M`` metres. How tall people are at each height of the picture is learned from who walks
there.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from ops.arrays import run_bounds, run_starts
from ops.boxes import size
from ops.ground.smooth import local_line
from ops.interactions.params import BODY_M
from ops.interactions.rules.joints import read_joints
from ops.interactions.rules.scene import Scene
from ops.interactions.rules.stays import around_s
from schemas.values import Bools, Float64, Int64

TICK_US = 250_000
"""Tracks are compared four times per second: people do not move far in between."""

WINDOW_S = 1.0
"""Half of the time over which places, speeds and heights are smoothed."""

GAP_US = 1_000_000
"""Longest time between two moments of a track that counts as none."""

LEAST_PX = 6.0
"""Height of the smallest person that tells something: of others, errors of a pixel are half a metre."""

EDGE_PX = 2.0
WALK_HEIGHTS_S = 0.3
"""Speed in body heights per second from which people are on foot, and so stand upright."""

FEWEST_WALKING = 40
"""Moments of people who walk from which the height of people is learned."""

LEAST_STATURE, MOST_STATURE = 0.75, 1.25
"""Limits of a person's own height against the usual one: children and errors of the calibration."""


@dataclass(frozen=True, eq=False)
class Moments:
    """One row per track and tick, by track and time. Metres where nobody knows the ground: see above.

    Attributes:
        track, tick, time_us: ``(M,)``.
        person: ``(M,)``, whether the track is a person's.
        at: ``(M, 2)`` place in metres from ``origin_m``, or in pixels where nobody knows the ground.
        m_per: ``(M,)`` metres per unit of ``at``: 1, or those of a pixel there.
        velocity_m_s: ``(M, 2)``; NaN for a lone moment.
        sigma_m: ``(M,)``, standard deviation of a coordinate of the place; 0 if not known.
        box: ``(M, 4)`` pixels.
        stature: ``(M,)``, height of a person against their own height standing there; NaN if cut by the frame's edge.
        px_per_m: ``(M,)``, pixels per metre, upright, at the place.
        wrists, ankles: ``(M, 4)``, x and y of the left one and of the right one, pixels; NaN where not known.
        stay_m: radius of ``around_s``.
    """

    track: Int64
    tick: Int64
    time_us: Int64
    person: Bools
    at: Float64
    m_per: Float64
    velocity_m_s: Float64
    sigma_m: Float64
    box: Float64
    stature: Float64
    px_per_m: Float64
    wrists: Float64
    ankles: Float64
    origin_m: Float64
    stay_m: float

    def __len__(self) -> int:
        return len(self.track)

    def take(self, rows: Int64) -> "Moments":
        """Returns some of the moments."""
        columns: dict[str, Any] = {name: getattr(self, name)[rows] for name in COLUMNS}
        return replace(self, **columns)

    @property
    def speed_m_s(self) -> Float64:
        """``(M,)``, 0 where it is not known."""
        return np.asarray(np.nan_to_num(np.hypot(*self.velocity_m_s.T)))

    @cached_property
    def around_s(self) -> Float64:
        """``(M,)``, how long the track stays within ``stay_m`` of here, before and after together, seconds."""
        return around_s(self.track, self.time_us, self.at * self.m_per[:, None], self.stay_m)


COLUMNS = tuple(field.name for field in fields(Moments) if field.name not in ("origin_m", "stay_m"))


def moments_of(scene: Scene) -> Moments:
    """Returns the moments of all tracks of the scene's day, people and things."""
    trajectories = scene.trajectories
    at = scene.place_m if scene.on_ground else scene.foot
    sized = (size(scene.box)[:, 1] >= LEAST_PX) | ~scene.people
    today = np.flatnonzero((trajectories.time_us >= scene.day_us) & np.isfinite(at).all(axis=1) & sized)
    track, time_us, box, at = trajectories.track[today], trajectories.time_us[today], scene.box[today], at[today]
    person = scene.people[today]
    # Coordinates of a CRS are large: centred, the fit below loses no digits.
    origin = at.mean(axis=0) if len(at) else np.zeros(2)
    at = at - origin
    window_s = _window_s(track, time_us)
    tall = local_line(time_us, size(box)[:, 1:], np.ones(len(at)), track, window_s).value[:, 0]
    lines = local_line(time_us, at, np.ones(len(at)), track, window_s)
    whole = _whole(box, scene.frame_px)
    foot = local_line(time_us, scene.foot[today], np.ones(len(at)), track, window_s) if scene.on_ground else lines
    walking = person & whole & (np.hypot(*np.nan_to_num(foot.slope).T) > WALK_HEIGHTS_S * tall)
    standing_px = _standing_px(box[:, 3], tall, person & whole, walking)
    own = _own_stature(tall / standing_px, track, whole & person)
    px_per_m = standing_px / BODY_M
    # A person's own height is a better measure of the place than the usual one, unless the box is cut or they sit.
    m_per = np.ones(len(at)) if scene.on_ground else BODY_M / (standing_px * own)
    tick = time_us // TICK_US
    kept = np.flatnonzero(run_starts(track) | run_starts(tick))
    joints = read_joints(scene)
    return Moments(
        track[kept],
        tick[kept],
        time_us[kept],
        person[kept],
        at[kept],
        m_per[kept],
        (lines.slope * m_per[:, None])[kept],
        np.nan_to_num(np.sqrt(scene.variance_m2[today]))[kept] if scene.on_ground else np.zeros(len(kept)),
        box[kept],
        np.where(whole, tall / (standing_px * own), np.nan)[kept],
        px_per_m[kept],
        joints.at(track[kept], time_us[kept], box[kept], "wrist"),
        joints.at(track[kept], time_us[kept], box[kept], "ankle"),
        origin,
        scene.params.loiter_m,
    )


def _window_s(track: Int64, time_us: Int64) -> float:
    """Returns the time over which to smooth: at a frame a second or less, a longer one, or no speed were known."""
    steps_us = np.diff(time_us)[np.diff(track) == 0]
    return max(WINDOW_S, 1.5 * float(np.median(steps_us)) / 1e6) if len(steps_us) else WINDOW_S


def _whole(box: Float64, frame_px: tuple[float, float]) -> Bools:
    """Returns which boxes no edge of the frame cuts above or below."""
    return np.asarray((box[:, 1] > EDGE_PX) & (box[:, 3] < frame_px[1] - EDGE_PX))


def _standing_px(bottom: Float64, tall: Float64, people: Bools, walking: Bools) -> Float64:
    """Returns how tall somebody is who stands where each box ends, pixels: a line over the height in the picture.

    A level camera of any lens shows upright people on level ground so (Hoiem et al., CVPR 2006).
    """
    if walking.sum() < FEWEST_WALKING:
        usual = float(np.median(tall[people])) if people.any() else 1.0
        return np.full(len(tall), max(usual, 1.0))
    y, height = bottom[walking], tall[walking]
    design = np.column_stack([np.ones(len(y)), y])
    weight = np.ones(len(y))
    line = np.array([np.median(height), 0.0])
    if np.ptp(y) > np.median(height) / 2:
        for _ in range(10):  # reweighted least squares: who is hidden in part looks short
            line = np.linalg.lstsq(design * weight[:, None], height * weight, rcond=None)[0]
            error = np.abs(height - design @ line)
            weight = 1 / np.maximum(error, 0.05 * np.median(height)) ** 0.5
    least = 0.3 * float(np.median(height))
    return np.asarray(np.maximum(line[0] + line[1] * bottom, max(least, 1.0)))


def _own_stature(stature: Float64, track: Int64, known: Bools) -> Float64:
    """Returns for each point how tall its track is when it stands, against the usual height."""
    own = np.ones(int(track.max()) + 1 if len(track) else 0)
    order = np.flatnonzero(known)
    for first, last in run_bounds(track[order]):
        own[track[order[first]]] = np.quantile(stature[order[first:last]], 0.9)
    return np.asarray(np.clip(own, LEAST_STATURE, MOST_STATURE)[track])
