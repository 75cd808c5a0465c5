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
            quarantined; ``transient`` is tried again; ``full`` (no space in the store) stops the run.
        reason: a short stable word: of ``DAMAGE_REASONS``, or the error's type.
        trace: the error's traceback, where it helps to find the cause.
    """

    key: UnitKey
    kind: Literal["footage", "coverage", "bug", "transient", "full"]
    reason: str
    detail: str
    trace: str = ""


@dataclass(frozen=True)
class Outcome:
    """The result of a batch. A unit in neither list was not tried, because one that it reads failed.

    Attributes:
        lost: stretches of footage that could not be decoded, of units that may be committed all the same.
    """

    receipts: tuple[Receipt, ...] = ()
    failures: tuple[Failure, ...] = ()
    lost: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class WorkerSetup:
    """What a worker is made from.

    Attributes:
        archive, store: locations; a folder must have the same path on every worker's machine.
        ops: ops by name, not opened yet, each with its weights.
        cpus: threads that a worker may use.
        hold_video: published video awaits its sign-off.
        max_pixels: limit of frames, as for ``SegmentReader``.
    """

    archive: str
    store: str
    ops: Mapping[str, ReadyOp]
    cpus: int = 1
    hold_video: bool = False
    max_pixels: int = LARGEST_FRAME_PX
