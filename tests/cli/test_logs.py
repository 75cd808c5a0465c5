"""`log` and `status --follow`: what a run did, and how far those under way have got."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from jobs.commands.run_logs import SILENT_S
from jobs.site import open_site
from storage.store.journal import RunRecord, new_run_id
from storage.store.run_log import RunLog
from storage.store.store import Store

NOW = datetime.now(UTC)


@pytest.fixture
def begin(fresh_site):
    """Begins a run of which only the record and the log exist."""
    Store.create(open_site(fresh_site).files.store)
    site = open_site(fresh_site)

    def make(age_s=0.0):
        record = RunRecord(new_run_id(NOW), NOW - timedelta(seconds=age_s))
        site.journal.write_run(record)
        log = RunLog(site.store.blobs, record.run_id, now=lambda: datetime.now(UTC) - timedelta(seconds=age_s))
        return record, log

    return make


def work(log):
    log.write("planned", units=12, ops={"detect": 12})
    log.write("unit_done", "debug", op="detect", camera="gate", unit="u1")
    facts = {"op": "detect", "camera": "gate", "unit": "u2", "reason": "truncated", "message": "ends at 12 s"}
    log.write("unit_failed", "warning", **facts)
    log.write("progress", "debug", units_done=3, units_total=12, left_s=90.4, running=2)


def test_the_log_of_the_newest_run(nightshift, fresh_site, begin):
    _, log = begin()
    with log:
        work(log)
    said = nightshift("log", "--site", fresh_site)
    assert [line.split(" ", 1)[1] for line in said.out.splitlines()] == [
        "info    planned units 12",
        "warning unit_failed detect gate u2: truncated: ends at 12 s",
    ]
    lines = [
        json.loads(line)
        for line in nightshift("log", "--level", "debug", "--site", fresh_site, "--json").out.splitlines()
    ]
    assert [line["event"] for line in lines] == ["planned", "unit_done", "unit_failed", "progress"]


def test_a_run_that_does_not_exist(nightshift, fresh_site, begin):
    assert "no run yet" in nightshift("log", "--site", fresh_site).err
    record, _ = begin()
    said = nightshift("log", "20260301", "--site", fresh_site)
    assert said.code == 2 and record.run_id in said.err


def test_a_log_is_followed_to_the_end_of_its_run(nightshift, fresh_site, begin, monkeypatch):
    monkeypatch.setattr("cli.logs.FOLLOW_S", 0.02)
    record, log = begin()
    work(log)
    log.flush()

    def end():
        time.sleep(0.2)
        with log:
            log.write("run_ended", state="done")
        journal = open_site(fresh_site).journal
        journal.finish_run(RunRecord(record.run_id, record.started, ended=NOW, state="done"))

    ending = threading.Thread(target=end)
    ending.start()
    said = nightshift("log", "--follow", "--site", fresh_site)
    ending.join()
    assert [line.split()[2] for line in said.out.splitlines()] == ["planned", "unit_failed", "run_ended"]


def test_follow_shows_how_far_the_runs_under_way_have_got(nightshift, fresh_site, begin, monkeypatch):
    monkeypatch.setattr("cli.logs.FOLLOW_S", 0.02)
    assert nightshift("status", "--follow", "--site", fresh_site).out == "no run is under way\n"
    record, log = begin()
    with log:
        work(log)

    def end():
        time.sleep(0.2)
        open_site(fresh_site).journal.finish_run(RunRecord(record.run_id, record.started, ended=NOW, state="done"))

    ending = threading.Thread(target=end)
    ending.start()
    said = nightshift("status", "--follow", "--site", fresh_site)
    ending.join()
    first, last = said.out.splitlines()
    assert first == (
        f"run {record.run_id}: 3 of 12 units, 2 running, about 0:01:30 left; "
        "1 problem, the last: detect gate u2: truncated: ends at 12 s"
    )
    assert last == "no run is under way"


def test_a_run_of_which_nothing_is_heard_may_have_been_killed(nightshift, fresh_site, begin):
    record, log = begin(SILENT_S + 60)
    with log:
        work(log)
    said = nightshift("status", "--follow", "--site", fresh_site)
    assert f"run {record.run_id}" in said.out and "it may have been killed" in said.out, "and it does not wait for it"
    (shown,) = json.loads(nightshift("status", "--follow", "--site", fresh_site, "--json").out)
    assert shown["silent_s"] > SILENT_S and shown["units_done"] == 3
    assert "it may have been killed" in nightshift("log", "--follow", "--site", fresh_site).err
