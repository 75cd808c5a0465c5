"""The front door for Python: what it opens, what it runs, and that importing it is cheap."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from geopandas import GeoDataFrame

import nightshift
from nightshift.site import Site
from schemas.errors import SelectionError, SiteError


def test_the_import_loads_nothing_heavy() -> None:
    heavy = "duckdb ray torch cv2 openvino av geopandas pandas pyarrow"
    program = f"import nightshift, sys; print([name for name in {heavy.split()} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_the_version_is_that_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    from cli.main import run_cli

    assert run_cli(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"nightshift {nightshift.__version__}"


def test_the_three_lines_a_program_wants(night_site: Path) -> None:
    with nightshift.open_store(night_site) as store:
        counts = store.df("SELECT * FROM counts WHERE label = 'person'")
        positions = store.geo("positions")
        (tracks,) = store.sql("SELECT count(*) FROM tracks").fetchone()
    assert isinstance(counts, pd.DataFrame) and set(counts["label"]) == {"person"}
    assert isinstance(positions, GeoDataFrame) and positions.crs.to_epsg() == 28992
    assert tracks > 0


def test_a_run_and_what_it_leaves(fresh_site: Path, tmp_path: Path) -> None:
    site = nightshift.open_site(fresh_site)
    assert isinstance(site, Site)
    planned = site.plan(cameras="hall", first=date(2026, 3, 2), last="2026-03-02", ops=["positions"])
    assert planned.to_do and {key.camera for key in planned.to_do} == {"hall"}
    with pytest.warns(UserWarning, match="weights"):
        summary = nightshift.run(site, cameras=["hall"], ops="positions", workers=None)
    assert summary.report.state == "done" and summary.record.units_done > 0
    assert site.status().runs["run_id"].to_pylist() == [summary.record.run_id]
    with site.open_store() as store:
        assert len(store.df("positions")) == site.write_map(tmp_path / "map.html") > 0
    assert site.export("positions", tmp_path / "tracks.geojson", lines=True) > 0
    assert not site.plan(cameras=["hall"], ops=["positions"]).to_do


def test_a_scan_by_itself_finds_the_footage(fresh_site: Path) -> None:
    assert nightshift.open_site(str(fresh_site)).scan().inventory.footage.num_rows > 0


def test_a_search_says_when_something_changed(night_site: Path) -> None:
    found = nightshift.open_site(night_site).search("hall", zone="entrance")
    assert found.intervals.num_rows and found.looked_at_s == found.recorded_s > 0


def test_wrong_arguments_say_what_to_do(night_site: Path, tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"site\.toml"):
        nightshift.open_site(tmp_path)
    with pytest.raises(SelectionError, match="first='soon': not a day"):
        nightshift.run(night_site, first="soon")
    with pytest.raises(SelectionError, match="no such camera"):
        nightshift.open_site(night_site).plan(cameras=["nobody"])
