"""Which units are done, missing, stale or blocked, and why."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import shapely

from jobs.planning.graph import Selection, UnitKey
from jobs.planning.unit_status import State
from schemas.errors import SelectionError
from schemas.op import Read, Scope
from schemas.values import Feature, FeatureKind
from tests.jobs.pipeline import Detect, all_receipts, plan_tiny, quarantine_for, receipt_for, tiny_op, tiny_site
from tests.support.fakes import make_segment

SEGMENTS = [make_segment(index) for index in range(3)]


def states(plan, op):
    return {state: units for state, units in plan.unit_counts()[op].items() if units}


def test_everything_is_missing_at_first_and_nothing_after_a_run():
    plan = plan_tiny(SEGMENTS)
    assert len(plan.to_do) == 3 + 3 + 1 + 1 + 1
    assert plan_tiny(SEGMENTS, all_receipts(plan)).to_do == []


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


def test_a_moved_zone_recounts_from_tables_alone():
    receipts = all_receipts(plan_tiny(SEGMENTS))
    zone = Feature("z", "zones", FeatureKind.ZONE, "map", None, shapely.box(0, 0, 1, 1))
    plan = plan_tiny(SEGMENTS, receipts, tiny_site(features=[zone]))
    assert {key.op for key in plan.to_do} == {"counts"}
    assert plan.reasons()["counts"] == {"layers": 1}


def test_a_file_that_moved_reprocesses_nothing_and_another_start_time_does():
    receipts = all_receipts(plan_tiny(SEGMENTS))
    moved = [replace(segment, path="elsewhere/new name.mp4") for segment in SEGMENTS]
    assert plan_tiny(moved, receipts).to_do == []
    later = [replace(segment, footage_start=segment.footage_start + timedelta(hours=1)) for segment in SEGMENTS]
    assert len(plan_tiny(later, receipts).to_do) == 9


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


def test_the_estimate_comes_from_past_runs():
    plan = plan_tiny(SEGMENTS)
    receipts = [receipt_for(plan, UnitKey("detect", "cam1", "2026-03-02", SEGMENTS[0].segment_id))]
    again = plan_tiny(SEGMENTS, receipts)
    assert again.rates == {"detect": pytest.approx(0.1)}
    assert again.work_s(UnitKey("detect", "cam1", "2026-03-02", SEGMENTS[1].segment_id)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(cameras=("nobody",)), "--camera nobody: no such camera; there are cam1"),
        (Selection(ops=("fly",)), "--ops fly: no such op"),
        (Selection(first=date(2026, 3, 3), last=date(2026, 3, 1)), "--from 2026-03-03 is after --to 2026-03-01"),
    ],
)
def test_a_selection_of_something_unknown_is_the_users_mistake(selection, words):
    with pytest.raises(SelectionError, match=words):
        plan_tiny(SEGMENTS, selection=selection)


def test_midnight_links_to_the_day_before():
    yesterday = replace(make_segment(0), date="2026-03-01", segment_id="y", start=datetime(2026, 3, 1, 22, tzinfo=UTC))
    plan = plan_tiny([yesterday, *SEGMENTS])
    link = plan.units[UnitKey("link", "cam1", "2026-03-02", "day")]
    assert "y" in {source.key.unit for source in link.sources}


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


def test_cameras_that_are_not_selected_are_not_planned():
    other = replace(SEGMENTS[0], camera="cam2")
    plan = plan_tiny([*SEGMENTS, other], selection=Selection(cameras=("cam2",)))
    assert {key.camera for key in plan.units} == {"cam2"}
