"""Skeletons in any colour pass the check of their paint once they are encoded; bare heads do not."""

from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.frame_pairs import read_frames
from bench.pets import pets_truth
from ops.anonymize.cover.modes import Scene, open_painter
from ops.anonymize.cover.paint import Colour
from ops.anonymize.cover.skeleton import PoseFinder, draw_skeletons
from ops.anonymize.geometry import checked_head_zones, cover_boxes, covered_shares
from ops.anonymize.params import AnonymizeParams
from ops.anonymize.verify.coverage import confirmed_cover
from ops.anonymize.verify.verifier import HEAD_PAD, PAINTED_SHARE
from ops.boxes import pad
from ops.pose_network import POINTS, open_pose
from schemas.op import ModelRequest
from schemas.values import Float64, FrameBatch, Uint8
from storage.video.chunks import EncodedChunk
from storage.video.x264 import Encoding
from storage.weights.catalogue import ModelStore

COLOURS = ["#ffffff", "#000000", "#ff0000", "#00ff00", "#0000ff", "#ff00ff", AnonymizeParams().colour]
REVIEWED, UNCONFIRMED, FEW = 3, 0.001, 0.01
"""Encodings of a chunk in which something is found twice, and the largest share of limbs that may not count as covered
then: it is up to 0.0006 here, and was 0.0028 in white when whole clips were refused for it."""

STANDING = np.array(
    [
        *[(0.5, 0.08)] * 5,
        *[(0.3, 0.2), (0.7, 0.2), (0.25, 0.35), (0.75, 0.35), (0.25, 0.48), (0.75, 0.48)],
        *[(0.38, 0.5), (0.62, 0.5), (0.36, 0.72), (0.64, 0.72), (0.36, 0.94), (0.64, 0.94)],
    ]
)
"""Where the key points of a person who stands are in the box, as shares of its size."""


def lawn() -> Uint8:
    """A textured picture in the colours of grass and of a road."""
    noise = np.random.default_rng(3).normal(0, 25, (160, 240))
    shades = cv2.GaussianBlur(noise, (0, 0), 1.5)[..., None] * 3
    ground = np.where(np.arange(160)[:, None, None] < 70, (70, 110, 100), (120, 125, 130))
    return np.clip(ground + shades, 0, 255).astype(np.uint8)


def walking(number: int) -> Float64:
    """Boxes of three people of 60 pixels, at a frame's number."""
    return np.array([[x + 2.3 * number, y, x + 22 + 2.3 * number, y + 60] for x, y in ((12, 20), (40, 84), (120, 45))])


def standing(boxes: Float64) -> Float64:
    low, size = boxes[:, None, :2], (boxes[:, 2:] - boxes[:, :2])[:, None]
    return np.concatenate([low + size * STANDING[None], np.ones((len(boxes), POINTS, 1))], axis=2)


def played(frames: Uint8, encodings: int = 1) -> Uint8:
    """Frames as they are decoded again after they were encoded, as often as a review does it."""
    ticks = np.arange(len(frames))
    for number in range(encodings):
        chunk = EncodedChunk(Encoding(0, Fraction(1, 10), 23, 1), "walk", reencode=number > 0)
        chunk.write(FrameBatch(frames, ticks, ticks * 100_000))
        frames = np.concatenate([batch.frames for batch in chunk.decode()])
    return frames


def unconfirmed_share(decoded: Uint8, painted: Uint8, masks: Uint8, colour: Colour) -> float:
    """Share of the limbs' pixels that do not count as covered in the decoded frames."""
    limbs = (painted == colour).all(axis=-1) & (masks > 0)
    covered = [confirmed_cover(*each) for each in zip(decoded, masks, painted, strict=True)]
    return float(np.mean(np.stack(covered)[limbs] == 0))


def head_shares(decoded: Uint8, painted: Uint8, boxes: Float64) -> Float64:
    """Covered shares ``(M,)`` of the zones that the verifier checks."""
    covered = confirmed_cover(decoded, np.full(decoded.shape[:2], 255, np.uint8), painted)
    return covered_shares(covered, checked_head_zones(boxes, HEAD_PAD))


