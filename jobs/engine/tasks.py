"""What the driver and its workers say to each other. All of it is small, and pickles."""

from dataclasses import dataclass
from datetime import UTC, datetime

from jobs.planning.graph import UnitKey
from schemas.op import Models, Op, Read
from schemas.values import Receipt, UnitContext, UnitFile

EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Input:
    """Where a worker finds a table that an op reads.

    Attributes:
        files: where committed rows stand.
        units: units of the same batch that write the rest of it.
    """

    read: Read
    files: tuple[UnitFile, ...]
    units: tuple[UnitKey, ...]


@dataclass(frozen=True)
class Task:
    """One unit to be done, with everything that the worker needs to know of it."""

    key: UnitKey
    fingerprint: str
    ingredients: dict[str, str]
    context: UnitContext
    inputs: tuple[Input, ...]


@dataclass(frozen=True)
class TaskBatch:
    """Units of one place that a worker does in one go, in order; frame ops among them share a decode where they can.

    Attributes:
        not_before: the least time of commit, whatever the worker's clock says: see ``jobs.engine.run_clock``.
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
        kind: ``footage``, ``coverage`` or ``bug``: set aside; ``transient``: tried again; ``full``: the run stops.
    """

    key: UnitKey
    kind: str
    reason: str
    detail: str
    trace: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a batch. A unit that is in neither list was not tried, because one that it reads failed.

    Attributes:
        lost: stretches of footage that could not be decoded, of units that were committed all the same.
    """

    receipts: tuple[Receipt, ...] = ()
    failures: tuple[Failure, ...] = ()
    lost: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class WorkerSetup:
    """What a worker is made from.

    Attributes:
        archive, store: where they are; a folder must stand under the same path on every worker's machine.
        ops: ops by name, not yet opened, each with its weights.
        cpus: threads that a worker may use.
    """

    archive: str
    store: str
    ops: dict[str, tuple[Op, Models]]
    cpus: int = 1
