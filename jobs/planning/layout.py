"""The units of one camera as columns, and which units each reads.

Only cameras that see the same ground read each other, so each such group is laid out, planned and forgotten on its own.
A year of two hundred cameras is a million units, so here a unit is no object: it is an index into
plain lists, its *unit index*.
See docs/decisions/0010-a-plan-of-a-million-units.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property
from hashlib import sha256

import pyarrow as pa

from jobs.planning.fingerprint import cut_texts
from schemas.op import Neighbour, Scope
from schemas.values import DAY_UNIT, Segment
from storage.archive.segments import segment_maker

GAP_US = 1_000_000
"""Largest gap between two segments that follow each other: recorders lose some frames between two files."""

SourceIndices = Sequence[Sequence[int]]
"""By unit index of a reader, the unit indices of the writer that it reads."""


@dataclass(frozen=True)
class ScopeUnits:
    """The units of one scope as columns of one length, by the start of their first segment.

    Attributes:
        segments: by unit, the indices of its segments.
        cuts: by unit, the hash of its segments: see ``Unit.cut``.
    """

    dates: Sequence[str]
    unit_ids: Sequence[str]
    segments: Sequence[Sequence[int]]
    cuts: Sequence[str]

    def __len__(self) -> int:
        return len(self.unit_ids)


class CameraLayout:
    """The units of one camera, in every scope.

    Args:
        camera: its id.
        table: its segments, rows of ``SEGMENT_COLUMNS`` by start and id.

    Attributes:
        footage_ids: by segment.
        units: by scope.
    """

    def __init__(self, camera: str, table: pa.Table) -> None:
        self.camera = camera
        self._table = table
        self.footage_ids: list[str] = table["footage_id"].to_pylist()
        self._dates: list[str] = table["date"].to_pylist()
        next_starts_us, ends_us = table["start_us"].to_pylist()[1:], table["end_us"].to_pylist()
        # By segment, the index of the one that follows it without a gap; the last one has none.
        self._following: list[tuple[int, ...]] = [
            (index,) if abs(start_us - end_us) <= GAP_US else ()
            for index, (start_us, end_us) in enumerate(zip(next_starts_us, ends_us, strict=False), 1)
        ]
        self._following.append(())
        self._days: dict[str, list[int]] = {}
        for index, day in enumerate(self._dates):
            self._days.setdefault(day, []).append(index)
        self.units = self._build_units()
        self._sources: dict[tuple[Scope, Scope, Neighbour], SourceIndices] = {}

    def _build_units(self) -> dict[Scope, ScopeUnits]:
        cuts = [sha256(text.encode()).hexdigest() for text in cut_texts(self._table)]
        single = [(index,) for index in range(len(cuts))]
        files: dict[str, list[int]] = {}
        for index, footage_id in enumerate(self.footage_ids):
            files.setdefault(footage_id, []).append(index)
        whole, days = list(files.values()), list(self._days.values())
        return {
            Scope.SEGMENT: ScopeUnits(self._dates, self._table["segment_id"].to_pylist(), single, cuts),
            Scope.FOOTAGE: ScopeUnits(
                [self._dates[segments[0]] for segments in whole], list(files), whole, _joint_cuts(cuts, whole)
            ),
            Scope.CAMERA_DAY: ScopeUnits(list(self._days), [DAY_UNIT] * len(days), days, _joint_cuts(cuts, days)),
        }

    @cached_property
    def segment(self) -> Callable[[int], Segment]:
        """Returns a segment as a value, given its index; the columns are converted only if one is asked for."""
        return cache(segment_maker(self._table))

    def source_indices(self, reader: Scope, writer: Scope, neighbour: Neighbour) -> SourceIndices:
        """Returns which units of scope ``writer`` the units of scope ``reader`` read."""
        key = (reader, writer, neighbour)
        if key not in self._sources:
            self._sources[key] = self._find_sources(reader, writer, neighbour)
        return self._sources[key]

    def _find_sources(self, reader: Scope, writer: Scope, neighbour: Neighbour) -> SourceIndices:
        units = self.units[reader]
        segments = self._segments_read(units, neighbour)
        if writer is Scope.SEGMENT:
            return segments
        if writer is reader is Scope.FOOTAGE and neighbour is Neighbour.SELF:
            return [(index,) for index in range(len(units))]
        if writer is reader is Scope.CAMERA_DAY:
            # A day without segments has no unit, and so no index.
            days = [_day_before(day) if neighbour is Neighbour.PREVIOUS_DAY else day for day in units.dates]
            return [(self._day_index[day],) if some else () for day, some in zip(days, segments, strict=True)]
        return [()] * len(units)  # nothing reads from a coarser scope than its own

    def _segments_read(self, units: ScopeUnits, neighbour: Neighbour) -> SourceIndices:
        """Returns, by unit, the segments that a read refers to."""
        if neighbour is Neighbour.SELF:
            return units.segments
        if neighbour is Neighbour.PREVIOUS_DAY:
            return [self._days.get(_day_before(day), ()) for day in units.dates]
        return [self._following[segments[-1]] for segments in units.segments]

    @cached_property
    def _day_index(self) -> dict[str, int]:
        return {day: index for index, day in enumerate(self._days)}


def _joint_cuts(cuts: Sequence[str], groups: SourceIndices) -> list[str]:
    return [
        cuts[group[0]] if len(group) == 1 else sha256("".join(cuts[index] for index in group).encode()).hexdigest()
        for group in groups
    ]


def _day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()
