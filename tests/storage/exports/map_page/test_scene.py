"""Features, cameras, events and bounds of the map page."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from shapely.geometry import LineString, Polygon, box

from schemas.tables import TABLES
from storage.exports.map_page import event_columns
from storage.site.file import load_site
from tests.storage.exports.map_page.drawn import (
    FLOWS,
    PEOPLE,
    START,
    X,
    Y,
    counted,
    crossing,
    draw,
    with_camera,
    zone,
)


def test_zones_keep_their_holes_and_lines_their_direction(root: Path) -> None:
    ring = Polygon(box(X, Y, X + 9, Y + 9).exterior, [box(X + 3, Y + 3, X + 6, Y + 6).exterior])
    line = LineString([(X, Y), (X + 4, Y)])
    page = draw(with_camera(root), None, [zone("ring", ring), zone("door", line), zone("px", box(0, 0, 9, 9), "pixel")])
    zones, lines = page.columns("zones"), page.columns("lines")
    assert zones["name"] == ["ring"]
    assert [len(part) for part in zones["xs"][0][0]] == [5, 5]
    way, arrow, _ = zip(lines["xs"], lines["ys"], strict=True)
    assert way == ([0, 4], [0, 0])
    assert arrow[0] == pytest.approx([2, 2]), "from the middle"
    assert arrow[1][1] < arrow[1][0] == 0, "to the right, seen along the line"


def test_crossings_point_where_people_went(root: Path) -> None:
    events = pa.concat_tables([crossing("a", "door", 1, 2), crossing("b", "door", 2, 2, "right_to_left")])
    page = draw(with_camera(root), None, [zone("door", LineString([(X, Y), (X + 4, Y)]))], events=events)
    crossed = page.columns("all-crossed")
    assert np.cos(crossed["angle"]) == pytest.approx([-1, 1]), "south, then north"
    assert crossed["t"] == [0, 1000]
    assert crossed["what"] == ["door, along the arrow", "door, against the arrow"]


def test_too_many_crossings_are_spread_over_time_and_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_columns, "MAX_EVENTS", 3)
    events = pa.concat_tables([crossing(f"t{number}", "door", number, 2) for number in range(9)])
    page = draw(with_camera(root), events=events)
    assert page.columns("all-crossed")["t"] == [0, 4000, 8000]
    assert "Crossings on the map: 3 of 9" in page.words


def test_the_tables_weigh_bins_by_what_was_observed_and_rank_lines(root: Path) -> None:
    bins = {
        "camera": ["gate"] * 2, "zone": ["hall"] * 2, "label": ["person"] * 2, "bin_s": [60.0] * 2,
        "bin_start": [START, START + timedelta(minutes=1)], "observed_s": [60.0, 20.0], "mean_count": [1.0, 3.0],
        "max_count": [2, 4], "distinct_tracks": [2, 4], "dwell_s": [60.0, 60.0],
    }  # fmt: skip
    start = int(START.timestamp() * 1e6)
    flows = counted(
        FLOWS,
        ("gate", "door", "person", start, 60.0, "left_to_right", 2),
        ("gate", "door", "person", start, 60.0, "right_to_left", 3),
        ("gate", "exit", "person", start, 60.0, "right_to_left", 9),
    )
    people = counted(PEOPLE, ("gate", "hall", "person", start, 60.0, 4, 2, 60.0))
    page = draw(with_camera(root), counts=TABLES["counts"].conform(bins), flows=flows, people=people)
    assert "hall gate person 1.50 4 0:02:00 0:01:20" in page.words
    assert "exit gate person 0 9 9 door gate person 2 3 5" in page.words
    assert "exit Gate · person 9 crossings" in page.words
    assert "hall Gate · person 2 most at once" in page.words


def test_a_camera_without_a_place_is_named(root: Path) -> None:
    path = root / "site.toml"
    path.write_text(path.read_text() + '\n[[cameras]]\nid = "dock"\n')
    page = draw(load_site(root))
    assert "gives no position: dock" in page.words
