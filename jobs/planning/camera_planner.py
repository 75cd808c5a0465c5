"""Plans the cameras of a group: which of their units are done, and the status of those that are not.

Fingerprints of all units of an op are computed as one column; only a unit that is not done becomes an object.
See docs/decisions/0010-a-plan-of-a-million-units.md.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from jobs.planning.configure import ReadySite
from jobs.planning.fingerprint import fingerprint_base, what_changed
from jobs.planning.graph import Dependency, Selection, Unit, UnitKey
from jobs.planning.layout import CameraLayout
from jobs.planning.ledger import Ledger
from jobs.planning.op_units import CameraDependency, OpUnits
from jobs.planning.other_units import OtherUnits
from jobs.planning.purged import other_work_purged, same_work_purged
from jobs.planning.unit_status import State, UnitStatus
from schemas.op import Neighbour, Op, Scope

READ_OF_OTHERS = {
    Neighbour.OTHERS: (Scope.CAMERA_DAY,),
    Neighbour.STEREO: (Scope.CAMERA_DAY, Scope.SEGMENT),
}
"""Scopes of what is read of other cameras. Segments of a whole group would be too many."""


@dataclass(frozen=True)
class PlanContext:
    """What all cameras of a plan have in common.

    Attributes:
        ops: the selected ops and all that they read, in pipeline order.
        dependencies: by op.
        wanted: the selected ops.
        retry: try quarantined units again.
    """

    ready: ReadySite
    ops: Mapping[str, Op]
    dependencies: Mapping[str, Sequence[Dependency]]
    wanted: Collection[str]
    ledger: Ledger
    selection: Selection
    retry: bool


@dataclass
class PlanBuilder:
    """The parts of a ``Plan`` of the same names, while cameras are added to it."""

    done: Counter[str] = field(default_factory=Counter)
    statuses: dict[UnitKey, UnitStatus] = field(default_factory=dict)
    units: dict[UnitKey, Unit] = field(default_factory=dict)
    fingerprints: dict[UnitKey, str] = field(default_factory=dict)
    superseded: list[tuple[UnitKey, str]] = field(default_factory=list)


def plan_group(context: PlanContext, layouts: Sequence[CameraLayout], builder: PlanBuilder) -> None:
    """Plans the cameras of a group and adds them to the plan: op by op, since ops read other cameras of the group.

    Args:
        context: of the plan.
        layouts: of the cameras with footage, by camera id; those that are not selected are only read.
        builder: what is added to.
    """
    planners = [_CameraPlanner(context, layout, builder) for layout in layouts]
    if not any(planner.is_wanted for planner in planners):
        return
    planned: dict[str, list[OpUnits]] = {}
    for name in context.ops:
        planned[name] = [planner.plan_op(name, planned) for planner in planners]


class _CameraPlanner:
    """Plans one camera and adds it to the plan."""

    def __init__(self, context: PlanContext, layout: CameraLayout, builder: PlanBuilder) -> None:
        self._context = context
        self._layout = layout
        self._builder = builder
        self._units: dict[str, OpUnits] = {}
        is_selected = context.selection.wants_camera(layout.camera)
        self._wanted = wanted_units(context, layout) if is_selected else dict.fromkeys(context.ops, ())
        self.is_wanted = any(self._wanted.values())

    def plan_op(self, name: str, planned: Mapping[str, Sequence[OpUnits]]) -> OpUnits:
        """Plans an op, after the ops that it reads, and returns its units.

        Args:
            name: the op's.
            planned: the units of earlier ops on all cameras of the group.
        """
        op, ready = self._context.ops[name], self._context.ready
        dependencies = []
        for each in ready.dependencies(self._context.dependencies[name], self._layout.camera):
            if each.neighbour.other_cameras:
                cameras = ready.other_cameras(self._layout.camera, each.neighbour)
                members = [units for units in planned[each.writer] if units.layout.camera in cameras]
                others = OtherUnits(members, READ_OF_OTHERS[each.neighbour])
                days = others.of_days(self._layout.units[op.spec.scope], op.spec.scope)
                dependencies.append(CameraDependency(each, others, days))
                continue
            writer = self._units[each.writer]
            sources = self._layout.source_indices(op.spec.scope, writer.scope, each.neighbour)
            dependencies.append(CameraDependency(each, writer, sources))
        receipts = self._context.ledger.receipts_of(name, self._layout.camera)
        base = fingerprint_base(ready, name, self._layout.camera)
        units = self._units[name] = OpUnits(op, self._layout, receipts, base, dependencies)
        self._add(units, self._wanted[name])
        return units

    def _add(self, units: OpUnits, wanted: Collection[int]) -> None:
        without = units.without_required()
        blocked = {index: _blocked_by(source, permanent) for index, source, permanent in without if index in wanted}
        statuses: dict[int, UnitStatus] = {}
        # A unit that requires a lost source is not done, whatever receipt it has.
        for index in sorted({*units.not_done, *blocked}):
            status = self._status(units, index, blocked.get(index), index in wanted)
            if status.state is not State.DONE and index in wanted:
                statuses[index] = status
        self._builder.done[units.name] += len(wanted) - len(statuses)
        self._add_units(units, statuses)
        self._add_superseded(units, [index for index in wanted if index not in statuses])

    def _status(self, units: OpUnits, index: int, blocked: UnitStatus | None, wanted: bool) -> UnitStatus:
        """Returns the status of a unit that is not done with all that it reads, and updates ``units`` for its readers.

        A unit that is not wanted is assessed too: its readers need to know whether there is a result to read.
        """
        ledger, heed_purges = self._context.ledger, not (wanted and self._context.selection.purged)
        # 1. Exactly this work was purged.
        if heed_purges and (purged := same_work_purged(ledger, units, index)):
            return purged
        # 2. It was done, or purged, after something that it reads was purged: with the fingerprint of what is left.
        if units.reads_purged(index) and not blocked:
            units.fingerprints[index] = units.fingerprint_without_purged(index)
            if units.fingerprints[index] in units.receipts.done:
                return UnitStatus(State.DONE)
        # 3. Other work of this unit, or its footage, was purged: nothing is redone behind the user's back.
        if heed_purges:
            purged = same_work_purged(ledger, units, index) or other_work_purged(ledger, units, index)
            if purged:
                return purged
        # 4. It could be done.
        if not wanted:
            # This run does not build it, so it must not count in the fingerprints of its readers.
            units.mark_without_result(index)
            return UnitStatus(State.MISSING, "not asked for")
        status = blocked or self._status_of_open(units, index)
        if not status.to_do:
            units.mark_without_result(index, status.permanent)
        return status

    def _status_of_open(self, units: OpUnits, index: int) -> UnitStatus:
        purged = units.required_purged(index)
        if purged:
            # Its source will not come back, so this is no problem that a user could solve: permanent.
            key, reason = purged
            return UnitStatus(State.BLOCKED, f"needs {key.op} of {key.unit}: {reason}", permanent=True)
        entry = self._context.ledger.quarantined.get((units.key(index), units.fingerprints[index]))
        if entry and not self._context.retry:
            return UnitStatus(State.QUARANTINED, f"{entry.reason}: {entry.detail}")
        row = units.newest_receipt(index)
        if row is not None:
            former = json.loads(units.receipts.ingredients[row])
            return UnitStatus(State.STALE, what_changed(former, units.ingredients(index)))
        return UnitStatus(State.MISSING, "never done" if not entry else "tried again")

    def _add_units(self, units: OpUnits, statuses: Mapping[int, UnitStatus]) -> None:
        """Makes objects of the units that are not done."""
        builder = self._builder
        for index, status in statuses.items():
            key = units.key(index)
            builder.statuses[key] = status
            if status.state is State.PURGED:
                continue
            segments = tuple(map(self._layout.segment, units.units.segments[index]))
            builder.units[key] = Unit(key, units.scope, units.units.cuts[index], segments, units.sources(index))
            builder.fingerprints.update(units.source_fingerprints(index))
            if units.fingerprints[index]:
                builder.fingerprints[key] = units.fingerprints[index]

    def _add_superseded(self, units: OpUnits, done: Sequence[int]) -> None:
        """Finds finished units whose newest receipt is of other work, as after a parameter was set back."""
        if len(units.receipts) <= len(done):
            return  # each receipt belongs to one of these
        for index in done:
            newest = units.receipts.newest[units.name_of(index)]
            if units.receipts.fingerprints[newest] != units.fingerprints[index]:
                self._builder.superseded.append((units.key(index), units.fingerprints[index]))


def _blocked_by(source: UnitKey, permanent: bool) -> UnitStatus:
    """Returns the status of a unit that requires one without a result.

    Run on what is left, it would be committed as complete: footage is published whole or not at all.
    """
    return UnitStatus(State.BLOCKED, f"needs {source.op} of {source.unit}, which has no result", permanent)


def wanted_units(context: PlanContext, layout: CameraLayout) -> dict[str, Collection[int]]:
    """Returns, by op, the unit indices that are selected, and those that are built along with them."""
    selection = context.selection
    whole = set(context.wanted) if selection.first is selection.last is None else set()
    wanted: dict[str, Collection[int]] = {}
    needed: dict[str, set[int]] = {name: set() for name in context.ops}
    for name in reversed(list(context.ops)):  # readers first, so that what they need is known
        scope = context.ops[name].spec.scope
        days = layout.units[scope].dates
        if not context.ready.runs_on(name, layout.camera):
            wanted[name] = ()
        elif name in whole:
            wanted[name] = range(len(days))  # all of them, without a set of indices
        elif name in context.wanted:
            wanted[name] = needed[name].union(index for index, day in enumerate(days) if selection.wants_date(day))
        else:
            wanted[name] = needed[name]
        for each in context.ready.dependencies(context.dependencies[name], layout.camera):
            if each.build_if_missing and each.writer not in whole:
                sources = layout.source_indices(scope, context.ops[each.writer].spec.scope, each.neighbour)
                needed[each.writer].update(source for index in wanted[name] for source in sources[index])
    return wanted
