"""The statuses of a plan's units while a run works on them: the only place where a status changes.

A ``Plan`` is immutable. A run builds one ``UnitStates`` from it and reports every outcome to that object, which keeps
statuses, fingerprints and receipts in step.
"""

from collections.abc import Mapping
from types import MappingProxyType

from jobs.planning.graph import UnitKey
from jobs.planning.plan import Plan
from jobs.planning.unit_status import State, UnitStatus
from schemas.values import Receipt


class UnitStates:
    """The status of each unit of a plan, with the fingerprints and receipts that follow from it.

    Args:
        plan: where the run starts from; it is not changed.

    Attributes:
        plan: the same.
        statuses: of the units that were not done when the plan was made; a view that follows every change.
        readers: by unit, the units that read it.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._statuses = dict(plan.statuses)
        self.statuses: Mapping[UnitKey, UnitStatus] = MappingProxyType(self._statuses)
        self._fingerprints = plan.fingerprints.copy()
        self.readers = self._fingerprints.readers
        self._receipts: dict[tuple[UnitKey, str], Receipt] = {}

    def fingerprint(self, key: UnitKey) -> str:
        """Returns a unit's fingerprint, 64 hex digits, given which of its sources have failed by now."""
        return self._fingerprints.of(key)

    def ingredients(self, key: UnitKey) -> dict[str, str]:
        """Returns what goes into the fingerprint, by name."""
        return self._fingerprints.ingredients(key)

    def receipt(self, key: UnitKey) -> Receipt | None:
        """Returns the receipt of exactly this work, or None where the unit has no result or is not committed."""
        if self._fingerprints.excluded(key):
            return None
        fingerprint = self.fingerprint(key)
        return self._receipts.get((key, fingerprint)) or self.plan.ledger.receipt(key, fingerprint)

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
            self._fingerprints.exclude(failed)
            blocked = UnitStatus(State.BLOCKED, f"needs {failed.op} of {failed.unit}, which failed")
            readers = [reader for reader in self.readers.get(failed, ()) if self._requires(reader, failed)]
            pending += [(reader, blocked) for reader in reversed(readers)]
        return list(closed)

    def _requires(self, reader: UnitKey, source: UnitKey) -> bool:
        """Whether a unit that is still to do cannot do without another."""
        sources = self.plan.units[reader].sources
        return self._statuses[reader].to_do and any(each.key == source and each.read.required for each in sources)
