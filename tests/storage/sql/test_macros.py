import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest
from shapely import from_wkt
from shapely.geometry import box

import storage.site.layers
import storage.sql.macros
from schemas.errors import QueryError
from storage.site.file import SiteFiles, load_site
from storage.sql.connection import open_sql
from storage.sql.macros import load_spatial, mentions_geometry, spatial_available
from storage.sql.query import run_query
from storage.store.store import Store
from tests.storage.rows import make_rows, put
from tests.storage.sql_site import EAST_M, NORTH_M, make_site, rows_of


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A store with some detections of two cameras, opened with its site."""
    site = make_site(tmp_path_factory.mktemp("site"))
    store = Store.create(site.store)
    for camera in ("cam1", "cam2"):
        put(store, "detections", make_rows("detections", 3, camera), camera=camera)
    with open_sql(store, site) as connection:
        yield connection


@pytest.fixture
def spatial(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    if not spatial_available(con):
        pytest.skip("no package duckdb-extension-spatial for this machine")
    return con


def test_only_queries_of_geometry_load_the_extension() -> None:
    for sql in ("SELECT most_shift_px, first_time FROM view_motion", "SELECT last_camera"):
        assert not mentions_geometry(sql)
    for sql in ("SELECT ST_Area(a)", "SELECT (st_point(1, 2))", "FROM layer_zones", "SELECT place_of(zone)"):
        assert mentions_geometry(sql)


def test_the_extension_is_signed_by_duckdb(spatial: duckdb.DuckDBPyConnection) -> None:
    with duckdb.connect(":memory:", config={"allow_unsigned_extensions": False}) as strict:
        assert load_spatial(strict)


# Times


def test_local_time_is_of_the_cameras_own_zone(con: duckdb.DuckDBPyConnection) -> None:
    summer = "SELECT camera, local_time(camera, TIMESTAMPTZ '2026-07-01 12:00:00+00') FROM cameras ORDER BY 1"
    assert rows_of(con, summer) == [("cam1", datetime(2026, 7, 1, 14)), ("cam2", datetime(2026, 7, 1, 8))]
    winter = "SELECT DISTINCT local_time(camera, time)::TIMESTAMP(0) FROM detections WHERE camera = 'cam1'"
    assert rows_of(con, winter) == [(datetime(2026, 3, 2, 23),)]
    assert rows_of(con, "SELECT local_time('nobody', now())") == [(None,)]


def test_local_date_changes_at_local_midnight(con: duckdb.DuckDBPyConnection) -> None:
    night = "TIMESTAMPTZ '2026-03-02 23:30:00+00'"
    assert rows_of(con, f"SELECT local_date('cam1', {night}), local_date('cam2', {night})") == [
        (date(2026, 3, 3), date(2026, 3, 2))
    ]


@pytest.mark.parametrize(
    ("camera", "moment", "text"),
    [
        ("cam1", "2026-10-25 00:30:00+00", "2026-10-25T02:30:00+02:00"),
        ("cam1", "2026-10-25 01:30:00+00", "2026-10-25T02:30:00+01:00"),
        ("cam1", "1969-07-20 20:17:40.25+00", "1969-07-20T21:17:40.250000+01:00"),
        ("cam2", "2026-07-01 12:00:00+00", "2026-07-01T08:00:00-04:00"),
        ("nobody", "2026-07-01 12:00:00+00", "2026-07-01T12:00:00+00:00"),
    ],
)
def test_local_text_has_the_offset_from_utc(
    con: duckdb.DuckDBPyConnection, camera: str, moment: str, text: str
) -> None:
    found = f"local_text('{camera}', TIMESTAMPTZ '{moment}')"
    assert rows_of(con, f"SELECT {found}, {found}::TIMESTAMPTZ = TIMESTAMPTZ '{moment}'") == [(text, True)]
    assert rows_of(con, f"SELECT local_text('{camera}', NULL)") == [(None,)]


def test_time_bucket_takes_utc_times_and_a_cameras_zone(con: duckdb.DuckDBPyConnection) -> None:
    noon = "TIMESTAMPTZ '2026-07-01 12:20:00+00'"
    assert rows_of(con, f"SELECT time_bucket(INTERVAL 15 MINUTE, {noon})") == [
        (datetime(2026, 7, 1, 12, 15, tzinfo=UTC),)
    ]
    day = f"SELECT camera, time_bucket(INTERVAL 1 DAY, {noon}, timezone_of(camera)) FROM cameras ORDER BY 1"
    assert rows_of(con, day) == [
        ("cam1", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("cam2", datetime(2026, 7, 1, 4, tzinfo=UTC)),
    ]
    hourly = "SELECT time_bucket(INTERVAL 1 HOUR, time) AS hour, count(*) FROM detections GROUP BY hour"
    assert rows_of(con, hourly) == [(datetime(2026, 3, 2, 22, tzinfo=UTC), 6)]


def test_local_time_without_a_site_is_null(tmp_path: Path) -> None:
    with open_sql(Store.open(tmp_path / "none")) as con:
        assert rows_of(con, "SELECT local_time('cam1', now())") == [(None,)]


# Places


def test_map_distance(con: duckdb.DuckDBPyConnection) -> None:
    assert rows_of(con, "SELECT map_distance_m(1, 1, 4, 5)") == [(5.0,)]


def test_in_zone(spatial: duckdb.DuckDBPyConnection) -> None:
    points = "(VALUES (1.0, 1.0), (5.5, 5.5), (9.0, 9.0)) AS p(x, y)"
    assert rows_of(spatial, f"SELECT in_zone({EAST_M} + x, {NORTH_M} + y, 'hall') FROM {points}") == [
        (True,),
        (False,),
        (False,),
    ]
    place = f"{EAST_M + 1}, {NORTH_M + 1}"
    each = f"SELECT feature_id, in_zone({place}, feature_id) FROM features WHERE space = 'map' ORDER BY 1"
    assert rows_of(spatial, each) == [("door", False), ("hall", True)]
    with pytest.raises(QueryError, match="no zone cellar"):
        run_query(spatial, "SELECT in_zone(1, 1, 'cellar')")


def test_features_have_geometry(spatial: duckdb.DuckDBPyConnection) -> None:
    found = rows_of(spatial, "SELECT feature_id, layer, kind, space, ST_Area(geometry) FROM features ORDER BY 1")
    assert found == [
        ("door", "zones", "zone", "map", 1.0),
        ("hall", "zones", "zone", "map", 4.0),
        ("mat", "door-marks", "zone", "pixel", 100.0),
    ]


def test_each_layer_is_a_table(spatial: duckdb.DuckDBPyConnection) -> None:
    assert rows_of(spatial, "SELECT feature_id, ST_Area(geometry) FROM layer_zones ORDER BY 1") == [
        ("door", 1.0),
        ("hall", 4.0),
    ]
    assert rows_of(spatial, 'SELECT feature_id, camera FROM "layer_door-marks"') == [("mat", "cam1")]


def with_streets(root: Path) -> SiteFiles:
    """The site with a reference layer whose attributes have names that are taken."""
    site = make_site(root)
    path, layer = root / "site.toml", '[[layers]]\nname = "streets"\nfile = "streets.geojson"\nrole = "reference"\n'
    path.write_text(path.read_text() + layer)
    attributes = {"id": 7, "Layer": -1, "layer_1": "b", "geometry": "c", "wkt": "d", "lanes": 2}
    line = {"type": "LineString", "coordinates": [[5.0, 52.0], [5.1, 52.1]]}
    feature = {"type": "Feature", "properties": attributes, "geometry": line}
    (root / "streets.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return load_site(site.root)


def test_a_layer_keeps_its_attributes(tmp_path: Path) -> None:
    with open_sql(Store.open(tmp_path / "none"), with_streets(tmp_path / "site")) as con:
        columns = "feature_id, layer, kind, id, Layer_2, layer_1, geometry_1, wkt_1, lanes"
        assert rows_of(con, f"SELECT {columns} FROM layer_streets") == [
            ("7", "streets", "reference", 7, -1, "b", "c", "d", 2)
        ]
        assert rows_of(con, "SELECT feature_id, id FROM layer_zones ORDER BY 1") == [("door", "door"), ("hall", "hall")]


def test_a_reference_layer_is_no_feature(tmp_path: Path) -> None:
    with open_sql(Store.open(tmp_path / "none"), with_streets(tmp_path / "site")) as con:
        assert rows_of(con, "SELECT DISTINCT layer FROM features ORDER BY 1") == [("door-marks",), ("zones",)]


@pytest.mark.parametrize(
    ("query", "layers"),
    [
        ("SELECT count(*) FROM layer_streets", ["streets"]),
        ('SELECT feature_id FROM "layer_zones"', ["zones"]),
        ("SELECT count(*) FROM features", ["zones", "door-marks"]),
        ("SELECT count(*) FROM detections", []),
    ],
)
def test_a_query_reads_the_layers_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str, layers: list[str]
) -> None:
    read, read_file = [], storage.site.layers.read_layer_file
    monkeypatch.setattr(
        storage.site.layers,
        "read_layer_file",
        lambda path, name, columns: read.append(name) or read_file(path, name, columns),
    )
    with open_sql(Store.open(tmp_path / "none"), with_streets(tmp_path / "site"), query=query) as con:
        run_query(con, query)
    assert read == layers


def test_a_join_with_a_layer(spatial: duckdb.DuckDBPyConnection) -> None:
    points = "(VALUES (1.0, 1.0), (5.5, 5.5), (9.0, 9.0)) AS p(x, y)"
    place = f"ST_Point({EAST_M} + x, {NORTH_M} + y)"
    join = f"SELECT x, feature_id FROM {points} JOIN layer_zones ON ST_Contains(geometry, {place}) ORDER BY x"
    assert rows_of(spatial, join) == [(1.0, "hall"), (5.5, "door")]


def test_without_the_spatial_package_the_rest_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.sql.macros, "SPATIAL_PACKAGE", "no_such_package")
    site = make_site(tmp_path)
    store = Store.create(site.store)
    put(store, "detections", make_rows("detections"))
    with open_sql(store, site) as con:
        assert not spatial_available(con)
        assert rows_of(con, "SELECT count(*) FROM detections") == [(3,)]
        ((text,),) = rows_of(con, "SELECT geometry FROM layer_zones WHERE feature_id = 'hall'")
        assert from_wkt(text).equals(box(EAST_M, NORTH_M, EAST_M + 2, NORTH_M + 2))
        for query in ("SELECT in_zone(1, 1, 'hall')", "SELECT ST_Area(geometry) FROM features"):
            with pytest.raises(QueryError, match="install the package duckdb-extension-spatial"):
                run_query(con, query)


def test_nothing_is_written_to_home_or_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = make_site(tmp_path / "site")
    store = Store.create(site.store)
    put(store, "detections", make_rows("detections"))
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "empty"))
    monkeypatch.chdir(tmp_path / "empty")
    with open_sql(store, site) as con:
        run_query(con, "SELECT * FROM detections ORDER BY time")
        run_query(con, "SELECT in_zone(1, 1, 'hall')" if spatial_available(con) else "SELECT 1")
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize(
    ("query", "mentions"),
    [
        ("SELECT count(*) FROM detections WHERE camera = 'hall'", False),
        ("SELECT ST_Area(x)", True),
        ("select in_zone(x_m, y_m, 'hall') from positions", True),
        ("FROM features", True),
        ("FROM layer_zones", True),
        ("SELECT NULL::GEOMETRY", True),
    ],
)
def test_what_needs_the_spatial_extension(query: str, mentions: bool) -> None:
    assert mentions_geometry(query) is mentions


def test_distance_to_a_feature(spatial: duckdb.DuckDBPyConnection) -> None:
    distance = f"distance_to_m({EAST_M} + x, {NORTH_M} + 5.5, 'door')"
    assert rows_of(spatial, f"SELECT {distance} FROM (VALUES (5.5), (9.0)) AS p(x)") == [(0.0,), (3.0,)]
    with pytest.raises(QueryError, match="no zone or line cellar"):
        run_query(spatial, "SELECT distance_to_m(1, 1, 'cellar')")
