"""The status of units that were purged, or whose footage was: no purged work is redone unless the user asks for it."""

from collections.abc import Sequence
from functools import lru_cache

from jobs.planning.layout import CameraLayout
from jobs.planning.ledger import Ledger
from jobs.planning.op_units import OpUnits
from jobs.planning.unit_status import State, UnitStatus
from schemas.op import FrameOp
from schemas.values import Tombstone


class PurgeLookup:
    """Looks up which units of a camera were purged.

    A purged unit keeps the fingerprint of its former results, so what was made from it stays done. If an older version
    is still there, as detections are whose footage is gone, readers go on with that one.
    """

    def __init__(self, ledger: Ledger, layout: CameraLayout) -> None:
        self._ledger = ledger
        self._layout = layout

    def same_work(self, units: OpUnits, index: int) -> UnitStatus | None:
        """Returns the status of a unit whose work, by its present fingerprint, was purged; else None."""
        mine = units.fingerprints[index]
        for tombstone in self._tombstones(units, index):
            if tombstone.fingerprint == mine:
                return _purge(units, index, _reason(tombstone))
        return None

    def other_work(self, units: OpUnits, index: int) -> UnitStatus | None:
        """Returns the status of a unit whose other results, or whose footage, were purged; else None.

        It sets the unit's fingerprint to that of the version that its readers were made from.
        """
        tombstones = self._tombstones(units, index)
        footage = self._footage_tombstone(units, index)
        if not tombstones and not footage:
            return None
        older = units.newest_receipt(index)
        if older is None and tombstones:
            # The last of equal times: a purge writes the tombstone of a unit's newest version last.
            last = max(reversed(tombstones), key=lambda tombstone: tombstone.purged)
            units.fingerprints[index] = last.fingerprint
            return _purge(units, index, _reason(last))
        if footage is None:
            return None
        reason = f"its footage was {_reason(footage)}"
        if older is None:
            return _purge(units, index, reason)
        units.fingerprints[index] = units.receipts.fingerprint(older)  # readers use the older version
        return _status(reason)

    def _tombstones(self, units: OpUnits, index: int) -> Sequence[Tombstone]:
        return self._ledger.tombstones(units.name, self._layout.camera, *units.name_of(index))

    def _footage_tombstone(self, units: OpUnits, index: int) -> Tombstone | None:
        if not isinstance(units.op, FrameOp):
            return None  # it reads tables only, so it can run without footage
        for segment in units.units.segments[index]:
            tombstone = self._ledger.footage_tombstone(self._layout.camera, self._layout.footage_ids[segment])
            if tombstone:
                return tombstone
        return None


def _purge(units: OpUnits, index: int, reason: str) -> UnitStatus:
    units.purged[index] = reason
    return _status(reason)


@lru_cache(maxsize=4096)
def _status(reason: str) -> UnitStatus:
    """Returns one shared value per reason: years of units may have been purged."""
    return UnitStatus(State.PURGED, reason)


def _reason(tombstone: Tombstone) -> str:
    return f"purged {tombstone.purged.date().isoformat()} by rule {tombstone.rule}"
