"""The op: zones become interactions, lacking tables count as empty, and the order of rows changes nothing."""

import numpy as np
import pytest
import shapely

from ops.interactions import Interactions
from schemas.tables import TABLES
from schemas.values import Feature, FeatureKind
from tests.ops.rules.day import OWNER, PLAIN, REGION, SEGMENT, abandoned, go, run, still
from tests.support.fakes import FakeServices, make_unit


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


def test_nothing_in_gives_nothing_out_and_lacking_tables_are_empty():
    op, nobody = Interactions(), TABLES["track_points"].empty()
    unit = make_unit([SEGMENT], PLAIN, unit="day")
    assert op.run(unit, {"track_points": nobody}, FakeServices())["interactions"].num_rows == 0
    assert (
        op.run(make_unit([], PLAIN, unit="day"), {"track_points": nobody}, FakeServices())["interactions"].num_rows == 0
    )
    assert (
        op.run(unit, {"track_points": OWNER, "static_regions": still(REGION)}, FakeServices())["interactions"].num_rows
        == 1
    )


def test_the_order_of_the_rows_that_come_in_changes_nothing():
    shuffled = OWNER.take(np.random.default_rng(0).permutation(OWNER.num_rows))
    assert abandoned(shuffled) == abandoned()
