"""`sql`, `export` and `map` on what a run left, on what it left then, and with what only `--unsafe` may."""

import csv

import geopandas
import pyogrio
import pytest

from tests.jobs.labelled import FILM, put_tracks, scanned_site, walkers
from tests.storage.exports.gis_files import read
from tests.support.mistakes import one_line


@pytest.fixture
def first_run(nightshift, used_site):
    """The run of the site's night, after which a second one counted in longer bins."""
    ((run,),) = [[run["run_id"] for run in nightshift("status", "--site", used_site, "--json").json["runs"]]]
    config = used_site / "site.toml"
    config.write_text(config.read_text() + "\n[ops.counts]\nbin_s = 120.0\n")
    assert nightshift("run", "--site", used_site, "--in-process", "--ops", "counts", "--json").json["units_done"] > 0
    return run


def bins(said):
    return {row["bin_s"] for row in said.json}


@pytest.mark.slow
def test_as_of_a_run_the_results_are_those_of_then(nightshift, used_site, first_run, tmp_path):
    query = "SELECT DISTINCT bin_s FROM counts"
    site = ["--site", used_site]
    then = bins(nightshift("sql", query, *site, "--json", "--as-of", first_run))
    assert bins(nightshift("sql", query, *site, "--json")) == {120.0} != then
    assert bins(nightshift("sql", "SELECT DISTINCT bin_s FROM counts_all", *site, "--json")) == {120.0} | then
    for as_of, expected in (([], {120.0}), (["--as-of", first_run], then)):
        assert nightshift("export", "counts", "-o", tmp_path / "counts.csv", *site, *as_of).code == 0
        with (tmp_path / "counts.csv").open() as file:
            assert {float(row["bin_s"]) for row in csv.DictReader(file)} == expected
    page = tmp_path / "map.html"
    assert nightshift("map", "-o", page, *site, "--json", "--as-of", first_run).json["positions"] > 0
    for command in (["sql", query], ["export", "counts", "-o", tmp_path / "x.csv"], ["map", "-o", page]):
        said = nightshift(*command, *site, "--as-of", "nonsense")
        assert said.code == 2 and "nonsense" in said.err and said.err.count("\n") == 1


def test_layers_and_versions_are_exported_but_nothing_sensitive(nightshift, used_site, tmp_path):
    target = tmp_path / "out.geojson"
    layer = nightshift("sql", "SELECT DISTINCT layer FROM features", "--site", used_site, "--json").json[0]["layer"]
    for table in (f"layer_{layer}", "positions_all"):
        assert nightshift("export", table, "-o", target, "--site", used_site).code == 0
        assert len(geopandas.read_file(target)) > 0
    for table in ("backgrounds", "backgrounds_all"):
        said = nightshift("export", table, "-o", tmp_path / "x.csv", "--site", used_site)
        assert said.code == 2 and "table backgrounds is of privacy class 'sensitive'" in said.err


@pytest.mark.parametrize(
    "query",
    [
        "SELECT camera FROM backgrounds",
        "select count(*) from memory.main.BACKGROUNDS",
        "FROM backgrounds_all",
        "WITH hidden AS (FROM exports) SELECT * FROM hidden",
        "SELECT (SELECT count(*) FROM backgrounds) AS n FROM positions",
        "SELECT local_time(camera, start_time) FROM segments SEMI JOIN backgrounds USING (segment_id)",
        "SUMMARIZE depth_maps",
        "FROM query('FROM backgrounds')",
    ],
)
def test_a_query_of_a_sensitive_table_is_not_exported_but_shown(nightshift, used_site, tmp_path, query):
    said = nightshift("export", query, "-o", tmp_path / "x.csv", "--site", used_site)
    assert said.code == 2 and "is of privacy class 'sensitive' and is not exported" in said.err, said.err
    assert said.err.count("\n") == 1 and not list(tmp_path.glob("x.*"))
    assert nightshift("sql", query, "--site", used_site).code == 0


