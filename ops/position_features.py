"""Op ``position_features``: in which areas of the site's layers each position is, else which feature is nearest.

It precomputes what the SQL functions ``areas_at`` and ``nearest`` find, for layers that are asked for again and again.
A layer that is edited makes the days of cameras near it stale, as it does with ``counts``
(docs/decisions/0067-zones-of-a-day-at-once.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from ops.arrays import float_columns
from ops.ground.view import NEAR_M
from schemas.op import OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.tables import TABLES
from schemas.values import Feature, Float64, Int64, UnitContext

MOST_M = NEAR_M - 10.0
"""Largest ``max_distance_m``: ops get features up to ``NEAR_M`` from the seen ground; feet may be below the frame."""

_KEY = ("camera", "track_id", "time")


@dataclass(frozen=True)
class PositionFeaturesParams:
    """Parameters of ``position_features``."""

    layers: tuple[str, ...] = param((), "layers on the map that positions are joined with; without any the op is off")
    max_distance_m: float = param(50.0, f"a feature that is farther away is not nearest, metres, at most {MOST_M:.0f}")

    def __post_init__(self) -> None:
        if not 0 < self.max_distance_m <= MOST_M:
            raise ValueError(f"max_distance_m is {self.max_distance_m}; it must be above 0, and at most {MOST_M:.0f}")


class PositionFeatures(TableOp):
    """Joins positions with layers."""

    spec = OpSpec(
        name="position_features",
        version=1,
        summary="In which areas of the named layers each position is, else which feature is nearest; off until named.",
        scope=Scope.CAMERA_DAY,
        reads=(Read("positions", columns=(*_KEY, "x_m", "y_m")),),
        writes=("position_features",),
        params=PositionFeaturesParams,
        uses=("named_layers",),
        memory_mb=2000,
    )
    params: PositionFeaturesParams

    @property
    def enabled(self) -> bool:
        """Whether layers are named."""
        return bool(self.params.layers)

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:  # noqa: ARG002
        """Gives ``position_features``."""
        table = TABLES["position_features"]
        positions = inputs["positions"]
        points = shapely.points(float_columns(positions, ("x_m", "y_m")))
        parts = [table.empty()]
        for layer in dict.fromkeys(self.params.layers):
            features = [feature for feature in unit.features if feature.layer == layer]
            if features and len(points):
                rows = _rows_of_layer(points, features, self.params.max_distance_m)
                keys = positions.select(_KEY).take(pa.array(rows.point))
                names = pa.array([feature.feature_id for feature in features], pa.string()).take(pa.array(rows.feature))
                named = {"layer": [layer] * len(names), "feature_id": names, "distance_m": rows.distance_m}
                parts.append(table.conform({name: keys[name] for name in _KEY} | named))
        return {"position_features": table.conform(pa.concat_tables(parts))}


@dataclass(frozen=True, eq=False)
class _Rows:
    """Pairs of a point and a feature, ``(P,)`` each: their numbers, and metres between them."""

    point: Int64
    feature: Int64
    distance_m: Float64


def _rows_of_layer(points: Any, features: Sequence[Feature], max_distance_m: float) -> _Rows:
    """Returns the polygons that contain each point ``(N,)``; of a point in none the nearest feature, if it is near."""
    shapes = np.array([feature.geometry for feature in features], dtype=object)
    shapely.prepare(shapes)
    tree = shapely.STRtree(shapes)
    point, area = _containing(points, features, shapes, tree)
    others = np.setdiff1d(np.arange(len(points)), point)
    (found, near), away_m = tree.query_nearest(points[others], max_distance=max_distance_m, return_distance=True)
    order = np.lexsort((near, found))  # of equally near ones the first of the layer
    found, first = np.unique(found[order], return_index=True)
    best = order[first]
    return _Rows(
        np.concatenate([point, others[found]]),
        np.concatenate([area, near[best]]),
        np.concatenate([np.zeros(len(point)), away_m[best]]),
    )


def _containing(points: Any, features: Sequence[Feature], shapes: Any, tree: shapely.STRtree) -> tuple[Int64, Int64]:
    """Returns pairs of a point and a polygon that contains it, borders included; an id that occurs twice, once."""
    point, shape = tree.query(points)
    polygons = shapely.get_dimensions(shapes[shape]) == 2
    point, shape = point[polygons], shape[polygons]
    x, y = shapely.get_x(points[point]), shapely.get_y(points[point])
    within = shapely.intersects_xy(shapes[shape], x, y)
    point, shape = point[within], shape[within]
    first = {feature.feature_id: number for number, feature in reversed(list(enumerate(features)))}
    of_id = np.array([first[feature.feature_id] for feature in features], dtype=np.int64)
    pairs = np.unique(np.column_stack([point, of_id[shape]]), axis=0)
    return pairs[:, 0], pairs[:, 1]
