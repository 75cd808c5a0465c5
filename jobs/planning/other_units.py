"""The units of one op on other cameras, which a unit of a camera reads: see ``Neighbour.OTHERS`` and ``STEREO``."""

from collections.abc import Collection, Sequence

from jobs.planning.graph import UnitKey
from jobs.planning.layout import ScopeUnits, SourceIndices
from jobs.planning.op_units import OpUnits
from schemas.op import Scope


class OtherUnits:
    """Units of several cameras as columns of one length; a unit's index counts through all of them.

    Args:
        members: the op's units by camera, in order of camera id, planned already.
        scopes: of the units that can be read.

    Attributes:
        fingerprints, purged, without_result: as those of ``OpUnits``.
    """

    def __init__(self, members: Sequence[OpUnits], scopes: Collection[Scope]) -> None:
        self._members = [member for member in members if member.scope in scopes]
        self.fingerprints: list[str] = []
        self.purged: dict[int, str] = {}
        self.without_result: dict[int, bool] = {}
        self._owners: list[tuple[OpUnits, int]] = []
        for member in self._members:
            first = len(self.fingerprints)
            self.fingerprints += member.fingerprints
            self.purged |= {first + index: reason for index, reason in member.purged.items()}
            self.without_result |= {first + index: permanent for index, permanent in member.without_result.items()}
            self._owners += [(member, index) for index in range(len(member.fingerprints))]

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that the op writes."""
        return self._members[0].tables if self._members else ()

    def key(self, index: int) -> UnitKey:
        """Returns a unit's key."""
        member, own = self._owners[index]
        return member.key(own)

    def of_days(self, readers: ScopeUnits, scope: Scope) -> SourceIndices:
        """Returns, by unit index of a reader of this scope, the units of the same local date."""
        if scope is not Scope.CAMERA_DAY:
            return [()] * len(readers)
        days: dict[str, list[int]] = {}
        for index, (member, own) in enumerate(self._owners):
            days.setdefault(member.units.dates[own], []).append(index)
        return [days.get(day, ()) for day in readers.dates]
