"""Every command on a site after its run, with output for people and for machines."""

import json
import os

import geopandas
import pytest

TABLE_COMMANDS = [["scan"], ["plan"], ["status"], ["models", "list"], ["models", "verify"]]


def test_help_names_every_command(nightshift):
    said = nightshift("--help")
    for command in [
        "init",
        "scan",
        "plan",
        "run",
        "reprocess",
        "diff",
        "status",
        "sql",
        "export",
        "map",
        "models",
        "doctor",
        "demo",
        "schedule",
    ]:
        assert f" {command} " in said.out, command


def test_init_writes_a_site_that_loads_and_never_overwrites(nightshift, tmp_path):
    arguments = ["init", tmp_path / "new", "--crs", "EPSG:28992", "--timezone", "Europe/Amsterdam"]
    assert nightshift(*arguments).code == 0
    assert nightshift("scan", "--site", tmp_path / "new").code == 0
    again = nightshift(*arguments)
    assert again.code == 2 and "site.toml" in again.err and again.err.count("\n") == 1


@pytest.mark.parametrize("command", TABLE_COMMANDS, ids=" ".join)
def test_json_on_stdout_and_nothing_else(nightshift, used_site, command):
    said = nightshift(*command, "--site", used_site, "--json")
    json.loads(said.out)
    assert said.code == (1 if command == ["scan"] else 0)


@pytest.mark.parametrize("command", TABLE_COMMANDS, ids=" ".join)
def test_people_get_a_table(nightshift, used_site, command):
    assert nightshift(*command, "--site", used_site).out.strip()


def test_the_site_may_come_from_the_environment(nightshift, used_site, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_SITE", str(used_site))
    assert nightshift("sql", "SELECT 1 AS one", "--format", "csv").out == "one\n1\n"


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
    read = geopandas.read_parquet(target) if suffix == ".parquet" else geopandas.read_file(target)
    assert said.code == 0 and len(read) == said.json["rows"] > 0
    in_metres = read.to_crs("EPSG:28992").total_bounds
    assert 120_980 < in_metres[0] < in_metres[2] < 121_040 and 485_980 < in_metres[1] < in_metres[3] < 486_040


def test_export_of_a_query_as_csv(nightshift, used_site, tmp_path):
    target = tmp_path / "counts.csv"
    nightshift("export", "SELECT zone, max_count FROM counts", "-o", target, "--site", used_site)
    assert target.read_text().splitlines()[0] == "zone,max_count"


def test_map_is_one_page_without_a_network(nightshift, used_site, tmp_path):
    page = tmp_path / "map.html"
    said = nightshift("map", "-o", page, "--site", used_site, "--json")
    text = page.read_text()
    assert said.json["positions"] > 0 and "hall_centre" in text
    assert "src=" not in text.replace('src="data:', "") and "@import" not in text


def test_models_import_and_refusal(nightshift, used_site, tmp_path):
    fake = tmp_path / "weights.onnx"
    fake.write_bytes(b"not weights")
    said = nightshift("models", "import", fake, "--site", used_site)
    assert said.code == 2 and "weights.onnx" in said.err and not list((used_site / "models").glob("*.onnx"))


def test_schedule_prints_units_for_systemd_and_cron(nightshift, used_site):
    said = nightshift("schedule", "--at", "01:00", "--until", "06:00", "--site", used_site, "--json").json
    assert "OnCalendar=*-*-* 01:00:00 Europe/Amsterdam" in said["timer"]
    assert f"run --site {used_site} --until 06:00" in said["service"]
    assert said["crontab"].startswith("CRON_TZ=Europe/Amsterdam\n0 1 * * * ")
    assert nightshift("schedule", "--at", "late", "--until", "06:00", "--site", used_site).code == 2


def test_schedule_names_an_account_without_a_name_by_its_number(nightshift, used_site, monkeypatch):
    def unnamed():
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr("getpass.getuser", unnamed)
    said = nightshift("schedule", "--at", "01:00", "--until", "06:00", "--site", used_site, "--json")
    assert said.code == 0 and f"User={os.getuid()}\n" in said.json["service"]


def test_plan_gives_reasons_and_an_estimate_from_past_runs(nightshift, used_site):
    config = used_site / "site.toml"
    config.write_text(config.read_text() + "\n[ops.track]\nmax_gap_s = 2.0\n")
    plan = nightshift("plan", "--site", used_site, "--json").json
    assert plan["why"]["track"] == {"params: max_gap_s 1.5 → 2.0": 5}
    assert plan["estimate_s"] > 0
    assert "detect" not in {unit["op"] for unit in plan["units"]}
    assert "units to do, about" in nightshift("plan", "--site", used_site).out
