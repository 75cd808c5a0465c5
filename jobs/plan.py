"""What would run, and why: every unit asked for is done, missing, stale, quarantined or blocked."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from jobs.configure import ReadySite
from jobs.fingerprint import Fingerprints, what_changed
from jobs.graph import Selection, Unit, UnitKey, build_graph, select
from jobs.ledger import Ledger
from schemas.errors import SelectionError
from schemas.values import Receipt, Segment

FIRST_GUESS_S = 0.05
"""Seconds of work a second of footage and op, before any run has measured it."""


class State(StrEnum):
    """Where a unit stands."""

    DONE = "done"
    MISSING = "missing"
    STALE = "stale"
    QUARANTINED = "quarantined"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Standing:
    """A unit's state, and why it is so, for people."""

    state: State
    why: str = ""


@dataclass(frozen=True)
class Plan:
    """The work of a selection.

    Attributes:
        graph: every unit of the site; units outside the selection serve as sources when they are done.
        units: the units asked for, with what they cannot do without, in pipeline order.
        standing: by unit of ``units``.
        rates: seconds of work a second of footage, by op, as past runs measured it.
    """

    ready: ReadySite
    graph: Mapping[UnitKey, Unit]
    units: Mapping[UnitKey, Unit]
    standing: dict[UnitKey, Standing]
    fingerprints: Fingerprints
    ledger: Ledger
    rates: Mapping[str, float]

    @property
    def to_do(self) -> list[UnitKey]:
        """Units that would run."""
        return [key for key, standing in self.standing.items() if standing.state in (State.MISSING, State.STALE)]

    def work_s(self, key: UnitKey) -> float:
        """Estimated seconds of work of a unit, on one worker."""
        return self.units[key].media_s * self.rates.get(key.op, FIRST_GUESS_S)

    def estimate_s(self, workers: int) -> float:
        """Estimated seconds until everything to do is done."""
        return sum(map(self.work_s, self.to_do)) / max(workers, 1)

    def tally(self) -> dict[str, Counter[State]]:
        """By op, how many units are in which state."""
        tally: dict[str, Counter[State]] = defaultdict(Counter)
        for key, standing in self.standing.items():
            tally[key.op][standing.state] += 1
        return dict(tally)

    def whys(self) -> dict[str, Counter[str]]:
        """By op, the reasons of what would run or cannot, with how many units each has."""
        whys: dict[str, Counter[str]] = defaultdict(Counter)
        for key, standing in self.standing.items():
            if standing.why:
                whys[key.op][standing.why] += 1
        return dict(whys)


def rates_of(receipts: Sequence[Receipt]) -> dict[str, float]:
    """Seconds of work a second of footage, by op."""
    work: Counter[str] = Counter()
    media: Counter[str] = Counter()
    for receipt in receipts:
        if receipt.media_s > 0:
            work[receipt.op] += receipt.wall_s  # type: ignore[assignment]
            media[receipt.op] += receipt.media_s  # type: ignore[assignment]
    return {op: work[op] / media[op] for op in media}


def assess(key: UnitKey, plan: Plan, retry: bool) -> Standing:
    """Where one unit stands, given that the units before it have been assessed."""
    prints, ledger = plan.fingerprints, plan.ledger
    for source in plan.units[key].sources:
        if source.read.required and prints.excluded(source.key):
            return Standing(State.BLOCKED, f"needs {source.key.op} of {source.key.unit}, which is not to be had")
    fingerprint = prints.of(key)
    if ledger.receipt(key, fingerprint):
        return Standing(State.DONE)
    entry = ledger.quarantined(key, fingerprint)
    if entry and not retry:
        return Standing(State.QUARANTINED, f"{entry.reason}: {entry.detail}")
    former = ledger.newest(key)
    if former:
        return Standing(State.STALE, what_changed(former.ingredients, prints.ingredients(key)))
    return Standing(State.MISSING, "never done" if not entry else "tried again")


def make_plan(
    ready: ReadySite, segments: Sequence[Segment], ledger: Ledger, selection: Selection, retry: bool = False
) -> Plan:
    """Plans a selection.

    Args:
        segments: of the whole site, as scan cut them.
        retry: try quarantined units again.

    Raises:
        SelectionError: a camera or op that does not exist.
    """
    _check(selection, ready, segments)
    graph = build_graph(segments, [op.op.spec for op in ready.ops.values()])
    prints = Fingerprints(graph, ready.ops, ready.site.config.camera_view, ready.features_of, ready.site.config.crs)
    units = select(graph, selection)
    plan = Plan(ready, graph, units, {}, prints, ledger, rates_of(ledger.all_receipts()))
    for key in graph:
        if key not in units:
            if not ledger.receipt(key, prints.of(key)):
                prints.exclude(key)
            continue
        standing = assess(key, plan, retry)
        plan.standing[key] = standing
        if standing.state in (State.QUARANTINED, State.BLOCKED):
            prints.exclude(key)
    return plan


def _check(selection: Selection, ready: ReadySite, segments: Sequence[Segment]) -> None:
    cameras = {segment.camera for segment in segments} | {camera.id for camera in ready.site.config.cameras}
    for camera in selection.cameras:
        if camera not in cameras:
            raise SelectionError(f"--camera {camera}: no such camera; there are {', '.join(sorted(cameras)) or 'none'}")
    for op in selection.ops:
        if op not in ready.ops:
            raise SelectionError(f"--ops {op}: no such op, or it is off; there are {', '.join(ready.ops)}")
    if selection.first and selection.last and selection.first > selection.last:
        raise SelectionError(f"--from {selection.first} is after --to {selection.last}")
