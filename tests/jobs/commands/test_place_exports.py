"""Counts and flows are maps: every format, other programs, and queries show where they were counted."""

from pathlib import Path

import duckdb
import pytest
from shapely.geometry import box

import storage.sql.macros
from jobs.commands.exports import export_result
from jobs.commands.results import query
from jobs.site import Site, open_site
from schemas.errors import UserError
from schemas.tables import TABLES
from storage.store.reader import open_store
from storage.store.store import Store
from tests.storage.exports.gis_files import read
from tests.storage.rows import NOW
from tests.storage.sql_site import EAST_M, NORTH_M, commit, make_site, print_of

HALL = box(EAST_M, NORTH_M, EAST_M + 2, NORTH_M + 2)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    make_site(tmp_path)
    store = Store.create(tmp_path / "store")
    zones = ["hall", "door", "view"]
    rows = TABLES["counts"].conform(
        {
            "camera": ["cam1"] * 3,
            "zone": zones,
            "label": ["person"] * 3,
            "bin_start": [NOW] * 3,
            "bin_s": [60.0] * 3,
            "observed_s": [60.0] * 3,
            "mean_count": [1.0, 0.0, 1.0],
            "max_count": [2, 0, 2],
            "distinct_tracks": [3, 0, 3],
            "dwell_s": [60.0, 0.0, 60.0],
        }
    )
    commit(store, "counts", rows, print_of("counts"))
    return open_site(tmp_path)


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
def test_counts_lie_in_their_zones(site: Site, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"counts{suffix}"
    assert export_result(site, "counts", target).rows == 3
    frame = read(target)
    found = frame.to_crs("EPSG:28992").set_index("zone")
    assert found.geometry["hall"].symmetric_difference(HALL).area < 0.05
    assert found.geometry["view"] is None or found.geometry["view"].is_empty
    assert found["distinct_tracks"].to_dict() == {"hall": 3, "door": 0, "view": 3}


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
def test_duckdb_reads_the_places(site: Site, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"sums{suffix}"
    export_result(site, "SELECT zone, sum(dwell_s) AS s FROM counts GROUP BY zone HAVING s > 0", target)
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as con:
        if not storage.sql.macros.load_spatial(con):
            pytest.skip("no spatial extension of this DuckDB")
        rows = con.execute(
            f"SELECT zone, ST_GeometryType(geom)::VARCHAR FROM ST_Read('{target}') ORDER BY zone"
        ).fetchall()
    assert rows == [("hall", "POLYGON"), ("view", None)]


def test_a_query_has_the_place_of_a_zone(site: Site) -> None:
    sql = "SELECT zone, ST_Area(place_of(zone)) AS m2 FROM counts ORDER BY zone"
    assert query(site, sql).to_pylist() == [
        {"zone": "door", "m2": 1.0},
        {"zone": "hall", "m2": 4.0},
        {"zone": "view", "m2": None},
    ]


def test_without_the_spatial_extension_a_place_is_text(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.sql.macros, "SPATIAL_PACKAGE", "no_such_package")
    found = query(site, "SELECT place_of(zone) AS place FROM counts WHERE zone = 'hall'")["place"].to_pylist()
    assert found[0].startswith("POLYGON")


def test_a_csv_keeps_its_columns(site: Site, tmp_path: Path) -> None:
    export_result(site, "counts", tmp_path / "counts.csv")
    assert "geometry" not in (tmp_path / "counts.csv").read_text().splitlines()[0]


def test_python_has_the_places_and_rows_of_the_view_alone_are_no_map(site: Site, tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        frame = store.geo("counts").set_index("zone")
        assert frame.crs.to_epsg() == 28992
        assert frame.geometry["hall"].equals(HALL)
    with pytest.raises(UserError, match="zone or line"):
        export_result(site, "SELECT * FROM counts WHERE zone = 'view'", tmp_path / "x.gpkg")
