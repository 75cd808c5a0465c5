"""The benchmark of foreground compares masks with true ones, by whole frames, by looks and by depth."""

import numpy as np

from bench.foreground import Clip, TrueDepth, looks, whole_frames
from schemas.values import Float32, Uint8
from tests.ops.mask_networks import BODY_BGR, SeesDark

BOX = np.array([[60.0, 30.0, 90.0, 110.0]])


def clip() -> Clip:
    frame = np.full((140, 160, 3), 200, np.uint8)
    frame[30:110, 65:85] = BODY_BGR
    frame[50:70, 60:90] = BODY_BGR
    mask = (frame == BODY_BGR).all(axis=2)
    empty = np.repeat(np.linspace(14, 6, 140, dtype=np.float32)[:, None], 160, axis=1)
    depth = np.where(mask, np.float32(4), empty).astype(np.float32)
    return Clip([frame] * 3, [BOX] * 3, [mask] * 3, [depth] * 3)


class SeesHalf:
    """Finds the upper half of all that is dark."""

    def find(self, frame: Uint8) -> Float32:
        found = (frame == BODY_BGR).all(axis=2)
        found[70:] = False
        return found.astype(np.float32)


def test_a_mask_is_scored_by_its_overlap_with_the_true_one() -> None:
    scene = clip()
    half = float(SeesHalf().find(scene.frames[0]).sum() / scene.masks[0].sum())
    found = whole_frames(SeesHalf(), scene)
    assert found["frames"] == 3 and abs(found["iou"] - half) < 0.001 and found["fps"] > 0


def test_looks_count_whose_outline_is_trusted() -> None:
    sure, unsure = looks(SeesDark(), clip()), looks(SeesDark(presence=0.1), clip())
    assert (sure["trusted"], sure["boxes"], unsure["trusted"], unsure["iou"]) == (1.0, 3, 0.0, 0.0)
    assert 0.5 < sure["iou"] < 0.9, "outlines are grown"


def test_depth_cuts_people_out_by_either_threshold() -> None:
    scene = clip()
    for kind, by_hand in (("metric", 1.0), ("relative", 0.1)):
        for threshold in (0.0, by_hand):
            found = looks(TrueDepth(scene, kind, threshold), scene)
            assert found["trusted"] == 1.0 and found["iou"] > 0.4, "outlines are grown"
