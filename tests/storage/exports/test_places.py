"""Rows of zones and lines have the shape of their feature, and nothing else has one."""

import pyarrow as pa
import pytest
import shapely
from shapely.geometry import LineString, box

from schemas.errors import UserError
from schemas.values import Feature, FeatureKind
from storage.exports.geometry_columns import is_geometry
from storage.exports.places import with_places, with_storeys

HALL = Feature("hall", "zones", FeatureKind.ZONE, "map", None, box(0, 0, 2, 2))
DOOR = Feature("door", "lines", FeatureKind.LINE, "map", None, LineString([(0, 0), (2, 0)]))
MAT = Feature("mat", "marks", FeatureKind.ZONE, "pixel", "cam1", box(10, 10, 20, 20))
RUG = Feature("rug", "marks", FeatureKind.ZONE, "pixel", "cam2", box(10, 10, 20, 20))


def load() -> list[Feature]:
    return [HALL, DOOR, MAT, RUG]


def never() -> list[Feature]:
    raise AssertionError("these rows need no features")


def shapes(rows: pa.Table) -> list[object]:
    return shapely.from_wkb(rows["geometry"].to_numpy(zero_copy_only=False)).tolist()


@pytest.mark.parametrize("column", ["zone", "line", "feature"])
def test_rows_have_the_shape_of_what_they_name(column: str) -> None:
    rows = with_places(pa.table({column: ["door", "view", "hall", "door"], "n": [1, 2, 3, 4]}), load)
    assert shapes(rows) == [DOOR.geometry, None, HALL.geometry, DOOR.geometry]
    assert rows["n"].to_pylist() == [1, 2, 3, 4]
    assert is_geometry(rows.schema.field("geometry"))


def test_pixels_are_named() -> None:
    rows = with_places(pa.table({"zone": ["mat", "view"]}), load)
    assert b'"pixels of cam1"' in rows.schema.field("geometry").metadata[b"ARROW:extension:metadata"]


@pytest.mark.parametrize("named", [["hall", "mat"], ["mat", "rug"]])
def test_places_that_do_not_fit_into_one_file_are_refused(named: list[str]) -> None:
    with pytest.raises(UserError, match=r"pixels of cam1.*WHERE zone IN"):
        with_places(pa.table({"zone": named}), load)


@pytest.mark.parametrize(
    "columns",
    [
        {"zone": ["hall"], "x_m": [1.0], "y_m": [1.0]},
        {"zone": ["hall"], "lon": [1.0], "lat": [1.0]},
        {"zone": ["hall"], "geometry": [box(0, 0, 1, 1).wkb]},
        {"zone": ["hall"], "geometry": ["POINT (1 1)"]},
        {"zone": [1]},
        {"camera": ["hall"]},
    ],
)
def test_other_rows_stay_as_they_are(columns: dict[str, list[object]]) -> None:
    rows = pa.table(columns)
    assert with_places(rows, never) is rows


def test_no_rows_have_no_shapes_and_rows_of_the_whole_view_no_place() -> None:
    empty = with_places(pa.table({"zone": pa.array([], pa.string())}), load)
    assert shapes(empty) == []
    view = pa.table({"zone": ["view"]})
    assert with_places(view, load) is view


def test_rows_of_a_building_have_the_floor_of_their_camera() -> None:
    rows = pa.table({"camera": ["shop", "attic", "yard"], "x_m": [1.0, 2.0, 3.0]})
    assert with_storeys(rows, {"attic": 2, "shop": 0})["storey"].to_pylist() == [0, 2, 0]
    assert with_storeys(rows, {"attic": 0, "shop": 0}) is rows
    own = rows.append_column("storey", pa.array(["roof"] * 3))
    assert with_storeys(own, {"attic": 2}) is own
    counted = pa.table({"camera": [3]})
    assert with_storeys(counted, {"attic": 2}) is counted
