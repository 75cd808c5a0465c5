"""Precomputed joins of positions with layers are those of the SQL functions of places."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from shapely.geometry import LineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from ops.position_features import PositionFeatures, PositionFeaturesParams
from schemas.tables import TABLES
from schemas.values import CameraView, Feature, FeatureKind, Float64
from storage.sql.places import create_place_functions
from tests.support.fakes import START, FakeServices, make_segment, make_unit

PLAIN = CameraView("cam1", "Camera 1", "Europe/Amsterdam", True)
LAYERS: dict[str, dict[str, BaseGeometry]] = {
    "areas": {"square": box(0, 0, 10, 10), "inner": box(2, 2, 4, 4), "far": box(80, 0, 90, 10), "none": Polygon()},
    "streets": {
        "north": LineString([(0, 20), (10, 20)]),
        "twin": LineString([(0, 20), (10, 20)]),
        "tree": Point(40, 0),
    },
}
FEATURES = tuple(
    Feature(name, layer, FeatureKind.REFERENCE, "map", None, shape)
    for layer, shapes in LAYERS.items()
    for name, shape in shapes.items()
)


def positions_at(places: Float64) -> pa.Table:
    """``positions`` of one track that is at places ``(N, 2)``, a second apart."""
    count = len(places)
    needed = [field for field in TABLES["positions"].columns if not field.nullable]
    return TABLES["positions"].conform(
        {field.name: np.zeros(count) for field in needed if pa.types.is_floating(field.type)}
        | {field.name: ["a"] * count for field in needed if pa.types.is_string(field.type)}
        | {"time": np.arange(count) * 1_000_000 + int(START.timestamp() * 1e6)}
        | {"x_m": places[:, 0], "y_m": places[:, 1]}
    )


def run(places: Any, features: Sequence[Feature] = FEATURES, **params: Any) -> pa.Table:
    """``position_features`` of positions at places ``(N, 2)``."""
    op = PositionFeatures(PositionFeaturesParams(**({"layers": tuple(LAYERS)} | params)))
    positions = positions_at(np.array(places, float).reshape(-1, 2))
    given = {"positions": positions.select(op.spec.reads[0].columns)}
    table = op.run(make_unit([make_segment()], PLAIN, features, unit="day"), given, FakeServices())["position_features"]
    assert table.schema.equals(TABLES["position_features"].schema, check_metadata=True)
    return table


def as_rows(shapes: dict[str, BaseGeometry]) -> pa.Table:
    """A layer as the SQL functions read it."""
    return pa.table({"feature_id": [*shapes], "wkt": [shape.wkt for shape in shapes.values()]})


def rows(table: pa.Table) -> list[tuple[str, str, float]]:
    return [(row["layer"], row["feature_id"], row["distance_m"]) for row in table.to_pylist()]


def test_rows_are_what_the_functions_find() -> None:
    places = np.random.default_rng(5).uniform(-30, 60, (400, 2))
    table = run(places, max_distance_m=90.0)
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        create_place_functions(con, {layer: partial(as_rows, shapes) for layer, shapes in LAYERS.items()})
        con.register("positions", positions_at(places))
        con.register("found", table)
        asked = " UNION ALL ".join(
            f"SELECT time, '{layer}' AS layer, unnest(if(areas = [], [near.feature_id], areas)) AS feature_id, "
            f"near.distance_m FROM (SELECT *, areas_at(x_m, y_m, '{layer}') AS areas, "
            f"nearest(x_m, y_m, '{layer}') AS near FROM positions)"
            for layer in LAYERS
        )
        differ = "SELECT time, layer, feature_id, distance_m FROM found"
        assert con.execute(f"SELECT count(*) FROM ({asked})").fetchone() == (table.num_rows,)
        assert con.execute(f"({asked}) EXCEPT ({differ})").fetchall() == []


def test_areas_come_before_the_nearest_and_what_is_far_is_left_out() -> None:
    assert rows(run([(3, 3)])) == [("areas", "inner", 0.0), ("areas", "square", 0.0), ("streets", "north", 17.0)]
    assert rows(run([(5, 15)], max_distance_m=6.0)) == [("areas", "square", 5.0), ("streets", "north", 5.0)]
    assert rows(run([(5, 15)], max_distance_m=4.0)) == []
    assert rows(run([(3, 3)], layers=("streets", "streets"))) == [("streets", "north", 17.0)]


def test_an_id_that_two_areas_have_is_one_row() -> None:
    twice = [Feature("park", "areas", FeatureKind.REFERENCE, "map", None, box(0, 0, side, side)) for side in (5, 9)]
    assert rows(run([(1, 1), (7, 7)], twice)) == [("areas", "park", 0.0)] * 2


def test_nothing_to_join_gives_no_rows() -> None:
    assert run([]).num_rows == 0
    assert run([(1, 1)], ()).num_rows == 0


def test_the_op_is_off_until_layers_are_named() -> None:
    assert not PositionFeatures().enabled
    assert PositionFeatures(PositionFeaturesParams(("streets",))).enabled
    for wrong in (0, 91):
        with pytest.raises(ValueError, match=f"max_distance_m is {wrong}; it must be above 0, and at most 90"):
            PositionFeaturesParams(max_distance_m=wrong)