@pytest.mark.parametrize("colour", COLOURS)
def test_limbs_of_any_colour_pass_once_they_are_encoded(colour: str) -> None:
    bgr = AnonymizeParams(colour=colour).bgr
    ground = lawn()
    frames = np.repeat(ground[None], 20, axis=0)
    for number, frame in enumerate(frames):
        draw_skeletons(frame, standing(walking(number)), walking(number), [bgr] * 3)
    everything = np.full(frames.shape[:3], 255, np.uint8)
    assert unconfirmed_share(played(frames, REVIEWED), frames, everything, bgr) <= UNCONFIRMED
    for number, (decoded, painted) in enumerate(zip(played(frames), frames, strict=True)):
        assert (head_shares(decoded, painted, walking(number)) >= PAINTED_SHARE).all()


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("head", [(30, 30, 30), (215, 225, 230), (140, 165, 205)])
def test_bare_heads_fail_beside_limbs_of_any_colour(colour: str, head: Colour) -> None:
    bgr = AnonymizeParams(colour=colour).bgr
    if np.abs(np.subtract(bgr, head)).max() <= 40:
        pytest.skip("a head of the limbs' own colour cannot be told from them")
    ground, boxes = lawn(), walking(0)
    painted, bare = ground.copy(), ground.copy()
    draw_skeletons(painted, standing(boxes), boxes, [bgr] * 3)
    for x1, y1, x2, _ in boxes.astype(int).tolist():
        cv2.rectangle(bare, (x1 + 3, y1), (x2 - 4, y1 + 59), head, cv2.FILLED)
    (decoded,) = played(bare[None])
    assert (head_shares(decoded, painted, boxes) < PAINTED_SHARE).all()


class KnownPoses:
    """Asks a network once for the poses in a frame, since they are the same whatever the limbs' colour."""

    def __init__(self, network: PoseFinder) -> None:
        self._network = network
        self._known: dict[tuple[bytes, bytes], Float64] = {}

    def find(self, frame: Uint8, boxes: Float64) -> Float64:
        key = (frame.tobytes(), boxes.tobytes())
        if key not in self._known:
            self._known[key] = self._network.find(frame, boxes)
        return self._known[key].copy()


@pytest.fixture(scope="module")
def poses(assets: Path) -> KnownPoses:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTSHIFT_MODELS", str(assets / "weights"))
        weights = ModelStore(assets).resolve(ModelRequest("auto", "pose"))
    assert weights is not None
    return KnownPoses(open_pose(weights, 2))


@pytest.mark.assets
@pytest.mark.parametrize("colour", ["#ffffff", "#ff0000", "#0000ff", "#000000"])
def test_skeletons_on_real_people_pass(colour: str, assets: Path, poses: KnownPoses) -> None:
    """Frames 160 to 199 of PETS, in which white limbs once kept the whole clip from being published."""
    clip = islice(read_frames(assets / "video" / "pets09_s2l1_480x360.mp4"), 199)
    frames = np.stack([frame.image for frame in clip])
    background = np.median(frames[::5], axis=0).astype(np.uint8)
    truth, paint = pets_truth(assets), open_painter(AnonymizeParams(mode="skeleton", colour=colour), poses)
    shown, boxes = frames[159:].copy(), [truth.box[truth.frame == number] for number in range(160, 200)]
    masks = np.zeros(shown.shape[:3], np.uint8)
    for frame, mask, people in zip(shown, masks, boxes, strict=True):
        cover_boxes(mask, pad(people, 0.3, 6.0))
        paint(frame, Scene(mask, people, np.arange(len(people)), background))
    assert unconfirmed_share(played(shown, REVIEWED), shown, masks, AnonymizeParams(colour=colour).bgr) <= UNCONFIRMED
    shares = [
        covered_shares(confirmed_cover(decoded, mask, painted), checked_head_zones(people, HEAD_PAD))
        for decoded, mask, painted, people in zip(played(shown), masks, shown, boxes, strict=True)
    ]
    # Where limbs cross a head of a few pixels differs between processors; a review covers what does not pass.
    assert np.mean(np.concatenate(shares) < PAINTED_SHARE) <= FEW
