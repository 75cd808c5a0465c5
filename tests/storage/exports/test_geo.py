import csv
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from schemas.errors import UserError
from schemas.tables import TABLES
from storage.exports.geo import ExportOptions, export
from tests.storage.exports.gis_files import RD, read

FOLDER_NAMES = {".geojson", ".gpkg", ".parquet", ".csv"}


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
def test_positions_come_back_as_points_where_they_were(walk: pa.Table, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    assert export(walk, target, RD).rows == 3
    frame = read(target)
    assert len(frame) == 3
    assert frame.crs.to_epsg() == (4326 if suffix == ".geojson" else 28992)
    back = frame.to_crs(RD)
    assert back.geometry.x.to_numpy() == pytest.approx(walk["x_m"].to_numpy(), abs=0.02)
    assert back.geometry.y.to_numpy() == pytest.approx(walk["y_m"].to_numpy(), abs=0.02)
    assert set(walk.column_names) <= set(frame.columns)
    assert list(frame["track_id"]) == walk["track_id"].to_pylist()
    times = pd.to_datetime(frame["time"], utc=True)
    # GDAL reads milliseconds, and no more.
    allowed = timedelta() if suffix == ".parquet" else timedelta(milliseconds=1)
    assert (abs(times - pd.Series(walk["time"].to_pylist())) <= allowed).all()
    assert list(tmp_path.iterdir()) == [target]


def test_geojson_is_rfc_7946(walk: pa.Table, tmp_path: Path) -> None:
    export(walk, tmp_path / "out.geojson", RD)
    document = json.loads((tmp_path / "out.geojson").read_text())
    assert "crs" not in document
    first = document["features"][0]
    assert first["geometry"]["type"] == "Point"
    lon, lat = first["geometry"]["coordinates"]
    assert (lon, lat) == pytest.approx((walk["lon"][0].as_py(), walk["lat"][0].as_py()), abs=1e-7)
    assert 4 < lon < 6
    assert 50 < lat < 54
    assert first["properties"]["time"] == "2026-03-02T22:00:00.123456Z"
    assert first["properties"]["speed_m_s"] is None


def test_geojson_polygons_turn_counterclockwise(tmp_path: Path) -> None:
    clockwise = shapely.Polygon([(121000, 486000), (121000, 486010), (121010, 486010), (121010, 486000)])
    export(pa.table({"geometry": [shapely.to_wkb(clockwise)]}), tmp_path / "out.geojson", RD)
    (feature,) = json.loads((tmp_path / "out.geojson").read_text())["features"]
    assert shapely.geometry.shape(feature["geometry"]).exterior.is_ccw


def test_csv_keeps_the_columns(walk: pa.Table, tmp_path: Path) -> None:
    assert export(walk, tmp_path / "out.csv", RD).rows == 3
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [*walk.column_names, "WKT"]
    assert rows[0]["WKT"] == "POINT (121000 486000)"
    assert rows[0]["time"] == "2026-03-02T22:00:00.123456Z"
    assert [float(row["x_m"]) for row in rows] == walk["x_m"].to_pylist()


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
@pytest.mark.parametrize("as_lines", [False, True])
def test_no_rows_make_a_file_with_no_features(tmp_path: Path, suffix: str, as_lines: bool) -> None:
    options = ExportOptions(as_lines=as_lines)
    assert export(TABLES["positions"].empty(), tmp_path / f"out{suffix}", RD, options).rows == 0
    assert len(read(tmp_path / f"out{suffix}")) == 0


def test_columns_of_every_kind_reach_gis_files(tmp_path: Path) -> None:
    table = (
        duckdb.connect()
        .execute(
            "SELECT 121000.0::DOUBLE AS x_m, 486000.0::DOUBLE AS y_m, sum(3) AS total, [1, 2] AS list, "
            "{'a': 1} AS inner, 'x'::ENUM('x', 'y') AS word, DATE '2026-03-02' AS day, TIME '10:00' AS clock, "
            "INTERVAL 3 MINUTE AS span, TIMESTAMP '2026-03-02 10:00:00' AS naive, NULL AS nothing, TRUE AS yes, "
            "'ab'::BLOB AS picture"
        )
        .to_arrow_table()
    )
    for suffix in (".geojson", ".gpkg"):
        export(table, tmp_path / f"out{suffix}", RD)
        row: dict[str, Any] = read(tmp_path / f"out{suffix}").iloc[0].to_dict()
        assert (row["total"], row["word"], bool(row["yes"])) == (3, "x", True)
        assert json.loads(row["inner"]) if isinstance(row["inner"], str) else row["inner"] == {"a": 1}
        assert str(row["naive"]).startswith("2026-03-02")
        assert "picture" not in row
    export(table, tmp_path / "out.parquet", RD)
    assert "picture" not in pq.read_schema(tmp_path / "out.parquet").names


def test_geoparquet_says_what_the_standard_asks_for(walk: pa.Table, tmp_path: Path) -> None:
    export(walk, tmp_path / "out.parquet", RD)
    described = json.loads(pq.read_schema(tmp_path / "out.parquet").metadata[b"geo"])
    column = described["columns"][described["primary_column"]]
    assert (column["encoding"], column["geometry_types"]) == ("WKB", ["Point"])
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 28992}
    assert column["bbox"] == [121000, 486000, 121010, 486010]


