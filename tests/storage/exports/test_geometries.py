"""Rows become points, lines and shapes where they were."""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import shapely

from schemas.errors import UserError
from storage.exports.geo import ExportOptions, export
from tests.storage.exports.gis_files import RD, positions, read


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
def test_lines_join_the_points_of_a_track_in_time(tmp_path: Path, suffix: str) -> None:
    table = positions(
        {"b": [(121000, 486000), (121003, 486004), (121003, 486010)], "a": [(1e5, 4e5), (1e5, 4e5 + 2)], "c": [(1, 1)]}
    )
    shuffled = table.take(np.random.default_rng(1).permutation(table.num_rows))
    assert export(shuffled, tmp_path / f"out{suffix}", RD, ExportOptions(as_lines=True)).rows == 2
    frame = read(tmp_path / f"out{suffix}").to_crs(RD)
    assert list(frame["track_id"]) == ["a", "b"]
    assert list(frame["points"]) == [2, 3]
    assert list(frame["length_m"]) == pytest.approx([2, 11])
    assert list(frame["mean_speed_m_s"]) == pytest.approx([2, 5.5])
    coordinates = shapely.get_coordinates(frame.geometry.iloc[1])
    assert coordinates == pytest.approx(np.array([(121000, 486000), (121003, 486004), (121003, 486010)]), abs=0.01)


def test_tracks_of_two_cameras_are_two_lines(tmp_path: Path) -> None:
    one = positions({"a": [(121000, 486000), (121003, 486004)]})
    two = one.set_column(0, one.schema.field("camera"), pa.array(["yard"] * 2))
    assert export(pa.concat_tables([one, two]), tmp_path / "out.gpkg", RD, ExportOptions(as_lines=True)).rows == 2


def test_rows_with_only_lonlat_land_on_the_grid(walk: pa.Table, tmp_path: Path) -> None:
    export(walk.select(["track_id", "lon", "lat"]), tmp_path / "out.gpkg", RD)
    frame = read(tmp_path / "out.gpkg")
    assert frame.geometry.x.to_numpy() == pytest.approx(walk["x_m"].to_numpy(), abs=0.002)


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
def test_a_row_without_a_place_keeps_its_row(tmp_path: Path, suffix: str) -> None:
    table = pa.table({"camera": ["a", "b"], "x_m": [121000.0, None], "y_m": [486000.0, None]})
    assert export(table, tmp_path / f"out{suffix}", RD).rows == 2
    frame = read(tmp_path / f"out{suffix}")
    assert list(frame.geometry.isna()) == [False, True]


def spatial() -> duckdb.DuckDBPyConnection:
    import duckdb_extensions

    connection = duckdb.connect()
    duckdb_extensions.import_extension("spatial", con=connection)
    connection.execute("LOAD spatial")
    return connection


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
def test_a_geometry_of_duckdb_is_honoured_under_any_name(tmp_path: Path, suffix: str) -> None:
    table = spatial().execute("SELECT 1 AS one, ST_Buffer(ST_Point(121000, 486000), 5) AS around").to_arrow_table()
    assert export(table, tmp_path / f"out{suffix}", RD).rows == 1
    (shape,) = read(tmp_path / f"out{suffix}").to_crs(RD).geometry
    assert shape.geom_type == "Polygon"
    assert (shape.centroid.x, shape.centroid.y) == pytest.approx((121000, 486000), abs=0.01)
    export(table, tmp_path / "out.csv", RD)
    assert "POLYGON" in (tmp_path / "out.csv").read_text()


def test_degrees_passed_off_as_metres_are_told(tmp_path: Path) -> None:
    table = pa.table({"geometry": [shapely.to_wkb(shapely.Point(-74.0, 40.7)), None]})
    with pytest.raises(UserError, match=r"far from where EPSG:32633 is used.*ST_Point"):
        export(table, tmp_path / "out.gpkg", "EPSG:32633")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
def test_rows_without_a_place_are_told_what_they_lack(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(UserError, match=r"lon and lat, or zone or line, or a geometry column.*write a .csv"):
        export(pa.table({"camera": ["a"]}), tmp_path / f"out{suffix}", RD)


def test_lines_from_a_table_without_tracks_are_told_what_they_lack(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"lines need the columns.*; missing: track_id, time"):
        export(pa.table({"x_m": [1.0], "y_m": [1.0]}), tmp_path / "out.gpkg", RD, ExportOptions(as_lines=True))


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
def test_a_site_that_180_degrees_cross(tmp_path: Path, suffix: str) -> None:
    fiji = "EPSG:3460"
    shape = shapely.box(2_000_000, 3_900_000, 2_000_100, 3_900_100)  # its CRS is used from 176.81 E to 178.15 W
    assert export(pa.table({"geometry": [shapely.to_wkb(shape)]}), tmp_path / f"out{suffix}", fiji).rows == 1
    assert read(tmp_path / f"out{suffix}").to_crs(fiji).geometry.iloc[0].centroid.distance(shape.centroid) < 0.01
    with pytest.raises(UserError, match="far from where EPSG:3460 is used"):
        export(pa.table({"geometry": [shapely.to_wkb(shapely.Point(178, -18))]}), tmp_path / f"x{suffix}", fiji)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ({"geometry": [b"abc"]}, "column geometry has bytes that are no geometry"),
        ({"x_m": ["east"], "y_m": ["1"]}, r'column x_m has values that are no numbers.*TRY_CAST\("x_m" AS DOUBLE\)'),
        ({"x_m": [[1.0]], "y_m": [1.0]}, "column x_m has values that are no numbers"),
        ({"lon": [500.0], "lat": [486000.5]}, "some positions are on no map"),
    ],
)
@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
def test_places_that_are_none_are_named(tmp_path: Path, rows: dict[str, list[object]], says: str, suffix: str) -> None:
    with pytest.raises(UserError, match=says):
        export(pa.table(rows), tmp_path / f"out{suffix}", RD)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
def test_an_empty_geometry_keeps_its_row(tmp_path: Path, suffix: str) -> None:
    shapes = shapely.to_wkb([shapely.Point(), shapely.Polygon(), shapely.Point(121000, 486000)])
    export(pa.table({"geometry": shapes}), tmp_path / f"out{suffix}", RD)
    frame = read(tmp_path / f"out{suffix}")
    assert [shape is None or shape.is_empty for shape in frame.geometry] == [True, True, False]
