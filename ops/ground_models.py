"""Op ``ground``: where a camera's ground is, by control points, by the people on it and by depth.

One day is one measurement: yesterday's is not carried on, so that a camera that somebody turns is not placed by how it
hung before.
"""

from dataclasses import dataclass

from ops.ground.people_choice import model_size_px
from ops.ground.rows import ground_rows
from ops.ground.sources import Source, measure_ground
from schemas.op import NoParams, OpSpec, Read, Scope, Services, TableOp, Tables
from schemas.tables import TABLES
from schemas.values import UnitContext

POINT_COLUMNS = ("track_id", "time", "segment_id", "label", "x1", "y1", "x2", "y2", "state")


@dataclass(frozen=True)
class GroundParams(NoParams):
    """Parameters of ``ground``."""


class Ground(TableOp):
    """Measures the ground of cameras."""

    spec = OpSpec(
        name="ground",
        version=1,
        summary="Where each camera's ground is, by control points, people and depth.",
        scope=Scope.CAMERA_DAY,
        reads=(Read("track_points", columns=POINT_COLUMNS),),
        writes=("ground_models", "floors"),
        params=GroundParams,
        uses=("calibration", "fixed"),
        memory_mb=1500,
    )
    params: GroundParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:  # noqa: ARG002
        """Gives ``ground_models``, a row per source; ``floors`` is empty without depth maps.

        Raises:
            SiteError: four or more control points that fix no plane.
        """
        depth = Source("depth", model_size_px(unit.segments), reason="no depth map")
        grounds = measure_ground(inputs["track_points"], unit.segments, unit.camera, depth)
        return {
            "ground_models": ground_rows(unit.camera.camera, unit.segments[0].start, grounds),
            "floors": TABLES["floors"].empty(),
        }
