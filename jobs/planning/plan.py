"""What would run, and why: every unit asked for is done, missing, stale, quarantined, blocked or purged."""

import gc
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from jobs.planning.camera_planner import CameraPlanner, PlanBuilder, PlanContext
from jobs.planning.configure import ReadySite
from jobs.planning.fingerprint import Bases, Fingerprints
from jobs.planning.graph import Selection, Unit, UnitKey, dependencies_of, needed_ops
from jobs.planning.layout import CameraLayout
from jobs.planning.ledger import Ledger
from jobs.planning.unit_status import State, UnitStatus
from schemas.errors import SelectionError
from storage.archive.segments import Segments

__all__ = ["FIRST_GUESS_S", "Plan", "State", "UnitStatus", "make_plan"]

FIRST_GUESS_S = 0.05
"""Seconds of work a second of footage and op, before any run has measured it."""


@dataclass(frozen=True)
class Plan:
    """The work of a selection. What is done already is counted only.

    Attributes:
        units: those asked for that are neither done nor purged, with what is brought along for them, camera by camera
            in pipeline order.
        standing: of ``units``, and of those that were purged.
        done: by op, how many units asked for were done when the plan was made.
        hidden: which of those, by their fingerprints, newer work under other parameters hides from readers.
        rates: seconds of work a second of footage, by op, as past runs measured it.
    """

    ready: ReadySite
    units: Mapping[UnitKey, Unit]
    statuses: Mapping[UnitKey, UnitStatus]
    done: Mapping[str, int]
    superseded: Sequence[tuple[UnitKey, str]]
    fingerprints: Fingerprints
    ledger: Ledger
    rates: Mapping[str, float]

    @property
    def to_do(self) -> list[UnitKey]:
        """Units that would run."""
        return [key for key, status in self.statuses.items() if status.to_do]

    def work_s(self, key: UnitKey) -> float:
        """Estimated seconds of work of a unit, on one worker."""
        return self.units[key].media_s * self.rates.get(key.op, FIRST_GUESS_S)

    def estimate_s(self, workers: int) -> float:
        """Estimated seconds until everything to do is done."""
        return sum(map(self.work_s, self.to_do)) / max(workers, 1)

    def unit_counts(self) -> dict[str, Counter[State]]:
        """By op, in pipeline order, how many units are in which state."""
        tally: dict[str, Counter[State]] = {op: Counter() for op in self.ready.ops}
        for op, units in self.done.items():
            tally[op][State.DONE] += units
        for key, standing in self.statuses.items():
            tally[key.op][standing.state] += 1
        return {op: +states for op, states in tally.items() if states.total()}

    def reasons(self) -> dict[str, Counter[str]]:
        """By op, the reasons of what would run or cannot, with how many units each has."""
        whys: dict[str, Counter[str]] = defaultdict(Counter)
        for key, standing in self.statuses.items():
            if standing.reason:
                whys[key.op][standing.reason] += 1
        return dict(whys)


def make_plan(ready: ReadySite, segments: Segments, ledger: Ledger, selection: Selection, retry: bool = False) -> Plan:
    """Plans a selection.

    Args:
        segments: of the whole site, as scan cut them.
        retry: try quarantined units again.

    Raises:
        SelectionError: a camera or op that does not exist.
    """
    cameras = segments.cameras()
    _check(selection, ready, cameras)
    specs = [op.op.spec for op in ready.ops.values()]
    feeds = dependencies_of(specs)
    wanted = selection.wanted_ops(feeds)
    bases = Bases(ready.ops, ready.site.config.camera_view, ready.features_of, ready.site.config.crs)
    terms = PlanContext(
        ops={name: ready.ops[name] for name in needed_ops(wanted, feeds)},
        feeds=feeds,
        wanted=wanted,
        writers={table: spec.name for spec in specs for table in spec.writes},
        bases=bases,
        ledger=ledger,
        selection=selection,
        retry=retry,
    )
    found = PlanBuilder()
    with _no_garbage():
        for camera, table in cameras.items():
            if selection.wants_camera(camera):
                CameraPlanner(terms, CameraLayout(camera, table), found).run()
    prints = Fingerprints(found.units, bases, feeds, found.prints)
    return Plan(ready, found.units, found.statuses, found.done, found.superseded, prints, ledger, ledger.rates())


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Keeps Python from looking for garbage, again and again, among values that all stay: a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _check(selection: Selection, ready: ReadySite, seen: Mapping[str, object]) -> None:
    cameras = {*seen, *(camera.id for camera in ready.site.config.cameras)}
    for camera in selection.cameras:
        if camera not in cameras:
            raise SelectionError(f"--camera {camera}: no such camera; there are {', '.join(sorted(cameras)) or 'none'}")
    for op in selection.ops:
        if op not in ready.ops:
            raise SelectionError(f"--ops {op}: no such op, or it is off; there are {', '.join(ready.ops)}")
    if selection.first and selection.last and selection.first > selection.last:
        raise SelectionError(f"--from {selection.first} is after --to {selection.last}")
