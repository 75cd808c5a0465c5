"""Op ``positions``: the place of every track point on the ground, with its uncertainty, speed and heading.

The foot of the box is smoothed in the picture, where the detector's error is even, and only then projected: smoothing
on the ground would favour the near side of every error. Errors of consecutive boxes are alike, so smoothing does not
shrink the covariance: it stays that of a single box.

Where the detector or the tracker takes one person for another, feet jump. Lines are not fitted across a jump that
nobody can make, so it is no speed.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.ground.feet import FootParams, feet_of, on_ground
from ops.ground.homography import GroundPlane, ground_plane
from ops.ground.project import covariance, jacobian, largest_sigma_m, to_ground
from ops.ground.smooth import LocalLines, local_line
from ops.trajectories import Trajectories
from schemas.op import OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.tables import TABLES
from schemas.values import Bools, Float64, Int64, UnitContext

if TYPE_CHECKING:
    from pyproj import Transformer


@dataclass(frozen=True)
class PositionsParams(FootParams):
    """Parameters of ``positions``."""

    interpolated_factor: float = param(2.0, "factor on standard deviations where a box is interpolated")
    max_sigma_m: float = param(25.0, "largest standard deviation of a position; other points are left out, metres")
    smooth_s: float = param(0.5, "time to each side over which foot points are smoothed, seconds")
    speed_s: float = param(1.0, "time to each side over which speed is measured, seconds")
    min_speed_m_s: float = param(0.3, "least speed that has a heading, metres per second")
    max_speed_m_s: float = param(
        7.0, "people: speed that nobody reaches, metres per second; surely faster is a jump to another person"
    )
    jump_s: float = param(0.4, "time to each side over which jumps are looked for, seconds")


class Positions(TableOp):
    """Puts tracks on the ground by the camera's homography."""

    spec = OpSpec(
        name="positions",
        version=2,
        summary="Where tracks are on the ground, from the camera's control points.",
        scope=Scope.CAMERA_DAY,
        reads=(Read("track_points"),),
        writes=("positions",),
        params=PositionsParams,
        uses=("calibration",),
        memory_mb=2000,
    )
    params: PositionsParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:  # noqa: ARG002
        """Gives ``positions``; none for an uncalibrated camera."""
        plane = ground_plane(unit.camera)
        points = on_ground(inputs["track_points"], self.params)
        if plane is None or not points.num_rows:
            return {"positions": TABLES["positions"].empty()}
        return {"positions": self._positions(points, plane, unit)}

    def _positions(self, points: pa.Table, plane: GroundPlane, unit: UnitContext) -> pa.Table:
        trajectories = Trajectories.from_table(points)
        feet = feet_of(points, trajectories, unit.camera, unit.segments)
        sigma_px = feet.sigma_px(self.params)
        guessed = pc.equal(points["state"], "interpolated").to_numpy()[trajectories.row]
        sigma_px[guessed] *= self.params.interpolated_factor
        trust = sigma_px[:, 1] ** -2.0
        stretch = self._stretches(trajectories, feet.pixels, sigma_px, plane)
        foot = local_line(trajectories.time_us, feet.pixels, trust, stretch, self.params.smooth_s).value
        spread = covariance(plane, foot, sigma_px)
        drift = local_line(trajectories.time_us, feet.pixels, trust, stretch, self.params.speed_s)
        movement = _movement(plane, foot, drift, sigma_px)
        movement = movement.where(~self._is_impossible(movement, _people(trajectories)))
        kept = np.flatnonzero(largest_sigma_m(spread) <= self.params.max_sigma_m)  # NaN above the horizon: left out
        foot, spread = foot[kept], spread[kept]
        place = to_ground(plane, foot)
        lon, lat = _to_degrees(unit.site_crs).transform(place[:, 0], place[:, 1])
        rows = pa.array(trajectories.row[kept])
        same = {name: points[name].take(rows) for name in ("camera", "track_id", "time", "label", "state")}
        return TABLES["positions"].conform(
            same
            | {
                "x_m": place[:, 0],
                "y_m": place[:, 1],
                "lon": lon,
                "lat": lat,
                "var_x_m2": spread[:, 0, 0],
                "cov_xy_m2": spread[:, 0, 1],
                "var_y_m2": spread[:, 1, 1],
                "speed_m_s": pa.array(movement.speed_m_s[kept], from_pandas=True),
                "speed_sigma_m_s": pa.array(movement.sigma_m_s[kept], from_pandas=True),
                "heading_deg": pa.array(movement.heading_deg(self.params.min_speed_m_s)[kept], from_pandas=True),
            }
        )

    def _stretches(self, trajectories: Trajectories, foot: Float64, sigma_px: Float64, plane: GroundPlane) -> Int64:
        """Returns the number ``(N,)`` of the stretch of each point: its track, cut at jumps that nobody can make."""
        trust = sigma_px[:, 1] ** -2.0
        lines = local_line(trajectories.time_us, foot, trust, trajectories.track, self.params.jump_s)
        impossible = self._is_impossible(_movement(plane, foot, lines, sigma_px), _people(trajectories))
        place = to_ground(plane, foot)
        step_m = np.hypot(*np.diff(place, axis=0, prepend=place[:1]).T)
        first = trajectories.first
        run = np.cumsum(first | (impossible != np.roll(impossible, 1)))
        # Each run of impossible points has one jump: its longest step.
        jumps = np.zeros(len(foot), dtype=np.bool_)
        candidates = np.flatnonzero(impossible & ~first & np.isfinite(step_m))
        longest = candidates[np.lexsort((step_m[candidates], run[candidates]))]
        jumps[longest[np.append(run[longest][1:] != run[longest][:-1], True)] if len(longest) else longest] = True
        return np.cumsum(first | jumps)

    def _is_impossible(self, movement: "_Movement", people: Bools) -> Bools:
        """Marks people who are surely faster than anybody: by three standard deviations."""
        return np.asarray(people & (movement.speed_m_s - 3 * movement.sigma_m_s > self.params.max_speed_m_s))


