"""The report of a night, of tables that are written by hand."""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from jobs.commands.report import night_report, write_report
from jobs.site import Site, open_site
from schemas.errors import SelectionError
from schemas.tables import TABLES
from schemas.values import Quarantined
from storage.store.journal import Journal
from storage.store.store import Store
from tests.storage.rows import make_receipt, make_rows
from tests.storage.sql_site import commit, make_site, print_of

MONDAY = date(2026, 3, 23)
EVENING = timedelta(hours=19)  # 20:00 in Amsterdam


def film(store: Store, day: date, people: int, minutes: int = 60) -> None:
    """Commits a day: footage, counts of the whole view and people in it, for some minutes from 20:00."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) + EVENING
    bins = [start + timedelta(minutes=number) for number in range(minutes)]
    counts = make_rows("counts", minutes, "cam1").to_pydict()
    counts |= {"zone": ["view"] * minutes, "label": ["person"] * minutes, "bin_start": bins}
    counts |= {"bin_s": [60.0] * minutes, "observed_s": [60.0] * minutes, "max_count": [2] * minutes}
    commit(store, "counts", TABLES["counts"].conform(counts), print_of("c", day), "day", "cam1", str(day))
    stays = make_rows("stays", people, "cam1").to_pydict()
    stays |= {"zone": ["view"] * people, "label": ["person"] * people, "start_time": [start] * people}
    stays |= {"end_time": [start + timedelta(minutes=1)] * people, "track_id": [f"{day}-{n}" for n in range(people)]}
    commit(store, "stays", TABLES["stays"].conform(stays), print_of("s", day), "day", "cam1", str(day))
    segment = make_rows("segments", 1, "cam1").to_pydict()
    segment |= {"segment_id": [f"{day}-0"], "date": [str(day)], "start_time": [start]}
    segment |= {"end_time": [start + timedelta(minutes=minutes)]}
    commit(store, "segments", TABLES["segments"].conform(segment), print_of("g", day), "day", "cam1", str(day))
    store.commit(make_receipt(op="detect", unit=f"{day}-0", date=str(day)))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    Store.create(make_site(tmp_path).store)
    return open_site(tmp_path)


def test_an_hour_is_compared_with_the_same_weekday_and_hour_before(site: Site) -> None:
    for week in range(1, 6):
        film(site.store, MONDAY - timedelta(weeks=week), 20 + week)
    film(site.store, MONDAY - timedelta(days=1), 90)  # a Sunday says nothing of a Monday
    film(site.store, MONDAY, 70)
    report = night_report(site)
    assert report.date == str(MONDAY)
    (hour,) = report.unusual
    assert (hour.people, hour.usual, hour.weeks, hour.verdict) == (70, 23, 5, "more")
    assert hour.local_hour == "2026-03-23T20:00:00+01:00"
    before = night_report(site, MONDAY - timedelta(weeks=1))
    assert [each.verdict for each in before.hours] == ["usual"]


def test_too_little_history_or_footage_is_no_verdict(site: Site) -> None:
    for week in range(1, 4):
        film(site.store, MONDAY - timedelta(weeks=week), 20)
    film(site.store, MONDAY, 70)
    assert [each.verdict for each in night_report(site).hours] == ["unknown"]
    for week in range(4, 9):
        film(site.store, MONDAY - timedelta(weeks=week), 20, minutes=10)
    assert [each.weeks for each in night_report(site).hours] == [3], "ten minutes of footage are no hour"


def test_coverage_tells_what_is_usual_and_where_the_gaps_are(site: Site) -> None:
    for day in range(1, 9):
        film(site.store, MONDAY - timedelta(days=day), 3)
    film(site.store, MONDAY, 3, minutes=30)
    (camera,) = night_report(site).coverage
    assert (camera.recorded_s, camera.looked_at_s, camera.usual_s, camera.usual_days) == (1800, 1800, 3600, 8)
    start = datetime(2026, 3, 23, 19, tzinfo=UTC)
    assert camera.spans == ((start, start + timedelta(minutes=30)),)


def test_quarantine_costs_and_refused_video_are_of_the_day(site: Site) -> None:
    film(site.store, MONDAY, 3)
    now = datetime(2026, 3, 24, tzinfo=UTC)
    for op, day in (("anonymize", MONDAY), ("detect", MONDAY), ("detect", MONDAY - timedelta(1))):
        unit = Quarantined(op, "cam1", str(day), f"{op}-{day}", op, "coverage", "refused", "why", None, now, "run")
        Journal(site.store.blobs).quarantine(unit)
    report = night_report(site)
    assert [unit.op for unit in report.quarantine] == ["anonymize", "detect"]
    assert (report.privacy.refused, report.privacy.published) == (1, 0)
    assert "detect" in [cost.op for cost in report.costs]


def test_a_day_without_footage_is_refused_with_the_last_one(site: Site) -> None:
    with pytest.raises(SelectionError, match="no footage yet"):
        night_report(site)
    film(site.store, MONDAY, 1)
    with pytest.raises(SelectionError, match=f"no footage of 2026-03-25; the last day with footage is {MONDAY}"):
        night_report(site, date(2026, 3, 25))


def test_the_page_and_the_json_say_the_same(site: Site, tmp_path: Path) -> None:
    film(site.store, MONDAY, 3)
    report = night_report(site)
    write_report(report, tmp_path / "night.json")
    write_report(report, tmp_path / "night.html")
    assert f'"date": "{report.date}"' in (tmp_path / "night.json").read_text()
    assert all(f'"{name}": ' in (tmp_path / "night.json").read_text() for name in asdict(report))
    assert "Monday 23 March 2026" in (tmp_path / "night.html").read_text()
