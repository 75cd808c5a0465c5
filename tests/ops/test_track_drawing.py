"""Boxes are drawn where they are, each track in one colour, and what is written can be read."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
import shapely

from ops.track_drawing import PALETTE, DrawnBoxes, DrawnCrossing, Shape, TrackDrawing, colour_of, text_maker
from schemas.values import Bools, Uint8
from tests.support import letters
from tests.support.letters import FONT

GREY = 120
SIZE = (640, 480)
TEXT_PX = 11  # of frames of that size
TIME = "2026-03-02 22:00:00.000+01:00"


def frame(size_px: tuple[int, int] = SIZE) -> Uint8:
    return np.full((*size_px[::-1], 3), GREY, np.uint8)


def boxes(*rows: tuple[int, float, float, float, float], label: str = "person", is_sure: bool = True) -> DrawnBoxes:
    """Boxes as number, x1, y1, x2, y2."""
    corners = np.array([row[1:] for row in rows], np.float64).reshape(-1, 4)
    numbers = np.array([row[0] for row in rows], np.int64)
    return DrawnBoxes(numbers, [label] * len(rows), corners, np.full(len(rows), is_sure))


def drawn(*rows: tuple[int, float, float, float, float], shapes: tuple[Shape, ...] = (), **how: object) -> Uint8:
    return TrackDrawing(SIZE, shapes, FONT).draw(frame(), 0, TIME, boxes(*rows, **how))


def is_read(image: Uint8, text: str, size_px: int = TEXT_PX) -> bool:
    return letters.is_read(image, text, size_px)


def is_coloured(patch: Uint8, number: int) -> Bools:
    """Where a track's colour is, nearly: thin lines are smoothed."""
    return np.asarray((np.abs(patch.astype(int) - colour_of(number)) <= 30).all(axis=-1))


def test_a_box_is_drawn_at_its_edges_in_its_colour_and_nothing_far_from_it() -> None:
    image = drawn((3, 200, 150, 260, 330))
    for u, v in ((200, 240), (259, 240), (230, 150), (230, 329)):
        near = image[v - 1 : v + 2, u - 1 : u + 2].reshape(-1, 3).tolist()
        assert list(colour_of(3)) in near, (u, v)
    assert (image[170:310, 220:240] == GREY).all(), "inside"
    assert (image[345:, :] == GREY).all() and (image[40:, :185] == GREY).all() and (image[40:, 275:] == GREY).all()


def test_the_frame_itself_is_not_drawn_on() -> None:
    image = frame()
    TrackDrawing(SIZE, [], FONT).draw(image, 0, TIME, boxes((1, 10, 100, 60, 200)))
    assert (image == GREY).all()


def test_a_track_keeps_its_colour_and_neighbours_in_number_differ() -> None:
    assert [colour_of(number) for number in (4, 4 + len(PALETTE), 4 - len(PALETTE))] == [colour_of(4)] * 3
    assert all(one != other for one, other in pairwise(map(colour_of, range(-20, 20))))


def test_a_box_without_a_detection_near_is_dashed() -> None:
    solid, dashed = (drawn((1, 100, 200, 300, 400), is_sure=is_sure) for is_sure in (True, False))
    along = next(row for row in range(395, 402) if (solid[row, 110:290] == colour_of(1)).all(axis=1).all())
    coloured = (dashed[along, 110:290] == colour_of(1)).all(axis=1)
    assert 0.2 < coloured.mean() < 0.8
    assert np.count_nonzero(np.diff(coloured.astype(int))) > 8


def test_a_trail_shows_the_feet_of_the_last_seconds() -> None:
    drawing = TrackDrawing(SIZE, [], FONT, trail_s=2.0)
    for second, left in enumerate((100, 200, 300)):  # feet at 120, 220, 320
        drawing.follow(second * 1_000_000, boxes((2, left, 200, left + 40, 300)))
    image = drawing.draw(frame(), 3_000_000, TIME, boxes((2, 400, 200, 440, 300)))
    trail = is_coloured(image[299:302], 2).any(axis=0)
    assert trail[225:395].all(), "from the feet of 2 s ago to those of now"
    assert not trail[:215].any()


def test_a_track_that_ended_leaves_its_trail_and_one_that_was_away_has_a_gap_in_it() -> None:
    drawing = TrackDrawing(SIZE, [], FONT, trail_s=5.0)
    drawing.follow(0, boxes((2, 100, 200, 140, 300)))
    drawing.follow(500_000, boxes((2, 150, 200, 190, 300)))
    image = drawing.draw(frame(), 2_000_000, TIME, boxes())
    assert is_coloured(image[299:302, 125:165], 2).any(axis=0).all()
    image = drawing.draw(frame(), 3_000_000, TIME, boxes((2, 300, 200, 340, 300)))
    assert not is_coloured(image[299:302, 190:290], 2).any()
    image = drawing.draw(frame(), 9_000_000, TIME, boxes())
    assert not (image[60:] != GREY).any(), "all is over"


def test_time_counts_numbers_and_classes_are_written() -> None:
    image = drawn((12, 100, 200, 160, 400), (345, 300, 200, 360, 400))
    assert is_read(image, TIME) and is_read(image, "2 people") and is_read(image, "12") and is_read(image, "345")
    assert not is_read(image, "3 people") and not is_read(image, "678")
    image = drawn((7, 100, 200, 160, 400), label="car")
    assert is_read(image, "1 car") and is_read(image, "7 car")
    assert is_read(drawn(), "0")


