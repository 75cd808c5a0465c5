"""A second has a row if something changed in it, with its tiles and its kind, whatever the frame rate."""

from datetime import timedelta
from pathlib import Path

import pytest

from ops.motion import Motion, MotionParams
from tests.ops.motion_rows import START, kinds, rows_of, seconds, tile_box, tiles
from tests.ops.moving_views import clip_frames
from tests.ops.walkabout import SIZE_PX, film, thing
from tests.support.fakes import FakeServices, make_segment, make_unit


def test_a_block_gives_exactly_its_seconds_and_tiles() -> None:
    here, there = tile_box((6, 4), (8, 5)), tile_box((15, 10), (16, 13))
    frames = film(100, [thing(here, (20, 20, 20), 40, 46), thing(there, (230, 230, 230), 46, 48)])
    rows = rows_of(frames)
    assert kinds(rows) == {20: "motion", 21: "motion", 22: "motion", 23: "motion"}
    first = {(x, y) for x in (6, 7, 8) for y in (4, 5)}
    second = {(x, y) for x in (15, 16) for y in (10, 11, 12, 13)}
    assert tiles(rows) == [first, first, first, second]
    area = (here[2] - here[0]) * (here[3] - here[1]) / (SIZE_PX[0] * SIZE_PX[1])
    assert rows[0]["share"] == pytest.approx(area, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("fps", [1.0, 7.0, 60.0])
def test_every_frame_rate_finds_the_same_seconds(fps: float) -> None:
    frames = film(round(14 * fps), [thing(tile_box((6, 4), (8, 5)), (20, 20, 20), round(10 * fps), round(12 * fps))])
    assert seconds(rows_of(frames, fps)) == [10, 11]


def test_seconds_are_those_of_the_clock_not_of_the_segment() -> None:
    frames = film(60, [thing(tile_box((6, 4), (8, 5)), (20, 20, 20), 40, 43)])
    rows = rows_of(frames, start=START + timedelta(seconds=0.7))
    assert seconds(rows) == [20, 21]
    assert all(row["time"].microsecond == 0 for row in rows)


def test_a_camera_that_is_not_fixed_is_looked_at_too() -> None:
    frames = film(60, [thing(tile_box((6, 4), (8, 5)), (20, 20, 20), 40, 44)])
    assert rows_of(frames, fixed=False) == rows_of(frames)


def test_a_segment_without_frames_and_one_of_a_frame_have_no_rows() -> None:
    assert rows_of(film(1, [])) == []
    unit = make_unit([make_segment()])
    assert Motion().start(unit, {}, FakeServices()).finish({})["motion"].num_rows == 0


def test_a_background_needs_a_time_to_settle() -> None:
    with pytest.raises(ValueError, match="settle_s is 0"):
        MotionParams(settle_s=0)


@pytest.mark.slow
def test_a_man_with_a_bag_is_found_and_the_empty_street_is_not(assets: Path) -> None:
    """ABODA: he enters about frame 312 of 29.97 a second, is gone by 700, is back about 858."""
    found = set(seconds(rows_of(clip_frames(assets / "video" / "aboda_video4.avi"), fps=2.0)))
    assert not found & {4, 5, 6}, "nobody is there"
    assert set(range(11, 22)) <= found
    assert set(range(30, 36)) <= found
