"""What a run tells its log."""

from datetime import UTC, datetime

import pytest

from jobs.engine.driver import Progress
from jobs.engine.run_events import PROGRESS_S, RunEvents
from jobs.engine.tasks import Failure, LostWorker, Outcome, TaskBatch
from jobs.planning.graph import UnitKey
from storage.blobs import LocalBlobs
from storage.store.run_log import RunLog, read_run_log
from tests.storage.rows import make_receipt

BATCH = TaskBatch(1, "run", (), attempt=2)
KEY = UnitKey("detect", "gate", "2026-03-02", "u1")


@pytest.fixture
def told(tmp_path):
    """Events of a run, and a function that returns the lines of its log."""
    blobs = LocalBlobs(tmp_path)
    log = RunLog(blobs, "run", now=lambda: datetime(2026, 3, 2, tzinfo=UTC))

    def lines():
        log.flush()
        return read_run_log(blobs, "run").rows

    return log, lines


def test_every_unit_and_every_failure_is_a_line(told):
    log, lines = told
    events = RunEvents(log)
    away = Failure(KEY, "away", "archive", "no file of gate can be listed")
    bug = Failure(KEY, "bug", "ValueError", "odd", "Traceback")
    lost = Failure(KEY, "footage", "undecodable", "from 3 to 5 s")
    events.finish(BATCH, Outcome((make_receipt("track"),), (away, bug), (lost,)))
    done, *others = lines()
    assert (done["event"], done["level"], done["unit"], done["counters"]) == ("unit_done", "debug", "day", {"rows": 7})
    assert [(line["event"], line["level"], line["kind"], line["message"]) for line in others] == [
        ("unit_failed", "warning", "away", "no file of gate can be listed"),
        ("unit_failed", "error", "bug", "odd"),
        ("footage_lost", "warning", "footage", "from 3 to 5 s"),
    ]
    assert others[1]["trace"] == "Traceback" and others[1]["attempt"] == 2


def test_a_lost_worker_is_a_line_with_its_stacks(told):
    log, lines = told
    RunEvents(log).finish(BATCH, LostWorker("no progress for 600 s", "hung", (KEY,), True, "File decode.py, line 7"))
    (line,) = lines()
    assert (line["event"], line["cause"], line["units"]) == ("worker_lost", "hung", [KEY._asdict()])
    assert line["trace"] == "File decode.py, line 7"


def test_progress_is_a_line_now_and_then_and_always_reaches_the_caller(told):
    log, lines = told
    seen, now = [], [0.0]
    events = RunEvents(log, on_progress=seen.append, clock=lambda: now[0])
    for now[0] in (0.0, 1.0, PROGRESS_S - 0.1, PROGRESS_S, PROGRESS_S + 1):
        events.progress(Progress(3, 12, 60.0, 240.0, now[0], None, running=2))
    assert len(seen) == 5
    assert [(line["units_done"], line["units_total"], line["left_s"]) for line in lines()] == [(3, 12, None)] * 2


def test_warnings_reach_the_caller_and_the_log(told):
    log, lines = told
    warned = []
    RunEvents(log, on_warning=warned.append).warn("gate has moved")
    assert warned == ["gate has moved"] and lines()[0]["message"] == "gate has moved"
