"""Op ``positions``: the place of every track point on the ground, with its uncertainty, speed and heading.

The foot of the box is smoothed in the picture, where the detector's error is even, and only then projected: smoothing
on the ground would favour the near side of every error. Errors of consecutive boxes are alike, so smoothing does not
shrink the covariance: it stays that of a single box.
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
from ops.ground.smooth import local_line
from ops.trajectories import Trajectories
from schemas.op import OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.tables import TABLES
from schemas.values import Float64, UnitContext

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


class Positions(TableOp):
    """Puts tracks on the ground by the camera's homography."""

    spec = OpSpec(
        name="positions",
        version=1,
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
        foot, _ = local_line(trajectories.time_us, feet.pixels, trust, trajectories.track, self.params.smooth_s)
        _, drift = local_line(trajectories.time_us, feet.pixels, trust, trajectories.track, self.params.speed_s)
        spread = covariance(plane, foot, sigma_px)
        kept = np.flatnonzero(largest_sigma_m(spread) <= self.params.max_sigma_m)  # NaN above the horizon: left out
        foot, spread = foot[kept], spread[kept]
        place = to_ground(plane, foot)
        speed, heading = self._movement(np.einsum("nij,nj->ni", jacobian(plane, foot), drift[kept]))
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
                "speed_m_s": pa.array(speed, from_pandas=True),
                "heading_deg": pa.array(heading, from_pandas=True),
            }
        )

    def _movement(self, velocity_m_s: Float64) -> tuple[Float64, Float64]:
        """Returns speed ``(N,)`` in m/s, and heading ``(N,)`` clockwise from north in [0, 360), NaN if slow."""
        speed = np.hypot(velocity_m_s[:, 0], velocity_m_s[:, 1])
        heading = np.degrees(np.arctan2(velocity_m_s[:, 0], velocity_m_s[:, 1])).astype(np.float32) % np.float32(360)
        heading = np.where(heading == 360, 0, heading)  # a hair west of north rounds up
        return speed, np.where(speed >= self.params.min_speed_m_s, heading, np.nan)


@lru_cache(maxsize=8)
def _to_degrees(crs: str) -> "Transformer":
    """Transforms metres in a CRS to longitude and latitude; PROJ uses no network unless the environment asks for it."""
    from pyproj import Transformer

    return Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
