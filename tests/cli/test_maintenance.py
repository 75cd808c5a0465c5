"""`compact`, `verify`, `repair` and `purge`, with output for people and for machines."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.maintenance.tombstones import read_tombstones
from storage.store.manifest import Manifest
from storage.store.store import Store
from tests.storage.rows import receipts_of
from tests.storage.small_store import DATES, fill_archive, footage_id, footage_path, night

SITE = """
name = "small"
crs = "EPSG:28992"
timezone = "UTC"

[retention]
footage_days = 30
tables_days = 30
video_days = 30
"""
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
OLD, YOUNG = DATES[:2], DATES[2:]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp("maintenance") / "site"
    fill_archive(root / "archive")
    night(Store.create(root / "store"))
    (root / "site.toml").write_text(SITE)
    return root


@pytest.fixture
def site(small, tmp_path, monkeypatch):
    monkeypatch.setattr("cli.maintenance.clock", lambda: NOW)
    return Path(shutil.copytree(small, tmp_path / "site"))


def one(site, pattern):
    return sorted((site / "store").glob(pattern))[0]


def listing(site):
    return {path: path.stat().st_mtime_ns for path in site.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_compact_says_what_it_did_and_verify_finds_no_problem(nightshift, site):
    files = len(list((site / "store").rglob("*.json")))
    said = nightshift("compact", "--site", site, "--json")
    assert said.code == 0
    assert said.json["receipts"] == 56 and said.json["head"] == 1 and said.json["merged"] > said.json["written"] > 0
    assert len(list((site / "store").rglob("*.json"))) < files
    assert nightshift("compact", "--site", site).out.startswith("0 receipts moved into the manifest, 0 files merged")
    verified = nightshift("verify", "--site", site)
    assert verified.code == 0 and "verified: no problems" in verified.out


def test_of_two_compactions_at_once_the_loser_says_so(nightshift, site, monkeypatch):
    monkeypatch.setattr(Manifest, "publish", lambda *_: False)
    said = nightshift("compact", "--site", site)
    assert said.code == 1 and "another compaction" in said.err and said.err.count("\n") == 1
    assert nightshift("verify", "--site", site).code == 0


def test_verify_names_the_file_and_its_units(nightshift, site):
    path = one(site, "detections/camera=gate/*/*.parquet")
    path.write_bytes(b"PAR1")
    said = nightshift("verify", "--site", site, "--json")
    (finding,) = said.json["problems"]
    assert said.code == 1
    assert (finding["kind"], finding["file"]) == ("altered", path.relative_to(site / "store").as_posix())
    assert [(unit["op"], unit["camera"], unit["date"]) for unit in finding["units"]] == [("detect", "gate", DATES[0])]
    for_people = nightshift("verify", "--site", site)
    assert for_people.code == 1 and path.name in for_people.out and "nightshift repair" in for_people.out


@pytest.mark.slow
def test_repair_shows_first_and_repairs_when_asked(nightshift, site):
    one(site, "anonymized/camera=gate/*/*.mp4").unlink()
    one(site, "_receipts/detect/*/*/*.json").write_bytes(b"")
    before = listing(site)
    shown = nightshift("repair", "--site", site, "--json")
    assert shown.code == 0 and shown.json["done"] is False and listing(site) == before
    assert [unit["op"] for unit in shown.json["units"]] == ["anonymize", "publish"]
    said = nightshift("repair", "--site", site)
    assert "publish: 1 units would run again" in said.out and "--yes repairs" in said.out
    done = nightshift("repair", "--yes", "--site", site, "--json").json
    assert done["done"] and done["units"] == shown.json["units"]
    assert sorted(finding["kind"] for finding in done["problems"]) == ["missing", "missing", "torn"]
    assert nightshift("verify", "--site", site).code == 0
    assert night(Store.open(site / "store")) == 3
    assert "nothing to repair" in nightshift("repair", "--yes", "--site", site).out


@pytest.mark.slow
def test_purge_shows_by_default_and_deletes_when_asked(nightshift, site):
    before = listing(site)
    shown = nightshift("purge", "--site", site, "--json").json
    assert listing(site) == before and shown["done"] is False
    assert {(row["camera"], row["date"], row["what"]) for row in shown["purged"]} == {
        (camera, date, what) for camera in ("gate", "hall") for date in OLD for what in ("footage", "tables", "video")
    }
    assert all(row["units"] and row["files"] and row["size_bytes"] for row in shown["purged"])
    for_people = nightshift("purge", "--dry-run", "--site", site)
    assert "would be deleted; --yes deletes" in for_people.out and "tables_days = 30" in for_people.out
    done = nightshift("purge", "--yes", "--site", site, "--json")
    assert done.code == 0 and done.json == {**shown, "done": True}
    store = Store.open(site / "store")
    assert {receipt.date for receipt in receipts_of(store)} == set(YOUNG)
    assert len(read_tombstones(store)) == sum(row["units"] for row in shown["purged"])
    assert nightshift("verify", "--site", site).code == 0
    assert "nothing is past its limit" in nightshift("purge", "--yes", "--site", site).out


@pytest.mark.slow
def test_purge_marks_what_was_never_processed(nightshift, site):
    for path in (site / "store/_receipts").rglob(f"{footage_id('gate', OLD[0], 'f2')}-*.json"):
        path.unlink()
    never = footage_path("gate", OLD[0], "f2")
    said = nightshift("purge", "--dry-run", "--site", site, "--json").json
    assert said["unprocessed"] == [{"camera": "gate", "date": OLD[0], "path": never}]
    for_people = nightshift("purge", "--site", site).out
    assert f"no op ever processed 1 of these footage files, such as {never}" in for_people


def test_purge_exits_with_1_when_it_had_to_keep_footage(nightshift, site):
    film = site / "archive/gate" / OLD[0] / "f1.mp4"
    film.write_bytes(b"another film")
    said = nightshift("purge", "--yes", "--site", site, "--json")
    assert said.code == 1
    assert said.json["kept"] == [
        {"path": f"gate/{OLD[0]}/f1.mp4", "reason": "its size has changed since the last scan"},
    ]
    assert film.exists()


@pytest.mark.parametrize("command", ["repair", "purge"])
def test_yes_and_dry_run_contradict_each_other(nightshift, site, command):
    said = nightshift(command, "--yes", "--dry-run", "--site", site)
    assert said.code == 2 and "contradict" in said.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("footage_days = 0", "greater than or equal to 1"),
        ("footage_day = 3", "footage_day"),
        ("tables = { detection = 3 }", "there is no table 'detection'"),
        ("tables = { segments = 3 }", "follows tables_days"),
        ("tables = { anonymized = 3 }", "follows video_days"),
        (
            "tables = { detections = 3 }",
            "op detect writes detections, observed_frames, detector_reach, detector_samples together",
        ),
    ],
)
def test_a_rule_that_makes_no_sense_is_named(nightshift, site, line, message):
    (site / "site.toml").write_text(SITE.split("footage_days", maxsplit=1)[0] + line + "\n")
    said = nightshift("purge", "--site", site)
    assert said.code == 2 and message in said.err and "site.toml" in said.err and said.err.count("\n") == 1


@pytest.mark.slow
def test_a_tombstone_that_cannot_be_read_is_not_skipped(nightshift, site):
    nightshift("purge", "--yes", "--site", site)
    one(site, "_tombstones/*.json").write_bytes(b"{")
    said = nightshift("purge", "--yes", "--site", site)
    assert said.code == 1 and "_tombstones/" in said.err and "backup" in said.err
    for command in (["verify"], ["repair", "--yes"]):
        said = nightshift(*command, "--site", site, "--json")
        assert said.code == 1 and [finding["file"] for finding in said.json["problems"]] == ["_tombstones"]
