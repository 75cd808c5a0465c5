"""The simplest model of a site over time, for ``test_plan_machine``: units, their versions, and their states."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import pyarrow as pa

from jobs.planning.graph import Selection, UnitKey
from jobs.planning.unit_status import State
from schemas.op import Read, Scope
from schemas.values import UNIT_TAG_DIGITS, Segment
from tests.jobs.pipeline import COUNTS, LINK, TRACK, Detect, tiny_op
from tests.jobs.planning.test_plan_reference import Reference
from tests.storage.rows import make_rows
from tests.storage.watched import Contents
from tests.support.fakes import make_segment

# With footage scope: it requires tracklets, so it is blocked when they are blocked by purged detections.
INTERACTIONS = tiny_op("interactions", Scope.FOOTAGE, [Read("tracklets")], ["interactions"])
OPS = {op.spec.name: op for op in (Detect, TRACK, LINK, COUNTS, INTERACTIONS)}
SEGMENTS_OF = {"cam1": 2, "cam2": 1}
DATES = ("2026-02-27", "2026-02-28", "2026-03-01")


def _segments(camera: str, date: str) -> list[Segment]:
    noon = datetime.fromisoformat(f"{date}T12:00:00+00:00")
    name = f"{camera}-{date}"
    whole = [make_segment(index, start=noon, camera=camera) for index in range(SEGMENTS_OF[camera])]
    return [replace(each, footage_id=name, segment_id=f"{name}-{each.index}", date=date) for each in whole]


SEGMENTS = [segment for camera in SEGMENTS_OF for date in DATES for segment in _segments(camera, date)]


@dataclass(frozen=True)
class Ingredients:
    """What a version of a unit is made from: its parameter, and the model's fingerprints of what it reads."""

    fingerprint: str
    knob: int
    reads: frozenset[str]

    def changes(self, key: UnitKey, new: "Ingredients") -> str:
        """Returns the reason for which this version is stale; each of the ops here reads one other."""
        read = {"track": "detect", "link": "track", "counts": "link", "interactions": "track"}.get(key.op)
        params = [f"params: value {self.knob} → {new.knob}"] if self.knob != new.knob else []
        return ", ".join([*params, *([f"reads {read}"] if self.reads != new.reads else [])])


@dataclass(frozen=True)
class Version:
    """A committed version of a unit, with the program's fingerprint and the model's ingredients."""

    unit: UnitKey
    fingerprint: str
    ingredients: Ingredients

    @property
    def tables(self) -> Mapping[str, pa.Table]:
        """Rows that only this version has; some versions have none."""
        return _rows_of(self.unit, self.fingerprint)


@lru_cache(maxsize=4096)
def _rows_of(key: UnitKey, fingerprint: str) -> Mapping[str, pa.Table]:
    first = int(fingerprint[:6], 16)
    return {name: make_rows(name, first % 3, key.camera, first) for name in OPS[key.op].spec.writes}


class ReferencePlanner(Reference):
    """The states of all units, given what is committed and what was purged, one unit at a time.

    Args:
        newest: by unit, its live version.
        done: the model's fingerprints of every committed version.
        purged_versions: by unit, the fingerprints of its purged versions, the last purged and newest of them last.
        redo_purged: redo purged work.
    """

    def __init__(
        self,
        knobs: Mapping[str, int],
        newest: Mapping[UnitKey, Version],
        done: Collection[str],
        purged_versions: Mapping[UnitKey, Sequence[str]],
        redo_purged: bool,
    ) -> None:
        super().__init__(list(OPS.values()), dict(knobs), SEGMENTS, Selection())
        self.newest, self.done = newest, set(done)
        self.purged_versions = {} if redo_purged else purged_versions
        self.purged: set[UnitKey] = set()
        self.found = {key: self.status(key) for key in self.units}

    def status(self, key: UnitKey) -> tuple[State, str]:
        """Returns a unit's state, and the reason if it is to do; its sources have been assessed before."""
        blocked = any(read.required and source in self.lost for read, source in self.reads(key))
        for without in (set(), self.purged):
            if blocked and without:
                break
            self.fingerprints[key] = self.ingredients_of(key, without).fingerprint
            if self.fingerprints[key] in self.done and not blocked:
                return State.DONE, ""
            if self.fingerprints[key] in self.purged_versions.get(key, ()):
                self.purged.add(key)
                return State.PURGED, ""
        if self.purged_versions.get(key) and key not in self.newest:
            self.fingerprints[key] = self.purged_versions[key][-1]
            self.purged.add(key)
            return State.PURGED, ""
        if blocked or any(read.required and source in self.purged for read, source in self.reads(key)):
            self.lost.add(key)
            return State.BLOCKED, ""
        if key in self.newest:
            return State.STALE, self.newest[key].ingredients.changes(key, self.ingredients_of(key, self.purged))
        return State.MISSING, "never done"

    def ingredients_of(self, key: UnitKey, without: Collection[UnitKey]) -> Ingredients:
        """Returns what a unit is made from now, if some others cannot be read."""
        knob = self.knobs.get(key.op, 1)
        reads = {
            (read.neighbour, self.fingerprints[source])
            for read, source in self.reads(key)
            if source not in self.lost and source not in without
        }
        fingerprint = str(hash((key, knob, frozenset(reads))))
        return Ingredients(fingerprint, knob, frozenset(source for _, source in reads))

    def superseded(self) -> list[UnitKey]:
        """Returns finished units of which another version is live."""
        done = [key for key, (state, _) in self.found.items() if state is State.DONE]
        return [key for key in done if self.newest[key].ingredients.fingerprint != self.fingerprints[key]]


class Moment(NamedTuple):
    """A time, the versions that were live then, and the number of units that had been purged by then."""

    until: datetime
    live: set[Version]
    purged: int


def expected_rows(live: Collection[Version]) -> Contents:
    """Returns every row that readers must get."""
    found: Contents = {}
    for version in live:
        day = datetime.fromisoformat(version.unit.date).date()
        for name, table in version.tables.items():
            if table.num_rows:
                rows = zip(*table.to_pydict().values(), strict=True)
                found.setdefault(name, Counter()).update(
                    (*row, version.fingerprint[:UNIT_TAG_DIGITS], day) for row in rows
                )
    return found


def without_units(rows: Contents, tags: Collection[str]) -> Contents:
    """Returns the rows without those of some units, given by their unit tags."""
    left = {name: Counter({row: n for row, n in kept.items() if row[-2] not in tags}) for name, kept in rows.items()}
    return {name: kept for name, kept in left.items() if kept}
