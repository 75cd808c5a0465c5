"""The worker: does the units of a batch, decodes once for all that can share it, and commits each unit as it is done.

It knows nothing of Ray: an actor, a test or the driver itself may hold one.
"""

import errno
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import cv2
import pyarrow as pa

from jobs.engine.services import UnitServices
from jobs.engine.tasks import Failure, Input, Outcome, Task, TaskBatch, WorkerSetup
from jobs.planning.graph import UnitKey
from schemas.errors import CorruptFootage, CoverageError, NightshiftError, SiteError, StoreFull, TransientError
from schemas.op import FrameOp, FrameSession, Op, TableOp, Tables
from schemas.tables import TABLES
from schemas.values import Receipt
from storage.blobs import LocalFileCache, open_blobs
from storage.store.store import Store
from storage.video.reader import SegmentReader


class Worker:
    """Does batches, one after the other. Ops are opened when first needed and stay open."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._setup = setup
        self._store = Store.open(setup.store)
        self._footage = LocalFileCache(open_blobs(setup.archive))
        self._open: dict[str, Op] = {}
        cv2.setNumThreads(setup.cpus)
        pa.set_cpu_count(setup.cpus)

    def run(self, batch: TaskBatch) -> Outcome:
        """Does the units of a batch; a failure is told, never raised."""
        work = _BatchWork(self, batch)
        for wave in decode_groups(batch.tasks, lambda key: isinstance(self.op(key.op), FrameOp)):
            work.do(wave)
            if any(failure.kind == "full" for failure in work.failures):
                break
        return Outcome(tuple(work.receipts), tuple(work.failures), tuple(work.lost))

    def op(self, name: str) -> Op:
        """An op, opened."""
        if name not in self._open:
            op, models = self._setup.ops[name]
            op.open(models, self._setup.cpus)
            self._open[name] = op
        return self._open[name]

    def close(self) -> None:
        """Closes the ops, and lets go of footage."""
        for op in self._open.values():
            op.close()
        self._open.clear()
        self._footage.close()

    @property
    def store(self) -> Store:
        """Where results go."""
        return self._store

    @property
    def footage(self) -> LocalFileCache:
        """Where footage comes from."""
        return self._footage

    @property
    def setup(self) -> WorkerSetup:
        """What the worker was made from."""
        return self._setup


def decode_groups(tasks: Sequence[Task], is_frame_op: Callable[[UnitKey], bool]) -> list[list[Task]]:
    """Orders in turns: frame ops that need nothing of each other before their last frame share a turn, and a decode."""
    turns: list[list[Task]] = []
    shared: set[UnitKey] = set()
    for task in tasks:
        early = {key for item in task.inputs if not item.read.late for key in item.units}
        frames = is_frame_op(task.key)
        if frames and shared and not early & shared:
            turns[-1].append(task)
            shared.add(task.key)
        else:
            turns.append([task])
            shared = {task.key} if frames else set()
    return turns


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.stage_s: dict[str, float] = {}

    def time(self, stage: str, call: Callable[[], object]) -> object:
        started = time.perf_counter()
        try:
            return call()
        finally:
            self.stage_s[stage] = self.stage_s.get(stage, 0.0) + time.perf_counter() - started


class _UnitWork:
    """One unit while it is worked on."""

    def __init__(self, task: Task, op: Op, store: Store) -> None:
        self.task = task
        self.op = op
        self.services = UnitServices(store, task)
        self.clock = _Clock()
        self.session: FrameSession | None = None

    def drop(self) -> None:
        """Frees what it holds, and removes what it has written."""
        if self.session is not None:
            self.session.abandon()
        self.services.discard_files()


class _BatchWork:
    """One batch while it is worked on: tables made so far, receipts, failures."""

    def __init__(self, worker: Worker, batch: TaskBatch) -> None:
        self._worker = worker
        self._batch = batch
        self._tables: dict[tuple[UnitKey, str], pa.Table] = {}
        self._failed: set[UnitKey] = set()
        self.receipts: list[Receipt] = []
        self.failures: list[Failure] = []
        self.lost: list[Failure] = []

    def do(self, wave: Sequence[Task]) -> None:
        """Does units that share a turn."""
        units = []
        for task in wave:
            if self._lacks(task):
                self._failed.add(task.key)
                continue
            unit = self._guarded(task, lambda task=task: self._start(task))  # type: ignore[misc]
            if isinstance(unit, _UnitWork):
                units.append(unit)
        framed = [unit for unit in units if unit.session is not None]
        if framed:
            self._decode(framed)
        for unit in units:
            if unit.task.key in self._failed:
                continue
            if self._lacks(unit.task):
                self._failed.add(unit.task.key)
                unit.drop()
            else:
                self._guarded(unit.task, lambda unit=unit: self._finish(unit), unit)  # type: ignore[misc]

    def _lacks(self, task: Task) -> bool:
        """Whether a unit of this batch that it reads failed: then the driver decides what it can do without."""
        return any(key in self._failed for item in task.inputs for key in item.units)

    def _start(self, task: Task) -> _UnitWork:
        unit = _UnitWork(task, self._worker.op(task.key.op), self._worker.store)
        if isinstance(unit.op, FrameOp):
            inputs = self._inputs(task, late=False)
            unit.session = unit.op.start(task.context, inputs, unit.services)
        return unit

    def _decode(self, units: Sequence[_UnitWork]) -> None:
        """One decode for all: frames go to each session as it asked for them."""
        segment = units[0].task.context.segment
        needing = []
        for unit in units:
            assert isinstance(unit.op, FrameOp)
            need = unit.op.frame_need(unit.task.context)
            if need is not None:
                needing.append((unit, need))
        if not needing:
            return
        needs = [need for _, need in needing]
        try:
            path = self._worker.footage.path(segment.path)
            reader = SegmentReader(path, segment, needs, threads=self._worker.setup.cpus)
            for index, batch in reader:
                unit = needing[index][0]
                if unit.task.key not in self._failed:
                    feed = unit.session.feed  # type: ignore[union-attr]
                    self._guarded(
                        unit.task,
                        lambda unit=unit, feed=feed, batch=batch: unit.clock.time(
                            unit.task.key.op, lambda: feed(batch)
                        ),  # type: ignore[misc]
                        unit,
                    )
        except (NightshiftError, OSError) as error:
            for unit, _ in needing:
                self._fail(unit.task, error, unit)
            return
        for unit, _ in needing:
            unit.clock.stage_s["decode"] = reader.decode_s / len(needing)
        needing[0][0].services.count("frames_decoded", reader.frames_decoded)
        self._note_lost(units[0].task, reader.lost)

    def _note_lost(self, task: Task, lost: Sequence[tuple[int, int, str]]) -> None:
        for start_us, end_us, reason in lost:
            since = datetime.fromtimestamp(start_us / 1e6, UTC)
            detail = f"{(end_us - start_us) / 1e6:.2f} s from {since:%Y-%m-%d %H:%M:%S.%f} UTC cannot be decoded"
            key = task.key._replace(op="decode", unit=f"{task.key.unit}@{start_us}")
            self.lost.append(Failure(key, "footage", reason, detail))

    def _finish(self, unit: _UnitWork) -> None:
        task, op = unit.task, unit.op
        late = isinstance(op, FrameOp)
        inputs = self._inputs(task, late=late)
        if unit.session is not None:
            session = unit.session
            tables = unit.clock.time(task.key.op, lambda: session.finish(inputs))
        else:
            assert isinstance(op, TableOp)
            tables = unit.clock.time(task.key.op, lambda: op.run(task.context, inputs, unit.services))
        assert isinstance(tables, dict)
        self.receipts.append(self._commit(unit, tables))
        unit.services.delete_merged_parts()
        for name, table in tables.items():
            self._tables[task.key, name] = table

    def _commit(self, unit: _UnitWork, tables: Tables) -> Receipt:
        """Writes the tables, then the receipt that makes them visible."""
        task, spec, store = unit.task, unit.op.spec, self._worker.store
        key = task.key
        if set(tables) != set(spec.writes):
            raise ValueError(f"op {key.op} gave {sorted(tables)}, its spec says {sorted(spec.writes)}")
        started = time.perf_counter()
        written = {
            name: store.write_table(
                name, table, camera=key.camera, date=key.date, unit=key.unit, fingerprint=task.fingerprint
            )
            for name, table in tables.items()
            if table.num_rows
        }
        unit.services.count("rows", sum(table.num_rows for table in tables.values()))
        stage_s = unit.clock.stage_s | {"commit": time.perf_counter() - started}
        unit.services.keep_files()
        return store.commit(
            Receipt(
                op=key.op,
                version=spec.version,
                camera=key.camera,
                date=key.date,
                unit=key.unit,
                fingerprint=task.fingerprint,
                ingredients=task.ingredients,
                files={name: file for name, (file, _) in written.items()},
                sha256={name: digest for name, (_, digest) in written.items()},
                committed=max(datetime.now(UTC), self._batch.not_before),
                run_id=self._batch.run_id,
                wall_s=sum(stage_s.values()),
                media_s=sum(segment.duration_s for segment in task.context.segments),
                stage_s=stage_s,
                counters=dict(unit.services.counters),
            )
        )

    def _inputs(self, task: Task, late: bool) -> Tables:
        """The op's input tables, those of the same read joined; ``late`` ones or the others."""
        return {item.read.key: self._table(item) for item in task.inputs if item.read.late is late}

    def _table(self, item: Input) -> pa.Table:
        read = item.read
        parts = [self._tables[key, read.table] for key in item.units]
        if item.files or not parts:
            parts.append(self._worker.store.read_tables(read.table, item.files, read.columns))
        if read.columns:
            parts = [part.select(list(read.columns)) for part in parts]
        if len(parts) == 1:
            return parts[0]
        order = [(name, "ascending") for name in TABLES[read.table].order if name in parts[0].column_names]
        return pa.concat_tables(parts).sort_by(order)

    def _guarded(self, task: Task, call: Callable[[], object], unit: _UnitWork | None = None) -> object:
        """The task boundary: what a unit raises ends that unit, not the night."""
        try:
            return call()
        except Exception as error:  # noqa: BLE001  every error of an op is sorted here, and told
            self._fail(task, error, unit)
            return None

    def _fail(self, task: Task, error: Exception, unit: _UnitWork | None) -> None:
        self._failed.add(task.key)
        if unit is not None:
            unit.drop()
        self.failures.append(classify(task.key, error))


