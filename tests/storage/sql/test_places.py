"""Points are joined with the features of a layer: the nearest one, and the areas that contain them."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import shapely
from shapely.geometry import LineString, Polygon, box

from schemas.errors import QueryError
from storage.sql.connection import open_sql
from storage.sql.places import create_place_functions
from storage.sql.query import run_query
from storage.store.store import Store
from tests.storage.sql_site import EAST_M, NORTH_M, make_site, rows_of

SHAPES = {
    "square": box(0, 0, 10, 10),
    "inner": box(2, 2, 4, 4),
    "street": LineString([(0, 20), (10, 20)]),
    "twin": LineString([(0, 20), (10, 20)]),
    "nothing": Polygon(),
}


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with a layer of shapes, and an empty one."""
    rows = pa.table({"feature_id": list(SHAPES), "wkt": [shape.wkt for shape in SHAPES.values()]})
    with duckdb.connect() as connection:
        create_place_functions(connection, {"shapes": lambda: rows, "none": lambda: rows.slice(4)})
        yield connection


@pytest.mark.parametrize(
    ("x", "y", "nearest", "areas"),
    [
        (3, 3, ("square", 0.0), ["square", "inner"]),
        (10, 5, ("square", 0.0), ["square"]),
        (5, 19, ("street", 1.0), []),
        (13, 24, ("street", 5.0), []),
    ],
)
def test_a_point_has_a_nearest_feature_and_areas(
    con: duckdb.DuckDBPyConnection, x: float, y: float, nearest: tuple[str, float], areas: list[str]
) -> None:
    sql = f"SELECT nearest({x}, {y}, 'shapes'), areas_at({x}, {y}, 'shapes')"
    ((found, inside),) = con.execute(sql).fetchall()
    assert (tuple(found.values()), inside) == (nearest, areas)


def test_points_without_a_place_or_features_have_none(con: duckdb.DuckDBPyConnection) -> None:
    assert con.execute("SELECT nearest(NULL, 1, 'shapes'), areas_at(1, NULL, 'shapes')").fetchall() == [(None, None)]
    assert con.execute("SELECT nearest(1, 1, 'none'), areas_at(1, 1, 'none')").fetchall() == [
        ({"feature_id": None, "distance_m": None}, [])
    ]


def test_the_layer_may_differ_by_row(con: duckdb.DuckDBPyConnection) -> None:
    sql = "SELECT areas_at(3, 3, l), nearest(3, 3, l).feature_id FROM (VALUES ('shapes'), ('none'), ('shapes')) AS v(l)"
    both = (["square", "inner"], "square")
    assert con.execute(sql).fetchall() == [both, ([], None), both]


def test_many_points_agree_with_comparing_all(con: duckdb.DuckDBPyConnection) -> None:
    at = np.random.default_rng(3).uniform(-5, 30, (5000, 2))
    con.register("points", pa.table({"n": range(5000), "x": at[:, 0], "y": at[:, 1]}))
    sql = "SELECT areas_at(x, y, 'shapes') AS a, nearest(x, y, 'shapes').distance_m AS d FROM points ORDER BY n"
    found = con.execute(sql).to_arrow_table()
    shapes = np.array(list(SHAPES.values())[:4], dtype=object)
    distance = shapely.distance(shapely.points(at)[:, None], shapes[None])
    assert np.allclose(found["d"].to_numpy(), distance.min(axis=1))
    names = list(SHAPES)
    assert found["a"].to_pylist() == [[names[n] for n in (0, 1) if row[n] == 0] for row in distance]


@pytest.mark.parametrize("layer", ["cellar", "door-marks"])
def test_a_layer_that_is_not_on_the_map_is_told(tmp_path: Path, layer: str) -> None:
    told = pytest.raises(QueryError, match=f"no layer {layer} on the map: there are zones")
    with open_sql(Store.open(tmp_path / "none"), make_site(tmp_path / "site")) as opened, told:
        run_query(opened, f"SELECT nearest(1, 1, '{layer}')")


def test_a_query_reads_the_layer_that_it_joins(tmp_path: Path) -> None:
    query = f"SELECT areas_at({EAST_M} + 1, {NORTH_M} + 1, 'zones'), nearest({EAST_M} + 4, {NORTH_M} + 5.5, 'zones')"
    with open_sql(Store.open(tmp_path / "none"), make_site(tmp_path / "site"), query=query) as opened:
        assert rows_of(opened, query) == [(["hall"], {"feature_id": "door", "distance_m": 1.0})]
