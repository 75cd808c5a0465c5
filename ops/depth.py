"""Op ``depth``: the distance of every track point from the lens, by the ground on which its feet are.

That ground is of control points, or what people and depth measured on this day, on the map or not.

Where feet are hidden, the depth that a network sees at the trunk is taken: if the frame's lower edge hides them,
where it is the surer one; if something in the scene does, where the ground below the box is farther than the trunk by
more than both are unsure.
The standard deviation is that of the foot point, carried along the line of sight, and of a measured ground. The error
of a place of the lens that ``site.toml`` gives is not part of it: it is the same for all points of a camera.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from ops.ground.feet import FootParams, feet_of, on_ground
from ops.ground.hidden_feet import trunk_distances
from ops.ground.places import KnownGround, known_ground
from ops.ground.sight import sight_distances
from ops.trajectories import Trajectories
from schemas.op import OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.tables import TABLES
from schemas.values import UnitContext

GROUND, MODEL = "ground_plane", "model"
"""Values of ``method``."""

HIDDEN = 3.0
"""Standard deviations by which the trunk is nearer than the ground at the lower edge of a box that hides no feet."""


@dataclass(frozen=True)
class DepthParams(FootParams):
    """Parameters of ``depth``."""

    model_sigma_share: float = param(
        0.15, "standard deviation of the depth that a network sees, share of it; used where feet are hidden"
    )
    max_sigma_m: float = param(25.0, "largest standard deviation of a distance; other points are left out, metres")


class Depth(TableOp):
    """Measures distances from the lens on the ground."""

    spec = OpSpec(
        name="depth",
        version=7,
        summary="Distance of every track point from the lens, by the ground plane, or a network where feet are hidden.",
        scope=Scope.CAMERA_DAY,
        reads=(
            Read("track_points"),
            Read("person_depths", required=False),
            Read("ground_models", required=False, build_if_missing=True),
        ),
        writes=("depth",),
        params=DepthParams,
        uses=("calibration",),
        memory_mb=1500,
    )
    params: DepthParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:  # noqa: ARG002
        """Gives ``depth``; none for a camera whose ground nobody knows, or whose lens nobody can place."""
        ground = known_ground(unit.camera, inputs)
        points = on_ground(inputs["track_points"], self.params)
        table = None
        if ground is not None and points.num_rows:
            person_depths = inputs.get("person_depths", TABLES["person_depths"].empty())
            table = self._distances(points, person_depths, ground, unit)
        return {"depth": TABLES["depth"].empty() if table is None else table}

    def _distances(
        self, points: pa.Table, person_depths: pa.Table, ground: KnownGround, unit: UnitContext
    ) -> pa.Table | None:
        params, unit = self.params, replace(unit, camera=ground.pictured(unit.camera))
        trajectories = Trajectories.from_table(points)
        feet = feet_of(points, trajectories, unit.camera, unit.segments)
        by_ground = sight_distances(ground, unit.camera, feet.on_ground_px, feet.sigma_px(params))
        if by_ground is None:
            return None
        distance_m, sigma_m = by_ground
        seen = trunk_distances(points, trajectories, person_depths, unit, ground.plane, params.model_sigma_share)
        surer = seen[:, 1] < np.nan_to_num(sigma_m, nan=np.inf)  # NaN above the horizon
        nearer = np.isnan(distance_m) | (distance_m - seen[:, 0] > HIDDEN * np.hypot(sigma_m, seen[:, 1]))
        by_model = np.where(feet.cut, surer, nearer)
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
