"""Tracks and density of the map page."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.storage.exports.map_page.drawn import START, X, Y, draw, walk, with_camera


def test_a_track_comes_back_to_the_millimetre(root: Path) -> None:
    east, north = [0.0, 0.42, -1.37], [10.0, 10.5, 12.34]
    page = draw(with_camera(root), walk("t1", east, north, fps=2))
    points, (west_m, south_m) = page.columns("all-points"), page.scene["origin"]
    assert [west_m + x - X for x in points["x"]] == pytest.approx(east, abs=0.001)
    assert [south_m + y - Y for y in points["y"]] == pytest.approx(north, abs=0.001)
    assert points["t"] == [0, 500, 1000]
    assert points["speed"] == pytest.approx([1.25, np.nan, np.nan], nan_ok=True)
    assert points["sigma"] == [0.5] * 3
    assert page.scene["start_ms"] == START.timestamp() * 1000


def test_a_fast_camera_is_thinned_to_five_points_a_second_and_both_ends(root: Path) -> None:
    page = draw(with_camera(root), walk("t1", np.linspace(0, 9, 251).tolist(), [0.0] * 251, fps=25))
    assert page.columns("all-points")["t"] == [*range(0, 10_001, 200)]
    assert "51 of 251 positions" in page.words


def test_too_many_tracks_are_spread_over_time_and_said(root: Path) -> None:
    tables = [walk(f"t{number}", [0, 1], [0, number], after_s=60 * number) for number in range(9)]
    page = draw(with_camera(root), pa.concat_tables(tables[::-1]), max_tracks=3)
    assert page.scene["tracks"]["id"] == ["t0", "t4", "t8"]
    assert page.scene["tracks"]["first"] == [0, 2, 4]
    assert page.columns("all-points")["track"] == [0, 0, 1, 1, 2, 2]
    assert "3 of 9 tracks" in page.words
    assert "Left out: 6 tracks" in page.words


def test_density_holds_all_the_time_spent_where_and_when(root: Path) -> None:
    standing = walk("t1", [0.3] * 101, [3.3] * 101)
    passing = walk("t2", np.linspace(0.1, 9.9, 50).tolist(), [0.3] * 50, after_s=100)
    page = draw(with_camera(root), pa.concat_tables([standing, passing]))
    grid, spent = page.scene["grid"], page.columns("all-spent")
    assert sum(spent["spent_s"]) == pytest.approx(10 + 4.9, abs=0.01)
    seconds = np.bincount(spent["cell"], spent["spent_s"])
    fullest = int(seconds.argmax())
    assert seconds[fullest] == pytest.approx(10, abs=0.01)
    west = page.scene["origin"][0] + grid["x"] + fullest % grid["columns"] * grid["cell_m"]
    south = page.scene["origin"][1] + grid["y"] + fullest // grid["columns"] * grid["cell_m"]
    assert west <= X + 0.3 < west + grid["cell_m"]
    assert south <= Y + 3.3 < south + grid["cell_m"]
    early = np.array(spent["step"]) * grid["step_s"] < 50
    assert np.array(spent["spent_s"])[early].sum() == pytest.approx(10, abs=0.01)


def test_a_gap_in_the_footage_is_no_time_spent(root: Path) -> None:
    assert draw(with_camera(root), walk("t1", [0, 1, 2], [0, 0, 0], fps=0.01)).columns("all-spent")["cell"] == []


def test_positions_that_fly_off_do_not_shrink_the_map(root: Path) -> None:
    east = [*np.linspace(0, 10, 999).tolist(), 50_000.0]
    page = draw(with_camera(root), walk("t1", east, [0.0] * 1000))
    west_m, _, east_m, _ = page.scene["extent"]
    assert 10 <= east_m - west_m < 16
    assert "Left out of density: 1 positions far" in page.words


def test_rows_in_any_order_give_the_same_bytes(root: Path) -> None:
    site = with_camera(root)
    positions = pa.concat_tables([walk("b", [0, 1, 2], [0, 1, 2]), walk("a", [5, 6, 7], [0, 1, 0])])
    first = draw(site, positions).source
    assert draw(site, positions).source == first
    assert draw(site, positions.take(pa.array([5, 2, 0, 3, 1, 4]))).source == first
