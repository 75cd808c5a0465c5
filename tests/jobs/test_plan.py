"""What is done, missing, stale or blocked, and why."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import shapely

from jobs.graph import Selection, UnitKey, following
from jobs.plan import State
from schemas.errors import SelectionError
from schemas.values import Feature, FeatureKind
from testkit.fakes import make_segment
from tests.jobs.pipeline import all_receipts, plan_tiny, receipt_for, tiny_site

SEGMENTS = [make_segment(index) for index in range(3)]


def states(plan, op):
    return [standing.state for key, standing in plan.standing.items() if key.op == op]


def test_everything_is_missing_at_first_and_nothing_after_it_was_done():
    plan = plan_tiny(SEGMENTS)
    assert len(plan.to_do) == 3 + 3 + 1 + 1 + 1
    assert plan_tiny(SEGMENTS, all_receipts(plan)).to_do == []


def test_segments_follow_each_other_without_a_gap_only():
    late = replace(SEGMENTS[2], start=SEGMENTS[2].start + timedelta(seconds=5), segment_id="late")
    follows = following([SEGMENTS[1], late, SEGMENTS[0]])
    assert {key: value.segment_id for key, value in follows.items()} == {SEGMENTS[0].segment_id: SEGMENTS[1].segment_id}


def test_a_changed_op_is_stale_with_what_reads_it_and_nothing_else():
    receipts = all_receipts(plan_tiny(SEGMENTS))
    plan = plan_tiny(SEGMENTS, receipts, tiny_site({"track": 2}))
    assert states(plan, "detect") == [State.DONE] * 3
    for op in ("track", "link", "counts", "publish"):
        assert set(states(plan, op)) == {State.STALE}
    assert plan.whys()["track"] == {"params": 3}
    assert plan.whys()["link"] == {"reads track": 1}


def test_a_moved_zone_recounts_from_tables_alone():
    receipts = all_receipts(plan_tiny(SEGMENTS))
    zone = Feature("z", "zones", FeatureKind.ZONE, "map", None, shapely.box(0, 0, 1, 1))
    plan = plan_tiny(SEGMENTS, receipts, tiny_site(features=[zone]))
    assert {key.op for key in plan.to_do} == {"counts"}
    assert plan.whys()["counts"] == {"layers": 1}


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


def test_optional_sources_outside_the_selection_count_only_when_they_are_done():
    tomorrow = replace(SEGMENTS[2], date="2026-03-03")
    segments = [SEGMENTS[0], SEGMENTS[1], tomorrow]
    chosen = Selection(last=date(2026, 3, 2), ops=("track",))
    alone = plan_tiny(segments, selection=chosen)
    last = UnitKey("track", "cam1", "2026-03-02", SEGMENTS[1].segment_id)
    full = plan_tiny(segments)
    assert alone.fingerprints.of(last) != full.fingerprints.of(last)
    detected = receipt_for(full.fingerprints, UnitKey("detect", "cam1", "2026-03-03", tomorrow.segment_id))
    with_it = plan_tiny(segments, [detected], selection=chosen)
    assert with_it.fingerprints.of(last) == full.fingerprints.of(last)


def test_the_estimate_comes_from_past_runs():
    plan = plan_tiny(SEGMENTS)
    receipts = [receipt_for(plan.fingerprints, UnitKey("detect", "cam1", "2026-03-02", SEGMENTS[0].segment_id))]
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
def test_a_selection_of_what_is_not_there_is_the_users_mistake(selection, words):
    with pytest.raises(SelectionError, match=words):
        plan_tiny(SEGMENTS, selection=selection)


def test_midnight_links_to_the_day_before():
    yesterday = replace(make_segment(0), date="2026-03-01", segment_id="y", start=datetime(2026, 3, 1, 22, tzinfo=UTC))
    plan = plan_tiny([yesterday, *SEGMENTS])
    link = plan.graph[UnitKey("link", "cam1", "2026-03-02", "day")]
    assert "y" in {source.key.unit for source in link.sources}
