"""Tiles cover the frame, each level answers for its own sizes, and small people are found."""

from itertools import groupby, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.boxes import iou_matrix
from ops.detect.backends import open_network
from ops.detect.decode import Boxes, Decoder
from ops.detect.tiles import (
    BAND_MARGIN,
    LARGEST_STEP,
    LEAST_INPUT_PX,
    TOUCH_INPUT_PX,
    find_in_looks,
    merge_looks,
    network_pyramid,
    pyramid,
)
from schemas.op import ModelRequest
from schemas.values import Float32, Uint8
from storage.weights.catalogue import ModelStore
from tests.ops.networks import BrightSpots, spots_decoder, spotted

FRAMES = st.tuples(st.integers(64, 4000), st.integers(64, 3000))
INPUTS = st.sampled_from([(640, 640), (416, 416), (640, 384), (320, 320), (200, 200)])
LEAST = st.floats(8, 40)


@given(FRAMES, INPUTS, LEAST)
def test_every_level_covers_the_frame_and_enlarges_the_wanted_people(
    frame_px: tuple[int, int], input_px: tuple[int, int], least: float
) -> None:
    looks = pyramid(frame_px, input_px, least)
    whole = looks[0]
    assert (whole.x1, whole.y1, whole.x2, whole.y2, whole.level) == (0, 0, *frame_px, 0)
    levels = [list(level) for _, level in groupby(looks, key=lambda look: look.level)]
    assert [level[0].level for level in levels] == list(range(len(levels)))
    for level in levels:
        for low, high, length in (("x1", "x2", frame_px[0]), ("y1", "y2", frame_px[1])):
            parts = sorted({(getattr(look, low), getattr(look, high)) for look in level})
            assert parts[0][0] == 0
            assert parts[-1][1] == length
            assert all(next_low < high for (_, high), (next_low, _) in pairwise(parts))
        assert len(level) == len({(look.x1, look.x2) for look in level}) * len({(look.y1, look.y2) for look in level})
        for look in level:
            assert (look.x2 - look.x1) * look.scale <= input_px[0] * 1.001
            assert (look.y2 - look.y1) * look.scale <= input_px[1] * 1.001
    scales = [level[0].scale for level in levels]
    assert all(1 < larger / smaller <= LARGEST_STEP * 1.001 for smaller, larger in pairwise(scales))
    if len(levels) > 1:
        assert looks[-1].least_height_px == pytest.approx(least)


@given(FRAMES, INPUTS, LEAST, st.lists(st.floats(0, 1), min_size=4, max_size=4), st.data())
def test_a_box_of_a_levels_sizes_is_whole_in_a_tile(
    frame_px: tuple[int, int], input_px: tuple[int, int], least: float, shares: list[float], data: st.DataObject
) -> None:
    looks = pyramid(frame_px, input_px, least)
    number = data.draw(st.integers(0, looks[-1].level))
    level = [look for look in looks if look.level == number]
    width, height = (min(level[0].largest_px, side) * share for side, share in zip(frame_px, shares[:2], strict=True))
    x, y = ((side - extent) * share for side, extent, share in zip(frame_px, (width, height), shares[2:], strict=True))
    near = TOUCH_INPUT_PX / level[0].scale
    assert any(
        (look.x1 == 0 or look.x1 + near <= x)
        and (look.y1 == 0 or look.y1 + near <= y)
        and (look.x2 == frame_px[0] or x + width <= look.x2 - near)
        and (look.y2 == frame_px[1] or y + height <= look.y2 - near)
        for look in level
    )


def test_each_level_answers_for_what_the_one_before_misses() -> None:
    looks = pyramid((1920, 1080), (640, 640), 20)
    first = {look.level: look for look in reversed(looks)}
    assert len(first) == 3
    for level in (1, 2):
        assert first[level].largest_px == BAND_MARGIN * first[level - 1].least_height_px
    assert len(looks) == 47, "calls for a full HD frame; docs/decisions and defaults rest on it"


def test_frames_that_are_large_enough_in_the_input_have_no_tiles() -> None:
    assert len(pyramid((320, 240), (640, 640), 20)) == 1
    assert len(pyramid((1920, 1080), (640, 640), LEAST_INPUT_PX * 3)) == 1
    assert len(pyramid((1920, 1080), (64, 64), 20)) == 1, "an input of 64 px has no room for overlap"


# With a network that knows the answer --------------------------------------------------------------------------------


