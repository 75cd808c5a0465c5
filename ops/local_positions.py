"""Op ``local_positions``: the place of every track point on the ground of a camera that nobody placed on the map.

Metres to the right of the lens and ahead of it, on the ground that people and depth measured (op ``ground``).
The frame is the camera's own, and the day's: its metres are not those of another camera, nor quite those of tomorrow.
"""

from ops.ground.places import PositionsParams, known_ground, place_columns
from schemas.op import OpSpec, Read, Scope, Services, TableOp, Tables
from schemas.tables import TABLES
from schemas.values import UnitContext


class LocalPositions(TableOp):
    """Puts tracks on the ground of a camera without a survey."""

    spec = OpSpec(
        name="local_positions",
        version=3,
        summary="Where tracks are on the ground, in metres around a camera that nobody placed on the map.",
        scope=Scope.CAMERA_DAY,
        reads=(Read("track_points"), Read("ground_models", required=False, build_if_missing=True)),
        writes=("local_positions",),
        params=PositionsParams,
        uses=("calibration",),
        memory_mb=2000,
    )
    params: PositionsParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:  # noqa: ARG002
        """Gives ``local_positions``; none for a camera on the map, or whose ground nobody knows."""
        ground = known_ground(unit.camera, inputs)
        columns = None
        if ground is not None and not ground.on_map:
            columns = place_columns(inputs["track_points"], ground, unit, self.params)
        table = TABLES["local_positions"]
        return {"local_positions": table.empty() if columns is None else table.conform(columns)}
