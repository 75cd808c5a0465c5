"""What the fingerprints of an op's units depend on, and which units each reads."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import shapely

from jobs.planning.graph import UnitKey
from schemas.values import Feature, FeatureKind
from tests.jobs.pipeline import all_receipts, plan_tiny, tiny_site
from tests.support.fakes import make_segment

SEGMENTS = [make_segment(index) for index in range(3)]


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


def test_midnight_links_to_the_day_before():
    yesterday = replace(make_segment(0), date="2026-03-01", segment_id="y", start=datetime(2026, 3, 1, 22, tzinfo=UTC))
    plan = plan_tiny([yesterday, *SEGMENTS])
    link = plan.units[UnitKey("link", "cam1", "2026-03-02", "day")]
    assert "y" in {source.key.unit for source in link.sources}
