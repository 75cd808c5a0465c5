"""What a hold touches is kept from purges, whole, until it is released; nothing else is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from jobs.commands.held import HeldTimes
from jobs.commands.purge import apply_purge, plan_purge
from schemas.errors import NightshiftError, TransientError
from storage.maintenance.holds import Hold, Release, write_hold, write_release
from storage.maintenance.tombstones import purges_table, read_tombstones
from storage.store.store import Store
from tests.jobs.commands.purging import ALL, NOW, OLD, purged, site_with, store_of
from tests.storage.small_store import FOOTAGE, contents, fill_archive, footage_id, footage_path, night

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    fill_archive(tmp_path / "site/archive")
    night(Store.create(tmp_path / "site/store"))
    return tmp_path / "site"


def hold_of(start: str, end: str, camera: str = "gate", zone: Any = UTC) -> Hold:
    first, last = (datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC) for text in (start, end))
    return Hold("h1", NOW, "ada", camera, first, last, "a theft")


def row(start: str, duration_s: float, sha256: str = "a", path: str = "gate/a.mp4", **more: Any) -> dict[str, Any]:
    begun = datetime.fromisoformat(start).replace(tzinfo=AMSTERDAM).astimezone(UTC)
    found = {"camera": "gate", "path": path, "content_sha256": sha256, "start_time": begun, "frames": 9}
    return found | {"duration_s": duration_s} | more


def films(root: Path) -> set[str]:
    return {path.relative_to(root / "archive").as_posix() for path in (root / "archive").rglob("*.mp4")}


def films_of(camera: str, day: str) -> set[str]:
    return {footage_path(camera, day, each) for each in FOOTAGE}


@pytest.mark.slow
def test_footage_video_and_rows_that_are_held_survive_a_purge_and_go_once_released(root: Path) -> None:
    store = store_of(root)
    gate = {name: rows for name, rows in contents(store).items() if name[1:3] == ("gate", OLD[0])}
    assert {name[0] for name in gate} == {"scan", "detect", "anonymize", "publish"}
    write_hold(store, hold_of(f"{OLD[0]}T12:00:00", f"{OLD[0]}T12:00:01"))
    plan = purged(root, ALL)
    assert films_of("gate", OLD[0]) <= films(root) and not films_of("gate", OLD[1]) & films(root)
    assert not films_of("hall", OLD[0]) & films(root), "the other camera is not held"
    left = {name: rows for name, rows in contents(store).items() if name[2] in OLD}
    assert left == gate
    assert {(each.camera, each.date, each.what, each.units) for each in plan.held} == {
        ("gate", OLD[0], "footage", 2),
        ("gate", OLD[0], "tables", 3),
        ("gate", OLD[0], "video", 4),
    }
    assert {(each.hold_id, each.reason) for each in plan.held} == {("h1", "a theft")}
    assert not [each for each in read_tombstones(store) if (each.camera, each.date) == ("gate", OLD[0])]
    write_release(store, Release("h1", NOW, "bob", ""))
    assert purged(root, ALL).held == ()
    assert not films_of("gate", OLD[0]) & films(root)
    assert not [name for name in contents(store) if name[2] in OLD]
    assert len(purges_table(store)) == 12


@pytest.mark.slow
def test_only_what_a_hold_touches_stays(root: Path) -> None:
    # The first film cannot be decoded, so it may last all day; the second one is over at 12:00:01.5.
    write_hold(store_of(root), hold_of(f"{OLD[0]}T18:00:00", f"{OLD[0]}T19:00:00"))
    plan = purged(root, {"footage_days": 30})
    assert films(root) >= {footage_path("gate", OLD[0], "f1")}
    assert footage_path("gate", OLD[0], "f2") not in films(root)
    assert [(each.what, each.units) for each in plan.held] == [("footage", 1)]


@pytest.mark.slow
def test_what_is_within_its_limit_is_not_listed_as_held(root: Path) -> None:
    write_hold(store_of(root), hold_of("2026-03-02", "2026-03-03"))
    assert plan_purge(site_with(root, ALL), store_of(root), NOW).held == ()


@pytest.mark.slow
def test_a_hold_that_comes_after_the_plan_stops_the_purge(root: Path) -> None:
    site, store, before = site_with(root, ALL), store_of(root), films(root)
    plan = plan_purge(site, store, NOW)
    write_hold(store, hold_of(OLD[0], OLD[1]))
    with pytest.raises(TransientError, match="nothing was deleted"):
        apply_purge(site, store, plan, NOW)
    assert films(root) == before and read_tombstones(store) == []


@pytest.mark.slow
def test_a_hold_that_cannot_be_read_stops_the_purge(root: Path) -> None:
    store = store_of(root)
    store.blobs.write("_holds/placed/h1.json", b"{")
    with pytest.raises(NightshiftError, match="nothing is purged without it"):
        plan_purge(site_with(root, ALL), store, NOW)


@pytest.mark.slow
def test_footage_that_no_op_ever_processed_is_marked(root: Path) -> None:
    never = footage_id("gate", OLD[0], "f2")
    for path in (root / "store/_receipts").rglob(f"{never}-*.json"):
        path.unlink()
    half = footage_id("hall", OLD[0], "f1")
    for op in ("anonymize", "publish"):
        (path,) = (root / "store/_receipts" / op).rglob(f"{half}-*.json")
        path.unlink()
    plan = plan_purge(site_with(root, {"footage_days": 30}), store_of(root), NOW)
    assert [(each.camera, each.date, each.path) for each in plan.unprocessed] == [
        ("gate", OLD[0], footage_path("gate", OLD[0], "f2"))
    ]


@pytest.mark.slow
def test_footage_whose_results_are_purged_was_processed(root: Path) -> None:
    purged(root, {"tables_days": 30, "video_days": 30})
    plan = plan_purge(site_with(root, {"footage_days": 30}), store_of(root), NOW)
    assert len(plan.footage) == 8 and plan.unprocessed == ()


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        # 23:50 to 00:10 of local time, of which UTC knows one day only.
        ("2026-01-30T23:50:00", "2026-01-31T00:10:00", ["2026-01-30", "2026-01-31"]),
        ("2026-01-30T00:00:00", "2026-01-31T00:00:00", ["2026-01-30"]),
        # Days of 23 and of 25 hours.
        ("2026-03-29T00:00:00", "2026-03-30T00:00:00", ["2026-03-29"]),
        ("2026-10-25T00:00:00", "2026-10-26T00:00:00", ["2026-10-25"]),
        ("2026-10-25T23:59:59", "2026-10-26T00:00:01", ["2026-10-25", "2026-10-26"]),
    ],
)
def test_days_are_those_of_the_camera(start: str, end: str, days: list[str]) -> None:
    held = HeldTimes([hold_of(start, end, zone=AMSTERDAM)], [], {"gate": AMSTERDAM})
    around = [(datetime.fromisoformat(start) + timedelta(days=step)).date().isoformat() for step in range(-2, 4)]
    assert [day for day in around if held.of_day("gate", day)] == days
    assert not any(held.of_day("hall", day) for day in around)


def test_footage_that_runs_into_the_held_time_keeps_the_day_in_which_it_begins() -> None:
    hold = hold_of("2026-01-31T00:05:00", "2026-01-31T00:06:00", zone=AMSTERDAM)
    into, before = row("2026-01-30T23:50:00", 1800.0), row("2026-01-29T23:50:00", 1800.0, "b", "gate/b.mp4")
    held = HeldTimes([hold], [into, before], {"gate": AMSTERDAM})
    assert held.of_footage(into) == [hold] and held.of_footage(before) == []
    assert held.of_day("gate", "2026-01-30") == [hold] and held.of_day("gate", "2026-01-29") == []


def test_footage_in_the_hour_that_comes_twice_is_held_by_its_moment() -> None:
    hold = hold_of("2026-10-25T02:30:00", "2026-10-25T02:40:00", zone=AMSTERDAM)  # the first time
    first = row("2026-10-25T02:30:00", 60.0)
    second = first | {"start_time": first["start_time"] + timedelta(hours=1), "content_sha256": "b"}
    held = HeldTimes([hold], [first, second], {"gate": AMSTERDAM})
    assert held.of_footage(first) == [hold] and held.of_footage(second) == []


def test_a_copy_of_what_is_held_is_held_too() -> None:
    hold = hold_of("2026-01-30T10:00:00", "2026-01-30T11:00:00", zone=AMSTERDAM)
    copy = row("2026-01-30T15:00:00", 60.0, "a", "gate/copy.mp4")
    held = HeldTimes([hold], [row("2026-01-30T10:30:00", 60.0), copy], {"gate": AMSTERDAM})
    assert held.of_footage(copy) == [hold]
    assert held.of_footage({**copy, "camera": "hall"}) == []