def test_a_box_is_found_once_and_in_place_whatever_tiles_it_lies_in() -> None:
    network = BrightSpots()
    truth = [(x, y, x + 8 + y // 40, y + 20 + y // 20) for y in range(5, 620, 90) for x in range(3, 900, 37)]
    looks = pyramid((960, 720), network.input_px, 20)
    found = find_in_looks(network, spots_decoder(network), spotted(truth, (960, 720)), looks)
    assert network.calls == len(looks) > 10
    overlaps = iou_matrix(np.array(truth, np.float32), found.xyxy)
    assert (overlaps.max(axis=1) > 0.6).all()
    assert len(found) == len(truth)


def test_a_large_box_is_left_to_the_whole_look_and_parts_of_it_are_dropped() -> None:
    network = BrightSpots()
    picture = spotted([(200, 40, 500, 700)], (960, 720))
    looks = pyramid((960, 720), network.input_px, 20)
    found = find_in_looks(network, spots_decoder(network), picture, looks)
    assert len(found) == 1
    np.testing.assert_allclose(found.xyxy[0], [200, 40, 500, 700], atol=4)
    assert len(find_in_looks(network, spots_decoder(network), picture, looks[1:])) == 0


def test_only_the_given_tiles_are_looked_at() -> None:
    network = BrightSpots()
    picture = spotted([(30, 30, 40, 60), (900, 600, 910, 630)], (960, 720))
    first = next(look for look in pyramid((960, 720), network.input_px, 20) if look.level == 2)
    found = find_in_looks(network, spots_decoder(network), picture, [first])
    assert network.calls == 1
    np.testing.assert_allclose(found.xyxy, [[30, 30, 40, 60]], atol=1)


def boxes(rows: list[list[float]], scores: list[float], kinds: list[int]) -> Boxes:
    return Boxes(np.array(rows, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.array(kinds, np.int64))


def test_merging_drops_the_less_sure_of_two_looks_and_compares_none_within_a_look() -> None:
    whole = boxes([[0, 0, 10, 20], [2, 0, 12, 20]], [0.6, 0.5], [0, 0])
    tile = boxes([[1, 0, 10, 20], [1, 0, 11, 20], [50, 50, 60, 70]], [0.8, 0.3, 0.2], [0, 1, 0])
    merged = merge_looks([whole, tile])
    np.testing.assert_allclose(merged.confidence, [0.8, 0.3, 0.2])
    assert merged.classes.tolist() == [0, 1, 0]
    assert merge_looks([whole]) is whole


# Real weights --------------------------------------------------------------------------------------------------------


def mosaic(assets: Path) -> tuple[Uint8, Float32]:
    """Ten by seven frames of PETS, at a quarter of their size, side by side, 1920 px wide; and the true boxes."""
    truth = np.loadtxt(assets / "gt" / "PETS09-S2L1" / "gt.txt", delimiter=",")
    folder = assets / "video" / "PETS09-S2L1" / "img1"
    picture = np.zeros((7 * 144, 10 * 192, 3), np.uint8)
    people = []
    for place in range(70):
        number, left, top = 1 + 4 * place, place % 10 * 192, place // 10 * 144
        frame = cv2.imread(str(next(folder.glob(f"*{number:06d}.jpg"))))
        picture[top : top + 144, left : left + 192] = cv2.resize(frame, (192, 144), interpolation=cv2.INTER_AREA)
        rows = truth[(truth[:, 0] == number) & (truth[:, 6] == 1)]
        people.append(np.column_stack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]) / 4 + [left, top] * 2)
    return picture, np.concatenate(people).astype(np.float32)


def share_found(found: Boxes, truth: Float32) -> float:
    sure = found.xyxy[found.confidence >= 0.25]
    return float((iou_matrix(truth, sure).max(axis=1, initial=0) >= 0.4).mean())


@pytest.mark.slow
@pytest.mark.assets
@pytest.mark.parametrize("name", ["yolo11n_int8_openvino_model", "yolox_nano.onnx"])
def test_people_of_a_far_crowd_are_found_in_tiles_and_not_in_the_whole(
    assets: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_MODELS", str(assets / "weights"))
    model = ModelStore(tmp_path / "models").resolve(ModelRequest(name, "detect"))
    assert model is not None
    network = open_network(model, 2)
    decoder = Decoder(model.layout, network.input_px, (network.classes.index("person"),), 0.1, 0.7)
    picture, truth = mosaic(assets)
    looks = network_pyramid(network, (1920, 1008), 20)
    # Measured: none of 396 in the whole frame; yolo11n .97 and YOLOX-Nano .99 in tiles.
    whole_share = share_found(find_in_looks(network, decoder, picture, looks[:1]), truth)
    tiles_share = share_found(find_in_looks(network, decoder, picture, looks), truth)
    assert len(truth) > 300
    assert whole_share < 0.1
    assert tiles_share > 0.9