def classify(key: UnitKey, error: Exception) -> Failure:
    """Sorts a failure: damaged footage, coverage not vouched for, a full disk, worth another try, or a bug."""
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, CorruptFootage):
        return Failure(key, "footage", error.reason, error.message)
    if isinstance(error, CoverageError):
        return Failure(key, "coverage", "CoverageError", str(error))
    full = isinstance(error, StoreFull) or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT))
    if full:
        return Failure(key, "full", "StoreFull", str(error))
    if isinstance(error, FileNotFoundError | PermissionError):
        return Failure(key, "footage", "unreadable", str(error))
    if isinstance(error, SiteError | TransientError | OSError | MemoryError):  # a bucket's key that ran out is no bug
        return Failure(key, "transient", type(error).__name__, str(error), trace)
    return Failure(key, "bug", type(error).__name__, str(error), trace)


def totals(receipts: Sequence[Receipt]) -> tuple[Counter[str], dict[str, float]]:
    """Counters and seconds by stage of many receipts, added up."""
    counters: Counter[str] = Counter()
    stage_s: dict[str, float] = {}
    for receipt in receipts:
        counters.update(receipt.counters)
        for stage, seconds in receipt.stage_s.items():
            stage_s[stage] = stage_s.get(stage, 0.0) + seconds
    return counters, stage_s
