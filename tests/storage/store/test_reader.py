from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pyproj import CRS

import storage.sql.macros
from schemas.errors import QueryError, SelectionError, SiteError, UserError
from storage.store.reader import open_store
from storage.store.store import Store
from tests.storage.rows import NOW, make_rows, put
from tests.storage.sql_site import commit, make_site, print_of


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site with some positions."""
    made = make_site(tmp_path / "site")
    put(Store.create(made.store), "positions", make_rows("positions", 3))
    return made.root


def test_sql_is_a_relation(site: Path) -> None:
    with open_store(site) as opened:
        relation = opened.sql("SELECT camera, count(*) AS points FROM positions GROUP BY camera")
        assert isinstance(relation, duckdb.DuckDBPyRelation)
        assert relation.fetchall() == [("cam1", 3)]
        assert opened.sql("SHOW TABLES").filter("name = 'counts_all'").fetchall() == [("counts_all",)]


@pytest.mark.parametrize("what", ["positions", "FROM positions", "SELECT * FROM positions"])
def test_arrow_takes_a_table_or_a_query(site: Path, what: str) -> None:
    with open_store(site) as opened:
        rows = opened.arrow(what)
    assert isinstance(rows, pa.Table)
    assert rows.num_rows == 3
    assert rows.schema.field("time").type == pa.timestamp("us", tz="UTC")


def test_geo_of_positions_is_in_the_sites_crs(site: Path) -> None:
    with open_store(site) as opened:
        frame = opened.geo("positions")
    assert frame.crs == CRS("EPSG:28992")
    assert list(frame.geometry.x) == list(frame["x_m"])
    assert len(frame) == 3


@pytest.mark.parametrize("has_spatial", [True, False])
def test_geo_of_layers(site: Path, monkeypatch: pytest.MonkeyPatch, has_spatial: bool) -> None:
    if not has_spatial:
        monkeypatch.setattr(storage.sql.macros, "SPATIAL_PACKAGE", "no_such_package")
    with open_store(site) as opened:
        zones = opened.geo("layer_zones").set_index("feature_id")
        pixels = opened.geo("layer_door-marks")
        assert len(opened.geo("features")) == 3
    assert zones.crs == CRS("EPSG:28992")
    assert zones.geometry.area.to_dict() == {"hall": 4.0, "door": 1.0}
    assert pixels.crs is None
    assert pixels.geometry.area.tolist() == [100.0]


def test_rows_without_a_place_are_no_map(site: Path) -> None:
    with open_store(site) as opened, pytest.raises(UserError, match="have no position"):
        opened.geo("tracks")


def test_a_store_by_itself(site: Path) -> None:
    with open_store(site / "store") as opened:
        assert opened.site is None
        in_degrees = opened.geo("positions")
        in_metres = opened.geo("SELECT x_m, y_m FROM positions")
        made = opened.geo("SELECT ST_Point(x_m, y_m) AS geometry FROM positions")
        assert opened.arrow("features").num_rows == 0
    assert in_degrees.crs == CRS("OGC:CRS84")
    assert list(in_degrees.geometry.x) == list(in_degrees["lon"])
    assert in_metres.crs is None
    assert list(in_metres.geometry.x) == list(made.geometry.x) == list(in_metres["x_m"])


def test_as_of_a_run(site: Path) -> None:
    store = Store.create(site / "store")
    for number, run_id in enumerate(("r1", "r2")):
        rows = make_rows("counts", number + 1)
        commit(store, "counts", rows, print_of(run_id), committed=NOW + timedelta(number), run_id=run_id)
    with open_store(site, as_of="r1") as opened:
        assert opened.arrow("counts").num_rows == 1
    with open_store(str(site)) as opened:
        assert opened.arrow("counts").num_rows == 2
    with pytest.raises(SelectionError, match="r3"):
        open_store(site, as_of="r3")


def test_what_is_neither_a_site_nor_a_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(SiteError, match=str(path)):
            open_store(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"], "nothing is made by looking"


def test_reading_changes_nothing(site: Path, tmp_path: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in site.rglob("*"))
    with open_store(site) as opened:
        opened.arrow("positions_all")
        for query in (f"COPY (SELECT 1) TO '{tmp_path}/x.csv'", "CREATE TABLE x AS SELECT 1", "SET threads = 1", ""):
            for ask in (opened.sql, opened.arrow):
                with pytest.raises(QueryError):
                    ask(query)
        with pytest.raises(QueryError, match="disabled by configuration"):
            opened.sql("FROM read_csv('/etc/passwd')").fetchall()
    assert sorted((path, path.stat().st_mtime_ns) for path in site.rglob("*")) == before


def test_unsafe_reads_and_writes_other_files(site: Path, tmp_path: Path) -> None:
    with open_store(site, unsafe=True) as opened:
        opened.arrow(f"COPY (SELECT camera FROM positions LIMIT 1) TO '{tmp_path}/x.csv'")
        assert opened.sql(f"FROM read_csv('{tmp_path}/x.csv')").fetchall() == [("cam1",)]


def test_mistakes_are_one_line(site: Path) -> None:
    with open_store(site) as opened:
        for query in ("SELEC 1", "FROM nowhere", "SELECT nothing FROM positions"):
            with pytest.raises(QueryError) as caught:
                opened.sql(query)
            assert "\n" not in str(caught.value)


def test_closed_with_the_block(site: Path) -> None:
    with open_store(site) as opened:
        connection = opened.connection
    with pytest.raises(duckdb.ConnectionException):
        connection.execute("SELECT 1")
