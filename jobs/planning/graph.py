"""The words of planning: units of work, what each reads, and what a user asked for."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from schemas.op import Neighbour, OpSpec, Read, Scope
from schemas.values import Segment


class UnitKey(NamedTuple):
    """Names a unit of work."""

    op: str
    camera: str
    date: str
    unit: str


class Dependency(NamedTuple):
    """What an op reads of another: all tables at once, since a unit's tables stand and fall together.

    Attributes:
        writer: the op that writes what is read.
        required: whether any of the reads is.
        brought: whether it is made along with who reads it: what is required is, and what is sought.
    """

    writer: str
    neighbour: Neighbour
    required: bool
    brought: bool


@dataclass(frozen=True)
class Source:
    """One unit whose table another reads."""

    read: Read
    key: UnitKey


@dataclass(frozen=True)
class Unit:
    """A unit of work: an op on a segment, a footage or a camera-day.

    Attributes:
        cut: hash of which footage it covers, where it is cut, and when it was taken.
        sources: the units that it reads, in a fixed order.
    """

    key: UnitKey
    scope: Scope
    cut: str
    segments: tuple[Segment, ...]
    sources: tuple[Source, ...]

    @property
    def media_s(self) -> float:
        """Length of the footage behind it, seconds."""
        return sum(segment.duration_s for segment in self.segments)

    @property
    def partition(self) -> tuple[str, str, str]:
        """Camera, date and unit: units of one place can share a visit of a worker."""
        return (self.key.camera, self.key.date, self.key.unit)


def dependencies_of(specs: Iterable[OpSpec]) -> dict[str, tuple[Dependency, ...]]:
    """By op, what it reads of which op, in the order of its reads; a table that no op writes is read as empty."""
    specs = list(specs)
    writers = {table: spec.name for spec in specs for table in spec.writes}
    feeds: dict[str, tuple[Dependency, ...]] = {}
    for spec in specs:
        found: dict[tuple[str, Neighbour], Dependency] = {}
        for read in spec.reads:
            if read.table in writers:
                name = (writers[read.table], read.neighbour)
                former = found.get(name, Dependency(*name, required=False, brought=False))
                required = former.required or read.required
                found[name] = Dependency(*name, required, former.brought or required or read.build_if_missing)
        feeds[spec.name] = tuple(found.values())
    return feeds


def dependents(units: Mapping[UnitKey, Unit]) -> dict[UnitKey, list[UnitKey]]:
    """By unit, the units that read it, without repeats."""
    readers: dict[UnitKey, dict[UnitKey, None]] = defaultdict(dict)
    for unit in units.values():
        for source in unit.sources:
            readers[source.key][unit.key] = None
    return {key: list(names) for key, names in readers.items()}


@dataclass(frozen=True)
class Selection:
    """What a user asked for; an empty field means all.

    Attributes:
        first, last: local dates, both included.
        ops: these, and what they read that is not there yet.
        readers: also the ops that read those asked for, on the same cameras and dates.
        purged: do again what was purged.
    """

    cameras: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None
    ops: tuple[str, ...] = ()
    readers: bool = False
    purged: bool = False

    def wants_camera(self, camera: str) -> bool:
        """Whether the user asked for this camera."""
        return not self.cameras or camera in self.cameras

    def wants_date(self, day: str) -> bool:
        """Whether the user asked for this local date, ``YYYY-MM-DD``."""
        return (self.first is None or day >= self.first.isoformat()) and (
            self.last is None or day <= self.last.isoformat()
        )

    def wanted_ops(self, feeds: Mapping[str, Iterable[Dependency]]) -> set[str]:
        """The ops that the user asked for, of those in ``feeds``, which stand in pipeline order."""
        wanted = set(self.ops or feeds)
        if self.readers:
            for op, its_feeds in feeds.items():
                if any(feed.writer in wanted for feed in its_feeds):
                    wanted.add(op)
        return wanted


def needed_ops(wanted: Iterable[str], feeds: Mapping[str, Iterable[Dependency]]) -> list[str]:
    """These ops and all that they read, directly or not, in pipeline order."""
    needed = set(wanted)
    for op in reversed(list(feeds)):
        if op in needed:
            needed.update(feed.writer for feed in feeds[op])
    return [op for op in feeds if op in needed]
