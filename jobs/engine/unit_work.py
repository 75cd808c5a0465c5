"""One unit of work in a worker: runs its op on tables and frames, and commits what the op gives."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from jobs.engine.failures import arising_in
from jobs.engine.services import UnitServices
from jobs.engine.tasks import Task, TaskBatch
from schemas.errors import TransientError
from schemas.op import FrameNeed, FrameOp, FrameSession, Op, TableOp, Tables
from schemas.values import FrameBatch, Receipt
from storage.store.store import Store


class UnitWork:
    """The work on one unit, from ``start`` to ``commit``, or to ``discard`` where it fails.

    Args:
        op: the unit's op; it is open before ``start``.
        store: where results go.
        hold_video: published video awaits its sign-off.

    Attributes:
        stage_s: seconds by stage: the op's name, ``decode``, ``read`` and ``commit``.
    """

    def __init__(self, task: Task, op: Op, store: Store, hold_video: bool = False) -> None:
        self.task = task
        self.key = task.key
        self.op = op
        self.services = UnitServices(store, task, hold_video)
        self.stage_s: dict[str, float] = {}
        self._store = store
        self._session: FrameSession | None = None

    @property
    def on_frames(self) -> bool:
        """Whether the op works on frames: then its late reads come with ``finish``, all others with ``start``."""
        return isinstance(self.op, FrameOp)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Adds the time that passes inside to a stage."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.stage_s[stage] = self.stage_s.get(stage, 0.0) + time.perf_counter() - began

    def start(self, inputs: Tables) -> FrameNeed | None:
        """Begins a frame op's session. Returns what it needs of the frames; None if it needs none."""
        assert isinstance(self.op, FrameOp)
        with self.timed(self.key.op):
            self._session = self.op.start(self.task.context, inputs, self.services)
        return self.op.frame_need(self.task.context) if self._session.wants_frames else None

    def feed(self, frames: FrameBatch) -> None:
        """Gives frames to the session."""
        assert self._session is not None
        with self.timed(self.key.op):
            self._session.feed(frames)

    def finish(self, inputs: Tables) -> Tables:
        """Returns the op's tables.

        Args:
            inputs: of a frame op the late reads, of a table op all.

        Raises:
            ValueError: the op gives other tables than its spec says.
        """
        with self.timed(self.key.op):
            if self._session is not None:
                tables = self._session.finish(inputs)
            else:
                assert isinstance(self.op, TableOp)
                tables = self.op.run(self.task.context, inputs, self.services)
        if set(tables) != set(self.op.spec.writes):
            raise ValueError(
                f"op {self.op.spec.name} gave {sorted(tables)}, its spec says {sorted(self.op.spec.writes)}"
            )
        return tables

    @arising_in("store")
    def commit(self, tables: Tables, batch: TaskBatch) -> Receipt:
        """Writes the tables, then the receipt that makes them visible.

        Returns:
            The receipt in the store: another worker's if that one committed the same work first.

        Raises:
            TransientError: the store is gone. What were written into its folder now would be hidden by its share later.
        """
        if not self._store.is_present():
            raise TransientError("the store is not there any more; is its share mounted?")
        task, key = self.task, self.key
        with self.timed("commit"):
            written = {
                name: self._store.write_table(
                    name, table, camera=key.camera, date=key.date, unit=key.unit, fingerprint=task.fingerprint
                )
                for name, table in tables.items()
                if table.num_rows
            }
        self.services.count("rows", sum(table.num_rows for table in tables.values()))
        self.services.keep_files()
        return self._store.commit(
            Receipt(
                **key._asdict(),
                version=self.op.spec.version,
                fingerprint=task.fingerprint,
                ingredients=task.ingredients,
                files={name: file for name, (file, _) in written.items()},
                sha256={name: digest for name, (_, digest) in written.items()},
                committed=max(datetime.now(UTC), batch.not_before),
                run_id=batch.run_id,
                wall_s=sum(self.stage_s.values()),
                media_s=sum(segment.duration_s for segment in task.context.segments),
                stage_s=self.stage_s,
                counters=dict(self.services.counters),
            )
        )

    def discard(self) -> None:
        """Frees what the session holds, and removes the files that no receipt may name."""
        try:
            if self._session is not None:
                self._session.abandon()
        finally:
            self.services.discard_files()
