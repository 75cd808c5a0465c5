"""The worker: works through a batch of tasks, with one decode for all that can share it; commits each unit when done.

It does not know Ray: an actor, a test or the driver's own process may hold one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial

import cv2
import pyarrow as pa

from jobs.engine.away import find_away
from jobs.engine.crash_notes import CrashNotes, limit_s
from jobs.engine.failures import arising_in, classify
from jobs.engine.task_inputs import read_input
from jobs.engine.tasks import Failure, Outcome, Task, TaskBatch, WorkerSetup
from jobs.engine.unit_work import UnitWork
from jobs.planning.graph import UnitKey
from schemas.op import FrameNeed, Op, Tables
from schemas.values import FrameBatch, Receipt
from storage.blobs import LocalFileCache, open_blobs
from storage.machine import resident_bytes, reuse_freed_memory
from storage.store.store import Store
from storage.video.raw import readable
from storage.video.reader import SegmentReader


class Worker:
    """Runs batches, one after the other. Ops are opened when first needed and stay open.

    Args:
        notes: for the case that this process ends; they also end it if a step takes too long. None in the driver's own
            process, which must not end.
    """

    def __init__(self, setup: WorkerSetup, notes: CrashNotes | None = None) -> None:
        self.setup = setup
        self.notes = notes
        self.store = Store.open(setup.store)
        self.archive = open_blobs(setup.archive)
        self.footage = LocalFileCache(self.archive)
        self._open: dict[str, Op] = {}
        # Without limits each worker's libraries would start a thread per core, and workers would crowd each other out.
        cv2.setNumThreads(setup.cpus)
        pa.set_cpu_count(setup.cpus)
        reuse_freed_memory()

    def run(self, batch: TaskBatch) -> Outcome:
        """Does the units of a batch. Failures are returned, not raised."""
        work = _BatchWork(self, batch)
        units = [
            UnitWork(task, self.setup.ops[task.key.op][0], self.store, self.setup.hold_video) for task in batch.tasks
        ]
        for group in decode_groups(units):
            work.do(group)
            if any(failure.kind == "full" for failure in work.failures):
                break
        if self.notes:
            self.notes.end_batch()
        return Outcome(tuple(work.receipts), tuple(work.failures), tuple(work.lost), resident_bytes())

    @arising_in("weights")
    def open_op(self, name: str) -> None:
        """Opens an op, unless it is open."""
        if name not in self._open:
            op, models = self.setup.ops[name]
            op.open(models, self.setup.cpus)
            self._open[name] = op

    def close(self) -> None:
        """Closes the ops, and removes local copies of footage."""
        for op in self._open.values():
            op.close()
        self._open.clear()
        self.footage.close()
        if self.notes:
            self.notes.close()


def decode_groups(units: Sequence[UnitWork]) -> list[list[UnitWork]]:
    """Splits units into groups, in order. Units of frame ops share a group, and so one decode, if they can.

    They can where none reads, before its last frame, what another of the group writes (see ``schemas.op.Read.late``).
    """
    groups: list[list[UnitWork]] = []
    decoding: set[UnitKey] = set()
    for unit in units:
        early = {key for item in unit.task.inputs if not item.read.late for key in item.units}
        if unit.on_frames and decoding and not early & decoding:
            groups[-1].append(unit)
            decoding.add(unit.key)
        else:
            groups.append([unit])
            decoding = {unit.key} if unit.on_frames else set()
    return groups


class _BatchWork:
    """The work on one batch: tables made so far, receipts, failures."""

    def __init__(self, worker: Worker, batch: TaskBatch) -> None:
        self._worker = worker
        self._batch = batch
        self._tables: dict[tuple[UnitKey, str], pa.Table] = {}
        self._failed: set[UnitKey] = set()
        self._numbers = {task.key: number for number, task in enumerate(batch.tasks)}
        self.receipts: list[Receipt] = []
        self.failures: list[Failure] = []
        self.lost: list[Failure] = []

    def do(self, units: Sequence[UnitWork]) -> None:
        """Does the units of one decode group."""
        needs: list[tuple[UnitWork, FrameNeed]] = []
        for unit in self._possible(units):
            with self._boundary(unit):
                self._begin_step(unit)
                self._worker.open_op(unit.key.op)
                need = unit.start(self._inputs(unit, late=False)) if unit.on_frames else None
                if need is not None:
                    needs.append((unit, need))
        if needs:
            self._decode(needs)
        for unit in self._possible(units):
            with self._boundary(unit):
                self._finish(unit)

    def _possible(self, units: Sequence[UnitWork]) -> Iterator[UnitWork]:
        """Gives units that have not failed; drops those that read one of this batch that has.

        The driver decides what a dropped unit can do without: it is neither done nor failed.
        """
        for unit in units:
            if unit.key in self._failed:
                continue
            if any(key in self._failed for item in unit.task.inputs for key in item.units):
                self._drop(unit)
            else:
                yield unit

    def _decode(self, needs: Sequence[tuple[UnitWork, FrameNeed]]) -> None:
        """Decodes the segment once, and feeds each unit the frames that it needs."""
        units = [unit for unit, _ in needs]
        segment = units[0].task.context.segment
        # What a unit's op raises is caught within: errors that reach the outer boundary are the reader's.
        with self._boundary(*units), arising_in("footage"):
            path = self._worker.footage.path(segment.path, partial(readable, fps=segment.raw_fps))
            setup = self._worker.setup
            reader = SegmentReader(
                path, segment, [need for _, need in needs], threads=setup.cpus, max_pixels=setup.max_pixels
            )
            for index, frames in self._decoded(reader, units):
                unit = units[index]
                if unit.key not in self._failed:
                    with self._boundary(unit):
                        self._begin_step(unit)
                        unit.feed(frames)
            for unit in units:
                unit.stage_s["decode"] = reader.decode_s / len(units)
            # For one unit only: a run adds up the counters of its units, and these frames were decoded once.
            units[0].services.count("frames_decoded", reader.frames_decoded)
            self._note_lost(units[0].task, reader.lost)

    def _decoded(self, reader: SegmentReader, units: Sequence[UnitWork]) -> Iterator[tuple[int, FrameBatch]]:
        """Yields what the reader gives; each wait for it is a step of all units that it feeds."""
        batches = iter(reader)
        while True:
            self._begin_step(*units, decoding=True)
            batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def _begin_step(self, *units: UnitWork, decoding: bool = False) -> None:
        """Notes that these units are worked on from here on."""
        if self._worker.notes:
            limit = limit_s(self._worker.setup.step_limit_s, units[0].task.context.segments)
            self._worker.notes.begin_step([self._numbers[unit.key] for unit in units], decoding, limit)

    def _note_lost(self, task: Task, lost: Sequence[tuple[int, int, str]]) -> None:
        """Notes one row per cause: damage of one kind often loses hundreds of stretches of a segment."""
        for reason in dict.fromkeys(reason for _, _, reason in lost):
            stretches = [(start_us, end_us) for start_us, end_us, its_reason in lost if its_reason == reason]
            start_us, total_s = stretches[0][0], sum(end - start for start, end in stretches) / 1e6
            since = datetime.fromtimestamp(start_us / 1e6, UTC)
            where = f"from {since:%Y-%m-%d %H:%M:%S.%f} UTC"
            if len(stretches) > 1:
                where = f"in {len(stretches)} stretches, the first {where},"
            key = task.key._replace(op="decode", unit=f"{task.key.unit}@{start_us}")
            self.lost.append(Failure(key, "footage", reason, f"{total_s:.2f} s {where} cannot be decoded"))

    def _finish(self, unit: UnitWork) -> None:
        self._begin_step(unit)
        tables = unit.finish(self._inputs(unit, late=unit.on_frames))
        self.receipts.append(unit.commit(tables, self._batch))
        self._tables |= {(unit.key, name): table for name, table in tables.items()}
        unit.services.delete_merged_parts()

    @arising_in("store")
    def _inputs(self, unit: UnitWork, late: bool) -> Tables:
        """Returns the op's input tables by the name it reads them under; the late ones, or the others."""
        with unit.timed("read"):
            store = self._worker.store
            items = [item for item in unit.task.inputs if item.read.late is late]
            return {item.read.key: read_input(store, item, self._tables) for item in items}

    @contextmanager
    def _boundary(self, *units: UnitWork) -> Iterator[None]:
        """The task boundary: what the work on units raises ends these units, not the run."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  every error of an op or a file is classed here, and returned
            for unit in units:
                if unit.key not in self._failed:
                    self.failures.append(self._failure(unit, error))
                    self._drop(unit)

    def _failure(self, unit: UnitWork, error: Exception) -> Failure:
        """Classes an error. Where the archive or the store does not answer, the unit has not failed: it waits."""
        worker = self._worker
        failure = classify(unit.key, error, worker.store.blobs.url)
        if failure.kind in ("footage", "transient"):
            away = find_away(worker.archive, worker.store, unit.task.context.segments, worker.setup.folders)
            if away:
                return Failure(unit.key, "away", *away)
        return failure

    def _drop(self, unit: UnitWork) -> None:
        self._failed.add(unit.key)
        with suppress(Exception):  # files that cannot be removed now are swept later; the failure must be reported
            unit.discard()
