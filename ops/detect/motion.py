"""Finds people by motion and shape, without weights: upright regions that differ from a fixed camera's background.

The whole segment is known when its frames are judged, so the background is its own median, also for the first frame.
People who stand on one spot for most of a segment become background and are missed, as are people within a crowd.
Groups are split by their outline; OpenCV's HOG on the same regions found fewer people (PETS: 0.815 instead of 0.858).
"""

from collections.abc import Sequence

import cv2
import numpy as np

from ops.detect.decode import Boxes
from ops.detect.motion_buffer import MotionBuffer, Scene, brightened
from ops.detect.person_shape import Blob, SizeModel, confidence_of, is_person, learn_sizes, split_group
from ops.pictures import largest_channel
from schemas.values import Bools, Uint8

MOTION_WIDTH_PX = 480
SEED_GREY, EDGE_GREY = 26.0, 13.0
SEED_SIGMA, EDGE_SIGMA = 6.0, 3.0
"""Least differences to the background of a sure pixel and of one beside it, grey levels and standard deviations."""

SHADOW_DARKEST, SHADOW_CHROMA = 0.45, 7.0


def find_movers(buffer: MotionBuffer, source_px: tuple[int, int], min_height: float) -> list[Boxes]:
    """Finds people in the frames of a buffer, class 0, boxes in px of the source ``(width, height)``.

    Args:
        min_height: least height of a person, as a share of the frame's.
    """
    blobs: list[list[Blob]] = [[] for _ in range(len(buffer))]
    frame_px = (1, 1)
    for scene in buffer.scenes():
        frame_px = (scene.background.shape[1], scene.background.shape[0])
        judge = Foreground(scene)
        for number in range(scene.first, scene.last):
            blobs[number] = judge.blobs(buffer.frame(number), number, min_height)
    # Only now, from all frames: few of them alone show enough people to learn their size from.
    sizes = learn_sizes([blob for found in blobs for blob in found])
    return [_people(found, sizes, frame_px, source_px) for found in blobs]


def _people(
    blobs: Sequence[Blob], sizes: SizeModel | None, frame_px: tuple[int, int], source_px: tuple[int, int]
) -> Boxes:
    people = [part for blob in blobs for part in split_group(blob, sizes) if is_person(part, sizes)]
    people.sort(key=lambda blob: (-confidence_of(blob, sizes), blob.x, blob.y))
    scale = np.array([source_px[0] / frame_px[0], source_px[1] / frame_px[1]] * 2, np.float32)
    corners = np.array([blob.xyxy for blob in people], np.float32).reshape(-1, 4)
    scores = np.array([confidence_of(blob, sizes) for blob in people], np.float32)
    return Boxes(corners * scale, scores, np.zeros(len(people), np.int64))


class Foreground:
    """Finds the regions of a scene's frames that are not its background."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._background = np.asarray(cv2.GaussianBlur(scene.background, (3, 3), 0))
        self._seed = np.maximum(SEED_GREY, SEED_SIGMA * scene.noise)
        self._edge = np.maximum(EDGE_GREY, EDGE_SIGMA * scene.noise)

    def blobs(self, frame: Uint8, number: int, min_height: float) -> list[Blob]:
        """Returns connected regions that differ from the background, without noise and shadows."""
        frame = brightened(frame, float(self._scene.gains[number - self._scene.first]))
        frame = np.asarray(cv2.GaussianBlur(frame, (3, 3), 0))
        difference = largest_channel(cv2.absdiff(frame, self._background))
        mask = np.asarray(difference > self._edge)
        mask[mask] = ~_shadow(frame[mask], self._background[mask])
        least = max(6.0, min_height * len(frame))
        return _regions(_cleaned(mask.astype(np.uint8), least), difference > self._seed, difference, least)


def _shadow(pixels: Uint8, background: Uint8) -> Bools:
    """Marks pixels ``(N, 3)`` that are the background, only darker by the same factor in all colours."""
    behind = background.astype(np.float32) + 1
    ratio = (pixels.astype(np.float32) + 1) / behind
    low, high = ratio.min(axis=1), ratio.max(axis=1)
    # The colour may be off by as much as a few grey levels make in a dark place.
    return np.asarray((low > SHADOW_DARKEST) & (high < 1) & (high - low < SHADOW_CHROMA / behind.min(axis=1)))


def _cleaned(mask: Uint8, least_height: float) -> Uint8:
    """Removes specks and closes gaps within a body, more upwards than sideways: people are taller than wide."""
    mask = np.asarray(cv2.medianBlur(mask, 3))
    tall = max(3, round(least_height * 0.4)) | 1
    wide = max(3, round(least_height * 0.15)) | 1
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((tall, wide), np.uint8)))


def _regions(mask: Uint8, seeds: Bools, difference: Uint8, least_height: float) -> list[Blob]:
    """Returns regions of a mask with enough sure pixels that are tall enough to be a person, or part of one."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    found = []
    for label in range(1, count):
        x, y, width, height, area = stats[label].tolist()
        if height < least_height * 0.5 or area < least_height * 2:
            continue
        inside = labels[y : y + height, x : x + width] == label
        if seeds[y : y + height, x : x + width][inside].mean() < 0.2:
            continue
        contrast = float(difference[y : y + height, x : x + width][inside].mean())
        found.append(Blob(x, y, inside, contrast))
    return found
