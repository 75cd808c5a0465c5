"""Zones entered and left become interactions."""

import pytest
import shapely

from schemas.values import Feature, FeatureKind
from tests.ops.interactions.rules.day import go, run


def test_zones_entered_and_left_are_interactions_and_lines_are_not():
    zone = Feature("hall", "layer", FeatureKind.ZONE, "pixel", "cam1", shapely.box(250, 100, 350, 300))
    line = Feature("seam", "layer", FeatureKind.LINE, "pixel", "cam1", shapely.LineString([(300, 0), (300, 400)]))
    entered, left = run(go([(150, 200), (450, 200)], (0, 15)), features=[zone, line])
    assert [(row["verb"], row["object"], row["object_kind"]) for row in (entered, left)] == [
        ("enters", "hall", "zone"),
        ("exits", "hall", "zone"),
    ]
    assert entered["start_time"] == entered["end_time"]
    assert left["evidence"]["dwell_s"] == pytest.approx(5, abs=0.3)
    assert entered["score"] == pytest.approx(0.8)
