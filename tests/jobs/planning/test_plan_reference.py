"""The planner against the simplest possible one: one unit at a time, with sets and recursion."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.planning.graph import Selection, UnitKey
from jobs.planning.unit_states import UnitStates
from schemas.op import Neighbour, Read, Scope
from tests.jobs.pipeline import plan_tiny, quarantine_for, receipt_for, tiny_op, tiny_pair, tiny_site
from tests.support.fakes import START, make_segment


def both_seen(knobs, ops):
    """A site whose two cameras see the same ground and are a stereo pair."""
    return replace(tiny_site(knobs, ops=ops, groups=(("cam1", "cam2"),)), stereo=tiny_pair("cam1", "cam2"))


class Reference:
    """The states of a selection's units, given what is done and quarantined, by fingerprints of its own."""

    def __init__(self, ops, knobs, segments, selection, done=(), quarantined=()):
        self.ops = {op.spec.name: op.spec for op in ops}
        self.writers = {table: spec for spec in self.ops.values() for table in spec.writes}
        self.knobs, self.segments, self.selection = knobs, segments, selection
        self.done, self.quarantined = set(done), set(quarantined)
        self.units = {key: members for spec in self.ops.values() for key, members in self.units_of(spec)}
        self.lost, self.fingerprints = set(), {}

    def units_of(self, spec):
        groups = {}
        for segment in sorted(self.segments, key=lambda each: (each.camera, each.start, each.segment_id)):
            unit = {Scope.SEGMENT: segment.segment_id, Scope.FOOTAGE: segment.footage_id, Scope.CAMERA_DAY: "day"}
            day = segment.date if spec.scope is Scope.CAMERA_DAY else ""
            groups.setdefault((segment.camera, day, unit[spec.scope]), []).append(segment)
        for (camera, _, unit), members in groups.items():
            yield UnitKey(spec.name, camera, members[0].date, unit), members

    def sources(self, key, read):
        writer, members, day = self.writers.get(read.table), self.units[key], key.date
        if writer is None:
            return []
        if read.neighbour is Neighbour.NEXT:
            members = [there for here, there in self.pairs() if here == members[-1]]
        elif read.neighbour is Neighbour.PREVIOUS_DAY:
            day = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
            ordered = sorted(self.segments, key=lambda each: (each.start, each.segment_id))
            members = [each for each in ordered if (each.camera, each.date) == (key.camera, day)]
        elif read.neighbour is Neighbour.OTHERS:
            days = writer.scope is self.ops[key.op].scope is Scope.CAMERA_DAY
            cameras = {each.camera for each in self.segments if each.date == day and each.camera != key.camera}
            return [UnitKey(writer.name, camera, day, "day") for camera in sorted(cameras) if days]
        elif read.neighbour is Neighbour.STEREO:
            if self.ops[key.op].scope is not Scope.CAMERA_DAY:
                return []
            ordered = sorted(self.segments, key=lambda each: (each.start, each.segment_id))
            members = [each for each in ordered if each.date == day and each.camera != key.camera]
            if writer.scope is Scope.CAMERA_DAY:
                return [UnitKey(writer.name, each.camera, day, "day") for each in members[:1]]
            return [
                UnitKey(writer.name, each.camera, day, each.segment_id)
                for each in members
                if writer.scope is Scope.SEGMENT
            ]
        if writer.scope is Scope.SEGMENT:
            return [UnitKey(writer.name, each.camera, each.date, each.segment_id) for each in members]
        if writer.scope is self.ops[key.op].scope is Scope.FOOTAGE:
            return [UnitKey(writer.name, *key[1:])] if read.neighbour is Neighbour.SELF else []
        same = writer.scope is self.ops[key.op].scope is Scope.CAMERA_DAY
        return [UnitKey(writer.name, key.camera, day, "day")] if same and members else []

    def pairs(self):
        ordered = sorted(self.segments, key=lambda each: (each.camera, each.start, each.segment_id))
        for here, there in pairwise(ordered):
            if here.camera == there.camera and abs(there.start - here.end) <= timedelta(seconds=1):
                yield here, there

    def reads(self, key):
        return [(read, source) for read in self.ops[key.op].reads for source in self.sources(key, read)]

    def fingerprint(self, key):
        if key not in self.fingerprints:
            reads = {
                (r.neighbour, self.fingerprint(source)) for r, source in self.reads(key) if source not in self.lost
            }
            cuts = tuple((each.footage_id, each.index) for each in self.units[key])
            self.fingerprints[key] = str(hash((key, self.knobs.get(key.op, 1), cuts, frozenset(reads))))
        return self.fingerprints[key]

    def wanted(self):
        wanted = {key for key in self.units if self.is_selected(key)}
        for key in reversed(self.units):
            if key in wanted:
                wanted.update(source for read, source in self.reads(key) if read.required)
        return wanted

    def is_selected(self, key):
        selection = self.selection
        return selection.wants_camera(key.camera) and selection.wants_date(key.date) and key.op in self.wanted_ops()

    def wanted_ops(self):
        wanted = set(self.selection.ops or self.ops)
        for spec in self.ops.values() if self.selection.readers else ():
            if any(read.table in self.writers and self.writers[read.table].name in wanted for read in spec.reads):
                wanted.add(spec.name)
        return wanted

    def states(self):
        wanted, states = self.wanted(), {}
        ever = {name for name, _ in self.done}
        for key in self.units:
            mine = (key, self.fingerprint(key))
            if key not in wanted:
                state = "done" if mine in self.done else "out"
            elif any(read.required and source in self.lost for read, source in self.reads(key)):
                state = "blocked"
            elif mine in self.done:
                state = "done"
            elif mine in self.quarantined:
                state = "quarantined"
            else:
                state = "stale" if key in ever else "missing"
            if state in ("out", "blocked", "quarantined"):
                self.lost.add(key)
            if key in wanted:
                states[key] = state
        return states


