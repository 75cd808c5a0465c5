"""Tracks and density of the map page."""

from itertools import accumulate
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.storage.exports.map_page.drawn import START, X, Y, draw, walk, with_camera


def test_a_track_comes_back_to_the_centimetre(root: Path) -> None:
    east, north = [0.0, 0.42, -1.37], [10.0, 10.5, 12.34]
    scene = draw(with_camera(root), walk("t1", east, north, fps=2)).scene
    (track,) = scene["tracks"]
    west_m, south_m = scene["origin"]
    assert [west_m + x / 100 - X for x in accumulate(track["x"])] == pytest.approx(east, abs=0.0051)
    assert [south_m + y / 100 - Y for y in accumulate(track["y"])] == pytest.approx(north, abs=0.0051)
    assert list(accumulate(track["t"])) == [0, 50, 100]
    assert track["v"] == [125, -1, -1]
    assert scene["start_ms"] == START.timestamp() * 1000


def test_a_fast_camera_is_thinned_to_five_points_a_second_and_both_ends(root: Path) -> None:
    scene = draw(with_camera(root), walk("t1", np.linspace(0, 9, 251).tolist(), [0.0] * 251, fps=25)).scene
    times = list(accumulate(scene["tracks"][0]["t"]))
    assert times == [*range(0, 1001, 20)]
    assert scene["of_points"] == 251


def test_too_many_tracks_are_spread_over_time_and_said(root: Path) -> None:
    tables = [walk(f"t{number}", [0, 1], [0, number], after_s=60 * number) for number in range(9)]
    page = draw(with_camera(root), pa.concat_tables(tables[::-1]), max_tracks=3)
    assert [track["id"] for track in page.scene["tracks"]] == ["t0", "t4", "t8"]
    assert "3 of 9 tracks" in page.words
    assert "Left out: 6 tracks" in page.words


def test_density_holds_all_the_time_spent_and_where(root: Path) -> None:
    standing = walk("t1", [0.25] * 101, [3.25] * 101)
    passing = walk("t2", np.linspace(0.1, 9.9, 50).tolist(), [0.25] * 50, after_s=100)
    grid = draw(with_camera(root), pa.concat_tables([standing, passing])).scene
    density = grid["density"]
    cells = dict(zip(density["cells"][::2], density["cells"][1::2], strict=True))
    seconds = {cell: tenths / 10 * density["cell_m"] ** 2 for cell, tenths in cells.items()}
    assert sum(seconds.values()) == pytest.approx(10 + 4.9, abs=0.3)
    fullest = max(seconds, key=lambda cell: seconds[cell])
    assert seconds[fullest] == pytest.approx(10, abs=0.05)
    column, row = fullest % density["columns"], fullest // density["columns"]
    west = grid["origin"][0] + density["x"] + column * density["cell_m"]
    south = grid["origin"][1] + density["y"] + row * density["cell_m"]
    assert west <= X + 0.25 < west + density["cell_m"]
    assert south <= Y + 3.25 < south + density["cell_m"]


def test_a_gap_in_the_footage_is_no_time_spent(root: Path) -> None:
    density = draw(with_camera(root), walk("t1", [0, 1, 2], [0, 0, 0], fps=0.01)).scene["density"]
    assert density["cells"] == []


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
