"""Outlines of people are covered where a network's mask fits the box, and bodies or boxes everywhere else."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.real_clips import load_frames
from ops.anonymize.cover.outlines import BEYOND, HOLD_US, LEAST_HEIGHT_PX, OutlineCover
from ops.anonymize.geometry import checked_head_zones, cover_bodies, covered_shares
from ops.anonymize.params import AnonymizeParams
from ops.anonymize.session import AnonymizeSession
from ops.boxes import pad
from ops.foreground.looks import SIDE, MaskFinder
from ops.foreground.networks import open_masks
from schemas.errors import ModelError
from schemas.values import CameraView, Float64, ModelFile, Uint8
from storage.box_files.mot import read_mot
from storage.weights.catalogue import ModelStore
from tests.ops.mask_networks import BODY_BGR, SeesAlways, SeesDark, constant_masks, disc
from tests.ops.people import FIXED, TURNING, TimedBox, background_row, covered_mask, inputs_of, opened
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit

BOX = (100.0, 40.0, 150.0, 160.0)
SIZE = (240, 200)
SEGMENT = make_segment(duration_s=4.0, size_px=SIZE)


def scene(*boxes: Sequence[float], foot: int = 0) -> Uint8:
    """A light frame with dark people: a head, a trunk, and two legs with a gap of half their width."""
    frame = np.full((SIZE[1], SIZE[0], 3), 200, np.uint8)
    for box in boxes:
        x1, y1, x2, y2 = (round(side) for side in box)
        width, height = x2 - x1, y2 - y1
        for left, top, right, bottom in (
            (x1 + width // 4, y1, x2 - width // 4, y1 + height // 2),
            (x1, y1 + height // 4, x2, y1 + height // 2),
            (x1, y1 + height // 2, x1 + width // 4, y2),
            (x2 - width // 4, y1 + height // 2, x2 + foot, y2),
        ):
            frame[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = BODY_BGR
    return frame


def outline(
    finder: MaskFinder, frame: Uint8, *boxes: Sequence[float], likely: int | None = None
) -> tuple[Uint8, list[bool]]:
    mask = np.zeros(frame.shape[:2], np.uint8)
    asked = np.array(boxes, np.float64).reshape(-1, 4)
    found = OutlineCover(finder).add(mask, frame, asked, len(asked) if likely is None else likely, 0)
    return mask, found.tolist()


def is_dark(frame: Uint8) -> np.ndarray:
    return (frame == BODY_BGR).all(axis=2)


def test_an_outline_covers_the_person_and_not_the_gap_between_the_legs() -> None:
    frame = scene(BOX, foot=8)
    mask, found = outline(SeesDark(), frame, BOX)
    assert found == [True]
    assert mask[is_dark(frame)].all()  # also the foot, beyond the box
    assert not mask[140, 125] and not mask[45, 102]
    around = cv2.dilate(is_dark(frame).astype(np.uint8), np.ones((19, 19), np.uint8))
    assert not mask[around == 0].any()


@pytest.mark.parametrize("box", [(-30.0, 40.0, 20.0, 160.0), (210.0, 40.0, 260.0, 160.0), (100.0, -60.0, 150.0, 60.0)])
def test_people_at_the_edge_are_outlined_as_far_as_they_are_seen(box: tuple[float, ...]) -> None:
    frame = scene(box)
    mask, found = outline(SeesDark(), frame, box)
    assert found == [True]
    assert mask[is_dark(frame)].all() and mask.mean() < 255 * 0.2


@pytest.mark.parametrize("box", [(300.0, 10.0, 340.0, 90.0), (-90.0, 10.0, -40.0, 90.0), (100.0, 300.0, 150.0, 400.0)])
def test_people_outside_the_frame_are_not_looked_at(box: tuple[float, ...]) -> None:
    finder = SeesDark()
    assert outline(finder, scene(BOX), box)[1] == [False] and not finder.squares


@pytest.mark.parametrize(
    "finder",
    [
        SeesAlways(np.full((SIDE, SIDE), -5.0, np.float32)),
        SeesAlways(np.full((SIDE, SIDE), 5.0, np.float32)),
        SeesAlways(np.full((SIDE, SIDE), np.nan, np.float32)),
        SeesDark(presence=0.4),
        SeesDark(presence=float("nan")),
        SeesAlways(disc(60)),
        SeesAlways(np.where(np.arange(SIDE)[None] < 128, 5.0, -5.0).astype(np.float32).repeat(SIDE, axis=0)),
    ],
    ids=["all-zero", "all-one", "nan", "unsure", "presence-nan", "trunk-only", "left-half"],
)
@pytest.mark.parametrize("camera", [FIXED, TURNING])
def test_a_network_that_sees_wrong_changes_nothing(finder: MaskFinder, camera: CameraView) -> None:
    frame = scene(BOX)
    mask, found = outline(finder, frame, BOX)
    assert found == [False] and not mask.any()
    assert (covered(frame, finder, camera) == covered(frame, None, camera)).all()


def covered(
    frame: Uint8, finder: MaskFinder | None, camera: CameraView, backgrounds: pa.Table | None = None
) -> np.ndarray:
    """The covered mask of a frame with one person."""
    inputs = inputs_of(SEGMENT, [[TimedBox(0, BOX)]], backgrounds=backgrounds)
    services = FakeServices()
    op = opened()
    detectors = replace(op.detectors, masks=finder)
    session = AnonymizeSession(op.params, detectors, make_unit([SEGMENT], camera), inputs, services)
    session.feed(make_batch(frame[None], SEGMENT))
    session.finish({})
    return covered_mask(frame[None], services.sinks[SEGMENT.segment_id].chunks[0].batches[0].frames)[0]


@pytest.mark.parametrize("camera", [FIXED, TURNING])
def test_silhouettes_are_outlines_with_the_whole_head_zone(camera: CameraView) -> None:
    frame = scene(BOX, foot=8)
    before, after = covered(frame, None, camera), covered(frame, SeesDark(), camera)
    assert after[is_dark(frame)].all()
    assert before[150, 125] and not after[150, 125]  # between the legs
    heads = pad(checked_head_zones(np.array([BOX])), 0.5, 2.0)
    assert covered_shares(after.astype(np.uint8), heads).tolist() == [1.0]


def test_where_a_background_vouches_the_network_is_not_asked() -> None:
    finder = SeesDark()
    frame = scene(BOX)
    backgrounds = background_row(SEGMENT, scene())
    with_network, without = (covered(frame, each, FIXED, backgrounds) for each in (finder, None))
    assert (with_network == without).all() and not finder.squares


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), level=st.floats(-4, 4), presence=st.floats(0, 1))
def test_heads_are_covered_whatever_a_network_says(seed: int, level: float, presence: float) -> None:
    noise = np.random.default_rng(seed).normal(level, 3, (SIDE // 32, SIDE // 32)).astype(np.float32)
    logits = np.asarray(cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.float32)
    after = covered(scene(BOX), SeesAlways(logits, presence), FIXED)
    heads = pad(checked_head_zones(np.array([BOX])), 0.5, 2.0)
    assert covered_shares(after.astype(np.uint8), heads).tolist() == [1.0]


def test_what_lies_far_beyond_the_box_is_not_covered() -> None:
    frame = scene(BOX)
    frame[100:106, 150:230] = BODY_BGR  # a dark bar that the network takes for an arm
    mask, found = outline(SeesDark(), frame, BOX)
    assert found == [True]
    reach = BOX[2] + BEYOND * (BOX[2] - BOX[0])
    assert mask[103, int(reach) - 2] and not mask[103, int(reach) + 9 :].any()


def test_a_person_found_twice_is_looked_at_once() -> None:
    finder = SeesDark()
    near = (103.0, 42.0, 152.0, 162.0)
    assert outline(finder, scene(BOX), BOX, near)[1] == [True, True]
    assert len(finder.squares) == 1


def test_boxes_of_people_who_may_be_there_are_not_looked_at() -> None:
    finder = SeesDark()
    other = (20.0, 40.0, 70.0, 160.0)
    near = (103.0, 42.0, 152.0, 162.0)
    assert outline(finder, scene(BOX, other), BOX, near, other, likely=1)[1] == [True, True, False]
    assert len(finder.squares) == 1


@pytest.mark.parametrize("aside", [12.0, 16.0, 28.0])
def test_a_person_half_hidden_by_another_is_not_taken_for_them(aside: float) -> None:
    behind = (BOX[0] + aside, 40.0, BOX[2] + aside, 160.0)
    frame = scene(BOX)  # of the one behind, nothing is dark
    assert outline(SeesDark(), frame, BOX, behind)[1] == [True, False]


@pytest.mark.parametrize("height", [LEAST_HEIGHT_PX - 1, 9000.0])
def test_people_too_small_and_boxes_too_large_are_not_looked_at(height: float) -> None:
    finder = SeesDark()
    assert outline(finder, scene(BOX), (100, 40, 120, 40 + height))[1] == [False] and not finder.squares


def test_an_outline_stays_for_a_moment_and_moves_with_the_box() -> None:
    cover = OutlineCover(SeesDark())
    frames = [scene(BOX, foot=8), scene([side + 6 * (place % 2 == 0) for place, side in enumerate(BOX)])]
    moved = np.array([[106.0, 40.0, 156.0, 160.0]])
    masks = []
    for time_us in (HOLD_US, HOLD_US + 1):
        cover = OutlineCover(SeesDark())
        cover.add(np.zeros(frames[0].shape[:2], np.uint8), frames[0], np.array([BOX]), 1, 0)
        masks.append(np.zeros(frames[0].shape[:2], np.uint8))
        assert cover.add(masks[-1], frames[1], moved, 1, time_us).tolist() == [True]
    assert masks[0][140, 167] and not masks[1][140, 167]  # the foot of the first frame, six pixels further on
    assert all(mask[is_dark(frames[1])].all() for mask in masks)


@pytest.mark.parametrize("mode", ["remove", "solid", "skeleton"])
def test_only_silhouettes_ask_for_the_network(mode: str) -> None:
    assert "masks" in AnonymizeOp().model_requests
    assert "masks" not in AnonymizeOp(mask_model="none").model_requests
    assert "masks" not in AnonymizeOp(mode=mode).model_requests
    assert "masks" not in AnonymizeOp(targets=("head",)).model_requests


def AnonymizeOp(**params: object):  # noqa: N802 - reads as the op
    from ops.anonymize import Anonymize

    return Anonymize(AnonymizeParams(**params))  # type: ignore[arg-type]


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    other = constant_masks(tmp_path / "other", disc(60), outputs=1)
    with pytest.raises(ModelError, match="cut nobody out"):
        open_masks(other)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(b"\x20\x00\x00\x00TFL3" + bytes(40))
    model = ModelFile("net.tflite", str(path), "tflite", "mask", "other", "0" * 64, "none", "test")
    with pytest.raises(ModelError, match="cannot load"):
        open_masks(model)


@pytest.mark.assets
def test_real_people_are_outlined_better_than_by_bodies(assets: Path, tmp_path: Path) -> None:
    model = ModelStore(tmp_path).describe(assets / "weights_more" / "pose_landmark_full.tflite")
    frame = load_frames(assets / "video" / "TUD-Campus.mp4", 68)[67]
    truth = read_mot(assets / "gt" / "TUD-Campus" / "gt.txt")
    boxes = truth.box[truth.frame == 68]
    mask, found = outline(open_masks(model), frame, *boxes)
    assert sum(found) >= 3
    again, _ = outline(open_masks(model), frame, *boxes)
    assert (mask == again).all()
    trusted: Float64 = boxes[found]
    bodies = np.zeros(frame.shape[:2], np.uint8)
    cover_bodies(bodies, pad(trusted, 0.06, 0.0))
    assert (mask > 0).sum() < 0.95 * (bodies > 0).sum()
    nowhere = np.array([[240.0, 60.0, 300.0, 240.0]])
    assert outline(open_masks(model), frame, *nowhere)[1] == [False]
