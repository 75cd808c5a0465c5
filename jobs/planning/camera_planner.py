"""One camera of a plan: which of its units are done, and where those stand that are not.

Fingerprints of all units of an op are made in one go, as a list; only a unit that is not done becomes an object.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from jobs.planning.configure import ReadyOp
from jobs.planning.fingerprint import Bases, what_changed
from jobs.planning.graph import Dependency, Selection, Unit, UnitKey
from jobs.planning.layout import CameraLayout
from jobs.planning.ledger import Ledger
from jobs.planning.op_units import FeedRow, OpUnits, ReadRow
from jobs.planning.purged import Purged
from jobs.planning.unit_status import State, UnitStatus


@dataclass(frozen=True)
class PlanContext:
    """What is the same for all cameras of a plan.

    Attributes:
        ops: to be looked at, in pipeline order: those asked for, and what they read.
        feeds: by op, what it reads.
        writers: by table, the op that writes it.
        wanted: the ops asked for.
        retry: try quarantined units again.
    """

    ops: Mapping[str, ReadyOp]
    feeds: Mapping[str, Sequence[Dependency]]
    writers: Mapping[str, str]
    wanted: Collection[str]
    bases: Bases
    ledger: Ledger
    selection: Selection
    retry: bool


@dataclass
class PlanBuilder:
    """What a plan is made of.

    Attributes:
        done: by op, how many units asked for are done.
        standing: of the units asked for that are not done.
        units: those of them that are not purged.
        prints: fingerprints of ``units``, and of what they read that is done.
        hidden: units that are done, by their fingerprints, but hidden by newer work under other parameters.
    """

    done: Counter[str] = field(default_factory=Counter)
    statuses: dict[UnitKey, UnitStatus] = field(default_factory=dict)
    units: dict[UnitKey, Unit] = field(default_factory=dict)
    prints: dict[UnitKey, str] = field(default_factory=dict)
    superseded: list[tuple[UnitKey, str]] = field(default_factory=list)


class CameraPlanner:
    """Looks at one camera, and adds to the findings."""

    def __init__(self, terms: PlanContext, layout: CameraLayout, findings: PlanBuilder) -> None:
        self._terms = terms
        self._layout = layout
        self._findings = findings
        self._purged = Purged(terms.ledger, layout)
        self._rows: dict[str, OpUnits] = {}

    def run(self) -> None:
        """Looks at every op, each after those that it reads."""
        wanted = wanted_places(self._terms, self._layout)
        if not any(wanted.values()):
            return
        for name, op in self._terms.ops.items():
            self._rows[name] = self._row(op)
            self._look_at(self._rows[name], wanted[name])

    def _row(self, op: ReadyOp) -> OpUnits:
        scope = op.op.spec.scope
        rows, writers, layout = self._rows, self._terms.writers, self._layout
        feeds = [
            FeedRow(feed, rows[feed.writer], layout.reached(scope, rows[feed.writer].scope, feed.neighbour))
            for feed in self._terms.feeds[op.name]
        ]
        written = [(read, rows[writers[read.table]]) for read in op.op.spec.reads if read.table in writers]
        reads = [ReadRow(read, writer, layout.reached(scope, writer.scope, read.neighbour)) for read, writer in written]
        shelf = self._terms.ledger.shelf(op.name, layout.camera)
        return OpUnits(op, layout, shelf, self._terms.bases.of(op.name, layout.camera), feeds, reads)

    def _look_at(self, row: OpUnits, wanted: Collection[int]) -> None:
        blocked = {place: _blocked(source, lasting) for place, source, lasting in row.cut_off() if place in wanted}
        standing: dict[int, UnitStatus] = {}
        for place in sorted({*row.not_done, *blocked}):
            found = self._stand(row, place, blocked.get(place), place in wanted)
            if found.state is not State.DONE and place in wanted:
                standing[place] = found
        self._findings.done[row.name] += len(wanted) - len(standing)
        self._write_down(row, standing)
        self._find_hidden(row, [place for place in wanted if place not in standing])

    def _stand(self, row: OpUnits, place: int, blocked: UnitStatus | None, wanted: bool) -> UnitStatus:
        """Where a unit stands that is not done with all that it reads. Its row learns what others may read of it."""
        again = wanted and self._terms.selection.purged
        purged = None if again else self._purged.exactly(row, place)
        if purged:
            return purged
        if row.reads_gone(place) and not blocked:
            row.prints[place] = row.print_without_the_gone(place)
            if row.prints[place] in row.shelf.prints:
                return UnitStatus(State.DONE)
        purged = None if again else self._purged.exactly(row, place) or self._purged.otherwise(row, place)
        if purged:
            return purged
        standing = (blocked or self._assess(row, place)) if wanted else UnitStatus(State.MISSING, "not asked for")
        if standing.state in (State.QUARANTINED, State.BLOCKED) or not wanted:
            row.lose(place, standing.permanent)
        return standing

    def _assess(self, row: OpUnits, place: int) -> UnitStatus:
        """Where a unit stands that could be done."""
        gone = row.required_gone(place)
        if gone:
            key, why = gone
            return UnitStatus(State.BLOCKED, f"needs {key.op} of {key.unit}: {why}", permanent=True)
        entry = self._terms.ledger.quarantined(row.key(place), row.prints[place])
        if entry and not self._terms.retry:
            return UnitStatus(State.QUARANTINED, f"{entry.reason}: {entry.detail}")
        former = row.former(place)
        if former is not None:
            return UnitStatus(State.STALE, what_changed(row.shelf.ingredients(former), row.ingredients(place)))
        return UnitStatus(State.MISSING, "never done" if not entry else "tried again")

    def _write_down(self, row: OpUnits, standing: Mapping[int, UnitStatus]) -> None:
        """Makes objects of the units that are not done."""
        found = self._findings
        for place, where in standing.items():
            key = row.key(place)
            found.statuses[key] = where
            if where.state is State.PURGED:
                continue
            segments = tuple(map(self._layout.segment, row.places.members[place]))
            found.units[key] = Unit(key, row.scope, row.places.cuts[place], segments, row.sources(place))
            found.prints.update(row.source_prints(place))
            if row.prints[place]:
                found.prints[key] = row.prints[place]

    def _find_hidden(self, row: OpUnits, done: Sequence[int]) -> None:
        for place in done if len(row.shelf) > len(done) else ():  # else each receipt is of one of these
            newest = row.shelf.newest[row.name_of(place)]
            if row.shelf.fingerprint(newest) != row.prints[place]:
                self._findings.superseded.append((row.key(place), row.prints[place]))


def _blocked(source: UnitKey, lasting: bool) -> UnitStatus:
    return UnitStatus(State.BLOCKED, f"needs {source.op} of {source.unit}, which is not to be had", lasting)


def wanted_places(terms: PlanContext, layout: CameraLayout) -> dict[str, Collection[int]]:
    """By op, the units asked for and those that are brought along for them."""
    selection = terms.selection
    whole = set(terms.wanted) if selection.first is selection.last is None else set()
    wanted: dict[str, Collection[int]] = {}
    needed: dict[str, set[int]] = {name: set() for name in terms.ops}
    for name in reversed(list(terms.ops)):
        scope = terms.ops[name].op.spec.scope
        days = layout.places[scope].dates
        if name in whole:
            wanted[name] = range(len(days))
        elif name in terms.wanted:
            wanted[name] = needed[name].union(at for at, day in enumerate(days) if selection.wants_date(day))
        else:
            wanted[name] = needed[name]
        for feed in terms.feeds[name]:
            if feed.brought and feed.writer not in whole:
                reached = layout.reached(scope, terms.ops[feed.writer].op.spec.scope, feed.neighbour)
                needed[feed.writer].update(source for place in wanted[name] for source in reached[place])
    return wanted
