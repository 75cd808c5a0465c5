"""The work queue of a plan: which units may run now, and which of them go to one worker together.

Pure bookkeeping: a run, or a simulation of one, takes units from it and reports what became of them.
"""

import heapq
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from jobs.planning.graph import UnitKey
from jobs.planning.plan import Plan
from jobs.planning.unit_states import UnitStates
from schemas.values import Receipt
from storage.coordination import Partition


@dataclass(frozen=True)
class Priority:
    """What runs first.

    Attributes:
        newest_first: by the start of the footage; else the oldest.
        cameras_first: before all other cameras, in this order.
    """

    newest_first: bool = True
    cameras_first: tuple[str, ...] = ()


_Offer = tuple[int, int, int, float, Partition]
"""What sorts a partition before others, and the partition."""


@dataclass
class Tally:
    """Units, seconds of footage (each once per op), and estimated seconds of work."""

    units: int = 0
    media_s: float = 0.0
    work_s: float = 0.0

    def add(self, plan: Plan, key: UnitKey) -> None:
        """Counts one more unit."""
        self.units += 1
        self.media_s += plan.units[key].media_s
        self.work_s += plan.work_s(key)


class WorkQueue:
    """The units of a plan on their way from waiting through running to settled.

    A unit is settled when it is done, or never will be. A unit whose sources are all settled is ready. Partitions go by
    the priority of the run, then by that of their camera in site.toml; units within a partition in pipeline order.

    Args:
        groups: by camera, whose units only some workers take; cameras without one have the group None.

    Attributes:
        total, settled: how much there was to do, and how much of it is settled.
    """

    def __init__(
        self, states: UnitStates, priority: Priority | None = None, groups: Mapping[str, str] | None = None
    ) -> None:
        self._states, self._plan = states, (plan := states.plan)
        self._priority = priority or Priority()
        self._camera_priorities = plan.ready.site.config.camera_priorities
        self.total, self.settled = Tally(), Tally()
        to_do = dict.fromkeys(plan.to_do)
        # Of the units that are not settled, how many of their sources are not settled either.
        self._open_sources = {
            key: len(to_do.keys() & {source.key for source in plan.units[key].sources}) for key in to_do
        }
        self._running: set[UnitKey] = set()
        self._partitions: dict[Partition, list[UnitKey]] = {}
        self._groups = groups or {}
        self._heaps: dict[str | None, list[_Offer]] = {group: [] for group in (None, *self._groups.values())}
        for key in to_do:
            self._partitions.setdefault(key.partition, []).append(key)
            self.total.add(plan, key)
            self._offer(key)

    def _offer(self, key: UnitKey) -> None:
        """Puts the partition of a unit on the heap if the unit is ready; ``take`` drops it where nothing is by then."""
        if self._open_sources[key]:
            return
        first, start = self._priority.cameras_first, self._plan.units[key].segments[0].start
        camera = first.index(key.camera) if key.camera in first else len(first)
        sign = -1 if self._priority.newest_first else 1
        when = (sign * date.fromisoformat(key.date).toordinal(), sign * start.timestamp())
        rank = -self._camera_priorities.get(key.camera, 0)
        heapq.heappush(self._heaps[self._groups.get(key.camera)], (camera, rank, *when, key.partition))

    @property
    def left(self) -> list[UnitKey]:
        """The units that are neither settled nor running."""
        return [key for key in self._open_sources if key not in self._running]

    def take(self, groups: Collection[str | None] | None = None) -> list[UnitKey]:
        """Returns the ready units of the next partition, in pipeline order; an empty list if nothing is ready.

        They include those of the partition that will be ready as soon as the others are done: a worker then keeps their
        tables in memory, and frame ops share one decode.

        Args:
            groups: of the cameras to choose from; None for all.
        """
        while heaps := [heap for group, heap in self._heaps.items() if heap and (groups is None or group in groups)]:
            partition = heapq.heappop(min(heaps))[-1]
            taken: list[UnitKey] = []
            for key in self._partitions[partition]:
                if key not in self._open_sources or key in self._running:
                    continue
                sources = (source.key for source in self._plan.units[key].sources)
                # Ready once those are done that are taken already: they come first, in pipeline order.
                ready = all(source in taken or source not in self._open_sources for source in sources)
                if ready and not self._is_done_already(key):
                    taken.append(key)
            if taken:
                self._running.update(taken)
                return taken
        return []

    def offers_others(self, groups: Collection[str | None] | None) -> bool:
        """Returns whether units of cameras of other groups wait, for whose workers they are."""
        return groups is not None and any(heap for group, heap in self._heaps.items() if group not in groups)

    def _is_done_already(self, key: UnitKey) -> bool:
        """Whether exactly this work is committed; then it is recorded as done.

        A failed source changes the fingerprint of a unit that can do without it, maybe to that of earlier work.
        """
        if not self._states.receipt(key):
            return False
        self.mark_done(key)
        return True

    def give_back(self, keys: Iterable[UnitKey]) -> None:
        """Makes units wait again that were taken but not done."""
        returned = self._running.intersection(keys)
        self._running -= returned
        for key in returned:
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
        if key not in self._open_sources:
            return  # settled before, such as a unit blocked by one that failed in the same batch
        del self._open_sources[key]
        self.settled.add(self._plan, key)
        self._running.discard(key)
        # Of a unit that failed too: what can do without it is ready now.
        for reader in self._states.readers.get(key, ()):
            if reader in self._open_sources:
                self._open_sources[reader] -= 1
                self._offer(reader)
