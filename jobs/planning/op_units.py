"""The units of one op on one camera, as lists: their fingerprints, and what each reads."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import repeat
from typing import NamedTuple

from jobs.planning.configure import ReadyOp
from jobs.planning.fingerprint import Base, fingerprint, gathered, ingredients
from jobs.planning.graph import Dependency, Source, UnitKey
from jobs.planning.layout import CameraLayout, SourceIndices
from jobs.planning.ledger import ReceiptIndex
from schemas.op import Read, Scope


class FeedRow(NamedTuple):
    """A feed on this camera: by place of the reader, the places of the writer."""

    feed: Dependency
    writer: "OpUnits"
    reached: SourceIndices


class ReadRow(NamedTuple):
    """A read on this camera, like ``FeedRow``."""

    read: Read
    writer: "OpUnits"
    reached: SourceIndices


class OpUnits:
    """An op's units on a camera. Units are named by their place: see ``jobs.planning.layout``.

    Args:
        op: configured.
        layout: of the camera.
        shelf: receipts of this op on this camera.
        base: of its fingerprints.
        feeds, reads: what it reads, of rows that have been looked at.

    Attributes:
        prints: fingerprints by place; empty where there is no result, and will be none.
        lost: these places, and whether that will last: see ``UnitStatus.permanent``.
        gone: by place, why there is nothing to be read of work that was done: it was purged.
    """

    def __init__(
        self,
        op: ReadyOp,
        layout: CameraLayout,
        shelf: ReceiptIndex,
        base: Base,
        feeds: Sequence[FeedRow],
        reads: Sequence[ReadRow],
    ) -> None:
        self.name, self.op = op.name, op.op
        self.places = layout.places[self.scope]
        self.shelf = shelf
        self.lost: dict[int, bool] = {}
        self.gone: dict[int, str] = {}
        self._camera = layout.camera
        self._base = base
        self._feeds, self._reads = feeds, reads
        self._keys: dict[int, UnitKey] = {}
        self.prints = self._all_prints()

    @property
    def scope(self) -> Scope:
        """Of the op."""
        return self.op.spec.scope

    def _all_prints(self) -> list[str]:
        columns = [_column(feed.writer.prints, feed.reached) for feed in self._feeds]
        places = self.places
        return list(map(fingerprint, zip(repeat(self._base.digest), places.dates, places.units, places.cuts, *columns)))

    @cached_property
    def not_done(self) -> list[int]:
        """Places of units whose work, with all that they read, is not on the shelf; taken before ``prints`` change."""
        done = self.shelf.prints
        return [place for place, mine in enumerate(self.prints) if mine not in done]

    def former(self, place: int) -> int | None:
        """The number on the shelf of the newest receipt of a unit, whatever its fingerprint."""
        if len(self.shelf) <= len(self.prints) - len(self.not_done):
            return None  # each receipt is of a unit that is done: none is left for this one
        return self.shelf.newest.get(self.name_of(place))

    def print_without_the_gone(self, place: int) -> str:
        """The fingerprint of a unit that is done now, when what was purged cannot be read."""
        brought = [prints for _, prints in self._brought(place)]
        return fingerprint((self._base.digest, *self.name_of(place), self.places.cuts[place], *brought))

    def ingredients(self, place: int) -> dict[str, str]:
        """What goes into the fingerprint of a unit that is done now."""
        return ingredients(self._base, self.places.cuts[place], self._brought(place))

    def _brought(self, place: int) -> Iterator[tuple[Dependency, str]]:
        for feed, writer, reached in self._feeds:
            prints, gone = writer.prints, writer.gone
            yield feed, gathered([prints[source] for source in reached[place] if source not in gone])

    def reads_gone(self, place: int) -> bool:
        """Whether something that a unit reads was purged."""
        return any(writer.gone and not writer.gone.keys().isdisjoint(r[place]) for _, writer, r in self._feeds)

    def required_gone(self, place: int) -> tuple[UnitKey, str] | None:
        """A unit that this one cannot do without and that was purged, and why."""
        for feed, writer, reached in self._feeds:
            for source in reached[place]:
                if feed.required and source in writer.gone:
                    return writer.key(source), writer.gone[source]
        return None

    def cut_off(self) -> Iterator[tuple[int, UnitKey, bool]]:
        """Places of units that cannot do without one that has no result, that one, and whether it will last."""
        for feed, writer, reached in self._feeds:
            if feed.required and writer.lost:
                for place, sources in enumerate(reached):
                    lost = [source for source in sources if source in writer.lost]
                    if lost:
                        yield place, writer.key(lost[0]), any(writer.lost[source] for source in lost)

    def sources(self, place: int) -> tuple[Source, ...]:
        """What a unit reads."""
        return tuple(Source(read, writer.key(at)) for read, writer, reached in self._reads for at in reached[place])

    def source_prints(self, place: int) -> Iterator[tuple[UnitKey, str]]:
        """Fingerprints of what a unit reads and that is there, or will be."""
        for _, writer, reached in self._feeds:
            for source in reached[place]:
                if writer.prints[source] and source not in writer.gone:
                    yield writer.key(source), writer.prints[source]

    def lose(self, place: int, lasting: bool = False) -> None:
        """Says that a unit has no result."""
        self.prints[place] = ""
        self.lost[place] = lasting

    def name_of(self, place: int) -> tuple[str, str]:
        """Date and unit."""
        return self.places.dates[place], self.places.units[place]

    def key(self, place: int) -> UnitKey:
        """The unit's key."""
        key = self._keys.get(place)
        if key is None:
            key = self._keys[place] = UnitKey(self.name, self._camera, *self.name_of(place))
        return key


def _column(prints: Sequence[str], reached: SourceIndices) -> list[str]:
    """By place, what a feed brings to the fingerprint."""
    return [
        prints[sources[0]] if len(sources) == 1 else gathered([prints[source] for source in sources])
        for sources in reached
    ]
