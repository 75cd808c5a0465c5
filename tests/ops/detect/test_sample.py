"""Frames drawn at random are looked at in full, and compared with what is known of them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ops.detect.decode import Boxes
from ops.detect.sample import SampledFrame, SampleLooks
from tests.ops.detect.test_windows import FRAME_PX, LARGE, LOOKS, SMALL, STILL, looked_at, scenes
from tests.ops.networks import BrightSpots, spots_decoder, spotted


def sample(share: float, key: str = "a-0001") -> tuple[SampleLooks, BrightSpots, Counter[str]]:
    network, counts = BrightSpots(), Counter[str]()
    count = lambda name, by: counts.update({name: by})  # noqa: E731
    return SampleLooks(network, spots_decoder(network), FRAME_PX, share, key, count), network, counts


def boxes(*rows: tuple[float, float, float, float]) -> Boxes:
    return Boxes(
        np.array(rows, np.float32).reshape(-1, 4), np.full(len(rows), 0.2, np.float32), np.zeros(len(rows), np.int64)
    )


@pytest.mark.parametrize("share", [0.0, 0.005, 0.3, 1.0])
def test_so_large_a_share_of_the_frames_is_drawn_and_always_the_same(share: float) -> None:
    frame, drawn = np.zeros((4, 4, 3), np.uint8), []
    for _ in range(2):
        looks, _, _ = sample(share)
        for number in range(4000):
            looks.add(number, frame)
        drawn.append(sorted(looks._waiting))
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == pytest.approx(4000 * share, abs=4 * (4000 * share * (1 - share)) ** 0.5)
    other, _, _ = sample(share, "a-0002")
    for number in range(4000):
        other.add(number, frame)
    assert (sorted(other._waiting) == drawn[0]) is (share in (0, 1)), "another segment, another draw"


def test_people_who_are_not_in_the_results_are_missed_and_one_who_moved_a_little_is_not() -> None:
    looks, network, counts = sample(1.0)
    for number in range(3):
        looks.add(number, spotted([LARGE, (100, 200, 220, 600)], FRAME_PX))
    looks.look(LOOKS, [{}, {}, {}])
    network.wait()
    near = (LARGE[0] + 10, LARGE[1] + 10, LARGE[2] + 10, LARGE[3] + 10)
    found = [boxes(LARGE, (100, 200, 220, 600)), boxes(near), boxes()]
    assert looks.compare(found) == [SampledFrame(0, 2, 0), SampledFrame(1, 2, 1), SampledFrame(2, 2, 2)]
    assert counts == {"detector_calls": 3, "sample_calls": 3} and network.calls == 3


def test_tiles_that_count_for_a_frame_are_looked_at_as_well() -> None:
    looks, network, counts = sample(1.0)
    looks.add(0, spotted([SMALL], FRAME_PX))
    looks.add(1, spotted([SMALL], FRAME_PX))
    tiles = {number: 0 for number in range(1, len(LOOKS))}
    looks.look(LOOKS, [tiles, {}])
    network.wait()
    assert [each.people for each in looks.compare([boxes(), boxes()])] == [1, 0]
    assert counts["sample_calls"] == len(LOOKS) + 1


def test_what_was_looked_at_where_it_changed_has_everybody_the_full_look_finds() -> None:
    walk = [[LARGE, (20 + 12 * number, 300, 60 + 12 * number, 420)] for number in range(20)]
    frames = [*scenes((30, [LARGE])), *(spotted(each, FRAME_PX) for each in walk), *scenes((30, [SMALL]))]
    plain, found, before = looked_at(frames, STILL)
    window, again, counts = looked_at(frames, replace(STILL, sample_share=1.0, sample_key="a"))
    assert [len(one) for one in again] == [len(one) for one in found], "the full looks change nothing"
    assert plain.sampled == []
    assert [each.number for each in window.sampled] == list(range(80))
    assert [each.people for each in window.sampled] == [1] * 30 + [2] * 20 + [1] * 30
    assert not any(each.missed for each in window.sampled)
    assert counts["detector_calls"] == before["detector_calls"] + counts["sample_calls"]


def test_nothing_is_drawn_where_every_frame_is_looked_at() -> None:
    window, _, counts = looked_at(scenes((5, [LARGE])), replace(STILL, holds=False, sample_share=1.0))
    assert window.sampled == [] and "sample_calls" not in counts
