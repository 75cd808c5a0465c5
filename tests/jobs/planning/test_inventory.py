"""What a scan records of copies: one identity, one segment, one day."""

import os
import shutil
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

import jobs.planning.inventory
from jobs.commands.plan import plan_run
from jobs.commands.purge import plan_purge
from jobs.commands.results import query
from jobs.commands.scan import scan_archive
from jobs.commands.status import read_status
from jobs.planning.graph import Selection
from jobs.planning.inventory import recorded_inventory
from jobs.site import Site, open_site
from schemas.camera_ids import camera_id
from schemas.errors import SiteError
from storage.arrow_sql import connect_arrow
from storage.site.file import write_new_site
from tests.support import clips


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site with one content under three names: a copy beside it, and one on the next day."""
    config = write_new_site(tmp_path, "copies", "EPSG:28992", "Europe/Amsterdam")
    config.write_text(config.read_text() + "\n[retention]\nfootage_days = 30\n")
    door = tmp_path / "archive" / "door"
    first = clips.write_clip(door / "2026-03-02T10-00-00.mp4", clips.steady_pts(50))
    for name in ("2026-03-03T10-00-00.mp4", "copy.mp4"):
        shutil.copy(first, door / name)
    for file in door.iterdir():
        os.utime(file, (0, 0))
    return open_site(tmp_path)


def test_scans_record_each_path_once_and_each_segment_once(site: Site) -> None:
    for scans in range(2):
        report = scan_archive(site)
        assert [(entry.path, entry.reason) for entry in report.quarantined] == [
            ("door/2026-03-03T10-00-00.mp4", "second_clock")
        ]
        recorded = recorded_inventory(site.store)
        assert recorded.footage["path"].to_pylist() == report.inventory.footage["path"].to_pylist()
        assert len(recorded.footage) == 3 and len(set(recorded.footage["footage_id"].to_pylist())) == 1
        assert recorded.segments["segment_id"].to_pylist() == report.inventory.segments["segment_id"].to_pylist()
        assert len(recorded.timeline) == 1, scans
        assert sum(recorded.footage["recorded_s"].to_pylist()) == pytest.approx(2, abs=0.01)


def test_a_scan_that_finds_nothing_new_runs_no_sql_and_writes_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counted() -> duckdb.DuckDBPyConnection:
        asked.append("sql")
        return connect_arrow()

    monkeypatch.setattr(jobs.planning.inventory, "connect_arrow", counted)
    scan_archive(site)
    before = site.store.read_receipts().rows
    asked.clear()
    scan_archive(site)
    assert asked == [] and site.store.read_receipts().rows.equals(before)
    (site.files.root / "archive" / "door" / "copy.mp4").unlink()
    scan_archive(site)
    assert asked and not site.store.read_receipts().rows.equals(before)


def test_status_and_plan_see_one_segment(site: Site) -> None:
    scan_archive(site)
    status = read_status(site)
    detect = [unit for unit in status.plan.to_do if unit.op == "detect"]
    assert [unit.date for unit in detect] == ["2026-03-02"]


def test_a_purge_deletes_content_wherever_it_lies(site: Site, tmp_path: Path) -> None:
    scan_archive(site)
    limit = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=30, hours=12)
    assert plan_purge(site.files, site.store, limit).footage == ()
    plan = plan_purge(site.files, site.store, limit + timedelta(days=1))
    assert sorted(plan.footage) == sorted(f"door/{file.name}" for file in (tmp_path / "archive" / "door").iterdir())
    (record,) = plan.records
    assert (len(record.units), record.files) == (1, 3)
    assert record.size_bytes == sum(file.stat().st_size for file in (tmp_path / "archive" / "door").iterdir())


NAMES = ("正門", "裏口", "Büro", "Böro", "Cam 1", "Cam-1", "Въезд", "Выход", "gate", "Gate", "-x", "a" * 70, "a" * 71)


def _site_with(tmp_path: Path, names: Iterable[str]) -> Site:
    write_new_site(tmp_path, "names", "EPSG:28992", "Europe/Amsterdam")
    for number, name in enumerate(names):
        file = tmp_path / "archive" / name / f"2026-03-02T10-00-{number:02d}.mp4"
        os.utime(clips.write_clip(file, clips.steady_pts(2 + number)), (0, 0))
    return open_site(tmp_path)


def test_every_folder_is_a_camera_of_its_own_in_the_store_too(tmp_path: Path) -> None:
    site = _site_with(tmp_path, NAMES)
    scan_archive(site)
    recorded = recorded_inventory(site.store).footage
    assert sorted(zip(recorded["camera"].to_pylist(), recorded["path"].to_pylist(), strict=True)) == sorted(
        (camera_id(name), f"{name}/2026-03-02T10-00-{number:02d}.mp4") for number, name in enumerate(NAMES)
    )
    assert len(set(recorded["camera"].to_pylist())) == len(NAMES)
    found = query(site, "SELECT camera FROM footage WHERE camera = '正門'")
    assert found.to_pylist() == [{"camera": "正門"}]
    plan = plan_run(site, Selection(cameras=("Cam 1",)))
    assert {unit.camera for unit in plan.to_do} == {camera_id("Cam 1")}


def test_both_normal_forms_of_a_name_are_one_camera(tmp_path: Path) -> None:
    site = _site_with(tmp_path, [unicodedata.normalize(form, "Büro") for form in ("NFC", "NFD")])
    assert set(scan_archive(site).inventory.footage["camera"].to_pylist()) == {"Büro"}


def test_cameras_that_would_share_a_folder_are_refused(tmp_path: Path) -> None:
    site = _site_with(tmp_path, ["gate", "Gate"])
    scan_archive(site)
    # As a file system that ignores case answers:
    (tmp_path / "store" / "_STORE.JSON").write_bytes(b"")
    with pytest.raises(SiteError, match="the cameras Gate and gate differ only in case"):
        scan_archive(site)
