"""The units of one op on one camera as columns: their fingerprints, and which units each reads."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import repeat
from typing import NamedTuple, Protocol

from jobs.planning.fingerprint import FingerprintBase, fingerprint, ingredients, join_fingerprints
from jobs.planning.graph import Dependency, Source, UnitKey
from jobs.planning.layout import CameraLayout, SourceIndices
from jobs.planning.ledger import ReceiptIndex
from schemas.op import Op


class ReadUnits(Protocol):
    """The units of one op that another op reads, as columns: see ``OpUnits``, whose attributes these are."""

    fingerprints: list[str]
    purged: dict[int, str]
    without_result: dict[int, bool]

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that the op writes."""

    def key(self, index: int) -> UnitKey:
        """Returns a unit's key."""


class CameraDependency(NamedTuple):
    """A dependency of one camera's units.

    Attributes:
        writer: the units that are read.
        sources: which of them, by unit index of the reader.
    """

    dependency: Dependency
    writer: ReadUnits
    sources: SourceIndices


class OpUnits:
    """An op's units on a camera, each given by its unit index: see ``jobs.planning.layout``.

    Args:
        op: configured.
        layout: of the camera.
        receipts: of this op on this camera.
        base: of its fingerprints.
        dependencies: on units that are planned already.

    Attributes:
        fingerprints: by unit index; empty where a unit has no result and will have none.
        without_result: these units, and whether that is permanent: see ``UnitStatus.permanent``.
        purged: finished units whose rows were purged, and by which rule. They keep their fingerprint, so that units
            made from them stay done.
    """

    def __init__(
        self,
        op: Op,
        layout: CameraLayout,
        receipts: ReceiptIndex,
        base: FingerprintBase,
        dependencies: Sequence[CameraDependency],
    ) -> None:
        self.op, self.name, self.scope = op, op.spec.name, op.spec.scope
        self.layout, self.units = layout, layout.units[op.spec.scope]
        self.receipts = receipts
        self.without_result: dict[int, bool] = {}
        self.purged: dict[int, str] = {}
        self._base = base
        self._dependencies = dependencies
        self._keys: dict[int, UnitKey] = {}
        self.fingerprints = self._all_fingerprints()

    def _all_fingerprints(self) -> list[str]:
        # Column by column: a million units as one object each took most of a minute (decision 10).
        columns = [self.units.dates, self.units.unit_ids, self.units.cuts]
        for _, writer, sources in self._dependencies:
            known = writer.fingerprints
            columns.append(
                [  # most units read one unit, which needs no join
                    known[read[0]] if len(read) == 1 else join_fingerprints([known[source] for source in read])
                    for read in sources
                ]
            )
        return list(map(fingerprint, zip(repeat(self._base.digest), *columns)))

    @cached_property
    def not_done(self) -> list[int]:
        """Units that have no receipt with the fingerprint they have now; computed before any fingerprint changes."""
        return [index for index, mine in enumerate(self.fingerprints) if mine not in self.receipts.done]

    def newest_receipt(self, index: int) -> int | None:
        """Returns the row of a unit's newest receipt, whatever its fingerprint, or None."""
        if len(self.receipts) <= len(self.fingerprints) - len(self.not_done):
            return None  # every receipt belongs to a unit that is done, so none is left for this one
        return self.receipts.newest.get(self.name_of(index))

    def fingerprint_without_purged(self, index: int) -> str:
        """Returns the fingerprint of a unit that is done now, without what was purged."""
        read = [joined for _, joined in self._read_now(index)]
        return fingerprint((self._base.digest, *self.name_of(index), self.units.cuts[index], *read))

    def ingredients(self, index: int) -> dict[str, str]:
        """Returns what goes into the fingerprint of a unit that is done now."""
        return ingredients(self._base, self.units.cuts[index], self._read_now(index))

    def _read_now(self, index: int) -> Iterator[tuple[Dependency, str]]:
        for dependency, writer, sources in self._dependencies:
            left = [writer.fingerprints[source] for source in sources[index] if source not in writer.purged]
            yield dependency, join_fingerprints(left)

    def reads_purged(self, index: int) -> bool:
        """Returns whether a unit reads something that was purged."""
        return any(
            each.writer.purged and not each.writer.purged.keys().isdisjoint(each.sources[index])
            for each in self._dependencies
        )

    def required_purged(self, index: int) -> tuple[UnitKey, str] | None:
        """Returns a purged unit that this unit requires, and why it was purged."""
        for dependency, writer, sources in self._dependencies:
            for source in sources[index]:
                if dependency.required and source in writer.purged:
                    return writer.key(source), writer.purged[source]
        return None

    def without_required(self) -> Iterator[tuple[int, UnitKey, bool]]:
        """Yields units that require one without a result, that one, and whether this is permanent."""
        for dependency, writer, sources in self._dependencies:
            if dependency.required and writer.without_result:
                for index, read in enumerate(sources):
                    lost = [source for source in read if source in writer.without_result]
                    if lost:
                        yield index, writer.key(lost[0]), any(writer.without_result[source] for source in lost)

    def sources(self, index: int) -> tuple[Source, ...]:
        """Returns what a unit reads."""
        return tuple(
            Source(read, writer.key(source))
            for read in self.op.spec.reads
            for dependency, writer, sources in self._dependencies
            if read.table in writer.tables and read.neighbour is dependency.neighbour
            for source in sources[index]
        )

    def source_fingerprints(self, index: int) -> Iterator[tuple[UnitKey, str]]:
        """Yields the fingerprints of the units that a unit reads and that have a result, or will have one."""
        for _, writer, sources in self._dependencies:
            for source in sources[index]:
                if writer.fingerprints[source] and source not in writer.purged:
                    yield writer.key(source), writer.fingerprints[source]

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that the op writes."""
        return self.op.spec.writes

    def mark_without_result(self, index: int, permanent: bool = False) -> None:
        """Records that a unit has no result and will have none."""
        self.fingerprints[index] = ""
        self.without_result[index] = permanent

    def name_of(self, index: int) -> tuple[str, str]:
        """Returns a unit's date and id."""
        return self.units.dates[index], self.units.unit_ids[index]

    def key(self, index: int) -> UnitKey:
        """Returns a unit's key."""
        key = self._keys.get(index)
        if key is None:
            key = self._keys[index] = UnitKey(self.name, self.layout.camera, *self.name_of(index))
        return key
