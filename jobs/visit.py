"""What the driver and its workers say to each other. All of it is small, and pickles."""

from dataclasses import dataclass
from pathlib import Path

from jobs.graph import UnitKey
from schemas.op import Op, Read
from schemas.values import ModelFile, Receipt, UnitContext


@dataclass(frozen=True)
class Input:
    """Where a worker finds a table that an op reads.

    Attributes:
        files: committed files below the store.
        units: units of the same visit that write the rest of it.
    """

    read: Read
    files: tuple[str, ...]
    units: tuple[UnitKey, ...]


@dataclass(frozen=True)
class UnitOrder:
    """One unit to be done, with everything that the worker needs to know of it."""

    key: UnitKey
    fingerprint: str
    ingredients: dict[str, str]
    context: UnitContext
    inputs: tuple[Input, ...]


@dataclass(frozen=True)
class Visit:
    """Units of one place that a worker does in one go, in order; frame ops among them share a decode where they can."""

    number: int
    run_id: str
    orders: tuple[UnitOrder, ...]
    attempt: int = 1


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
    """What became of a visit. A unit that is in neither list was not tried, because one that it reads failed.

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
        archive, store: folders, which every worker's machine must see under the same path.
        ops: ops by name, not yet opened, each with its weights.
        cpus: threads that a worker may use.
    """

    archive: Path
    store: Path
    ops: dict[str, tuple[Op, ModelFile | None]]
    cpus: int = 1