def test_files_of_a_sensitive_table_are_not_exported_either(nightshift, used_site, tmp_path):
    for table, code in (("backgrounds", 2), ("tracks", 0)):
        query = f"SELECT count(*) AS n FROM read_parquet('{used_site}/store/{table}/*/*/*.parquet')"
        said = nightshift("export", query, "-o", tmp_path / f"{table}.csv", "--site", used_site)
        assert said.code == code, said.err
        assert nightshift("sql", query, "--site", used_site).code == 0


def test_a_query_that_only_uses_the_name_of_a_sensitive_table_is_exported(nightshift, used_site, tmp_path):
    query = "WITH backgrounds AS (SELECT camera AS exports FROM positions) SELECT exports FROM backgrounds"
    assert nightshift("export", query, "-o", tmp_path / "x.csv", "--site", used_site).code == 0
    assert (tmp_path / "x.csv").read_text().startswith("exports\n")


def test_a_query_writes_nothing_unless_it_is_unsafe(nightshift, used_site, tmp_path):
    query = f"COPY (SELECT camera FROM footage) TO '{tmp_path}/out.csv'"
    said = nightshift("sql", query, "--site", used_site)
    assert said.code == 2 and "COPY refused" in said.err and not list(tmp_path.glob("*.csv"))
    assert nightshift("sql", query, "--site", used_site, "--unsafe").code == 0
    assert (tmp_path / "out.csv").read_text().startswith("camera\n")


def test_sql_in_every_format(nightshift, used_site, tmp_path):
    query = "SELECT camera, count(*) AS files FROM footage GROUP BY camera ORDER BY camera"
    site = ["--site", used_site]
    assert "gate" in nightshift("sql", query, *site).out
    assert nightshift("sql", query, *site, "--format", "csv").out == "camera,files\ngate,1\nhall,2\n"
    assert nightshift("sql", query, *site, "--json").json[1] == {"camera": "hall", "files": 2}
    target = tmp_path / "files.parquet"
    said = nightshift("sql", query, *site, "--format", "parquet", "-o", target)
    assert said.out == "" and target.is_file()


def test_sql_reads_queries_from_a_pipe(nightshift, used_site, monkeypatch):
    lines = iter(["SELECT 1", " AS one;", "SELEC;", "SELECT 2 AS two"])

    def read(prompt=""):
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", read)
    said = nightshift("sql", "--site", used_site, "--json")
    assert said.code == 0 and '"one"' in said.out and '"two"' in said.out and "SELEC" in said.err


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".parquet"])
def test_exports_have_the_positions_of_the_people(nightshift, used_site, tmp_path, suffix):
    target = tmp_path / f"positions{suffix}"
    said = nightshift("export", "positions", "-o", target, "--site", used_site, "--json")
    frame = read(target)
    assert said.code == 0 and len(frame) == said.json["rows"] > 0
    in_metres = frame.to_crs("EPSG:28992").total_bounds
    assert 120_980 < in_metres[0] < in_metres[2] < 121_040 and 485_980 < in_metres[1] < in_metres[3] < 486_040


def test_export_of_a_query_as_csv(nightshift, used_site, tmp_path):
    target = tmp_path / "counts.csv"
    nightshift("export", "SELECT zone, max_count FROM counts", "-o", target, "--site", used_site)
    assert target.read_text().splitlines()[0] == "zone,max_count"


def test_map_is_one_page_without_a_network(nightshift, used_site, tmp_path):
    page = tmp_path / "map.html"
    said = nightshift("map", "-o", page, "--site", used_site, "--json")
    assert said.json == {"file": str(page), "positions": said.json["positions"], "size_bytes": page.stat().st_size}
    assert said.json["positions"] > 0 and "hall_centre" in page.read_text()
    day = nightshift("map", "-o", page, "--site", used_site, "--date", "2026-03-01", "--json")
    assert day.json["positions"] == 0, "nothing was filmed then"
    one_line(nightshift("map", "--site", used_site, "--date", "2026-03-01", "--from", "2026-03-01"), "one or the other")
    one_line(nightshift("map", "--site", used_site, "--from", "2026-03-02", "--to", "2026-03-01"), "before the first")


