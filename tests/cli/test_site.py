"""`init` never overwrites a site, and a scan says what it leaves out."""

import os
import shutil

from tests.support import clips


def test_init_writes_a_site_that_loads_and_never_overwrites(nightshift, tmp_path):
    arguments = ["init", tmp_path / "new", "--crs", "EPSG:28992", "--timezone", "Europe/Amsterdam"]
    assert nightshift(*arguments).code == 0
    assert nightshift("scan", "--site", tmp_path / "new").code == 0
    again = nightshift(*arguments)
    assert again.code == 2 and "site.toml" in again.err and again.err.count("\n") == 1


def test_files_that_were_just_copied_are_no_error(nightshift, tmp_path):
    nightshift("init", tmp_path, "--crs", "EPSG:28992", "--timezone", "Europe/Amsterdam")
    for hour, frames in ((10, 25), (11, 26)):  # of equal bytes, the second would be a copy
        clips.write_clip(tmp_path / "archive" / "door" / f"2026-03-02T{hour}-00-00.mp4", clips.steady_pts(frames))
    said = nightshift("scan", "--site", tmp_path)
    assert said.code == 0
    assert "2 files may still be written and wait for a later scan, which is no error" in said.err
    assert "on read it" in said.err.replace("\n", " ")
    for file in (tmp_path / "archive" / "door").iterdir():
        os.utime(file, (0, 0))
    said = nightshift("scan", "--site", tmp_path, "--json")
    assert said.code == 0 and said.json["waiting"] == said.json["notices"] == []


def test_an_archive_that_lost_its_disk_is_no_quiet_night(nightshift, tmp_path):
    nightshift("init", tmp_path, "--crs", "EPSG:28992", "--timezone", "Europe/Amsterdam")
    file = clips.write_clip(tmp_path / "archive" / "door" / "2026-03-02T10-00-00.mp4", clips.steady_pts(25))
    os.utime(file, (0, 0))
    assert nightshift("scan", "--site", tmp_path).code == 0
    shutil.rmtree(tmp_path / "archive" / "door")
    said = nightshift("scan", "--site", tmp_path, "--json")
    assert said.code == 1
    assert "has no footage, but the last scan found 1 file there" in said.json["notices"][0]
    assert len(said.json["footage"]) == 1, "results outlive footage"


def test_init_knows_the_paths_of_recorders(nightshift, tmp_path):
    arguments = ("--crs", "EPSG:28992", "--timezone", "Europe/Amsterdam", "--layout", "frigate")
    assert nightshift("init", tmp_path, *arguments).code == 0
    clips.write_clip(tmp_path / "archive" / "2026-03-02" / "20" / "gate" / "59.00.mp4", clips.steady_pts(25))
    os.utime(tmp_path / "archive" / "2026-03-02" / "20" / "gate" / "59.00.mp4", (0, 0))
    (row,) = nightshift("scan", "--site", tmp_path, "--json").json["footage"]
    assert (row["camera"], row["start_source"]) == ("gate", "name")
    assert row["start_time"].startswith("2026-03-02T20:59:00")
