"""Op ``positions``: the place of every track point on the ground, with its uncertainty, speed and heading.

The foot of the box is smoothed in the picture, where the detector's error is even, and only then projected: smoothing
on the ground would favour the near side of every error. Errors of consecutive boxes are alike, so smoothing does not
shrink the covariance: it stays that of a single box.

Tracks have no jump that nobody can make: ``track`` and ``link`` end them there. A person who would still be faster than
anybody has no speed.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ops.ground.feet import feet_of, on_ground
from ops.ground.homography import GroundPlane, ground_plane
from ops.ground.movement import MovementParams, is_impossible, movement
from ops.ground.project import covariance, largest_sigma_m, to_ground
from ops.ground.smooth import local_line
from ops.trajectories import Trajectories
from schemas.op import OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.tables import TABLES
from schemas.values import UnitContext

if TYPE_CHECKING:
    from pyproj import Transformer


@dataclass(frozen=True)
class PositionsParams(MovementParams):
    """Parameters of ``positions``."""

    max_sigma_m: float = param(25.0, "largest standard deviation of a position; other points are left out, metres")
    smooth_s: float = param(0.5, "time to each side over which foot points are smoothed, seconds")
    speed_s: float = param(1.0, "time to each side over which speed is measured, seconds")
    min_speed_m_s: float = param(0.3, "least speed that has a heading, metres per second")


class Positions(TableOp):
    """Puts tracks on the ground by the camera's homography."""

    spec = OpSpec(
        name="positions",
        version=4,
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
        trust = sigma_px[:, 1] ** -2.0
        foot = local_line(trajectories.time_us, feet.pixels, trust, trajectories.track, self.params.smooth_s).value
        spread = covariance(plane, foot, sigma_px)
        drift = local_line(trajectories.time_us, feet.pixels, trust, trajectories.track, self.params.speed_s)
        moved = movement(plane, foot, drift, sigma_px)
        moved = moved.where(~is_impossible(moved, trajectories, self.params.max_speed_m_s))
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
                "speed_m_s": pa.array(moved.speed_m_s[kept], from_pandas=True),
                "speed_sigma_m_s": pa.array(moved.sigma_m_s[kept], from_pandas=True),
                "heading_deg": pa.array(moved.heading_deg(self.params.min_speed_m_s)[kept], from_pandas=True),
            }
        )


@lru_cache(maxsize=8)
def _to_degrees(crs: str) -> "Transformer":
    """Transforms metres in a CRS to longitude and latitude; PROJ uses no network unless the environment asks for it."""
    from pyproj import Transformer

    return Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
