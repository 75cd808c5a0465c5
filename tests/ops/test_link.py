"""Linking: ids last across borders and midnight, whatever the cuts and the order of work."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.track import TrackParams
from schemas.op import Tables
from schemas.tables import TABLES
from tests.ops.ground_scene import make_view
from tests.ops.walkers import Piece, Walker, film, link, night, steady, track, track_all

LEFT = Walker(x=50, y=100, vx=25)
RIGHT = Walker(x=550, y=250, vx=-25)
CROSSING = (Walker(x=50, y=100, vx=50, vy=6), Walker(x=550, y=190, vx=-45, vy=-6))
DURATION_S = 12.0
CUTS = st.lists(st.integers(10, 110), min_size=1, max_size=4, unique=True).map(
    lambda tenths: [tenth / 10 for tenth in sorted(tenths)]
)


def _same(a: Tables, b: Tables) -> bool:
    return all(a[name].equals(b[name], check_metadata=True) for name in a)


def _once_each(tables: Tables) -> bool:
    keys = list(zip(*(tables["track_points"][name].to_pylist() for name in ("track_id", "time")), strict=True))
    return len(keys) == len(set(keys))


def _walks(tables: Tables) -> dict[str, list[tuple[int, float]]]:
    """Pixel paths by track: PTS and left edge."""
    walks: dict[str, list[tuple[int, float]]] = {}
    points = tables["track_points"].to_pydict()
    for track_id, pts, x in zip(points["track_id"], points["pts"], points["x1"], strict=True):
        walks.setdefault(track_id, []).append((pts, x))
    return walks


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(CUTS)
def test_a_walker_keeps_one_id_through_any_cuts(cuts_s: list[float]) -> None:
    pieces = film([LEFT], steady(DURATION_S, 10), cuts_s)
    got = night(pieces)
    (track_id,) = got["tracks"]["track_id"].to_pylist()
    assert track_id == f"{pieces[0].segment.segment_id}-000"
    assert got["track_points"].num_rows == 120
    assert _once_each(got)


@cache
def _never_cut() -> dict[str, list[tuple[int, float]]]:
    return _walks(night(film(CROSSING, steady(DURATION_S, 10))))


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(CUTS)
def test_two_who_cross_keep_theirs_as_if_never_cut(cuts_s: list[float]) -> None:
    whole = _never_cut()
    cut = _walks(night(film(CROSSING, steady(DURATION_S, 10), cuts_s)))
    assert len(whole) == 2
    assert len(cut) == 2
    for track_id, path in whole.items():
        np.testing.assert_allclose(cut[track_id], path, atol=2.0)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(CUTS, st.randoms(use_true_random=False))
def test_order_of_segments_and_rows_does_not_matter(cuts_s: list[float], random: object) -> None:
    pieces = film([LEFT, RIGHT], steady(DURATION_S, 10), cuts_s)
    tracked = track_all(pieces)
    segments = [piece.segment for piece in pieces]
    shuffled = [{name: _shuffled(table, random) for name, table in part.items()} for part in tracked]
    random.shuffle(shuffled)
    assert _same(link(segments, tracked), link(segments[::-1], shuffled))


def _shuffled(table: pa.Table, random: object) -> pa.Table:
    order = list(range(table.num_rows))
    random.shuffle(order)
    return table.take(pa.array(order, pa.int64()))


def test_hiding_across_a_border_leaves_no_hole() -> None:
    hiding = replace(LEFT, hidden_s=(5.5, 6.6))
    pieces = film([hiding], steady(DURATION_S, 10), [6.0])
    got = night(pieces)
    assert got["tracks"].num_rows == 1
    assert got["track_points"].num_rows == 120
    assert got["track_points"]["state"].to_pylist().count("interpolated") == 11
    assert got["tracks"]["observed"].to_pylist() == [109]
    assert got["tracks"]["tracklets"].to_pylist() == [2]
    assert _once_each(got)


def test_who_leaves_just_after_the_border_is_followed_to_the_end() -> None:
    leaving = replace(LEFT, until_s=6.3)
    pieces = film([leaving], steady(DURATION_S, 10), [6.0])
    tracked = track_all(pieces)
    assert tracked[1]["tracklets"].num_rows == 0  # too short to be kept there by itself
    got = link([piece.segment for piece in pieces], tracked)
    assert got["track_points"].num_rows == 63
    assert got["track_points"]["segment_id"].to_pylist()[-1] == pieces[1].segment.segment_id


def test_overlap_that_has_no_tracklet_after_it_doubles_no_detection() -> None:
    pieces = film([LEFT, RIGHT], steady(DURATION_S, 10), [6.0])
    got = night(pieces)
    assert got["tracks"].num_rows == 2
    assert got["track_points"].num_rows == 240


@pytest.mark.parametrize(("resumes_s", "tracks"), [(7.0, 1), (8.0, 2)])
def test_over_a_short_gap_in_the_recording_tracks_go_on(resumes_s: float, tracks: int) -> None:
    pieces = film([LEFT], steady(DURATION_S, 10), [6.0, resumes_s])
    before, _, after = pieces
    apart = [track(before), track(after)]  # the second does not follow, so the planner hands no next
    got = link([before.segment, after.segment], apart)
    assert (
        got["tracks"]["track_id"].to_pylist()
        == [f"{before.segment.segment_id}-000", f"{after.segment.segment_id}-000"][:tracks]
    )
    assert got["track_points"].num_rows == 60 + round((DURATION_S - resumes_s) * 10), "nobody saw what happened between"
    if tracks == 1:
        (sure,) = got["track_points"]["link_probability"].drop_null().to_pylist()
        assert 0.5 < sure < 1 and got["tracks"]["link_probability"].to_pylist() == [sure]


def test_a_gap_link_takes_the_nearest_and_never_another_kind() -> None:
    walkers = [LEFT, replace(LEFT, y=180), replace(LEFT, y=140, label="car")]
    before, _, after = film(walkers, steady(DURATION_S, 10), [6.0, 6.8])
    got = link([before.segment, after.segment], [track(before), track(after)])
    assert got["tracks"].num_rows == 3
    starts = {row["track_id"]: row["y1"] for row in got["track_points"].slice(0, 3).to_pylist()}
    for row in got["track_points"].to_pylist():
        assert abs(row["y1"] - starts[row["track_id"]]) < 5


def test_where_the_next_segment_was_seen_a_gap_link_adds_nothing() -> None:
    # One walks on; another is hidden over the border, for longer than a track goes on.
    hidden = replace(RIGHT, hidden_s=(5.5, 6.5))
    pieces = film([LEFT, hidden], steady(DURATION_S, 10), [6.0])
    short = TrackParams(max_gap_s=0.4)
    got = link([piece.segment for piece in pieces], track_all(pieces, short))
    assert got["tracks"].num_rows == 3


def test_the_id_lasts_over_midnight_and_each_point_is_in_one_day() -> None:
    pieces = film([LEFT], steady(DURATION_S, 10), [4.0, 8.0])
    tracked = track_all(pieces)
    segments = [piece.segment for piece in pieces]
    evening = link(segments[:2], tracked[:2])
    morning = link(segments[2:], tracked[2:], day_before=tracked[:2])
    assert evening["tracks"]["track_id"].to_pylist() == morning["tracks"]["track_id"].to_pylist()
    assert evening["track_points"].num_rows == 80
    assert morning["track_points"].num_rows == 40
    whole = link(segments, tracked)["track_points"]
    assert pa.concat_tables([evening["track_points"], morning["track_points"]]).equals(whole)


def _switched(tracked: list[Tables], from_pts: int) -> list[Tables]:
    """The same tables with every box of a time and later 200 pixels further right: another person's."""
    return [{**part, "tracklet_points": _moved_right(part["tracklet_points"], from_pts)} for part in tracked]


