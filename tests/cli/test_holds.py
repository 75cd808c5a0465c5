"""`hold`, as it is typed, and what `purge` says of it."""

from datetime import UTC, datetime

import pytest

from storage.store.store import Store
from tests.storage.small_store import DATES, fill_archive, night

SITE = """
name = "small"
crs = "EPSG:28992"
timezone = "UTC"

[retention]
footage_days = 30
tables_days = 30
video_days = 30

[[cameras]]
id = "gate"
timezone = "Europe/Amsterdam"
"""
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
OLD = DATES[:2]


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setattr("cli.maintenance.clock", lambda: NOW)
    root = tmp_path / "site"
    fill_archive(root / "archive")
    night(Store.create(root / "store"))
    (root / "site.toml").write_text(SITE)
    return root


@pytest.mark.slow
def test_a_held_day_survives_purge_and_goes_once_it_is_released(nightshift, site):
    film = site / "archive/gate" / OLD[0] / "f1.mp4"
    placed = nightshift(
        "hold", "gate", "--from", OLD[0], "--to", OLD[0], "--reason", "a theft", "--site", site, "--json"
    )
    assert placed.code == 0, placed.err
    name, span = placed.json["hold_id"], (placed.json["start_time"], placed.json["end_time"])
    assert span == ("2026-01-29T23:00:00+00:00", "2026-01-30T22:59:59.999999+00:00")
    shown = nightshift("purge", "--dry-run", "--site", site, "--json").json
    assert {
        (each["camera"], each["date"], each["what"], each["hold_id"], each["reason"]) for each in shown["held"]
    } == {("gate", OLD[0], what, name, "a theft") for what in ("footage", "tables", "video")}
    said = nightshift("purge", "--yes", "--site", site)
    assert said.code == 0 and film.exists() and "past their limit, but held" in said.out and "a theft" in said.out
    assert not (site / "archive/gate" / OLD[1] / "f1.mp4").exists()
    again = nightshift("purge", "--yes", "--site", site)
    assert "nothing else is past its limit" in again.out and film.exists()
    released = nightshift("hold", "--release", name, "--reason", "case closed", "--site", site)
    assert released.code == 0 and "released: purges may delete it" in released.out
    assert nightshift("purge", "--yes", "--site", site).code == 0 and not film.exists()
    (listed,) = nightshift("hold", "--list", "--site", site, "--json").json
    assert (listed["hold_id"], listed["reason"], listed["release_reason"]) == (name, "a theft", "case closed")
    assert nightshift("sql", "SELECT hold_id FROM holds", "--site", site, "--json").json == [{"hold_id": name}]
    exported = nightshift("export", "holds", "--site", site, "-o", site / "holds.csv")
    assert exported.code != 0 and "sensitive" in exported.err


def test_a_list_is_in_the_time_of_the_camera(nightshift, site):
    assert "nothing is held" in nightshift("hold", "--list", "--site", site).out
    options = ("--from", "2026-03-01T23:30:00", "--to", "2026-03-02T00:30:00", "--reason", "a theft", "--site", site)
    said = nightshift("hold", "gate", *options)
    span = "2026-03-01 23:30:00 CET", "2026-03-02 00:30:00 CET"
    assert said.code == 0 and f"gate from {span[0]} to {span[1]} is held" in said.out
    listed = nightshift("hold", "--list", "--site", site).out
    assert all(text in listed for text in (*span, "a theft", "held"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gaet", "--from", OLD[0], "--to", OLD[0], "--reason", "x"], "no camera 'gaet'; there are gate, hall"),
        (["gate", "--from", OLD[1], "--to", OLD[0], "--reason", "x"], "is not before --to"),
        (["gate", "--from", OLD[0], "--to", OLD[0]], "--reason is empty"),
        (["gate", "--from", OLD[0], "--reason", "x"], "give CAMERA, --from and --to"),
        (["gate", "--from", "noon", "--to", OLD[0], "--reason", "x"], "--from 'noon' is not a time"),
        (["gate", "--from", OLD[0], "--to", "later", "--reason", "x"], "--to 'later' is not a time"),
        (["--release", "h9"], "there is no hold 'h9'"),
        (["--list", "--release", "h9"], "or --list; or --release ID"),
        ([], "give CAMERA with --from, --to and --reason"),
    ],
)
def test_what_makes_no_sense_is_refused(nightshift, site, arguments, message):
    said = nightshift("hold", *arguments, "--site", site)
    assert said.code == 2 and message in said.err and said.err.count("\n") == 1
    assert nightshift("hold", "--list", "--site", site, "--json").json == []
