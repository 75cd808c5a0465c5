"""Whole looks hold where nothing changed; what changed is looked at again."""

from collections import Counter

import numpy as np
import pytest

from ops.detect.changes import reduced
from ops.detect.tiles import pyramid
from ops.detect.whole import WholeLooks
from schemas.values import Uint8
from tests.ops.networks import BrightSpots, spots_decoder, spotted

FRAME_PX = (320, 240)
(LOOK,) = pyramid(FRAME_PX, (320, 320), np.inf)


class Looks:
    """Looks at frames, the first as a whole."""

    def __init__(self, source_px: tuple[int, int] = FRAME_PX) -> None:
        network = BrightSpots()
        self.counts = Counter[str]()
        self.whole = WholeLooks(
            network, spots_decoder(network), source_px, lambda name, by: self.counts.update({name: by})
        )

    def at(self, *frames: Uint8) -> list[list[list[float]]]:
        for number, frame in enumerate(frames):
            act = self.whole.look_again if number else self.whole.look
            act(number, frame, LOOK, reduced(frame))
        self.whole.finish()
        return [sorted(self.whole.found(number).xyxy.tolist()) for number in range(len(frames))]


STANDS, WALKS = (20, 20, 40, 60), (200, 100, 220, 150)


def moved(box: tuple[int, int, int, int], right: int) -> tuple[int, int, int, int]:
    return box[0] + right, box[1], box[2] + right, box[3]


def test_a_frame_that_shows_the_same_costs_nothing() -> None:
    looks = Looks()
    assert looks.at(*[spotted([STANDS], FRAME_PX)] * 5) == [[list(STANDS)]] * 5
    assert looks.counts == {"detector_calls": 1}


@pytest.mark.parametrize("source_px", [FRAME_PX, (1280, 960)])
def test_who_stands_holds_and_who_walks_is_found_anew(source_px: tuple[int, int]) -> None:
    looks, scale = Looks(source_px), source_px[0] / FRAME_PX[0]
    found = looks.at(*(spotted([STANDS, moved(WALKS, 6 * step)], FRAME_PX) for step in range(6)))
    for step, boxes in enumerate(found):
        assert np.allclose(boxes, [[edge * scale for edge in box] for box in (STANDS, moved(WALKS, 6 * step))], atol=2)
    assert looks.counts["detector_calls"] < 6
    assert looks.counts["detector_calls"] == 1 + looks.counts["part_calls"]


def test_a_change_in_most_of_the_frame_begins_anew() -> None:
    looks = Looks()
    dark = spotted([STANDS], FRAME_PX)
    bright = np.maximum(dark, np.uint8(60))
    assert looks.at(dark, bright, bright) == [[list(STANDS)]] * 3
    assert looks.counts == {"detector_calls": 2}
    assert looks.whole.base == 1
