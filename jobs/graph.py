"""The graph of work: which units there are for a site's segments, and which unit reads which.

Pure: from segments and op specs to units. Nothing here knows what is done already.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from schemas.op import OpSpec, Read, Scope, Whose
from schemas.values import DAY_UNIT, Segment

GAP_S = 1.0
"""Segments that are no farther apart than this follow each other: recorders lose some frames between two files."""


class UnitKey(NamedTuple):
    """Names a unit of work."""

    op: str
    camera: str
    date: str
    unit: str


@dataclass(frozen=True)
class Source:
    """One unit whose table another reads."""

    read: Read
    key: UnitKey


@dataclass(frozen=True)
class Unit:
    """A unit of work: an op on a segment, a footage or a camera-day.

    Attributes:
        sources: the units that it reads, in a fixed order.
    """

    key: UnitKey
    scope: Scope
    segments: tuple[Segment, ...]
    sources: tuple[Source, ...]

    @property
    def media_s(self) -> float:
        """Length of the footage behind it, seconds."""
        return sum(segment.duration_s for segment in self.segments)

    @property
    def place(self) -> tuple[str, str, str]:
        """Camera, date and unit: units of one place can share a visit of a worker."""
        return (self.key.camera, self.key.date, self.key.unit)


def following(segments: Iterable[Segment]) -> dict[str, Segment]:
    """By segment id, the segment that follows without a gap on the same camera, also across files and midnight."""
    follows: dict[str, Segment] = {}
    by_camera: dict[str, list[Segment]] = defaultdict(list)
    for segment in segments:
        by_camera[segment.camera].append(segment)
    for row in by_camera.values():
        row.sort(key=lambda segment: (segment.start, segment.segment_id))
        for here, there in pairwise(row):
            if abs((there.start - here.end).total_seconds()) <= GAP_S:
                follows[here.segment_id] = there
    return follows


class _Catalogue:
    """Where a table's rows are written, for every place."""

    def __init__(self, specs: Sequence[OpSpec], segments: Sequence[Segment]) -> None:
        self.writer = {table: spec for spec in specs for table in spec.writes}
        self.follows = following(segments)
        self.by_day: dict[tuple[str, str], list[Segment]] = defaultdict(list)
        self.by_footage: dict[tuple[str, str], list[Segment]] = defaultdict(list)
        for segment in sorted(segments, key=lambda segment: (segment.start, segment.segment_id)):
            self.by_day[segment.camera, segment.date].append(segment)
            self.by_footage[segment.camera, segment.footage_id].append(segment)

    def places(self, scope: Scope) -> Iterator[tuple[str, str, str, tuple[Segment, ...]]]:
        """Camera, date, unit and segments of every unit of a scope."""
        if scope is Scope.CAMERA_DAY:
            for (camera, day), segments in self.by_day.items():
                yield camera, day, DAY_UNIT, tuple(segments)
        elif scope is Scope.FOOTAGE:
            for (camera, footage_id), segments in self.by_footage.items():
                yield camera, segments[0].date, footage_id, tuple(segments)
        else:
            for (camera, day), segments in self.by_day.items():
                for segment in segments:
                    yield camera, day, segment.segment_id, (segment,)

    def sources(self, read: Read, scope: Scope, camera: str, day: str, segments: Sequence[Segment]) -> Iterator[Source]:
        """The units that a read of a unit at this place names."""
        writer = self.writer.get(read.table)
        if writer is None:
            return
        if read.whose is Whose.NEXT:
            follower = self.follows.get(segments[-1].segment_id)
            segments = [follower] if follower else []
        elif read.whose is Whose.PREVIOUS_DAY:
            day = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
            segments = self.by_day.get((camera, day), [])
        if writer.scope is Scope.SEGMENT:
            for segment in segments:
                yield Source(read, UnitKey(writer.name, camera, segment.date, segment.segment_id))
        elif writer.scope is scope is Scope.CAMERA_DAY and segments:
            yield Source(read, UnitKey(writer.name, camera, day, DAY_UNIT))


def build_graph(segments: Sequence[Segment], specs: Sequence[OpSpec]) -> dict[UnitKey, Unit]:
    """Every unit of every op, each after the ones that it reads.

    Args:
        segments: of all cameras and days; a table that no op among ``specs`` writes is read as empty.
        specs: in pipeline order.
    """
    catalogue = _Catalogue(specs, segments)
    graph: dict[UnitKey, Unit] = {}
    for spec in specs:
        for camera, day, name, members in catalogue.places(spec.scope):
            sources = tuple(
                source for read in spec.reads for source in catalogue.sources(read, spec.scope, camera, day, members)
            )
            key = UnitKey(spec.name, camera, day, name)
            graph[key] = Unit(key, spec.scope, members, sources)
    return graph


def dependents(graph: Mapping[UnitKey, Unit]) -> dict[UnitKey, list[UnitKey]]:
    """By unit, the units that read it, without repeats."""
    readers: dict[UnitKey, dict[UnitKey, None]] = defaultdict(dict)
    for unit in graph.values():
        for source in unit.sources:
            readers[source.key][unit.key] = None
    return {key: list(names) for key, names in readers.items()}


@dataclass(frozen=True)
class Selection:
    """What a user asked for; an empty field means all.

    Attributes:
        first, last: local dates, both included.
        ops: these, and what they read that is not there yet.
    """

    cameras: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None
    ops: tuple[str, ...] = ()

    def wants(self, key: UnitKey) -> bool:
        """Whether the user asked for this unit."""
        return (
            (not self.cameras or key.camera in self.cameras)
            and (self.first is None or key.date >= self.first.isoformat())
            and (self.last is None or key.date <= self.last.isoformat())
            and (not self.ops or key.op in self.ops)
        )


def select(graph: Mapping[UnitKey, Unit], selection: Selection) -> dict[UnitKey, Unit]:
    """The units asked for and everything that they cannot do without, in the graph's order."""
    wanted = {key for key in graph if selection.wants(key)}
    for key in reversed(list(graph)):
        if key in wanted:
            wanted.update(source.key for source in graph[key].sources if source.read.required)
    return {key: unit for key, unit in graph.items() if key in wanted}
