"""Nights that a schedule starts: once, within their window; their exit code asks for a person only if need be."""

import json
import os
import platform
import shutil
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from jobs.engine.options import RunOptions
from jobs.nights import night as nights
from jobs.nights.night import NIGHT, NightOptions, Reporting, report_failure, run_night
from jobs.nights.window import NightWindow
from jobs.site import Site, open_site
from schemas.errors import StoreFull
from storage.coordination import Claims
from storage.site.file import write_new_site
from storage.store.nights import NightRecord, read_nights, write_night
from tests.support import damage

ZONE = ZoneInfo("Europe/Amsterdam")
BEGAN = datetime.now(ZONE)


class Said:
    """What a night said, and the messages that it sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.messages: list[dict] = []
        self.reporting = Reporting(self.lines.append, self.warnings.append)

        def send(_: object, message: dict) -> list[str]:
            self.messages.append(message)
            return []

        monkeypatch.setattr(nights, "send_message", send)


@pytest.fixture
def said(monkeypatch) -> Said:
    return Said(monkeypatch)


NOTIFY = '\n[notify]\non = ["failed", "quarantine", "behind"]\ncommand = ["true"]\n'


def notified(root: Path) -> Path:
    """Adds a command to a site, which gets messages about everything that needs a person."""
    config = root / "site.toml"
    config.write_text(config.read_text() + NOTIFY)
    return root


@pytest.fixture
def empty_site(tmp_path: Path) -> Path:
    """A site without footage, whose nights are over at once."""
    write_new_site(tmp_path / "site", "Yard", "EPSG:28992", "Europe/Amsterdam")
    return notified(tmp_path / "site")


@pytest.fixture
def done_site(small_night: Path, tmp_path: Path) -> Path:
    """A site with footage, after a run."""
    return notified(Path(shutil.copytree(small_night, tmp_path / "site")))


def window(begins_h: float, ends_h: float) -> NightWindow:
    """Returns the window of a night that begins and ends these hours from the start of the tests."""
    at, until = (BEGAN + timedelta(hours=hours) for hours in (begins_h, ends_h))
    return NightWindow(*(time(each.hour, each.minute) for each in (at, until)), ZONE)


TONIGHT, TOMORROW = (-2, 3), (6, 11)


def run(site: Site, said: Said, hours: tuple[float, float] = TONIGHT, **options) -> int:
    """Runs the night of a window in this process."""
    chosen = NightOptions(window(*hours), RunOptions(workers=None, lease_s=0.3), **options)
    return run_night(site, chosen, said.reporting, datetime.now(UTC))


def records(site: Site) -> list[NightRecord]:
    return read_nights(site.store.blobs).rows


@pytest.mark.slow
def test_a_night_runs_once_and_leaves_its_report(done_site, said):
    site = open_site(done_site)
    assert run(site, said) == 0
    (record,) = records(site)
    assert (record.state, record.units_left, record.new_quarantine, record.notified) == ("done", 0, 0, True)
    assert record.run_id and record.starts < record.started < record.ended < record.ends
    report = json.loads((done_site / "reports" / f"{record.night}.json").read_text())
    assert report["site"] == site.files.config.name
    assert (done_site / "reports" / f"{record.night}.html").exists()
    assert "nothing is left" in said.lines and not said.messages
    runs = site.journal.read_runs().rows.num_rows
    assert run(site, said) == 0, "a scheduler that fires twice is harmless"
    assert "has ended already (done)" in said.lines[-1]
    assert site.journal.read_runs().rows.num_rows == runs


def test_outside_the_night_nothing_begins(empty_site, said):
    site = open_site(empty_site)
    runs = site.journal.read_runs().rows.num_rows
    assert run(site, said, TOMORROW) == 0
    assert "nothing begins before" in said.lines[0] and not said.warnings
    assert site.journal.read_runs().rows.num_rows == runs and records(site) == []


def test_a_night_that_was_missed_is_named_once(empty_site, said):
    site = open_site(empty_site)
    last = window(*TOMORROW).last_night(datetime.now(UTC))
    before = date.fromisoformat(last.date) - timedelta(days=1)
    known = NightRecord(str(before), "01:00", "06:00", "mon-sun", *[last.starts - timedelta(days=1)] * 4, "done", "r")
    write_night(site.store.blobs, known)
    for _ in range(2):
        assert run(site, said, TOMORROW) == 0
    assert said.warnings == [f"the night of {last.date} was missed: the next one does its work"]
    (message,) = said.messages
    assert (message["state"], message["events"], message["night"]) == ("missed", ["behind"], last.date)
    assert [record.state for record in records(site)] == ["done", "missed"]


def test_what_is_newly_in_quarantine_needs_a_person_and_what_is_known_does_not(empty_site, said):
    bad = empty_site / "archive" / "gate" / "2026-03-02T23-00-00.mp4"
    bad.parent.mkdir()
    damage.empty(bad)
    os.utime(bad, (0, 0))
    site = open_site(empty_site)
    assert run(site, said) == 1
    (message,) = said.messages
    assert message["events"] == ["quarantine"] and message["new_quarantine"] == {"empty_file": 1}
    assert bad.name not in json.dumps(message), "no name of a file leaves the site"
    (record,) = records(site)
    yesterday = replace(
        record, night=str(date.fromisoformat(record.night) - timedelta(days=1)), ends=record.ends - timedelta(days=1)
    )
    site.store.blobs.delete([f"_nights/{record.night}.json"])
    write_night(site.store.blobs, yesterday)
    assert run(site, said) == 0, "the same file is in quarantine, and a person knows it"
    assert len(said.messages) == 1 and records(site)[-1].state == "partial"


def test_a_second_night_beside_one_at_work_does_nothing(empty_site, said):
    site = open_site(empty_site)
    runs = site.journal.read_runs().rows.num_rows
    with Claims(site.store.blobs, "night-first") as first:
        assert first.acquire(NIGHT)
        assert run(site, said) == 0
    assert said.lines == ["another process works on this night: nothing to do here"]
    assert site.journal.read_runs().rows.num_rows == runs and records(site) == []


def test_a_night_of_another_machine_that_died_is_taken_over(empty_site, said, monkeypatch):
    site = open_site(empty_site)
    dead = Claims(site.store.blobs, "night-dead", lease_s=0.3)
    with monkeypatch.context() as patch:
        patch.setattr(platform, "node", lambda: "elsewhere")
        dead._write_beat()
    assert dead.acquire(NIGHT)
    assert run(site, said) == 0
    assert [record.state for record in records(site)] == ["done"]


def test_a_night_of_another_machine_that_lives_is_left_alone(empty_site, said, monkeypatch):
    site = open_site(empty_site)
    other = Claims(site.store.blobs, "night-other", lease_s=60)
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(0.05):
            other._write_beat()

    monkeypatch.setattr(platform, "node", lambda: "elsewhere")
    other._write_beat()
    assert other.acquire(NIGHT)
    thread = threading.Thread(target=beat)
    thread.start()
    monkeypatch.setattr("storage.coordination._is_of_this_machine", lambda beat: False)
    try:
        chosen = NightOptions(window(*TONIGHT), RunOptions(workers=None, lease_s=60))
        assert run_night(site, chosen, said.reporting, datetime.now(UTC)) == 0
    finally:
        ended.set()
        thread.join()
    assert said.lines == ["another process works on this night: nothing to do here"]


@pytest.mark.parametrize("step", ["run_site", "plan_purge", "read_backlog"])
def test_a_night_that_fails_is_recorded_notified_and_tried_again(empty_site, said, monkeypatch, step):
    site = open_site(empty_site)

    def full(*_: object) -> None:
        raise StoreFull("no space left in /secret/place")

    with monkeypatch.context() as patch:
        patch.setattr(nights, step, full)
        with pytest.raises(StoreFull):
            run(site, said, purge=True)
    (message,) = said.messages
    assert (message["events"], message["failure"]) == (["failed"], "StoreFull")
    assert "/secret/place" not in json.dumps(message)
    assert [record.state for record in records(site)] == ["failed"]
    assert report_failure(site, datetime.now(UTC), said.warnings.append) == 0
    assert len(said.messages) == 1, "the night has sent its message itself"
    assert run(site, said) == 0
    assert [record.state for record in records(site)] == ["done"]


def test_a_night_that_was_killed_is_notified_by_the_scheduler_and_goes_on_later(empty_site, said):
    site = open_site(empty_site)
    night = window(*TONIGHT).night_at(datetime.now(UTC))
    killed = NightRecord(night.date, "01:00", "06:00", "mon-sun", night.starts, night.ends, datetime.now(UTC))
    write_night(site.store.blobs, killed)
    for _ in range(2):
        assert report_failure(site, datetime.now(UTC), said.warnings.append) == 0
    (message,) = said.messages
    assert (message["events"], message["failure"]) == (["failed"], "killed")
    assert run(site, said) == 0
    assert [record.state for record in records(site)] == ["done"]


def test_a_message_that_nobody_gets_needs_a_person(empty_site, said, monkeypatch):
    config = empty_site / "site.toml"
    config.write_text(config.read_text().replace('on = ["failed"', 'on = ["always", "failed"'))
    site = open_site(empty_site)
    monkeypatch.setattr(nights, "send_message", lambda *_: ["the webhook did not get it"])
    assert run(site, said) == 1
    assert said.warnings[-1] == "the webhook did not get it" and not records(site)[-1].notified


@pytest.mark.slow
def test_an_archive_that_is_empty_all_at_once_needs_a_person(done_site, said):
    (done_site / "archive").rename(done_site / "elsewhere")
    (done_site / "archive").mkdir()
    assert run(open_site(done_site), said) == 1
    assert any("is it mounted?" in line for line in said.warnings)
    assert said.messages[0]["events"] == ["failed"]


@pytest.mark.slow
def test_purge_is_part_of_the_night_where_it_is_asked_for(done_site, said):
    config = done_site / "site.toml"
    config.write_text(config.read_text() + "\n[retention]\nfootage_days = 1\n")
    site = open_site(done_site)
    assert run(site, said, purge=True) == 0
    assert any(line.startswith("purge: ") for line in said.lines)
    assert not list((done_site / "archive").rglob("*.mp4"))


def test_a_torn_record_stops_no_night(empty_site, said):
    site = open_site(empty_site)
    site.store.blobs.write("_nights/2026-03-01.json", b'{"format": 1')
    assert run(site, said) == 0
    assert "2026-03-01.json" in said.warnings[0]