@st.composite
def pipelines(draw):
    """Draws ops that read tables of earlier ops."""
    ops = []
    for number in range(draw(st.integers(2, 5))):
        table = st.sampled_from([f"t{earlier}" for earlier in range(number)] + ["nobody's"])
        neighbour = st.sampled_from([each for each in Neighbour if not each.other_cameras])
        read = st.builds(Read, table, neighbour, required=st.booleans())
        beside = st.sampled_from([Neighbour.OTHERS, Neighbour.STEREO])
        read |= st.builds(Read, table, beside, required=st.just(False))
        reads = draw(st.lists(read, max_size=3, unique_by=lambda read: read.key))
        ops.append(tiny_op(f"op{number}", draw(st.sampled_from(Scope)), reads, [f"t{number}"]))
    return ops


@st.composite
def archives(draw):
    """Draws segments of two cameras around a midnight, some of which follow each other."""
    segments = []
    for camera in ("cam1", "cam2"):
        at = START
        for index in range(draw(st.integers(1, 6))):
            at += timedelta(seconds=draw(st.sampled_from([10, 10.5, 10, 4000])))
            whole = make_segment(0, start=at, camera=camera)
            footage_id = f"file{draw(st.integers(0, 1))}{camera}"
            day = at.date().isoformat()
            segments.append(
                replace(whole, segment_id=f"{camera}-{index}", footage_id=footage_id, index=index, date=day)
            )
    return segments


@pytest.mark.slow
@given(st.data(), pipelines(), archives())
def test_states_are_those_of_the_simplest_planner(data, ops, segments):
    names = [op.spec.name for op in ops]
    knobs = {name: 2 for name in data.draw(st.sets(st.sampled_from(names)), label="changed ops")}
    days = st.none() | st.sampled_from(sorted({date.fromisoformat(segment.date) for segment in segments}))
    selection = Selection(
        cameras=data.draw(st.sampled_from([(), ("cam2",)])),
        first=data.draw(days),
        ops=tuple(data.draw(st.sets(st.sampled_from(names)))),
        readers=data.draw(st.booleans()),
    )
    receipts, done = [], []
    for second, made_with in enumerate(({}, knobs)):
        plan = plan_tiny(segments, site=both_seen(made_with, ops))
        plain = Reference(ops, made_with, segments, Selection())
        sources = {key: [(source.read, source.key) for source in unit.sources] for key, unit in plan.units.items()}
        assert sources == {key: plain.reads(key) for key in plain.units}
        for key in sorted(data.draw(st.sets(st.sampled_from(sorted(plan.units))), label="done")):
            receipts.append(receipt_for(plan, key, second))
            done.append((key, plain.fingerprint(key)))
    keys = data.draw(st.sets(st.sampled_from(sorted(plan.units)), max_size=3), label="in quarantine")
    entries = [quarantine_for(plan, key) for key in keys]
    quarantined = [(key, plain.fingerprint(key)) for key in keys]

    plan = plan_tiny(segments, receipts, both_seen(knobs, ops), selection, quarantined=entries)
    expected = Reference(ops, knobs, segments, selection, done, quarantined).states()
    assert {key: status.state.value for key, status in plan.statuses.items()} == {
        key: state for key, state in expected.items() if state != "done"
    }
    assert +Counter(plan.done) == Counter(key.op for key, state in expected.items() if state == "done")
    blocked = [key for key, status in plan.statuses.items() if status.state.value == "blocked"]
    assert not plan.fingerprints.keys() & blocked
    states = UnitStates(plan)
    assert {key: states.compute_fingerprint(key) for key in plan.to_do} == {
        key: plan.fingerprints[key] for key in plan.to_do
    }, "unit by unit as column by column"


@pytest.mark.slow
@given(st.data(), pipelines(), archives())
def test_a_failure_leaves_the_statuses_and_fingerprints_that_the_next_plan_has(data, ops, segments):
    site = both_seen({}, ops)
    plan = plan_tiny(segments, site=site)
    failed = data.draw(st.sampled_from(sorted(plan.units)))
    entry = quarantine_for(plan, failed)
    next_night = plan_tiny(segments, site=site, quarantined=[entry])
    states = UnitStates(plan)
    states.mark_quarantined(failed, "bad")
    assert {key: status.state for key, status in states.statuses.items()} == {
        key: status.state for key, status in next_night.statuses.items()
    }
    assert {key: states.fingerprint(key) for key in next_night.to_do} == {
        key: next_night.fingerprints[key] for key in next_night.to_do
    }
