"""The worker: what fails ends its unit alone, and is classed by where it arose."""

import errno
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from jobs.engine.tasks import STEP_LIMIT_S, Task, TaskBatch, TaskInput, WorkerSetup
from jobs.engine.unit_work import UnitWork
from jobs.engine.worker import Worker, decode_groups
from jobs.planning.configure import ReadyOp
from jobs.planning.graph import UnitKey
from schemas.errors import CorruptFootage, CoverageError, ModelError, SiteError, StoreFull, TransientError
from schemas.op import FrameNeed, FrameOp, FrameSession, OpSpec, Read, Scope, TableOp
from schemas.tables import TABLES
from storage.blobs import LocalBlobs
from storage.store.format import STORE_FILE
from storage.store.store import Store
from tests.support.fakes import make_batch, make_segment, make_unit

SEGMENT = make_segment()


@dataclass(frozen=True)
class NoParams:
    """An op without parameters."""


class Watch(FrameOp):
    """A frame op that counts its frames, and fails where a test says so."""

    spec = OpSpec("watch", 1, "watch", Scope.SEGMENT, (), ("detections",), NoParams)

    def __init__(self, opens=None, feeds=None, needs=None) -> None:
        super().__init__(NoParams())
        self.opens, self.feeds, self.needs = opens, feeds, needs
        self.opened: list[int] = []

    def open(self, models, cpus):
        self.opened.append(cpus)
        raise_if(self.opens)

    def frame_need(self, unit):
        raise_if(self.needs)
        return FrameNeed()

    def start(self, unit, inputs, services):
        return Session(self.feeds, services)


class Session(FrameSession):
    def __init__(self, feeds, services) -> None:
        self.feeds, self.services = feeds, services

    def feed(self, batch):
        raise_if(self.feeds)
        self.services.count("frames", len(batch))

    def finish(self, late):
        return {"detections": TABLES["detections"].empty()}


class Glance(Watch):
    """Another one, which shares the decode."""

    spec = OpSpec("glance", 1, "glance", Scope.SEGMENT, (), ("depth",), NoParams)

    def start(self, unit, inputs, services):
        session = super().start(unit, inputs, services)
        session.finish = lambda late: {"depth": TABLES["depth"].empty()}
        return session


class Follow(TableOp):
    """A table op that reads the first one's table."""

    spec = OpSpec("follow", 1, "follow", Scope.SEGMENT, (Read("detections"),), ("tracklets",), NoParams)

    def __init__(self, runs=None) -> None:
        super().__init__(NoParams())
        self.runs = runs

    def run(self, unit, inputs, services):
        raise_if(self.runs)
        return {"tracklets": TABLES["tracklets"].empty()}


def raise_if(error):
    if error is not None:
        raise error


class FakeReader:
    """A ``SegmentReader`` of two batches, that fails after the first where a test says so."""

    error: Exception | None = None
    lost = ((0, 500_000, "decode_error"),)
    frames_decoded = 4
    decode_s = 0.5

    def __init__(self, path, segment, needs, threads, max_pixels) -> None:
        self.needs = needs

    def __iter__(self) -> Iterator:
        frames = np.zeros((2, 8, 8, 3), np.uint8)
        for first in (0, 2):
            for index in range(len(self.needs)):
                yield index, make_batch(frames, SEGMENT, first)
            raise_if(self.error)