def test_a_zone_counts_whose_feet_are_in_it_and_a_line_has_its_name() -> None:
    shapes = (
        Shape("porch", True, shapely.box(200, 250, 400, 450)),
        Shape("gate", False, shapely.LineString([(50, 300), (50, 460)])),
    )
    # The second one's body is in the zone, but not the feet.
    image = drawn((1, 280, 100, 320, 300), (2, 250, 260, 290, 470), shapes=shapes)
    assert is_read(image, "porch: 1 person") and is_read(image, "gate") and is_read(image, "2 people")
    assert (image[350, 195:205].max(axis=-1) > 200).any() and (image[380, 45:55].max(axis=-1) > 200).any()
    assert is_read(drawn(shapes=shapes), "porch: 0")


def test_a_line_has_the_colour_of_who_crossed_it_for_a_second_and_a_count() -> None:
    line = Shape("gate", False, shapely.LineString([(300, 200), (300, 400)]))
    crossings = [DrawnCrossing("gate", 3, 1_000_000), DrawnCrossing("other", 5, 1_100_000)]
    drawing = TrackDrawing(SIZE, [line], FONT, crossings=[*crossings, DrawnCrossing("gate", 6, 4_000_000)])
    before, crossed, later, again = (
        drawing.draw(frame(), second, TIME, boxes()) for second in (0, 1_500_000, 3_000_000, 4_000_000)
    )
    assert not is_coloured(before, 3).any() and is_read(before, "gate") and not is_read(before, "crossing")
    assert is_coloured(crossed[300, 297:304], 3).any() and is_read(crossed, "gate: 1 crossing")
    assert not is_coloured(later, 3).any() and is_read(later, "gate: 1 crossing")
    assert is_coloured(again[300, 297:304], 6).any() and is_read(again, "gate: 2 crossings")


@pytest.mark.parametrize(
    "shape",
    [
        shapely.box(300, 300, 301, 301),
        shapely.box(-5000, -5000, 9000, 9000),
        shapely.MultiPolygon([shapely.box(100, 100, 200, 200), shapely.box(300, 100, 400, 200)]),
        shapely.box(100, 100, 400, 400) - shapely.box(200, 200, 300, 300),
        shapely.GeometryCollection([shapely.box(0, 0, 40, 40), shapely.LineString([(50, 50), (60, 60)])]),
    ],
)
def test_zones_of_any_form_are_drawn(shape: shapely.Geometry) -> None:
    assert is_read(drawn((1, 340, 100, 380, 150), shapes=(Shape("Süd", True, shape),)), "Süd")


def test_a_zone_out_of_view_is_not_drawn() -> None:
    away = (Shape("away", True, shapely.box(900, 900, 990, 990)), Shape("none", True, shapely.Polygon()))
    assert np.array_equal(drawn(shapes=away), drawn())


def test_labels_of_people_at_one_place_hide_nobody_else_s() -> None:
    image = drawn(*((number, 300, 200, 340, 320) for number in (11, 25, 38, 42, 57)))
    assert all(is_read(image, str(number)) for number in (11, 25, 38, 42, 57))


def test_a_label_stays_where_it_was_while_that_is_free() -> None:
    drawing = TrackDrawing(SIZE, [], FONT)
    crowded = drawing.draw(frame(), 0, TIME, boxes((1, 300, 200, 340, 320), (2, 300, 203, 340, 323)))
    alone = drawing.draw(frame(), 100_000, TIME, boxes((1, 300, 200, 340, 320)))
    places = [cv2.inRange(image, colour_of(1), colour_of(1)) for image in (crowded, alone)]
    label = np.argwhere(cv2.erode(places[0], np.ones((4, 4), np.uint8)))
    assert len(label) and all(places[1][v, u] for v, u in label.tolist())


@pytest.mark.parametrize("size_px", [(320, 240), (240, 426), (3840, 2160), (2160, 3840)])
def test_text_is_as_large_as_the_frame_needs_it_and_in_it(size_px: tuple[int, int]) -> None:
    width, height = size_px
    text_px = max(TEXT_PX, round(min(height, 0.75 * width) / 45))
    rows = ((1, -20, -10, 0.2 * width, 0.3 * height), (2, 0.9 * width, 0.8 * height, 1.1 * width, 1.2 * height))
    image = TrackDrawing(size_px, [], FONT).draw(frame(size_px), 0, TIME, boxes(*rows))
    assert image.shape == (height, width, 3)
    words = [TIME] if text_maker(FONT, text_px)(TIME).shape[1] <= width else TIME.split(" ")
    assert all(is_read(image, word, text_px) for word in [*words, "2 people", "1", "2"])


def test_a_hundred_tracks_are_drawn() -> None:
    rows = [(n, 6.0 * n, 100 + 3.0 * (n % 50), 6.0 * n + 30, 200 + 3.0 * (n % 50)) for n in range(100)]
    image = drawn(*rows)
    assert is_read(image, "100 people")
    seen = {tuple(colour) for colour in np.unique(image.reshape(-1, 3), axis=0).tolist()}
    assert set(PALETTE) <= seen
