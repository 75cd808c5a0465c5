"""Which units may run now, and which of them go together: the state of a night while it runs.

Pure bookkeeping over a plan; ``jobs.engine.driver`` hands out what this gives and tells it what became of it.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from jobs.planning.graph import UnitKey
from jobs.planning.plan import Plan
from jobs.planning.unit_states import UnitStates
from schemas.values import Receipt

Partition = tuple[str, str, str]


@dataclass(frozen=True)
class Priority:
    """What goes first.

    Attributes:
        newest_first: by the start of the footage; else the oldest.
        cameras_first: before all others, in this order.
    """

    newest_first: bool = True
    cameras_first: tuple[str, ...] = ()


@dataclass
class Tally:
    """Units, seconds of footage (each once an op), and estimated seconds of work."""

    units: int = 0
    media_s: float = 0.0
    work_s: float = 0.0

    def add(self, plan: Plan, key: UnitKey) -> None:
        """Counts one more unit."""
        self.units += 1
        self.media_s += plan.units[key].media_s
        self.work_s += plan.work_s(key)


class WorkQueue:
    """Units of a plan on their way from waiting to settled.

    A unit is settled when it is done, or will never be. A unit whose sources are all settled is ready. Places go in
    the order asked for, and within a place units in pipeline order.

    Attributes:
        total, settled: how much there was to do, and how much of it is settled.
    """

    def __init__(self, states: UnitStates, priority: Priority | None = None) -> None:
        self._states, self._plan = states, (plan := states.plan)
        self._priority = priority or Priority()
        self._readers = states.readers
        self._waiting = set(plan.to_do)
        self.total, self.settled = Tally(), Tally()
        self._running: set[UnitKey] = set()
        self._open_sources = {key: self._count_open(key) for key in self._waiting}
        self._partitions: dict[Partition, list[UnitKey]] = {}
        for key in plan.to_do:
            self._partitions.setdefault(plan.units[key].partition, []).append(key)
            self.total.add(plan, key)
        self._heap: list[tuple[int, int, float, Partition]] = []
        for key in plan.to_do:
            if not self._open_sources[key]:
                self._offer(key)

    def _count_open(self, key: UnitKey) -> int:
        sources = {source.key for source in self._plan.units[key].sources}
        return sum(1 for source in sources if source in self._waiting)

    def _offer(self, key: UnitKey) -> None:
        unit, first = self._plan.units[key], self._priority.cameras_first
        camera = first.index(key.camera) if key.camera in first else len(first)
        sign = -1 if self._priority.newest_first else 1
        when = (sign * date.fromisoformat(key.date).toordinal(), sign * unit.segments[0].start.timestamp())
        heapq.heappush(self._heap, (camera, *when, unit.partition))

    @property
    def left(self) -> list[UnitKey]:
        """Units that are neither settled nor running."""
        return [key for key in self._plan.to_do if key in self._waiting]

    def take(self) -> list[UnitKey]:
        """The units of the next place that has something ready, in pipeline order; empty if nothing is ready.

        With a ready unit go those of the same place that will be ready once it is done.
        """
        while self._heap:
            place = heapq.heappop(self._heap)[-1]
            taken: list[UnitKey] = []
            for key in self._partitions[place]:
                if key in self._waiting and self._ready_after(key, taken) and not self._settled_already(key):
                    taken.append(key)
            if taken:
                self._waiting.difference_update(taken)
                self._running.update(taken)
                return taken
        return []

    def _ready_after(self, key: UnitKey, taken: list[UnitKey]) -> bool:
        if not self._open_sources[key]:
            return True
        return all(
            source.key in taken or (source.key not in self._waiting and source.key not in self._running)
            for source in self._plan.units[key].sources
        )

    def _settled_already(self, key: UnitKey) -> bool:
        """Whether, now that it is known what it can read, exactly this work turns out to have been done before."""
        if not self._states.receipt(key):
            return False
        self.mark_done(key)
        return True

    def give_back(self, keys: Iterable[UnitKey]) -> None:
        """Units that were taken but not tried wait again."""
        for key in keys:
            if key in self._running:
                self._running.discard(key)
                self._waiting.add(key)
        for key in keys:
            if key in self._waiting and not self._open_sources[key]:
                self._offer(key)

    def mark_done(self, key: UnitKey, receipt: Receipt | None = None) -> None:
        """Records that a unit is done, by this receipt; without one in a simulation."""
        self._states.mark_done(key, receipt)
        self._settle(key)

    def mark_quarantined(self, key: UnitKey, reason: str) -> None:
        """Records that a unit failed for good; units that cannot do without it are blocked in turn."""
        for closed in self._states.mark_quarantined(key, reason):
            self._settle(closed)

    def _settle(self, key: UnitKey) -> None:
        if key not in self._waiting and key not in self._running:
            return  # settled before, as a unit that was blocked by one that failed beside it
        self.settled.add(self._plan, key)
        self._waiting.discard(key)
        self._running.discard(key)
        for reader in self._readers.get(key, ()):
            if reader in self._open_sources:
                self._open_sources[reader] -= 1
            if reader in self._waiting and not self._open_sources[reader]:
                self._offer(reader)
