"""Tracklets are linked by what they share, within one kind."""

from dataclasses import replace

from schemas.tables import TABLES
from tests.ops.walkers import Walker, film, link, steady, track_all

LEFT = Walker(x=50, y=100, vx=25)
RIGHT = Walker(x=550, y=250, vx=-25)
DURATION_S = 12.0


def test_boxes_link_where_detections_do_not() -> None:
    pieces = film([LEFT, RIGHT], steady(DURATION_S, 10), [6.0])
    tracked = track_all(pieces)
    renumbered = tracked[1]["tracklet_points"].to_pydict()
    renumbered["detection"] = [None if number is None else number + 5000 for number in renumbered["detection"]]
    tracked[1]["tracklet_points"] = TABLES["tracklet_points"].conform(renumbered)
    got = link([piece.segment for piece in pieces], tracked)
    assert got["tracks"]["tracklets"].to_pylist() == [2, 2]


def test_kinds_are_not_linked_but_names_of_one_kind_are() -> None:
    pieces = film([replace(LEFT, label="car")], steady(DURATION_S, 10), [6.0])
    tracked = track_all(pieces)
    for label, tracks in (("truck", ["car"]), ("person", ["car", "person"])):
        second = tracked[1]["tracklets"].to_pydict() | {"label": [label]}
        got = link(
            [piece.segment for piece in pieces],
            [tracked[0], tracked[1] | {"tracklets": TABLES["tracklets"].conform(second)}],
        )
        assert got["tracks"]["label"].to_pylist() == tracks
        assert set(got["track_points"]["label"].to_pylist()) == set(tracks)
