"""The background shows a view without its people."""

import numpy as np
import pytest

from ops.background import Background, BackgroundParams
from schemas.values import CameraView, Uint8
from tests.ops.people import BAG, TimedBox, late_tables, pictures, run, walk
from tests.ops.walkabout import box_at, film, street, thing, walker
from tests.support.fakes import FakeServices, make_segment, make_unit


def off(background: Uint8) -> np.ndarray:
    """Difference of each pixel to the street as it is."""
    return np.abs(background.astype(int) - street()).max(axis=2)


def test_people_are_not_in_the_background_though_they_stand_there_most_of_the_time() -> None:
    start = (160, 200)

    def stands(picture: Uint8, number: int) -> None:
        if number < 32:
            walker(start, 0)(picture, number)

    tables = run(film(40, [stands]), walk(start, 0, range(32)))
    background, unknown = pictures(tables)
    (row,) = tables["backgrounds"].to_pylist()
    assert off(background).max() <= 10
    assert not unknown.any()
    assert row["unknown_share"] == 0
    assert row["samples"] == 40
    assert 1 < row["noise"] < 3  # drawn with a standard deviation of 3 in each of three channels


def test_pixels_that_were_never_free_are_unknown_and_painted_over() -> None:
    start = (160, 200)
    background, unknown = pictures(run(film(20, [walker(start, 0)]), walk(start, 0, range(20))))
    x1, y1, x2, y2 = box_at(start, 0, 0)
    assert (unknown[y1:y2, x1:x2] == 255).all()
    assert unknown[: y1 - 20].max() == 0
    assert set(np.unique(unknown)) == {0, 255}
    figure = film(1, [walker(start, 0)])[0]
    left = np.abs(background.astype(int) - figure)[y1:y2, x1:x2].max(axis=2)
    drawn = np.abs(figure.astype(int) - street())[y1:y2, x1:x2].max(axis=2) > 40
    assert (left[drawn] > 20).mean() > 0.8, "the figure's own pixels are still there"


def test_a_parked_car_is_part_of_the_background_but_one_that_leaves_is_not() -> None:
    parked, leaving = (20, 100, 90, 140), (180, 100, 250, 140)
    draw = [thing(parked, (160, 40, 40)), thing(leaving, (40, 40, 160), 0, 30)]
    times = np.arange(0, 20, 0.1).tolist()
    seen = [TimedBox(t, parked, 0.9, "car") for t in times] + [
        TimedBox(t, leaving, 0.9, "car") for t in times if t < 15
    ]
    background, unknown = pictures(run(film(40, draw), seen))
    assert not unknown.any()
    assert np.abs(background[105:135, 30:80].astype(int) - (160, 40, 40)).max() <= 10
    assert off(background)[100:140, 180:250].max() <= 10


def test_doubtful_people_do_not_make_pixels_unknown() -> None:
    """A statue that the detector now and then takes for somebody belongs to the view."""
    statue = (100, 60, 124, 120)
    seen = [TimedBox(t, statue, 0.15) for t in np.arange(0, 20, 0.1).tolist()]
    background, unknown = pictures(run(film(40, [thing(statue, (200, 200, 200))]), seen))
    assert not unknown.any()
    assert np.abs(background[65:115, 105:119].astype(int) - 200).max() <= 10


def test_frames_near_which_nobody_looked_are_not_used() -> None:
    frames = film(40, [thing((0, 0, 320, 240), (0, 0, 255), 0, 20)])
    tables = run(frames, looked_s=np.arange(10.6, 20, 0.1).tolist())
    background, _ = pictures(tables)
    assert tables["backgrounds"]["samples"].to_pylist() == [19]
    assert off(background).max() <= 10
    assert run(frames, looked_s=[])["backgrounds"].num_rows == 0
    assert run(frames, looked_s=[])["static_regions"].num_rows == 0


@pytest.mark.slow
def test_samples_are_few_and_spread_over_the_segment() -> None:
    params = BackgroundParams(samples=5)
    times = run(film(60, []), params=params)["backgrounds"]["samples"].to_pylist()
    assert times == [5]
    half_mb = 320 * 240 * 3 * 4 / 1e6
    assert run(film(60, []), params=BackgroundParams(samples_mb=half_mb))["backgrounds"]["samples"].to_pylist() == [4]


def test_batches_change_nothing() -> None:
    frames = film(40, [walker((60, 200), 4), thing(BAG, (30, 30, 30), 12)])
    seen = walk((60, 200), 4, range(40))
    assert run(frames, seen, sizes=(40,)) == run(frames, seen, sizes=(1, 7))


def test_a_camera_that_moves_has_no_background() -> None:
    unit = make_unit([make_segment()], CameraView("cam1", "Camera 1", "Europe/Amsterdam", fixed=False))
    op = Background(BackgroundParams())
    assert op.frame_need(unit) is None
    tables = op.start(unit, {}, FakeServices()).finish(late_tables(unit.segment, []))
    assert {name: table.num_rows for name, table in tables.items()} == dict.fromkeys(Background.spec.writes, 0)
