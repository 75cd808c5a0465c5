"""What planning makes of units that were purged, or whose footage was: nothing is done again behind a user's back."""

from functools import lru_cache

from jobs.planning.layout import CameraLayout
from jobs.planning.ledger import Ledger
from jobs.planning.op_units import OpUnits
from jobs.planning.unit_status import State, UnitStatus
from schemas.op import FrameOp
from schemas.values import Tombstone


class Purged:
    """Tells which units of a camera were purged.

    What was made from such a unit stays done: its row keeps the fingerprint that its results had. If an older version
    of it can still be read, as of a detector's work whose footage is gone, others go on reading that one.
    """

    def __init__(self, ledger: Ledger, layout: CameraLayout) -> None:
        self._ledger = ledger
        self._layout = layout

    def exactly(self, row: OpUnits, place: int) -> UnitStatus | None:
        """Where a unit stands whose results, by the fingerprint that its row has now, were purged; None if not."""
        mine = row.prints[place]
        for stone in self._ledger.tombstones(row.name, self._layout.camera, *row.name_of(place)):
            if stone.fingerprint == mine:
                return _gone(row, place, _why(stone))
        return None

    def otherwise(self, row: OpUnits, place: int) -> UnitStatus | None:
        """Where a unit stands that had other results, which were purged, or that cannot be done without its footage."""
        stones = self._ledger.tombstones(row.name, self._layout.camera, *row.name_of(place))
        footage = self._footage_stone(row, place)
        if not stones and not footage:
            return None
        former = row.former(place)
        if former is None and stones:
            last = max(reversed(stones), key=lambda stone: stone.purged)  # of one purge the newest stands last
            row.prints[place] = last.fingerprint
            return _gone(row, place, _why(last))
        if footage is None:
            return None
        why = f"its footage was {_why(footage)}"
        if former is None:
            return _gone(row, place, why)
        row.prints[place] = row.shelf.fingerprint(former)
        return _standing(why)

    def _footage_stone(self, row: OpUnits, place: int) -> Tombstone | None:
        if not isinstance(row.op, FrameOp):
            return None
        for member in row.places.members[place]:
            stone = self._ledger.footage_tombstone(self._layout.camera, self._layout.footage_ids[member])
            if stone:
                return stone
        return None


def _gone(row: OpUnits, place: int, why: str) -> UnitStatus:
    row.gone[place] = why
    return _standing(why)


@lru_cache(maxsize=4096)
def _standing(why: str) -> UnitStatus:
    """One value a reason: there may be years of units that were purged."""
    return UnitStatus(State.PURGED, why)


def _why(stone: Tombstone) -> str:
    return f"purged {stone.purged.date().isoformat()} by rule {stone.rule}"
