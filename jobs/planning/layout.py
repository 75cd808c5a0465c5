"""Where the units of one camera stand: its segments, footages and days as numbered places, and which place reads which.

Cameras never read each other, so that each is laid out, planned and forgotten on its own. Nothing here is an object a
unit: a place is an index into plain lists.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from hashlib import sha256

import pyarrow as pa

from jobs.planning.fingerprint import cut_texts
from schemas.op import Neighbour, Scope
from schemas.values import DAY_UNIT, Segment
from storage.archive.segments import segment_maker

GAP_US = 1_000_000
"""Segments that are no farther apart than this follow each other: recorders lose some frames between two files."""

SourceIndices = Sequence[Sequence[int]]
"""By place of a reader, the places of the writer that it reads."""


@dataclass(frozen=True)
class ScopeUnits:
    """The units of one scope, by the start of their first segment. The lists are of one length.

    Attributes:
        members: the segments of each, as indices.
        cuts: hash of each one's segments: see ``Unit.cut``.
    """

    dates: Sequence[str]
    units: Sequence[str]
    members: Sequence[Sequence[int]]
    cuts: Sequence[str]

    def __len__(self) -> int:
        return len(self.units)


class CameraLayout:
    """The places of one camera.

    Args:
        camera: its id.
        table: its segments, rows of ``SEGMENT_COLUMNS`` by start and id.

    Attributes:
        footage_ids: by segment.
    """

    def __init__(self, camera: str, table: pa.Table) -> None:
        self.camera = camera
        self._table = table
        self.footage_ids: list[str] = table["footage_id"].to_pylist()
        self._dates: list[str] = table["date"].to_pylist()
        self._follower = followers(table["start_us"].to_pylist(), table["end_us"].to_pylist())
        self._days: dict[str, list[int]] = {}
        for index, day in enumerate(self._dates):
            self._days.setdefault(day, []).append(index)
        self.places = self._places()
        self._reached: dict[tuple[Scope, Scope, Neighbour], SourceIndices] = {}
        self._made: dict[int, Segment] = {}

    def _places(self) -> dict[Scope, ScopeUnits]:
        cuts = [sha256(text.encode()).hexdigest() for text in cut_texts(self._table)]
        single = [(index,) for index in range(len(cuts))]
        footages: dict[str, list[int]] = {}
        for index, footage_id in enumerate(self.footage_ids):
            footages.setdefault(footage_id, []).append(index)
        whole, days = list(footages.values()), list(self._days.values())
        return {
            Scope.SEGMENT: ScopeUnits(self._dates, self._table["segment_id"].to_pylist(), single, cuts),
            Scope.FOOTAGE: ScopeUnits(
                [self._dates[members[0]] for members in whole], list(footages), whole, _joint(cuts, whole)
            ),
            Scope.CAMERA_DAY: ScopeUnits(list(self._days), [DAY_UNIT] * len(days), days, _joint(cuts, days)),
        }

    def segment(self, index: int) -> Segment:
        """A segment as a value."""
        if index not in self._made:
            self._made[index] = self._maker(index)
        return self._made[index]

    def reached(self, reader: Scope, writer: Scope, neighbour: Neighbour) -> SourceIndices:
        """What the places of an op of scope ``reader`` read of an op of scope ``writer``."""
        key = (reader, writer, neighbour)
        if key not in self._reached:
            self._reached[key] = self._reach(reader, writer, neighbour)
        return self._reached[key]

    def _reach(self, reader: Scope, writer: Scope, neighbour: Neighbour) -> SourceIndices:
        places = self.places[reader]
        seen = self._seen(places, neighbour)
        if writer is Scope.SEGMENT:
            return seen
        if writer is reader is Scope.FOOTAGE and neighbour is Neighbour.SELF:
            return [(place,) for place in range(len(places))]
        if writer is reader is Scope.CAMERA_DAY:
            days = [_day_before(day) if neighbour is Neighbour.PREVIOUS_DAY else day for day in places.dates]
            return [(self._day_index[day],) if some else () for day, some in zip(days, seen, strict=True)]
        return [()] * len(places)

    def _seen(self, places: ScopeUnits, neighbour: Neighbour) -> SourceIndices:
        """By place, the segments whose rows a read names."""
        if neighbour is Neighbour.SELF:
            return places.members
        if neighbour is Neighbour.PREVIOUS_DAY:
            return [self._days.get(_day_before(day), ()) for day in places.dates]
        following = [self._follower[members[-1]] for members in places.members]
        return [() if index is None else (index,) for index in following]

    @cached_property
    def _day_index(self) -> dict[str, int]:
        return {day: index for index, day in enumerate(self._days)}

    @cached_property
    def _maker(self) -> Callable[[int], Segment]:
        return segment_maker(self._table)


def followers(starts_us: Sequence[int], ends_us: Sequence[int]) -> list[int | None]:
    """Of each segment of a camera, by start, the index of the one that follows it without a gap, if one does."""
    count = len(starts_us)
    return [
        index + 1 if index + 1 < count and abs(starts_us[index + 1] - end_us) <= GAP_US else None
        for index, end_us in enumerate(ends_us)
    ]


def _joint(cuts: Sequence[str], groups: SourceIndices) -> list[str]:
    return [
        cuts[members[0]] if len(members) == 1 else sha256("".join(cuts[i] for i in members).encode()).hexdigest()
        for members in groups
    ]


def _day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()
