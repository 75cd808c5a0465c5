"""What is left, and after how many nights it will not be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.nights.backlog import nights_needed, read_backlog
from jobs.site import Site, open_site
from schemas.backlog import Backlog, CameraBacklog
from storage.store.journal import RunRecord
from storage.store.nights import NightRecord, write_night
from storage.store.store import Store
from tests.jobs.pipeline import plan_tiny
from tests.storage.rows import make_receipt
from tests.storage.sql_site import make_site
from tests.support.fakes import make_segment, segment_columns

NOON = datetime(2026, 3, 4, 11, tzinfo=UTC)
SEGMENTS = [make_segment(index) for index in range(3)]
DAY_S = sum(segment.duration_s for segment in SEGMENTS)


@pytest.mark.parametrize(
    ("left", "new", "done", "nights"),
    [
        (0, 5, 1, 0),  # nothing is left, whatever comes
        (10, 0, 10, 1),
        (10, 5, 10, 2),
        (11, 5, 10, 3),
        (10, 10, 10, None),
        (10, 20, 10, None),
        (1e9, 0, 1, None),  # ten years count as never
    ],
)
def test_a_night_does_what_it_can_less_what_comes_in_between(left, new, done, nights):
    assert nights_needed(left, new, done) == nights


LEFT = (CameraBacklog("gate", 3, 60, 900, "2026-03-01"),)


@pytest.mark.parametrize(
    ("backlog", "text", "behind"),
    [
        (Backlog((), 2.0, 3600, 60, 0, None), "nothing is left", False),
        (Backlog(LEFT, None, None, None, None, None), "no run has shown", False),
        (Backlog(LEFT, 1.0, None, None, None, None), "15.0 min of running", False),
        (Backlog(LEFT, 1.0, 3600, 60, 1, "2026-03-05"), "after the next night", False),
        (Backlog(LEFT, 1.0, 500, 60, 3, "2026-03-07"), "that of 2026-03-07", True),
        (Backlog(LEFT, 1.0, 3600, 7200, None, None), "never: a night lasts 1.0 h", True),
    ],
)
def test_it_is_one_line_and_says_whether_nights_suffice(backlog, text, behind):
    assert text in backlog.text and backlog.is_behind == behind


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site with some segments of one day; a run did 600 s of work for an hour of footage, in 300 s."""
    Store.create(make_site(tmp_path).store)
    found = open_site(tmp_path)
    done = make_receipt(op="detect", unit="s0", date="2026-03-02")
    found.store.commit(replace(done, run_id="r1", wall_s=600.0, media_s=3600.0))
    run = RunRecord("r1", NOON, ended=NOON, state="done", units_planned=1, units_done=1, media_s=3600.0, wall_s=300.0)
    found.journal.finish_run(run)
    scanned = SimpleNamespace(timeline=segment_columns(SEGMENTS))
    monkeypatch.setattr("jobs.nights.backlog.recorded_inventory", lambda _: scanned)
    return found


def scheduled(at: str, until: str, days: str) -> NightRecord:
    """Returns the record of a night of this window."""
    times = (NOON - timedelta(hours=10), NOON - timedelta(hours=5), NOON)
    return NightRecord("2026-03-04", at, until, days, *times)


def test_pace_and_new_work_come_from_past_runs(site):
    plan = plan_tiny(SEGMENTS)
    first = read_backlog(site, NOON, plan)
    assert first.pace == pytest.approx(2.0), "two workers were busy all the time"
    assert (first.night_s, first.nights) == (None, None), "no schedule has started a night"
    (camera,) = first.cameras
    assert (camera.camera, camera.units, camera.oldest) == ("cam1", len(plan.to_do), SEGMENTS[0].date)
    assert camera.footage_s == pytest.approx(DAY_S), "each second once, however many ops work on it"
    write_night(site.store.blobs, scheduled("01:00", "06:00", "mon-sun"))
    second = read_backlog(site, NOON, plan)
    assert second.night_s == 5 * 3600
    assert second.new_work_s == pytest.approx(DAY_S / 6), "a sixth of a second of work per second of footage"
    assert (second.nights, second.caught_up) == (1, "2026-03-05")


def test_nights_on_weekends_have_more_new_work_each_and_are_named_by_their_days(site):
    write_night(site.store.blobs, scheduled("01:00", "01:01", "sat,sun"))
    found = read_backlog(site, NOON, plan_tiny(SEGMENTS))
    assert found.new_work_s == pytest.approx(DAY_S / 6 * 3.5)
    assert found.caught_up == "2026-03-07", "the next Saturday"
