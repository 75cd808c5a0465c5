"""Which ops a selection brings along: those that it needs, and its readers if they are asked for."""

from dataclasses import replace
from datetime import date

from jobs.planning.graph import Selection
from jobs.planning.unit_status import State
from schemas.op import Read, Scope
from tests.jobs.pipeline import Detect, all_receipts, plan_tiny, quarantine_for, tiny_op, tiny_site
from tests.support.fakes import make_segment

SEGMENTS = [make_segment(index) for index in range(3)]


def states(plan, op):
    return {state: units for state, units in plan.unit_counts()[op].items() if units}


def test_a_selection_brings_what_it_needs_and_no_more():
    plan = plan_tiny(SEGMENTS, selection=Selection(ops=("publish",)))
    assert {key.op for key in plan.units} == {"detect", "track", "publish"}
    other_day = plan_tiny(SEGMENTS, selection=Selection(first=date(2026, 3, 3)))
    assert other_day.units == {}


def test_a_source_with_build_if_missing_is_built_along_and_its_failure_blocks_nobody():
    backdrop = tiny_op("backdrop", Scope.SEGMENT, [Read("detections")], ["backgrounds"])
    cover = tiny_op(
        "cover",
        Scope.SEGMENT,
        [Read("detections"), Read("backgrounds", required=False, build_if_missing=True)],
        ["anonymized_segments"],
    )
    site = tiny_site(ops=(Detect, backdrop, cover))
    plan = plan_tiny(SEGMENTS, site=site, selection=Selection(ops=("cover",)))
    assert {key.op for key in plan.units} == {"detect", "backdrop", "cover"}
    broken = [quarantine_for(plan, key) for key in plan.units if key.op == "backdrop"]
    without = plan_tiny(SEGMENTS, site=site, selection=Selection(ops=("cover",)), quarantined=broken)
    assert states(without, "backdrop") == {State.QUARANTINED: 3}
    assert states(without, "cover") == {State.MISSING: 3}


def test_readers_are_asked_for_within_the_same_dates():
    tomorrow = replace(SEGMENTS[2], date="2026-03-03")
    segments = [*SEGMENTS[:2], tomorrow]
    receipts = all_receipts(plan_tiny(segments))
    changed = tiny_site({"track": 2})
    chosen = Selection(ops=("track",), last=date(2026, 3, 2))
    assert {key.op for key in plan_tiny(segments, receipts, changed, chosen).to_do} == {"track"}
    plan = plan_tiny(segments, receipts, changed, replace(chosen, readers=True))
    assert {key.op for key in plan.to_do} == {"track", "link", "counts", "publish"}
    assert {key.date for key in plan.to_do if key.op != "track"} == {"2026-03-02"}
    tracks = {key.unit for key in plan.to_do if key.op == "track"}
    assert tracks == {segment.segment_id for segment in segments}, "publish cannot do without the rest of its file"
