"""Op ``depth``: the distance of every track point from the lens, by the ground plane on which its feet are.

Where the frame's lower edge hides the feet, the depth that a network sees at the trunk is taken if it is the surer one.
The standard deviation is that of the foot point, carried along the line of sight. The error of the lens's own place is
not part of it: it is the same for all points of a camera.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ops.ground.feet import FootParams, feet_of, on_ground
from ops.ground.hidden_feet import trunk_distances
from ops.ground.homography import GroundPlane, ground_plane
from ops.ground.lens import lens_position
from ops.ground.project import covariance, to_ground
from ops.trajectories import Trajectories
from schemas.op import OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.tables import TABLES
from schemas.values import Float64, UnitContext

GROUND, MODEL = "ground_plane", "model"
"""Values of ``method``."""


@dataclass(frozen=True)
class DepthParams(FootParams):
    """Parameters of ``depth``."""

    model_sigma_share: float = param(
        0.15, "standard deviation of the depth that a network sees, share of it; used where feet are hidden"
    )
    max_sigma_m: float = param(25.0, "largest standard deviation of a distance; other points are left out, metres")


class Depth(TableOp):
    """Measures distances from the lens on the ground plane."""

    spec = OpSpec(
        name="depth",
        version=3,
        summary="Distance of every track point from the lens, by the ground plane, or a network where feet are hidden.",
        scope=Scope.CAMERA_DAY,
        reads=(Read("track_points"), Read("person_depths", required=False)),
        writes=("depth",),
        params=DepthParams,
        uses=("calibration",),
        memory_mb=1500,
    )
    params: DepthParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:  # noqa: ARG002
        """Gives ``depth``; none for a camera without calibration, or whose lens height is unknown."""
        plane = ground_plane(unit.camera)
        lens_m = None if plane is None else lens_position(unit.camera, plane)
        points = on_ground(inputs["track_points"], self.params)
        if plane is None or lens_m is None or not points.num_rows:
            return {"depth": TABLES["depth"].empty()}
        person_depths = inputs.get("person_depths", TABLES["person_depths"].empty())
        return {"depth": self._distances(points, person_depths, plane, lens_m, unit)}

    def _distances(
        self, points: pa.Table, person_depths: pa.Table, plane: GroundPlane, lens_m: Float64, unit: UnitContext
    ) -> pa.Table:
        params = self.params
        trajectories = Trajectories.from_table(points)
        feet = feet_of(points, trajectories, unit.camera, unit.segments)
        sigma_px = feet.sigma_px(params)
        away_m = to_ground(plane, feet.pixels) - lens_m[:2]
        distance_m = np.sqrt((away_m**2).sum(axis=1) + lens_m[2] ** 2)
        slope = away_m / distance_m[:, None]
        spread = covariance(plane, feet.pixels, sigma_px)
        sigma_m = np.sqrt(np.einsum("ni,nij,nj->n", slope, spread, slope))
        seen = trunk_distances(points, trajectories, feet, person_depths, unit, plane, params.model_sigma_share)
        by_model = seen[:, 1] < np.nan_to_num(sigma_m, nan=np.inf)  # NaN above the horizon
        distance_m, sigma_m = np.where(by_model, seen.T, [distance_m, sigma_m])
        kept = np.flatnonzero(sigma_m <= params.max_sigma_m)
        rows = pa.array(trajectories.row[kept])
        return TABLES["depth"].conform(
            {name: points[name].take(rows) for name in ("camera", "track_id", "time")}
            | {
                "distance_m": distance_m[kept],
                "sigma_m": sigma_m[kept],
                "method": np.where(by_model, MODEL, GROUND)[kept].tolist(),
            }
        )
