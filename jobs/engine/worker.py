"""The worker: does the units of a visit, decodes once for all that can share it, and commits each unit as it is done.

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
from jobs.engine.tasks import Failure, Input, Outcome, UnitOrder, Visit, WorkerSetup
from jobs.planning.graph import UnitKey
from schemas.errors import CorruptFootage, CoverageError, NightshiftError, SiteError, StoreFull, TransientError
from schemas.op import FrameOp, FrameSession, Op, TableOp, Tables
from schemas.tables import TABLES
from schemas.values import Receipt
from storage.blobs import Fetched, open_blobs
from storage.store.store import Store
from storage.video.reader import SegmentReader


class Worker:
    """Does visits, one after the other. Ops are opened when first needed and stay open."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._setup = setup
        self._store = Store.open(setup.store)
        self._footage = Fetched(open_blobs(setup.archive))
        self._open: dict[str, Op] = {}
        cv2.setNumThreads(setup.cpus)
        pa.set_cpu_count(setup.cpus)

    def visit(self, visit: Visit) -> Outcome:
        """Does the units of a visit; a failure is told, never raised."""
        work = _VisitWork(self, visit)
        for wave in waves(visit.orders, lambda key: isinstance(self.op(key.op), FrameOp)):
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
    def footage(self) -> Fetched:
        """Where footage comes from."""
        return self._footage

    @property
    def setup(self) -> WorkerSetup:
        """What the worker was made from."""
        return self._setup


def waves(orders: Sequence[UnitOrder], is_frame_op: Callable[[UnitKey], bool]) -> list[list[UnitOrder]]:
    """Orders in turns: frame ops that need nothing of each other before their last frame share a turn, and a decode."""
    turns: list[list[UnitOrder]] = []
    shared: set[UnitKey] = set()
    for order in orders:
        early = {key for item in order.inputs if not item.read.late for key in item.units}
        frames = is_frame_op(order.key)
        if frames and shared and not early & shared:
            turns[-1].append(order)
            shared.add(order.key)
        else:
            turns.append([order])
            shared = {order.key} if frames else set()
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

    def __init__(self, order: UnitOrder, op: Op, store: Store) -> None:
        self.order = order
        self.op = op
        self.services = UnitServices(store, order)
        self.clock = _Clock()
        self.session: FrameSession | None = None

    def drop(self) -> None:
        """Frees what it holds, and removes what it has written."""
        if self.session is not None:
            self.session.abandon()
        self.services.undo()


