"""The status of units that were purged, or whose footage was: no purged work is redone unless the user asks for it.

A purged unit keeps the fingerprint of its former results, so what was made from it stays done. If an older version is
still there, as detections are whose footage is gone, readers go on with that one.
"""

from functools import lru_cache

from jobs.planning.ledger import Ledger
from jobs.planning.op_units import OpUnits
from jobs.planning.unit_status import State, UnitStatus
from schemas.op import FrameOp
from schemas.values import Tombstone


def same_work_purged(ledger: Ledger, units: OpUnits, index: int) -> UnitStatus | None:
    """Returns the status of a unit whose work, by its present fingerprint, was purged; else None."""
    for tombstone in ledger.tombstones.get(units.key(index), ()):
        if tombstone.fingerprint == units.fingerprints[index]:
            return _purge(units, index, _reason(tombstone))
    return None


def other_work_purged(ledger: Ledger, units: OpUnits, index: int) -> UnitStatus | None:
    """Returns the status of a unit whose other results, or whose footage, were purged; else None.

    It sets the unit's fingerprint to that of the version that its readers were made from.
    """
    tombstones = ledger.tombstones.get(units.key(index))
    footage = _footage_tombstone(ledger, units, index)
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
    units.fingerprints[index] = units.receipts.fingerprints[older]  # readers use the older version
    return _status(reason)


def _footage_tombstone(ledger: Ledger, units: OpUnits, index: int) -> Tombstone | None:
    if not isinstance(units.op, FrameOp):
        return None  # it reads tables only, so it can run without footage
    layout = units.layout
    files = ((layout.camera, layout.footage_ids[segment]) for segment in units.units.segments[index])
    return next((ledger.footage_tombstones[file] for file in files if file in ledger.footage_tombstones), None)


def _purge(units: OpUnits, index: int, reason: str) -> UnitStatus:
    units.purged[index] = reason
    return _status(reason)


@lru_cache(maxsize=4096)
def _status(reason: str) -> UnitStatus:
    """Returns one shared value per reason: years of units may have been purged."""
    return UnitStatus(State.PURGED, reason)


def _reason(tombstone: Tombstone) -> str:
    return f"purged {tombstone.purged.date().isoformat()} by rule {tombstone.rule}"
