"""The statuses of a plan's units while a run works on them: the only place where a status changes.

A ``Plan`` is immutable. A run builds one ``UnitStates`` from it and reports every outcome to that object, which keeps
statuses, fingerprints and receipts in step.
"""

from collections.abc import Iterator, Mapping
from functools import cache, partial
from types import MappingProxyType

from jobs.planning.fingerprint import fingerprint, fingerprint_base, ingredients, join_fingerprints
from jobs.planning.graph import Dependency, UnitKey, dependencies_of, dependents
from jobs.planning.plan import Plan
from jobs.planning.unit_status import State, UnitStatus
from schemas.values import Receipt


class UnitStates:
    """The status of each unit of a plan, with the fingerprints and receipts that follow from it.

    Attributes:
        plan: where the run starts from; it is not changed.
        statuses: of the units that were not done when the plan was made; a view that follows every change.
        readers: by unit, the units that read it.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._statuses = dict(plan.statuses)
        self.statuses: Mapping[UnitKey, UnitStatus] = MappingProxyType(self._statuses)
        self.readers = dependents(plan.units)
        # A unit that is not in here has no result and will have none; None is computed again when it is asked for.
        self._fingerprints: dict[UnitKey, str | None] = dict(plan.fingerprints)
        self._dependencies = dependencies_of(op.spec for op, _ in plan.ready.ops.values())
        self._base = cache(partial(fingerprint_base, plan.ready))
        self._receipts: dict[tuple[UnitKey, str], Receipt] = {}

    def fingerprint(self, key: UnitKey) -> str:
        """Returns a unit's fingerprint, 64 hex digits, given which of its sources have failed by now."""
        return self._fingerprints[key] or self.compute_fingerprint(key)

    def compute_fingerprint(self, key: UnitKey) -> str:
        """Computes a unit's fingerprint, on the assumption that every source succeeds that has not failed by now."""
        base, cut = self._base(key.op, key.camera), self.plan.units[key].cut
        computed = fingerprint((base.digest, key.date, key.unit, cut, *(joined for _, joined in self._reads(key))))
        self._fingerprints[key] = computed
        return computed

    def ingredients(self, key: UnitKey) -> dict[str, str]:
        """Returns what goes into the fingerprint, by name, each short enough to read."""
        return ingredients(self._base(key.op, key.camera), self.plan.units[key].cut, self._reads(key))

    def _reads(self, key: UnitKey) -> Iterator[tuple[Dependency, str]]:
        for dependency in self.plan.ready.dependencies(self._dependencies[key.op], key.camera):
            sources = dict.fromkeys(
                source.key
                for source in self.plan.units[key].sources
                if source.key in self._fingerprints
                and (source.key.op, source.read.neighbour) == (dependency.writer, dependency.neighbour)
            )
            yield dependency, join_fingerprints(map(self.fingerprint, sources))

    def receipt(self, key: UnitKey) -> Receipt | None:
        """Returns the receipt of exactly this work, or None where the unit has no result or is not committed."""
        if key not in self._fingerprints:
            return None
        mine = self.fingerprint(key)
        return self._receipts.get((key, mine)) or self.plan.ledger.receipt(key, mine)

    def mark_done(self, key: UnitKey, receipt: Receipt | None = None) -> None:
        """Records that a unit is done.

        Args:
            receipt: what was committed; None where work is only simulated.
        """
        self._statuses[key] = UnitStatus(State.DONE)
        if receipt is not None:
            self._receipts[key, receipt.fingerprint] = receipt

    def mark_quarantined(self, key: UnitKey, reason: str) -> list[UnitKey]:
        """Records that a unit failed for good, and blocks every unit that cannot do without it.

        Returns:
            The unit, and the units that are blocked in turn.
        """
        closed: dict[UnitKey, None] = {}
        pending = [(key, UnitStatus(State.QUARANTINED, reason))]
        while pending:
            failed, status = pending.pop()
            if failed in closed:
                continue  # it requires two units that failed: the first one is named
            closed[failed] = None
            self._statuses[failed] = status
            # Readers that can do without it get another fingerprint: the one that the next plan gives them.
            self._fingerprints.pop(failed, None)
            self._outdate_readers(failed)
            blocked = UnitStatus(State.BLOCKED, f"needs {failed.op} of {failed.unit}, which failed")
            for reader in reversed(self.readers.get(failed, [])):  # the last that is added is popped first
                sources = [source.key for source in self.plan.units[reader].sources if source.read.required]
                if self._statuses[reader].to_do and failed in sources:
                    pending.append((reader, blocked))
        return list(closed)

    def _outdate_readers(self, key: UnitKey) -> None:
        for reader in self.readers.get(key, ()):
            if self._fingerprints.get(reader):  # one that is outdated already has outdated its own readers
                self._fingerprints[reader] = None
                self._outdate_readers(reader)
