"""The plan: what a run would do, and why. Every selected unit is done, missing, stale, quarantined, blocked or purged.

See docs/decisions/0010-a-plan-of-a-million-units.md.
"""

import gc
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain

import pyarrow as pa

from jobs.planning.camera_planner import PlanBuilder, PlanContext, plan_group
from jobs.planning.configure import ReadySite
from jobs.planning.graph import Selection, Unit, UnitKey, dependencies_of, needed_ops
from jobs.planning.layout import CameraLayout
from jobs.planning.ledger import Ledger
from jobs.planning.unit_status import State, UnitStatus, without_ids
from schemas.errors import SelectionError
from storage.archive.segments import split_by_camera

FIRST_RATES = {"anonymize": 0.7, "detect": 0.35, "second_look": 0.12, "background": 0.02, "view_motion": 0.02}
"""Assumed seconds of work per second of footage by op, until a run has measured it: 720 x 480 pixels at 30 frames per
second took 1.15 s on one core in all (docs/benchmarks.md), shared as on two clips of 480 x 360 and 768 x 432."""

DEFAULT_RATE = 0.005
"""The same for all other ops."""


@dataclass(frozen=True)
class Plan:
    """The work of a selection, as it was when the plan was made. It never changes: see ``UnitStates``.

    Attributes:
        units: the selected units that are neither done nor purged, and those that are built along with them, each
            camera's in pipeline order.
        statuses: of ``units``, and of the selected units that were purged.
        done: by op, the number of selected units that are done. Nothing else is kept of them.
        superseded: which of those are done by their fingerprint, while readers get newer work under other parameters.
        fingerprints: of ``units``, and of the finished units that they read; a unit without one will have no result.
        rates: by op, seconds of work per second of footage, as past runs measured it.
        camera_rates: the same by op and camera, where past runs had enough footage of it.
    """

    ready: ReadySite
    units: Mapping[UnitKey, Unit]
    statuses: Mapping[UnitKey, UnitStatus]
    done: Mapping[str, int]
    superseded: Sequence[tuple[UnitKey, str]]
    fingerprints: Mapping[UnitKey, str]
    ledger: Ledger
    rates: Mapping[str, float]
    camera_rates: Mapping[tuple[str, str], float] = field(default_factory=dict)

    @property
    def to_do(self) -> list[UnitKey]:
        """Units that a run would work on."""
        return [key for key, status in self.statuses.items() if status.to_do]

    def work_s(self, key: UnitKey) -> float:
        """Returns the estimated seconds of work of a unit on one worker."""
        rate = self.camera_rates.get((key.op, key.camera))
        if rate is None:
            rate = self.rates.get(key.op, FIRST_RATES.get(key.op, DEFAULT_RATE))
        return self.units[key].media_s * rate

    def estimate_s(self, workers: int) -> float:
        """Returns the estimated seconds until everything is done."""
        return sum(map(self.work_s, self.to_do)) / max(workers, 1)

    @property
    def guessed_ops(self) -> list[str]:
        """The ops to do whose speed no past run has measured, in pipeline order."""
        to_do = {key.op for key in self.to_do}
        return [op for op in self.ready.ops if op in to_do and op not in self.rates]

    def unit_counts(self) -> dict[str, Counter[State]]:
        """Returns, by op in pipeline order, the number of units in each state."""
        counts: dict[str, Counter[State]] = {op: Counter() for op in self.ready.ops}
        for op, units in self.done.items():
            counts[op][State.DONE] += units
        for key, status in self.statuses.items():
            counts[key.op][status.state] += 1
        return {op: +states for op, states in counts.items() if states.total()}

    def reasons(self) -> dict[str, Counter[str]]:
        """Returns, by op, the reasons why units would run or cannot, with the number of units for each.

        Units are counted together whose reasons differ only in the segment or footage that they name.
        """
        reasons: dict[str, Counter[str]] = defaultdict(Counter)
        for key, status in self.statuses.items():
            if status.reason:
                reasons[key.op][without_ids(status.reason)] += 1
        return dict(reasons)


def make_plan(ready: ReadySite, segments: pa.Table, ledger: Ledger, selection: Selection, retry: bool = False) -> Plan:
    """Plans a selection.

    Args:
        segments: of the whole site, as scan cut them; see ``segments_from_tables``.
        retry: try quarantined units again.

    Raises:
        SelectionError: a camera or op does not exist, or the dates are reversed.
    """
    cameras = split_by_camera(segments)
    _check_selection(selection, ready, cameras)
    dependencies = dependencies_of(op.spec for op, _ in ready.ops.values())
    wanted = selection.wanted_ops(dependencies)
    ops = {name: ready.ops[name].op for name in needed_ops(wanted, dependencies)}
    context = PlanContext(ready, ops, dependencies, wanted, ledger, selection, retry)
    parts = PlanBuilder()
    with _paused_garbage_collector():
        for group in _groups(context, cameras):
            if any(map(selection.wants_camera, group)):
                plan_group(context, [CameraLayout(camera, cameras[camera]) for camera in group], parts)
    return Plan(ready=ready, ledger=ledger, rates=ledger.rates(), camera_rates=ledger.camera_rates(), **vars(parts))


def _groups(context: PlanContext, recorded: Collection[str]) -> Iterator[Sequence[str]]:
    """Yields the cameras with footage that are planned together, by id; most cameras are alone."""
    reads = list(chain.from_iterable(context.dependencies[name] for name in context.ops))
    read = {each.neighbour for each in reads if each.neighbour.other_cameras}
    planned: set[str] = set()
    for camera in recorded:
        if camera not in planned:
            group, pending = {camera}, [camera]
            while pending:  # a camera of a pair may be in a group of others
                one = pending.pop()
                found = {other for neighbour in read for other in context.ready.other_cameras(one, neighbour)} - group
                group |= found
                pending += sorted(found)
            planned.update(group)
            yield [each for each in sorted(group) if each in recorded]


@contextmanager
def _paused_garbage_collector() -> Iterator[None]:
    """Pauses the garbage collector.

    All that a plan allocates stays, so each of the collector's passes over it is for nothing: a third of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _check_selection(selection: Selection, ready: ReadySite, recorded: Collection[str]) -> None:
    cameras = {*recorded, *(camera.id for camera in ready.site.config.cameras)}
    for camera in selection.cameras:
        if camera not in cameras:
            raise SelectionError(f"--camera {camera}: no such camera; there are {', '.join(sorted(cameras)) or 'none'}")
    for op in selection.ops:
        if op not in ready.ops:
            raise SelectionError(f"--ops {op}: no such op, or it is off; there are {', '.join(ready.ops)}")
    if selection.first and selection.last and selection.first > selection.last:
        raise SelectionError(f"--from {selection.first} is after --to {selection.last}")
