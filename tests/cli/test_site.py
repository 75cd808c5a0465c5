"""`init` never overwrites a site, and `models import` refuses what are no weights, and detectors that are blind."""

import os
import shutil

import numpy as np

from tests.ops.known_people import KNOWN_PEOPLE, constant_detector
from tests.storage.onnx_file import constant_network
from tests.support import clips


def test_init_writes_a_site_that_loads_and_never_overwrites(nightshift, tmp_path):
    arguments = ["init", tmp_path / "new", "--crs", "EPSG:28992", "--timezone", "Europe/Amsterdam"]
    assert nightshift(*arguments).code == 0
    assert nightshift("scan", "--site", tmp_path / "new").code == 0
    again = nightshift(*arguments)
    assert again.code == 2 and "site.toml" in again.err and again.err.count("\n") == 1


def test_models_import_and_refusal(nightshift, used_site, tmp_path):
    fake = tmp_path / "weights.onnx"
    fake.write_bytes(b"not weights")
    said = nightshift("models", "import", fake, "--site", used_site)
    assert said.code == 2 and "weights.onnx" in said.err and not list((used_site / "models").glob("*.onnx"))


def test_a_detector_proves_itself_before_it_is_imported(nightshift, used_site, tmp_path):
    constant_detector(tmp_path / "able.onnx", KNOWN_PEOPLE)
    said = nightshift("models", "import", tmp_path / "able.onnx", "--site", used_site)
    assert said.code == 0 and "it found 18 of 18 people" in said.out
    constant_detector(tmp_path / "blind.onnx", np.empty((0, 4)))
    said = nightshift("models", "import", tmp_path / "blind.onnx", "--site", used_site)
    assert said.code == 2 and "it found 0 of 18 people" in said.err and said.err.count("\n") == 1
    constant_detector(tmp_path / "boats.onnx", KNOWN_PEOPLE, "boat")
    said = nightshift("models", "import", tmp_path / "boats.onnx", "--site", used_site, "--json")
    assert said.code == 0 and said.json["name"] == "boats.onnx" and "nothing proves" in said.err


def test_the_task_of_weights_that_do_not_name_it_is_given(nightshift, used_site, tmp_path):
    source = tmp_path / "depth.onnx"
    source.write_bytes(constant_network((1, 3, 32, 64), (1, 32, 64)))
    arguments = ["models", "import", source, "--site", used_site]
    refused = nightshift(*arguments)
    assert refused.code == 2 and "--task" in refused.err
    said = nightshift(*arguments, "--task", "depth", "--json")
    assert said.code == 0 and said.json["task"] == "depth"


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