FOLDERS = frozenset({SEGMENT.path.split("/")[0]})


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the units of these ops, of one segment, in one batch."""
    monkeypatch.setattr("jobs.engine.worker.SegmentReader", FakeReader)
    monkeypatch.setattr(FakeReader, "error", None)
    footage = tmp_path / "archive" / SEGMENT.path
    footage.parent.mkdir(parents=True)
    footage.write_bytes(b"video")
    Store.create(tmp_path / "store")

    def run_ops(*ops, workers=Worker, folders=FOLDERS):
        places = (str(tmp_path / "archive"), str(tmp_path / "store"))
        setup = WorkerSetup(*places, {op.spec.name: ReadyOp(op, {}) for op in ops}, 3, folders=folders)
        return workers(setup).run(TaskBatch(1, "run", tuple(task_of(op) for op in ops)))

    return run_ops


def key_of(op):
    return UnitKey(op.spec.name, "cam1", SEGMENT.date, SEGMENT.segment_id)


def task_of(op):
    inputs = tuple(TaskInput(read, (), (key_of(Watch),)) for read in op.spec.reads)
    return Task(key_of(op), op.spec.name * 8, {}, make_unit([SEGMENT]), inputs)


def failed(outcome):
    return [(failure.key.op, failure.kind, failure.reason, failure.detail) for failure in outcome.failures]


def done(outcome):
    return [receipt.op for receipt in outcome.receipts]


def test_units_of_a_batch_share_a_decode_and_are_committed(run):
    watch, glance = Watch(), Glance()
    outcome = run(watch, glance, Follow())
    assert done(outcome) == ["watch", "glance", "follow"] and not outcome.failures
    first, second, _ = outcome.receipts
    assert first.counters == {"frames": 4, "frames_decoded": 4, "rows": 0} and second.counters["frames"] == 4
    assert first.stage_s["decode"] == second.stage_s["decode"] == 0.25 and list(first.stage_s) == [
        "read",
        "watch",
        "decode",
        "commit",
    ]
    assert [lost.key.op for lost in outcome.lost] == ["decode"]
    assert watch.opened == [3], "an op is opened once, for the threads that the worker may use"


class Idle(Glance):
    """A frame op whose inputs show that no frame matters."""

    def start(self, unit, inputs, services):
        session = super().start(unit, inputs, services)
        session.__class__ = type("IdleSession", (Session,), {"wants_frames": False})
        return session


def test_a_session_that_wants_no_frames_gets_none_and_alone_decodes_none(run, monkeypatch):
    outcome = run(Watch(), Idle())
    assert [receipt.counters.get("frames", 0) for receipt in outcome.receipts] == [4, 0]
    monkeypatch.setattr("jobs.engine.worker.SegmentReader", None)
    alone = run(Idle())
    assert done(alone) == ["glance"] and "decode" not in alone.receipts[0].stage_s


def test_weights_that_do_not_load_fail_the_units_of_their_op_alone(run):
    message = "yolo11n.xml is altered: remove it, and download it again"
    outcome = run(Watch(opens=ModelError(message)), Glance(), Follow())
    assert failed(outcome) == [("watch", "bug", "ModelError", message)], "who reads it is not tried"
    assert done(outcome) == ["glance"]


@pytest.mark.parametrize("error", [RuntimeError("no such layer"), OSError("weights.bin"), FileNotFoundError("w.xml")])
def test_weights_that_do_not_load_are_not_tried_again(run, error):
    assert failed(run(Watch(opens=error), Glance())) == [("watch", "bug", type(error).__name__, str(error))]


def test_units_of_frame_ops_share_a_decode_group(tmp_path):
    store = Store.open(tmp_path)
    groups = decode_groups([UnitWork(task_of(op), op, store) for op in (Watch(), Glance(), Follow())])
    assert [[unit.key.op for unit in group] for group in groups] == [["watch", "glance"], ["follow"]]


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (CorruptFootage("decode_error", "nothing can be decoded"), "footage", "decode_error"),
        (PermissionError(errno.EACCES, "denied", "clip.mp4"), "footage", "unreadable"),
        (FileNotFoundError("clip.mp4"), "footage", "unreadable"),
        (OSError(errno.EIO, "hiccup"), "transient", "OSError"),
        (SiteError("the key ran out"), "transient", "SiteError"),
        (OSError(errno.ENOSPC, "no space"), "full", "StoreFull"),
        (IndexError("a bug of the reader"), "bug", "IndexError"),
    ],
)
def test_what_the_reader_raises_fails_the_units_that_are_fed(run, monkeypatch, error, kind, reason):
    monkeypatch.setattr(FakeReader, "error", error)
    outcome = run(Watch(), Glance())
    assert [found[:3] for found in failed(outcome)] == [("watch", kind, reason), ("glance", kind, reason)]
    assert done(outcome) == []


def test_footage_that_is_gone_is_a_failure_of_footage_unless_all_is_gone(run, tmp_path):
    footage = tmp_path / "archive" / SEGMENT.path
    footage.rename(footage.with_name("other.mp4"))
    assert [found[:3] for found in failed(run(Watch()))] == [("watch", "footage", "unreadable")]
    footage.with_name("other.mp4").unlink()
    ((op, kind, what, detail),) = failed(run(Watch()))
    assert (op, kind, what) == ("watch", "away", "archive") and "is its share mounted?" in detail


def test_nobody_waits_for_footage_of_a_camera_that_the_scan_did_not_find(run, tmp_path):
    (tmp_path / "archive" / SEGMENT.path).unlink()
    other = tmp_path / "archive" / "other" / "clip.mp4"
    other.parent.mkdir()
    other.write_bytes(b"video")
    assert [found[:3] for found in failed(run(Watch()))] == [("watch", "away", "archive")], "it was there at the scan"
    found = failed(run(Watch(), folders=frozenset({"other"})))
    assert [each[:3] for each in found] == [("watch", "footage", "unreadable")], "its footage was taken away"
    other.unlink()
    assert [each[1] for each in failed(run(Watch(), folders=frozenset()))] == ["away"], "all of the archive is gone"


def test_nothing_is_written_to_a_store_whose_share_is_gone(run, tmp_path):
    (tmp_path / "store" / STORE_FILE).unlink()
    assert [found[:3] for found in failed(run(Watch(), Glance()))] == [
        ("watch", "away", "store"),
        ("glance", "away", "store"),
    ]
    assert not (tmp_path / "store" / "_receipts").exists()


class Noted(Worker):
    """A worker whose notes are kept in a list."""

    steps: ClassVar[list] = []

    def __init__(self, setup):
        super().__init__(setup)
        self.notes = self
        self.steps.clear()

    def begin_step(self, at_work, decoding, limit):
        self.steps.append((list(at_work), decoding, limit))

    def end_batch(self):
        self.steps.append("ended")


def test_each_step_is_noted_with_the_units_that_it_works_on(run):
    run(Watch(), Glance(), Follow(), workers=Noted)
    steps = [step[:2] for step in Noted.steps[:-1]]
    decoding = ([0, 1], True)
    two_batches = [decoding, ([0], False), decoding, ([1], False)] * 2
    started = finished = [([0], False), ([1], False)]
    assert steps == [*started, *two_batches, decoding, *finished, ([2], False), ([2], False)]
    assert Noted.steps[-1] == "ended" and {step[2] for step in Noted.steps[:-1]} == {STEP_LIMIT_S + 4 * 10.0}


@pytest.mark.parametrize("step", ["feeds", "needs"])
def test_what_an_op_raises_fails_its_unit_alone(run, step):
    outcome = run(Watch(**{step: ZeroDivisionError("by zero")}), Glance(), Follow())
    assert failed(outcome) == [("watch", "bug", "ZeroDivisionError", "by zero")]
    assert done(outcome) == ["glance"]


def test_an_op_fails_once_though_the_reader_fails_after_it(run, monkeypatch):
    monkeypatch.setattr(FakeReader, "error", CorruptFootage("truncated", "cut off"))
    outcome = run(Watch(feeds=ZeroDivisionError("by zero")), Glance())
    assert [found[:2] for found in failed(outcome)] == [("watch", "bug"), ("glance", "footage")]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (CoverageError("a face is left"), "coverage"),
        (TransientError("lost"), "transient"),
        (MemoryError(), "transient"),
        (FileNotFoundError("a part"), "transient"),
        (StoreFull("no space left"), "full"),
        (CorruptFootage("truncated", "no footage is read here"), "bug"),
    ],
)
def test_what_a_table_op_raises_is_classed_by_its_type(run, error, kind):
    outcome = run(Watch(), Follow(runs=error))
    assert [found[:2] for found in failed(outcome)] == [("follow", kind)] and done(outcome) == ["watch"]


@pytest.mark.parametrize(("missing", "expected"), [((), []), ((key_of(Watch),), ["ValueError"])])
def test_a_required_input_may_be_without_rows_but_not_missing(tmp_path, missing, expected):
    Store.create(tmp_path)
    task = replace(task_of(Follow), inputs=(TaskInput(Read("detections"), (), (), missing),))
    worker = Worker(WorkerSetup(str(tmp_path), str(tmp_path), {"follow": ReadyOp(Follow(), {})}))
    outcome = worker.run(TaskBatch(1, "run", (task,)))
    assert [failure.reason for failure in outcome.failures] == expected and len(outcome.receipts) == 1 - len(expected)
    assert all("detections of a segment" in f.detail.replace(SEGMENT.segment_id, "a segment") for f in outcome.failures)


def test_a_refused_write_to_the_store_is_no_failure_of_footage(run, monkeypatch, tmp_path):
    def refuse(blobs, name, content):
        raise PermissionError(errno.EACCES, "Permission denied", name)

    monkeypatch.setattr(LocalBlobs, "put_if_absent", refuse)
    ((op, kind, reason, detail),) = failed(run(Watch()))
    assert (op, kind, reason) == ("watch", "transient", "PermissionError")
    assert str(tmp_path / "store") in detail and "_receipts/watch" in detail


def test_leftovers_that_cannot_be_removed_do_not_hide_the_failure(run, monkeypatch):
    def refuse(blobs, names):
        raise PermissionError("read-only")

    monkeypatch.setattr(LocalBlobs, "delete", refuse)
    assert [found[:2] for found in failed(run(Watch(feeds=CoverageError("a face is left"))))] == [("watch", "coverage")]


def test_stretches_lost_for_one_reason_are_one_row(run, monkeypatch):
    spans = ((0, 500_000, "decode_error"), (1_000_000, 1_250_000, "decode_error"), (2_000_000, 3_000_000, "truncated"))
    monkeypatch.setattr(FakeReader, "lost", spans)
    lost = run(Watch()).lost
    assert [(row.key.unit, row.reason) for row in lost] == [
        (f"{SEGMENT.segment_id}@0", "decode_error"),
        (f"{SEGMENT.segment_id}@2000000", "truncated"),
    ]
    assert lost[0].detail == "0.75 s in 2 stretches, the first from 1970-01-01 00:00:00.000000 UTC, cannot be decoded"
    assert lost[1].detail == "1.00 s from 1970-01-01 00:00:02.000000 UTC cannot be decoded"
