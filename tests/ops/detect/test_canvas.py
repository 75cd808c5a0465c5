"""Parts of frames are packed into one picture, and what is found in it goes back to the frames."""

import numpy as np
import pytest

from ops.detect.canvas import Canvas
from ops.detect.decode import Boxes
from schemas.values import Uint8
from tests.ops.networks import BrightSpots, spots_decoder, spotted

FRAME_PX = (320, 240)


def looked_at(frames: list[Uint8], places: list[tuple[int, int, int, int]]) -> tuple[list[Boxes | None], int]:
    """What is found in a part of each frame, and the number of looks."""
    network, calls = BrightSpots(), []
    canvas = Canvas(network, spots_decoder(network), calls.append)
    found: list[Boxes | None] = [None] * len(places)
    for number, (frame, place) in enumerate(zip(frames, places, strict=True)):
        canvas.add(frame, place, lambda boxes, number=number: found.__setitem__(number, boxes))
    canvas.flush()
    network.wait()
    assert network.calls == sum(calls)
    return found, network.calls


def test_boxes_return_to_their_frames_at_their_places() -> None:
    boxes = [(60 + number, 50 + 2 * number, 80 + number, 90 + 2 * number) for number in range(20)]
    places = [(40 + number, 30 + number, 120 + number, 140 + number) for number in range(20)]
    found, calls = looked_at([spotted([box], FRAME_PX) for box in boxes], places)
    assert calls <= 5
    for one, box in zip(found, boxes, strict=True):
        assert one is not None and one.xyxy.tolist() == [list(box)]


def test_what_is_outside_a_part_is_not_seen() -> None:
    found, _ = looked_at([spotted([(10, 10, 40, 60), (200, 100, 220, 150)], FRAME_PX)], [(180, 80, 260, 180)])
    assert found[0] is not None and found[0].xyxy.tolist() == [[200, 100, 220, 150]]


@pytest.mark.parametrize("size_px", [(960, 720), (640, 480), (500, 375), (160, 120)])
def test_frames_of_any_size_are_seen_at_the_scale_of_the_whole_look(size_px: tuple[int, int]) -> None:
    unit = size_px[0] / 320
    x1, y1, x2, y2 = (round(edge * unit) for edge in (100, 80, 130, 140))
    place = (round(80 * unit), round(60 * unit), round(160 * unit), round(170 * unit))
    found, _ = looked_at([spotted([(x1, y1, x2, y2)], size_px)], [place])
    assert found[0] is not None and len(found[0]) == 1
    assert np.abs(found[0].xyxy[0] - [x1, y1, x2, y2]).max() <= 2 * max(unit, 1)


def test_a_part_as_large_as_the_frame_fits() -> None:
    found, calls = looked_at([spotted([(5, 5, 60, 90)], FRAME_PX)] * 2, [(0, 0, 320, 240)] * 2)
    assert calls == 2
    assert all(one is not None and len(one) == 1 for one in found)


def test_parts_of_one_pixel_are_no_fault() -> None:
    found, calls = looked_at([spotted([], FRAME_PX)] * 3, [(0, 0, 1, 1), (319, 239, 320, 240), (5, 0, 6, 240)])
    assert calls == 1
    assert all(one is not None and not len(one) for one in found)


def test_each_part_is_found_although_many_wait() -> None:
    random = np.random.default_rng(3)
    places = []
    for _ in range(100):
        x1, y1 = random.integers(0, [250, 180])
        width, height = random.integers(1, [320 - x1, 240 - y1])
        places.append((int(x1), int(y1), int(x1 + width), int(y1 + height)))
    found, calls = looked_at([spotted([], FRAME_PX)] * 100, places)
    assert all(one is not None for one in found)
    area = sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in places)
    assert calls <= 2.5 * area / 320**2
