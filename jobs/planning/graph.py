"""Vocabulary of planning: units of work, which units each reads, and what a user selects."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from schemas.camera_ids import camera_id
from schemas.op import Neighbour, OpSpec, Read, Scope
from schemas.values import Segment


class UnitKey(NamedTuple):
    """Name of a unit of work."""

    op: str
    camera: str
    date: str
    unit: str

    @property
    def partition(self) -> tuple[str, str, str]:
        """Camera, date and unit. One worker can do the units of a partition together; runs claim whole partitions."""
        return (self.camera, self.date, self.unit)


class Dependency(NamedTuple):
    """All that an op reads of another op's units in one relation.

    It covers all tables at once: a unit's tables are committed together, so they have one fingerprint.

    Attributes:
        writer: the op that writes the tables.
        neighbour: which of its units are read.
        required: whether any of the reads is required.
        build_if_missing: whether a plan for the reader includes the writer's units that are missing.
    """

    writer: str
    neighbour: Neighbour
    required: bool
    build_if_missing: bool


@dataclass(frozen=True)
class Source:
    """A unit whose table another unit reads."""

    read: Read
    key: UnitKey


@dataclass(frozen=True)
class Unit:
    """A unit of work: one op on a segment, a footage file or a camera-day.

    Attributes:
        cut: hash of the footage that the unit covers: content, recording time, and where it is cut.
        sources: the units that it reads, in a fixed order.
    """

    key: UnitKey
    scope: Scope
    cut: str
    segments: tuple[Segment, ...]
    sources: tuple[Source, ...]

    @property
    def media_s(self) -> float:
        """Duration of the footage behind the unit, seconds."""
        return sum(segment.duration_s for segment in self.segments)


def dependencies_of(specs: Iterable[OpSpec]) -> dict[str, tuple[Dependency, ...]]:
    """Returns the dependencies of each op, in the order of its reads; a table that no op writes gives none."""
    specs = list(specs)
    writers = {table: spec.name for spec in specs for table in spec.writes}
    dependencies: dict[str, tuple[Dependency, ...]] = {}
    for spec in specs:
        found: dict[tuple[str, Neighbour], Dependency] = {}
        for read in spec.reads:
            if read.table in writers:
                name = (writers[read.table], read.neighbour)
                known = found.get(name, Dependency(*name, required=False, build_if_missing=False))
                required = known.required or read.required
                build = known.build_if_missing or required or read.build_if_missing
                found[name] = Dependency(*name, required, build)
        dependencies[spec.name] = tuple(found.values())
    return dependencies


def dependents(units: Mapping[UnitKey, Unit]) -> dict[UnitKey, list[UnitKey]]:
    """Returns, by unit, the units that read it, without repeats."""
    readers: dict[UnitKey, dict[UnitKey, None]] = defaultdict(dict)
    for unit in units.values():
        for source in unit.sources:
            readers[source.key][unit.key] = None
    return {key: list(names) for key, names in readers.items()}


@dataclass(frozen=True)
class Selection:
    """What a user selects; an empty field means all.

    Attributes:
        cameras: ids; names as in the paths of files become ids.
        first, last: local dates, both included.
        ops: these, and what they read that is missing.
        readers: also the ops that read the selected ones, on the same cameras and dates.
        purged: redo purged work.
    """

    cameras: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None
    ops: tuple[str, ...] = ()
    readers: bool = False
    purged: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "cameras", tuple(map(camera_id, self.cameras)))

    def wants_camera(self, camera: str) -> bool:
        """Returns whether this camera is selected."""
        return not self.cameras or camera in self.cameras

    def wants_date(self, day: str) -> bool:
        """Returns whether this local date, ``YYYY-MM-DD``, is selected."""
        return (self.first is None or day >= self.first.isoformat()) and (
            self.last is None or day <= self.last.isoformat()
        )

    def wanted_ops(self, dependencies: Mapping[str, Iterable[Dependency]]) -> set[str]:
        """Returns the selected ops.

        Args:
            dependencies: by op, in pipeline order.
        """
        wanted = set(self.ops or dependencies)
        if self.readers:
            # In pipeline order, so that readers of readers are included too.
            for op, reads in dependencies.items():
                if any(dependency.writer in wanted for dependency in reads):
                    wanted.add(op)
        return wanted


def needed_ops(wanted: Iterable[str], dependencies: Mapping[str, Iterable[Dependency]]) -> list[str]:
    """Returns these ops and all that they read, directly or not, in pipeline order."""
    needed = set(wanted)
    for op in reversed(list(dependencies)):
        if op in needed:
            needed.update(dependency.writer for dependency in dependencies[op])
    return [op for op in dependencies if op in needed]
