"""Head zones hold the head, and what the user drew is covered whatever it touches."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon as Shape
from shapely import box as square
from shapely import make_valid

from ops.anonymize.geometry import (
    checked_head_zones,
    close_gaps,
    cover_bodies,
    cover_boxes,
    covered_head_zones,
    covered_shares,
    static_mask,
)
from ops.anonymize.verify.verifier import HEAD_PAD
from ops.leaks import head_zones
from schemas.values import Polygon, Uint8
from tests.ops.people import Box

WIDTH, HEIGHT = 31, 23
FRAME_WIDTH, FRAME_HEIGHT = 96, 72


def test_the_head_zone_of_one_who_stands_is_the_upper_third_and_a_little_above() -> None:
    assert np.allclose(covered_head_zones(np.array([[100, 50, 140, 150.0]])), [[104, 45, 136, 80]])


@settings(max_examples=60, deadline=None)
@given(width=st.floats(5, 300), height=st.floats(5, 300))
def test_the_head_zone_holds_the_head_however_one_stands(width: float, height: float) -> None:
    x1, y1, x2, y2 = covered_head_zones(np.array([[10, 20, 10 + width, 20 + height]]))[0]
    assert y1 < 20
    assert y2 >= 20 + 0.3 * height - 1e-6
    assert x1 <= 10 + 0.1 * width + 1e-6 and x2 >= 10 + 0.9 * width - 1e-6
    assert x1 >= 10 - 1e-6 and x2 <= 10 + width + 1e-6 and y2 <= 20 + height + 1e-6
    if width > 1.4 * height:
        assert y2 == pytest.approx(20 + height)  # lying: all of the box
        assert x2 - x1 == pytest.approx(width)


@settings(max_examples=60, deadline=None)
@given(width=st.floats(5, 300), height=st.floats(5, 300))
def test_what_is_checked_lies_within_what_is_covered(width: float, height: float) -> None:
    box = np.array([[10, 20, 10 + width, 20 + height]])
    covered, checked = covered_head_zones(box)[0], checked_head_zones(box, HEAD_PAD)[0]
    assert (covered[:2] <= checked[:2]).all() and (checked[2:] <= covered[2:]).all()


def test_checked_head_zones_are_the_upper_middle() -> None:
    zones = checked_head_zones(np.array([[100.0, 200, 140, 300]]))
    assert zones.tolist() == [[110, 200, 130, 218]]
    assert (zones == head_zones(np.array([[100.0, 200, 140, 300]]))).all(), "the bench measures the same zone"
    assert checked_head_zones(np.array([[100.0, 200, 140, 300]]), 0.5) == pytest.approx(
        np.array([[100.0, 191, 140, 227]])
    )


def test_no_boxes_have_no_head_zones() -> None:
    assert covered_head_zones(np.empty((0, 4))).shape == (0, 4)


def boxes_in_frame() -> st.SearchStrategy[Box]:
    """Boxes that reach into the frame, some of them over its edges."""
    low = st.floats(-20, 90, allow_nan=False)
    size = st.floats(2, 60, allow_nan=False)
    return st.tuples(low, low, size, size).map(lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3]))


@settings(max_examples=60, deadline=None)
@given(boxes=st.lists(boxes_in_frame(), min_size=1, max_size=3))
def test_every_pixel_that_a_box_touches_is_covered(boxes: list[Box]) -> None:
    mask = np.zeros((FRAME_HEIGHT, FRAME_WIDTH), np.uint8)
    cover_boxes(mask, np.array(boxes))
    rows, columns = np.mgrid[:FRAME_HEIGHT, :FRAME_WIDTH]
    touched = np.zeros((FRAME_HEIGHT, FRAME_WIDTH), bool)
    for x1, y1, x2, y2 in boxes:
        touched |= (columns < x2) & (columns + 1 > x1) & (rows < y2) & (rows + 1 > y1)
    assert (mask[touched] == 255).all()


@settings(max_examples=60, deadline=None)
@given(box=boxes_in_frame())
def test_a_core_holds_the_ellipse_of_its_box_and_nothing_outside_the_box(box: Box) -> None:
    mask = np.zeros((FRAME_HEIGHT, FRAME_WIDTH), np.uint8)
    cover_bodies(mask, np.array([box]))
    x1, y1, x2, y2 = box
    rows, columns = np.mgrid[:FRAME_HEIGHT, :FRAME_WIDTH] + 0.5
    across, down = (columns - (x1 + x2) / 2) / ((x2 - x1) / 2), (rows - (y1 + y2) / 2) / ((y2 - y1) / 2)
    assert (mask[across**2 + down**2 <= 1] == 255).all()
    far = (columns < x1 - 4) | (columns > x2 + 4) | (rows < y1 - 4) | (rows > y2 + 4)
    assert not mask[far].any()


def test_shares_are_of_what_is_in_the_picture() -> None:
    covered: Uint8 = np.zeros((40, 60), np.uint8)
    boxes = np.array([[0.0, 0, 10, 10], [10, 0, 30, 10], [-20, -20, 10, 10], [70, 0, 90, 10]])
    covered[:10, :20] = 255
    assert covered_shares(covered, boxes).tolist() == [1.0, 0.5, 1.0, 1.0]
    assert covered_shares(covered, np.empty((0, 4))).shape == (0,)


def corners() -> st.SearchStrategy[Polygon]:
    near = st.floats(-40, 70).map(lambda value: round(value, 3))
    return st.lists(st.tuples(near, near), min_size=3, max_size=7, unique=True).map(tuple)


@settings(max_examples=120, deadline=None)
@given(polygon=corners())
def test_every_pixel_that_a_polygon_touches_is_covered_and_none_far_from_it(polygon: Polygon) -> None:
    mask = static_mask((polygon,), None, (WIDTH, HEIGHT))
    shape = make_valid(Shape(polygon))
    hull = shape.convex_hull
    for row in range(HEIGHT):
        for column in range(WIDTH):
            pixel = square(column + 0.01, row + 0.01, column + 0.99, row + 0.99)
            if shape.intersects(pixel):
                assert mask[row, column] == 255, (row, column)
            elif hull.distance(pixel) > 3:
                assert mask[row, column] == 0, (row, column)


def test_a_polygon_may_be_one_pixel_or_a_line() -> None:
    for polygon in (((5.5, 6.5),) * 3, ((5.2, 6.2), (5.8, 6.2), (5.5, 6.8)), ((5.5, 0.5), (5.5, 6.5), (5.5, 3.0))):
        mask = static_mask((polygon,), None, (WIDTH, HEIGHT))
        assert mask[6, 5] == 255
        assert (mask > 0).sum() < 40


def test_a_polygon_that_reaches_far_beyond_the_picture_covers_what_it_holds_of_it() -> None:
    wide = ((-1e9, 5.0), (1e9, 5.0), (1e9, 1e9), (-1e9, 1e9))
    mask = static_mask((wide,), None, (WIDTH, HEIGHT))
    assert (mask[5:] == 255).all()
    assert not mask[:3].any()


def test_a_polygon_beside_the_picture_covers_nothing() -> None:
    assert not static_mask((((-50, -50), (-20, -50), (-20, -20)),), None, (WIDTH, HEIGHT)).any()
    assert not static_mask((), None, (WIDTH, HEIGHT)).any()


def test_polygons_are_scaled_with_the_picture_that_they_were_drawn_in() -> None:
    polygon = ((100, 50), (200, 50), (200, 150), (100, 150))
    mask = static_mask((polygon,), (300, 200), (30, 20))
    assert (mask[5:15, 10:20] == 255).all()
    assert not mask[:3].any() and not mask[:, :8].any() and not mask[17:].any() and not mask[:, 22:].any()


def test_a_polygon_that_crosses_itself_has_no_hole() -> None:
    star = ((15, 1), (24, 22), (2, 8), (28, 8), (6, 22))
    mask = static_mask((star,), None, (WIDTH, HEIGHT))
    assert mask[12, 15] == 255


def test_a_polygon_that_crosses_itself_beyond_the_picture_has_no_hole() -> None:
    wedges = ((52.5, 0.0), (0.0, 6.0), (0.0, 0.0), (53.0, 0.0), (0.0, 1.0), (0.0, 7.0))
    assert (static_mask((wedges,), None, (WIDTH, HEIGHT))[:3] == 255).all()


def test_polygons_around_a_yard_leave_the_yard() -> None:
    sides = (((0, 0), (30, 0), (30, 4), (0, 4)), ((0, 18), (30, 18), (30, 23), (0, 23)), ((0, 0), (4, 0), (4, 23)))
    mask = static_mask(sides, None, (WIDTH, HEIGHT))
    assert not mask[11, 20]
    assert mask[2, 15] and mask[20, 15] and mask[10, 2]


@given(st.lists(st.tuples(st.integers(0, 95), st.integers(0, 71), st.integers(1, 40), st.integers(1, 40)), max_size=4))
@settings(max_examples=60, deadline=None)
def test_gaps_are_closed_as_if_all_of_the_mask_were_computed(rectangles: list[tuple[int, int, int, int]]) -> None:
    disc = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)), np.uint8)
    mask = np.zeros((FRAME_HEIGHT, FRAME_WIDTH), np.uint8)
    for left, top, width, height in rectangles:
        mask[top : top + height, left : left + width] = 255
    assert np.array_equal(close_gaps(mask, disc), cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disc))
