"""Op ``positions``: the place of every track point on the map, with its uncertainty, speed and heading.

The ground is that of four or more control points, or what people and depth measured on this day (op ``ground``), placed
by two or three control points. A camera without any has ``local_positions``.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from ops.ground.places import PositionsParams, known_ground, place_columns
from schemas.op import OpSpec, Read, Scope, Services, TableOp, Tables
from schemas.tables import TABLES
from schemas.values import UnitContext

if TYPE_CHECKING:
    from pyproj import Transformer


class Positions(TableOp):
    """Puts tracks on the map."""

    spec = OpSpec(
        name="positions",
        version=9,
        summary="Where tracks are on the map, by control points.",
        scope=Scope.CAMERA_DAY,
        reads=(Read("track_points"), Read("ground_models", required=False, build_if_missing=True)),
        writes=("positions",),
        params=PositionsParams,
        uses=("calibration",),
        memory_mb=2000,
    )
    params: PositionsParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:  # noqa: ARG002
        """Gives ``positions``; none for a camera that nobody placed on the map."""
        ground = known_ground(unit.camera, inputs)
        columns = None
        if ground is not None and ground.on_map:
            columns = place_columns(inputs["track_points"], ground, unit, self.params)
        if columns is None:
            return {"positions": TABLES["positions"].empty()}
        lon, lat = _to_degrees(unit.site_crs).transform(columns["x_m"], columns["y_m"])
        return {"positions": TABLES["positions"].conform(columns | {"lon": lon, "lat": lat})}


@lru_cache(maxsize=8)
def _to_degrees(crs: str) -> "Transformer":
    """Transforms metres in a CRS to longitude and latitude; PROJ uses no network unless the environment asks for it."""
    from pyproj import Transformer

    return Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
