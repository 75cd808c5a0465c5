"""The messages between the driver and its workers. All are small, frozen and picklable."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from jobs.planning.configure import ReadyOp
from jobs.planning.graph import UnitKey
from schemas.op import Read
from schemas.values import LARGEST_FRAME_PX, Receipt, UnitContext, UnitFile

EARLIEST = datetime.min.replace(tzinfo=UTC)

STEP_LIMIT_S = 600.0
"""Seconds that one step of a worker may take, beside what the length of its footage adds: a share that is gone for five
minutes must not look like a decoder that hangs."""


@dataclass(frozen=True)
class TaskInput:
    """Where a worker finds the rows of one read of an op.

    Attributes:
        files: with committed rows.
        units: units of the same batch that give the other rows.
        missing: required units without a result: the plan should have blocked the task, and the worker fails it.
    """

    read: Read
    files: tuple[UnitFile, ...]
    units: tuple[UnitKey, ...]
    missing: tuple[UnitKey, ...] = ()


@dataclass(frozen=True)
class Task:
    """One unit of work with everything that a worker needs to know of it."""

    key: UnitKey
    fingerprint: str
    ingredients: dict[str, str]
    context: UnitContext
    inputs: tuple[TaskInput, ...]


@dataclass(frozen=True)
class TaskBatch:
    """Tasks of one partition for one worker, in order.

    Attributes:
        number: unique within the run.
        not_before: earliest time of commit, whatever the worker's clock says: see ``jobs.engine.run_clock``.
    """

    number: int
    run_id: str
    tasks: tuple[Task, ...]
    attempt: int = 1
    not_before: datetime = EARLIEST


@dataclass(frozen=True)
class Failure:
    """A unit that failed.

    Attributes:
        kind: ``footage`` (damaged or unreadable), ``coverage`` (covering cannot be vouched for) and ``bug`` are
            quarantined; ``transient`` and ``lost`` (its worker ended) are tried again a few times; ``away`` (the
            archive or the store does not answer) waits; ``full`` (no space left) stops the run.
        reason: a short stable word: of ``DAMAGE_REASONS``, or the error's type.
        trace: the error's traceback, where it helps to find the cause.
    """

    key: UnitKey
    kind: Literal["footage", "coverage", "bug", "transient", "lost", "away", "full"]
    reason: str
    detail: str
    trace: str = ""


@dataclass(frozen=True)
class Outcome:
    """The result of a batch. A unit in neither list was not tried, because one that it reads failed.

    Attributes:
        lost: stretches of footage that could not be decoded, of units that may be committed all the same.
        resident_bytes: memory of the worker's process at the end.
    """

    receipts: tuple[Receipt, ...] = ()
    failures: tuple[Failure, ...] = ()
    lost: tuple[Failure, ...] = ()
    resident_bytes: int = 0


Cause = Literal["died", "memory", "hung", "node"]
"""Why a worker ended: its process died, was killed for its memory, made no progress, or its machine was lost."""


@dataclass(frozen=True)
class LostWorker:
    """A worker that ended in the middle of a batch. What it has committed is in the store.

    Attributes:
        detail: one line.
        working_on: the units that it worked on; none if its notes cannot be read.
        decoding: whether it was decoding footage for these units.
        stacks: of all its threads, where it hung.
    """

    detail: str
    cause: Cause = "died"
    working_on: tuple[UnitKey, ...] = ()
    decoding: bool = False
    stacks: str = ""


@dataclass(frozen=True)
class WorkerSetup:
    """What a worker is made from.

    Attributes:
        archive, store: locations; a folder must have the same path on every worker's machine.
        ops: ops by name, not opened yet, each with its weights.
        cpus: threads that a worker may use.
        hold_video: published video awaits its sign-off.
        max_pixels: limit of frames, as for ``SegmentReader``.
        step_limit_s: seconds without progress after which a worker ends itself, see ``crash_notes.limit_s``.
        folders: right below the archive, in which the run's scan found files, see ``away.find_away``.
    """

    archive: str
    store: str
    ops: Mapping[str, ReadyOp]
    cpus: int = 1
    hold_video: bool = False
    max_pixels: int = LARGEST_FRAME_PX
    step_limit_s: float = STEP_LIMIT_S
    folders: frozenset[str] = frozenset()
