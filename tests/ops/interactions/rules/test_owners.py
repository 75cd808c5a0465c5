"""An owner is away when they have gone, not when the detector or the tracker lost them."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.arrays import times_us
from schemas.tables import TABLES
from tests.ops.ground_scene import join
from tests.ops.interactions.rules.day import LEFT_AT_S, OWNER, abandoned, go, seconds_of
from tests.support.fakes import START

GONE_S = seconds_of(abandoned()[0])[0]


def broken(points, since_s, lost_s):
    """Points without those of a stretch of time; what comes after it is another track."""
    at_s = times_us(points) / 1e6 - START.timestamp()
    before, after = points.filter(pa.array(at_s < since_s)), points.filter(pa.array(at_s >= since_s + lost_s))
    renamed = after.set_column(after.schema.get_field_index("track_id"), "track_id", pa.array(["after"] * len(after)))
    return join(before, TABLES["track_points"].conform(renamed))


@given(st.floats(8.0, 19.0), st.floats(0.0, 1.0))
def test_a_broken_track_moves_no_departure(since_s, lost_s):
    (row,) = abandoned(broken(OWNER, since_s, lost_s))
    assert seconds_of(row)[0] == pytest.approx(GONE_S, abs=lost_s + 0.2)


@given(st.floats(8.0, 20.0), st.floats(0.0, 1.0))
def test_lost_detections_move_no_departure(since_s, lost_s):
    at_s = times_us(OWNER) / 1e6 - START.timestamp()
    kept = OWNER.filter(pa.array((at_s < since_s) | (at_s >= since_s + lost_s)))
    (row,) = abandoned(kept)
    assert seconds_of(row)[0] == pytest.approx(GONE_S, abs=lost_s + 0.2)


@pytest.mark.parametrize("lost_s", [3.0, 6.0, 9.0])
def test_an_owner_lost_beside_the_thing_is_whoever_appears_beside_it(lost_s):
    stays = go([(20, 300), (290, 300), (290, 300)], (0, 8, 59), "owner")
    assert abandoned(broken(stays, 11.0, lost_s)) == []


def test_an_owner_at_the_lower_edge_is_whole_and_has_not_left():
    feet_y, box = 478, (300.0, 458.0, 330.0, 478.0)
    stays = go([(20, feet_y), (290, feet_y), (290, feet_y)], (0, 8, 59), "owner")
    assert abandoned(broken(stays, 11.0, 3.0), [(LEFT_AT_S, None, box)]) == []


def test_who_comes_after_the_owner_has_left_is_somebody_else():
    gone = go([(20, 300), (290, 300), (290, 300), (2, 300)], (0, 8, 12, 21), "owner")
    comes = go([(2, 300), (290, 300), (290, 300)], (25, 33, 59), "after")
    (row,) = abandoned(join(gone, comes))
    assert row["evidence"]["left_as_track"] == "owner"
    assert seconds_of(row)[1] == pytest.approx(59)