@pytest.mark.slow
def test_sql_mistakes_are_one_line(nightshift, used_site):
    one_line(nightshift("sql", "SELEC 1", "--site", used_site), "SELEC")
    one_line(nightshift("sql", "DROP VIEW counts", "--site", used_site))
    one_line(nightshift("export", "nothing", "-o", "x.csv", "--site", used_site), "nothing")
    one_line(nightshift("export", "backgrounds", "-o", "x.csv", "--site", used_site), "sensitive")


def test_tracks_are_exported_as_text_that_eval_reads(nightshift, tmp_path):
    site = tmp_path / "site"
    put_tracks(scanned_site(site), walkers())
    target = tmp_path / "tracks.txt"
    said = nightshift("export", "tracks", "-o", target, "--camera", "door", "--site", site)
    assert said.out == f"60 boxes of 2 tracks in 30 frames of {FILM} written to {target}\n"
    assert nightshift("eval", "door", "--truth", target, "--site", site, "--json").json["scores"]["hota"] == 1
    options = ("--camera", "door", "--format", "kitti", "--site", site, "--json")
    assert nightshift("export", "track_points", "-o", target, *options).json["boxes"] == 60
    assert " Pedestrian " in target.read_text()


def test_options_of_text_are_for_text(nightshift, tmp_path):
    command = ("export", "tracks", "--site", tmp_path)
    one_line(nightshift(*command, "-o", "x.txt"), "nightshift export tracks -o x.txt --camera CAMERA")
    one_line(nightshift("export", "counts", "-o", "x.txt", "--camera", "door"), "x.txt is for boxes of tracks")
    one_line(
        nightshift(*command, "-o", "x.csv", "--camera", "door"), "--camera and --footage are for .txt and .json files"
    )


@pytest.mark.slow
def test_the_whole_site_is_one_geopackage_and_less_for_third_parties(nightshift, used_site, tmp_path):
    target, site = tmp_path / "night.gpkg", ["--site", used_site]
    said = nightshift("export", "--site-gpkg", target, *site, "--json")
    features = said.json["features"]
    assert said.code == 0 and features["positions"] > 0 < features["density"] and features["cameras"] == 2
    assert {name for name, kind in pyogrio.list_layers(target) if kind} == set(features)
    third = nightshift("export", "--site-gpkg", target, "--for-third-parties", *site, "--json")
    assert "tracks" not in third.json["features"] and "layers of single people are left out" in third.json["note"]
    assert b"-0000-0" not in target.read_bytes()
    said = nightshift("export", "positions", "-o", tmp_path / "x.fgb", "--for-third-parties", *site)
    assert said.code == 0 and said.out.startswith("0 rows") and "fewer than 5 people" in said.out
    query = "SELECT zone, count(DISTINCT track_id) AS people FROM stays GROUP BY zone"
    assert nightshift("export", query, "-o", tmp_path / "y.csv", "--for-third-parties", *site).code == 0


def test_mistakes_of_exports_are_one_line(nightshift, used_site, tmp_path):
    site, target = ["--site", used_site], tmp_path / "x.gpkg"
    one_line(nightshift("export", *site), "--site-gpkg FILE")
    one_line(nightshift("export", "positions", "--site-gpkg", target, *site), "writes all of the site")
    one_line(nightshift("export", "--site-gpkg", tmp_path / "x.fgb", *site), "only a GeoPackage holds several layers")
    one_line(
        nightshift("export", "--site-gpkg", target, "--reference", "nowhere", *site), "no reference layer 'nowhere'"
    )
    one_line(nightshift("export", "positions", "-o", target, "--reference", "streets", *site), "layer_streets")
    for query in ("SELECT x_m, y_m FROM positions", "SELECT zone, mean_count FROM counts"):
        one_line(nightshift("export", query, "-o", target, "--for-third-parties", *site), "add track_id")
    one_line(nightshift("export", "tracks", "-o", tmp_path / "x.txt", "--for-third-parties", *site), "single people")
    assert not list(tmp_path.glob("x.*"))