class _VisitWork:
    """One visit while it is worked on: tables made so far, receipts, failures."""

    def __init__(self, worker: Worker, visit: Visit) -> None:
        self._worker = worker
        self._visit = visit
        self._tables: dict[tuple[UnitKey, str], pa.Table] = {}
        self._failed: set[UnitKey] = set()
        self.receipts: list[Receipt] = []
        self.failures: list[Failure] = []
        self.lost: list[Failure] = []

    def do(self, wave: Sequence[UnitOrder]) -> None:
        """Does units that share a turn."""
        units = []
        for order in wave:
            if self._lacks(order):
                self._failed.add(order.key)
                continue
            unit = self._guarded(order, lambda order=order: self._start(order))  # type: ignore[misc]
            if isinstance(unit, _UnitWork):
                units.append(unit)
        framed = [unit for unit in units if unit.session is not None]
        if framed:
            self._decode(framed)
        for unit in units:
            if unit.order.key in self._failed:
                continue
            if self._lacks(unit.order):
                self._failed.add(unit.order.key)
                unit.drop()
            else:
                self._guarded(unit.order, lambda unit=unit: self._finish(unit), unit)  # type: ignore[misc]

    def _lacks(self, order: UnitOrder) -> bool:
        """Whether a unit of this visit that it reads failed: then the driver decides what it can do without."""
        return any(key in self._failed for item in order.inputs for key in item.units)

    def _start(self, order: UnitOrder) -> _UnitWork:
        unit = _UnitWork(order, self._worker.op(order.key.op), self._worker.store)
        if isinstance(unit.op, FrameOp):
            inputs = self._inputs(order, late=False)
            unit.session = unit.op.start(order.context, inputs, unit.services)
        return unit

    def _decode(self, units: Sequence[_UnitWork]) -> None:
        """One decode for all: frames go to each session as it asked for them."""
        segment = units[0].order.context.segment
        needing = []
        for unit in units:
            assert isinstance(unit.op, FrameOp)
            need = unit.op.frame_need(unit.order.context)
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
                if unit.order.key not in self._failed:
                    feed = unit.session.feed  # type: ignore[union-attr]
                    self._guarded(
                        unit.order,
                        lambda unit=unit, feed=feed, batch=batch: unit.clock.time(
                            unit.order.key.op, lambda: feed(batch)
                        ),  # type: ignore[misc]
                        unit,
                    )
        except (NightshiftError, OSError) as error:
            for unit, _ in needing:
                self._fail(unit.order, error, unit)
            return
        for unit, _ in needing:
            unit.clock.stage_s["decode"] = reader.decode_s / len(needing)
        needing[0][0].services.count("frames_decoded", reader.frames_decoded)
        self._note_lost(units[0].order, reader.lost)

    def _note_lost(self, order: UnitOrder, lost: Sequence[tuple[int, int, str]]) -> None:
        for start_us, end_us, reason in lost:
            since = datetime.fromtimestamp(start_us / 1e6, UTC)
            detail = f"{(end_us - start_us) / 1e6:.2f} s from {since:%Y-%m-%d %H:%M:%S.%f} UTC cannot be decoded"
            key = order.key._replace(op="decode", unit=f"{order.key.unit}@{start_us}")
            self.lost.append(Failure(key, "footage", reason, detail))

    def _finish(self, unit: _UnitWork) -> None:
        order, op = unit.order, unit.op
        late = isinstance(op, FrameOp)
        inputs = self._inputs(order, late=late)
        if unit.session is not None:
            session = unit.session
            tables = unit.clock.time(order.key.op, lambda: session.finish(inputs))
        else:
            assert isinstance(op, TableOp)
            tables = unit.clock.time(order.key.op, lambda: op.run(order.context, inputs, unit.services))
        assert isinstance(tables, dict)
        self.receipts.append(self._commit(unit, tables))
        unit.services.settle()
        for name, table in tables.items():
            self._tables[order.key, name] = table

    def _commit(self, unit: _UnitWork, tables: Tables) -> Receipt:
        """Writes the tables, then the receipt that makes them visible."""
        order, spec, store = unit.order, unit.op.spec, self._worker.store
        key = order.key
        if set(tables) != set(spec.writes):
            raise ValueError(f"op {key.op} gave {sorted(tables)}, its spec says {sorted(spec.writes)}")
        started = time.perf_counter()
        written = {
            name: store.write_table(
                name, table, camera=key.camera, date=key.date, unit=key.unit, fingerprint=order.fingerprint
            )
            for name, table in tables.items()
            if table.num_rows
        }
        unit.services.count("rows", sum(table.num_rows for table in tables.values()))
        stage_s = unit.clock.stage_s | {"commit": time.perf_counter() - started}
        unit.services.hand_over()
        return store.commit(
            Receipt(
                op=key.op,
                version=spec.version,
                camera=key.camera,
                date=key.date,
                unit=key.unit,
                fingerprint=order.fingerprint,
                ingredients=order.ingredients,
                files={name: file for name, (file, _) in written.items()},
                sha256={name: digest for name, (_, digest) in written.items()},
                committed=max(datetime.now(UTC), self._visit.not_before),
                run_id=self._visit.run_id,
                wall_s=sum(stage_s.values()),
                media_s=sum(segment.duration_s for segment in order.context.segments),
                stage_s=stage_s,
                counters=dict(unit.services.counters),
            )
        )

    def _inputs(self, order: UnitOrder, late: bool) -> Tables:
        """The op's input tables, those of the same read joined; ``late`` ones or the others."""
        return {item.read.key: self._table(item) for item in order.inputs if item.read.late is late}

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

    def _guarded(self, order: UnitOrder, call: Callable[[], object], unit: _UnitWork | None = None) -> object:
        """The task boundary: what a unit raises ends that unit, not the night."""
        try:
            return call()
        except Exception as error:  # noqa: BLE001  every error of an op is sorted here, and told
            self._fail(order, error, unit)
            return None

    def _fail(self, order: UnitOrder, error: Exception, unit: _UnitWork | None) -> None:
        self._failed.add(order.key)
        if unit is not None:
            unit.drop()
        self.failures.append(classify(order.key, error))


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
