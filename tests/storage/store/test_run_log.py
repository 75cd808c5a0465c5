"""The log of a run: when its lines are in the store, and that no trouble of the store ends a run through its log."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.errors import StoreFull
from storage.blobs import LocalBlobs
from storage.store import run_log
from storage.store.journal import new_run_id, run_started
from storage.store.run_log import RunLog, read_run_log

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
RUN = "20260302T010000Z-9f3a"


class Clock:
    s = 0.0

    def __call__(self):
        return self.s


@pytest.fixture
def blobs(tmp_path):
    return LocalBlobs(tmp_path)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log(blobs, clock):
    return RunLog(blobs, RUN, now=lambda: NOW, clock=clock)


def events(blobs):
    return [line["event"] for line in read_run_log(blobs, RUN).rows]


def test_lines_are_in_the_store_at_once_then_now_and_then_and_at_the_end(log, blobs, clock):
    with log:
        log.write("run_began")
        assert events(blobs) == ["run_began"]
        log.write("unit_done", "debug")
        assert events(blobs) == ["run_began"]
        clock.s = run_log.FLUSH_S
        log.write("unit_done", "debug")
        assert len(events(blobs)) == 3
        log.write("run_ended")
    assert events(blobs)[-1] == "run_ended"


def test_an_error_is_in_the_store_at_once(log, blobs):
    log.write("run_began")
    log.write("unit_failed", "error", op="detect", trace="Traceback ...\n  line")
    (_, line) = read_run_log(blobs, RUN).rows
    assert line == {
        "time": "2026-03-02T01:00:00.000+00:00",
        "level": "error",
        "event": "unit_failed",
        "op": "detect",
        "trace": "Traceback ...\n  line",
    }


def test_a_long_log_is_several_files_in_order(log, blobs, monkeypatch):
    monkeypatch.setattr(run_log, "FILE_BYTES", 200)
    for number in range(10):
        log.write("unit_failed", "error", number=number)
    assert len(list(blobs.list("_run_logs"))) > 2
    assert [line["number"] for line in read_run_log(blobs, RUN).rows] == list(range(10))
    assert [line["number"] for line in read_run_log(blobs, RUN, after=7).rows] == [7, 8, 9]


@pytest.mark.parametrize("trouble", [StoreFull("no space"), OSError(5, "Input/output error")])
def test_lines_wait_while_the_store_cannot_be_written(log, blobs, monkeypatch, trouble):
    write = LocalBlobs.write

    def fail(*_):
        raise trouble

    monkeypatch.setattr(LocalBlobs, "write", fail)
    monkeypatch.setattr(run_log, "MAX_WAITING", 3)
    for number in range(5):
        log.write("unit_failed", "error", number=number)
    monkeypatch.setattr(LocalBlobs, "write", write)
    with log:
        pass
    *kept, last = read_run_log(blobs, RUN).rows
    assert [line["number"] for line in kept] == [0, 1, 2]
    assert (last["event"], last["lines"]) == ("lines_lost", 2)


def test_a_torn_line_is_named_and_the_others_are_read(log, blobs):
    log.write("run_began")
    blobs.write(f"_run_logs/{RUN}/000002.jsonl", b'{"time": "2026\n{"event": 3}\n')
    found = read_run_log(blobs, RUN)
    assert len(found.rows) == 1 and len(found.problems) == 2 and "line 1" in found.problems[0]


def test_logs_are_kept_for_some_months_only(blobs):
    old, young = (new_run_id(NOW - timedelta(days=run_log.KEPT_DAYS + days)) for days in (1, -1))
    for run_id in (old, young, RUN):
        blobs.write(f"_run_logs/{run_id}/000001.jsonl", b"")
    blobs.write("_run_logs/notes/readme.jsonl", b"")
    with RunLog(blobs, RUN, now=lambda: NOW):
        pass
    assert {blob.name.split("/")[1] for blob in blobs.list("_run_logs")} == {young, RUN, "notes"}


def test_the_id_of_a_run_says_when_it_began():
    assert run_started(new_run_id(NOW)) == NOW
    assert run_started("notes") is None