def test_a_sensitive_table_does_not_leave(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="backgrounds has the privacy class 'sensitive'"):
        export(TABLES["backgrounds"].empty(), tmp_path / "out.csv", RD)
    assert list(tmp_path.iterdir()) == []


def test_pictures_stay_behind_in_csv(tmp_path: Path) -> None:
    export(pa.table({"camera": ["a"], "png": [b"\x89PNG"]}), tmp_path / "out.csv", RD)
    assert (tmp_path / "out.csv").read_text().split() == ["camera", "a"]


def test_an_unknown_suffix_is_told_with_the_known_ones(walk: pa.Table, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot write \.kml; end the name in \.geojson, \.gpkg, \.parquet, \.csv"):
        export(walk, tmp_path / "out.kml", RD)


@pytest.mark.parametrize("suffix", sorted(FOLDER_NAMES))
def test_a_folder_that_is_not_there_is_told(walk: pa.Table, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        export(walk, tmp_path / f"nowhere/out{suffix}", RD)


@pytest.mark.parametrize("suffix", sorted(FOLDER_NAMES))
def test_a_target_that_cannot_be_written_is_told_and_leaves_nothing(
    walk: pa.Table, tmp_path: Path, suffix: str
) -> None:
    (tmp_path / f"out{suffix}").mkdir()
    (tmp_path / f"out{suffix}/full").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        export(walk, tmp_path / f"out{suffix}", RD)
    assert [path.name for path in tmp_path.iterdir()] == [f"out{suffix}"]


@pytest.mark.parametrize("suffix", sorted(FOLDER_NAMES))
def test_what_stood_there_is_replaced(walk: pa.Table, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    target.write_bytes(b"old")
    export(walk, target, RD)
    assert target.stat().st_size > 100


def test_a_geopackage_that_another_program_has_open_stays_whole(walk: pa.Table, tmp_path: Path) -> None:
    target = tmp_path / "out.gpkg"
    export(walk, target, RD)
    with closing(sqlite3.connect(target)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE more AS SELECT 1 AS n")
        other.commit()
        with pytest.raises(UserError, match=r"has it open.*out\.gpkg-wal lies beside it.*close it there"):
            export(walk.slice(0, 1), target, RD)
    with closing(sqlite3.connect(target)) as after:
        assert after.execute("SELECT count(*), (SELECT n FROM more) FROM out").fetchall() == [(3, 1)]
    assert export(walk.slice(0, 1), target, RD).rows == 1
    assert len(read(target)) == 1
    assert list(tmp_path.iterdir()) == [target]
