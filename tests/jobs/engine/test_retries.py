"""Which units are blamed for a lost worker, and how their losses are counted over runs."""

from collections import Counter

import pytest

from jobs.engine.retries import MAX_ATTEMPTS, MAX_HANGS, Retries
from jobs.engine.tasks import Failure, LostWorker, Task, TaskBatch
from jobs.planning.graph import UnitKey
from storage.blobs import LocalBlobs
from storage.store.lost_workers import LOST_FOLDER, LostWorkerCounts
from tests.jobs.pipeline import plan_tiny, receipt_for
from tests.support.fakes import make_segment, make_unit

ONE, TWO = (UnitKey(op, "cam1", "2026-03-02", "unit") for op in ("detect", "track"))
BATCH = TaskBatch(1, "run", tuple(Task(key, "f" * 64, {}, make_unit([make_segment()]), ()) for key in (ONE, TWO)))
STACKS = """Timeout (0:00:01)!
Thread 0x7f (most recent call first):
  File "/usr/lib/python3/threading.py", line 7 in wait

Thread 0x7e (most recent call first):
  File "/venv/av/container/input.py", line 12 in demux
  File "/venv/storage/video/reader.py", line 120 in _decode
  File "/home/jobs/engine/worker.py", line 9 in run"""


@pytest.fixture
def retries(tmp_path):
    """Returns the retries of a new run on the same store."""
    return lambda: Retries(LostWorkerCounts(LocalBlobs(tmp_path)))


def blamed(failures):
    return [(failure.key.op, failure.kind, failure.reason) for failure in failures]


def test_lost_workers_are_counted_over_runs(retries):
    lost = LostWorker("killed", working_on=(TWO,))
    for _ in range(MAX_ATTEMPTS - 1):
        assert blamed(retries().blame(BATCH, lost)) == [("track", "lost", "LostWorker")]
    last = retries().blame(BATCH, lost)
    assert blamed(last) == [("track", "bug", "worker_dies")] and last[0].detail.startswith("3 workers were lost at it")
    assert blamed(retries().blame(BATCH, lost)) == [("track", "lost", "LostWorker")], "quarantine starts anew"


@pytest.mark.parametrize(
    ("cause", "decoding", "kind", "reason"),
    [
        ("died", False, "bug", "worker_dies"),
        ("died", True, "footage", "decoder_dies"),
        ("memory", True, "bug", "out_of_memory"),
        ("hung", False, "bug", "hangs"),
        ("hung", True, "footage", "decoder_hangs"),
    ],
)
def test_the_reason_says_what_ended_the_worker(retries, cause, decoding, kind, reason):
    run, lost = retries(), LostWorker("gone", cause, (ONE,), decoding)
    losses = MAX_HANGS if cause == "hung" else MAX_ATTEMPTS
    assert [run.blame(BATCH, lost)[0].kind for _ in range(losses)] == ["lost"] * (losses - 1) + [kind]
    for _ in range(losses - 1):
        run.blame(BATCH, lost)
    assert run.blame(BATCH, lost)[0].reason == reason


def test_a_hang_is_told_with_the_calls_in_which_it_was(retries):
    (failure,) = retries().blame(BATCH, LostWorker("no progress within 1 s", "hung", (ONE,), True, STACKS))
    assert failure.trace == STACKS
    assert failure.detail == (
        "no progress within 1 s; at container/input.py:12 demux < video/reader.py:120 _decode < engine/worker.py:9 run"
    )


def test_without_notes_each_unit_runs_alone_until_the_next_loss_names_one(retries):
    run = retries()
    assert run.split([ONE, TWO]) == ([ONE, TWO], [])
    assert run.blame(BATCH, LostWorker("gone")) == ()
    assert run.split([ONE, TWO]) == ([ONE], [TWO])
    alone = TaskBatch(2, "run", BATCH.tasks[:1])
    assert blamed(run.blame(alone, LostWorker("gone"))) == [("detect", "lost", "LostWorker")]
    assert run.blame(BATCH, LostWorker("gone", "node")) == ()


def test_transient_failures_are_tried_again_and_others_are_not(retries):
    run = retries()
    tried = [run.may_retry(Failure(ONE, "transient", "OSError", "")) for _ in range(MAX_ATTEMPTS)]
    assert tried == [True] * (MAX_ATTEMPTS - 1) + [False]
    assert not run.may_retry(Failure(TWO, "bug", "KeyError", "")) and run.attempt([ONE, TWO]) == MAX_ATTEMPTS + 1


def test_the_losses_of_a_unit_that_is_done_are_forgotten(tmp_path):
    plan = plan_tiny([make_segment()])
    receipt = receipt_for(plan, plan.to_do[0])
    work = (receipt.op, receipt.camera, receipt.unit, receipt.fingerprint)
    counts = LostWorkerCounts(LocalBlobs(tmp_path))
    counts.add(*work, "died")
    assert LostWorkerCounts(LocalBlobs(tmp_path)).add(*work, "hung") == Counter(died=1, hung=1)
    counts.forget_done(receipt)
    assert not list(LocalBlobs(tmp_path).list(LOST_FOLDER))
    counts.forget_done(receipt)


def test_a_torn_count_counts_nothing(tmp_path):
    blobs = LocalBlobs(tmp_path)
    LostWorkerCounts(blobs).add("detect", "cam1", "unit", "f", "died")
    (file,) = blobs.list(LOST_FOLDER)
    blobs.write(file.name, b'{"died"')
    assert LostWorkerCounts(blobs).add("detect", "cam1", "unit", "f", "died") == Counter(died=1)
