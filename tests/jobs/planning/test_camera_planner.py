"""Which units of a camera are done, stale, superseded or in quarantine, and why."""

from dataclasses import replace
from datetime import date, timedelta

from jobs.planning.graph import Selection, UnitKey
from jobs.planning.unit_status import State
from tests.jobs.pipeline import all_receipts, plan_tiny, quarantine_for, receipt_for, tiny_site
from tests.support.fakes import make_segment

SEGMENTS = [make_segment(index) for index in range(3)]


def states(plan, op):
    return {state: units for state, units in plan.unit_counts()[op].items() if units}


def test_finished_units_are_only_counted():
    plan = plan_tiny(SEGMENTS, all_receipts(plan_tiny(SEGMENTS)))
    assert plan.done == {"detect": 3, "track": 3, "link": 1, "counts": 1, "publish": 1}
    assert plan.unit_counts()["track"] == {State.DONE: 3}
    assert not plan.units and not plan.statuses and not plan.superseded


def test_a_changed_op_is_stale_with_what_reads_it_and_nothing_else():
    receipts = all_receipts(plan_tiny(SEGMENTS))
    plan = plan_tiny(SEGMENTS, receipts, tiny_site({"track": 2}))
    assert states(plan, "detect") == {State.DONE: 3}
    for op in ("track", "link", "counts", "publish"):
        assert states(plan, op).keys() == {State.STALE}
    assert plan.reasons()["track"] == {"params: value 1 → 2": 3}
    assert plan.reasons()["link"] == {"reads track": 1}


def test_optional_sources_outside_the_selection_count_only_when_they_are_done():
    tomorrow = replace(SEGMENTS[2], date="2026-03-03")
    segments = [SEGMENTS[0], SEGMENTS[1], tomorrow]
    chosen = Selection(last=date(2026, 3, 2), ops=("track",))
    alone = plan_tiny(segments, selection=chosen)
    last = UnitKey("track", "cam1", "2026-03-02", SEGMENTS[1].segment_id)
    full = plan_tiny(segments)
    assert alone.fingerprints[last] != full.fingerprints[last]
    detected = receipt_for(full, UnitKey("detect", "cam1", "2026-03-03", tomorrow.segment_id))
    with_it = plan_tiny(segments, [detected], selection=chosen)
    assert with_it.fingerprints[last] == full.fingerprints[last]


def test_superseded_work_is_listed():
    first = all_receipts(plan_tiny(SEGMENTS))
    second = all_receipts(plan_tiny(SEGMENTS, first, tiny_site({"counts": 2})), second=1)
    assert [receipt.op for receipt in second] == ["counts"]
    plan = plan_tiny(SEGMENTS, first + second)
    (counts,) = [receipt for receipt in first if receipt.op == "counts"]
    assert plan.to_do == [] and [fingerprint for _, fingerprint in plan.superseded] == [counts.fingerprint]
    again = replace(counts, committed=counts.committed + timedelta(hours=1), run_id="later")
    assert plan_tiny(SEGMENTS, [*first, *second, again]).superseded == []
    assert plan_tiny(SEGMENTS, first + second, selection=Selection(ops=("detect",))).superseded == []


def test_quarantine_holds_for_the_same_work_only_until_it_is_tried_again():
    fresh = plan_tiny(SEGMENTS)
    bad = UnitKey("detect", "cam1", "2026-03-02", SEGMENTS[1].segment_id)
    entry = quarantine_for(fresh, bad)
    plan = plan_tiny(SEGMENTS, quarantined=[entry])
    assert plan.statuses[bad].state is State.QUARANTINED and plan.statuses[bad].is_problem
    assert plan.statuses[bad._replace(op="track")].state is State.BLOCKED
    assert plan.statuses[bad._replace(op="track")].reason == f"needs detect of {bad.unit}, which has no result"
    before = bad._replace(op="track", unit=SEGMENTS[0].segment_id)
    assert plan.fingerprints[before] != fresh.fingerprints[before], "it no longer reads the next segment"
    assert plan_tiny(SEGMENTS, quarantined=[entry], retry=True).statuses[bad].reason == "tried again"
    assert plan_tiny(SEGMENTS, site=tiny_site({"detect": 2}), quarantined=[entry]).statuses[bad].state is State.MISSING