def _moved_right(points: pa.Table, from_pts: int) -> pa.Table:
    later = pc.cast(pc.greater_equal(points["pts"], from_pts), pa.float32())
    moved = {name: pc.add(points[name], pc.multiply(later, pa.scalar(200, pa.float32()))) for name in ("x1", "x2")}
    return TABLES["tracklet_points"].conform({name: moved.get(name, points[name]) for name in points.column_names})


@pytest.mark.parametrize("jump_s", [3.0, 5.0, 9.0])
def test_a_track_ends_where_another_person_takes_it_over_also_across_midnight(jump_s: float) -> None:
    pieces = film([LEFT], steady(DURATION_S, 10), [4.0, 8.0])
    pts = round(jump_s * 12800)
    tracked = _switched(track_all(pieces), pts)
    segments = [piece.segment for piece in pieces]
    evening = link(segments[:2], tracked[:2], camera=make_view())
    morning = link(segments[2:], tracked[2:], day_before=tracked[:2], camera=make_view())
    whole = link(segments, tracked, camera=make_view())
    first = f"{segments[0].segment_id}-000"
    second = f"{segments[int(jump_s // 4)].segment_id}-000-{pts}"
    assert whole["tracks"]["track_id"].to_pylist() == [first, second]
    for name, begin, end in ((first, 0, jump_s), (second, jump_s, DURATION_S)):
        (row,) = whole["tracks"].filter(pc.equal(whole["tracks"]["track_id"], name)).to_pylist()
        assert row["points"] == round((end - begin) * 10)
        assert row["source"] == "model"
    both = pa.concat_tables([evening["track_points"], morning["track_points"]])
    assert TABLES["track_points"].conform(both).equals(whole["track_points"])
    assert _once_each(whole)
    assert link(segments, tracked)["tracks"].num_rows == 1, "without calibration the ground is not known"


def test_yesterday_alone_writes_nothing_today() -> None:
    pieces = film([LEFT], steady(DURATION_S, 10), [6.0])
    later = [replace(piece.segment, start=piece.segment.start + timedelta(days=1)) for piece in pieces[1:]]
    got = link(later, [], day_before=[track(pieces[0])])
    assert got["tracks"].num_rows == got["track_points"].num_rows == 0


@pytest.mark.parametrize("segments", [0, 2])
def test_empty_day(segments: int) -> None:
    pieces: list[Piece] = film([], steady(DURATION_S, 10), [6.0])[:segments]
    got = link([piece.segment for piece in pieces], track_all(pieces) if pieces else [])
    for name, table in got.items():
        assert table.num_rows == 0
        assert table.schema.equals(TABLES[name].schema, check_metadata=True)


def test_inputs_are_left_alone() -> None:
    pieces = film([LEFT], steady(DURATION_S, 10), [6.0])
    tracked = track_all(pieces)
    copies = [{name: table.slice(0) for name, table in part.items()} for part in tracked]
    link([piece.segment for piece in pieces], tracked)
    assert all(_same(a, b) for a, b in zip(tracked, copies, strict=True))