@dataclass(frozen=True, eq=False)
class _Movement:
    """Velocity on the ground ``(N, 2)`` in m/s, speed ``(N,)`` and its standard deviation ``(N,)``; NaN if unknown."""

    velocity_m_s: Float64
    speed_m_s: Float64
    sigma_m_s: Float64

    def where(self, known: Bools) -> "_Movement":
        """Returns the movement with NaN for the other points."""
        return _Movement(
            np.where(known[:, None], self.velocity_m_s, np.nan),
            np.where(known, self.speed_m_s, np.nan),
            np.where(known, self.sigma_m_s, np.nan),
        )

    def heading_deg(self, min_speed_m_s: float) -> Float64:
        """Returns headings ``(N,)`` clockwise from north in [0, 360), NaN if slow."""
        east, north = self.velocity_m_s.T
        heading = np.degrees(np.arctan2(east, north)).astype(np.float32) % np.float32(360)
        heading = np.where(heading == 360, 0, heading)  # a hair west of north rounds up
        return np.where(self.speed_m_s >= min_speed_m_s, heading, np.nan)


def _movement(plane: GroundPlane, foot: Float64, lines: LocalLines, sigma_px: Float64) -> _Movement:
    """Returns the movement on the ground of lines in the picture.

    Errors of consecutive boxes are alike, so a line is as sure as one between two boxes, one standard deviation of the
    neighbours' times before and after.
    """
    metres = jacobian(plane, foot)
    velocity = np.einsum("nij,nj->ni", metres, lines.slope)
    speed = np.hypot(*velocity.T)
    with np.errstate(invalid="ignore"):
        direction = np.where(speed[:, None] > 0, velocity / np.where(speed, speed, 1)[:, None], (1.0, 0.0))
    error = np.einsum("nij,ni->nj", metres, direction) * sigma_px / np.sqrt(2 * lines.time_var_s2)[:, None]
    return _Movement(velocity, speed, np.hypot(*error.T))


def _people(trajectories: Trajectories) -> Bools:
    names = np.array([label == "person" for label in trajectories.labels], dtype=np.bool_)
    return names[trajectories.label]


@lru_cache(maxsize=8)
def _to_degrees(crs: str) -> "Transformer":
    """Transforms metres in a CRS to longitude and latitude; PROJ uses no network unless the environment asks for it."""
    from pyproj import Transformer

    return Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
