"""Changes pictures at random while QPIC is trained: mirrored, other light, cut, scaled, as the authors do it."""

from dataclasses import replace

import cv2
import numpy as np

from ops.interactions.qpic.pictures import scaled, scaled_size
from schemas.labelled_pictures import LabelledPicture, with_area
from schemas.values import Float64, Uint8

JITTER = 0.4
"""Most relative change of brightness, contrast and saturation."""

SCALES = tuple(0.6 + 0.04 * step for step in range(11))
"""Shorter sides as shares of the usual one: 480 to 800 px in steps of 32 px, if that is 800 px."""

SCALES_BEFORE_CUT = (0.5, 0.625, 0.75)
CUT = (0.48, 0.75)
"""Least and most of a side that is cut out, of the same unit: 384 to 600 px."""

Labelled = tuple[Uint8, LabelledPicture]


def augmented(
    picture: Uint8, labels: LabelledPicture, short_px: int, long_px: int, random: np.random.Generator
) -> Labelled:
    """Returns a picture ``(H, W, 3)`` BGR and its labels, changed at random.

    Boxes that leave the picture are cut at its edge; those outside are left out with their pairs.

    Args:
        short_px: usual shorter side of pictures when the network is used.
        long_px: most of the longer side.
    """
    if random.random() < 0.5:
        picture, labels = mirrored(picture, labels)
    picture = _other_light(picture, random)
    if random.random() < 0.5:
        before = round(random.choice(SCALES_BEFORE_CUT) * short_px)
        picture, labels = resized(picture, labels, before, max(picture.shape[:2]) * short_px)
        picture, labels = _cut(picture, labels, short_px, random)
    return resized(picture, labels, round(random.choice(SCALES) * short_px), long_px)


def resized(picture: Uint8, labels: LabelledPicture, short_px: int, long_px: int) -> Labelled:
    """Returns a picture and its labels, scaled as ``scaled_size`` says."""
    width, height = picture.shape[1], picture.shape[0]
    size = scaled_size((width, height), short_px, long_px)
    scale = np.tile([size[0] / width, size[1] / height], 2)
    return scaled(picture, size), replace(labels, boxes=labels.boxes * scale)


def mirrored(picture: Uint8, labels: LabelledPicture) -> Labelled:
    """Returns a picture and its labels, left for right."""
    boxes = labels.boxes.copy()
    boxes[:, [0, 2]] = picture.shape[1] - labels.boxes[:, [2, 0]]
    return np.ascontiguousarray(picture[:, ::-1]), replace(labels, boxes=boxes)


def cut_out(picture: Uint8, labels: LabelledPicture, corner: tuple[int, int], size: tuple[int, int]) -> Labelled:
    """Returns a part of a picture, and the labels that are in it.

    Args:
        corner: left and top edge, px.
        size: width and height, px.
    """
    (left, top), (width, height) = corner, size
    boxes: Float64 = np.clip(labels.boxes - [left, top, left, top], 0, [width, height, width, height])
    part = np.ascontiguousarray(picture[top : top + height, left : left + width])
    return part, with_area(replace(labels, boxes=boxes))


def _cut(picture: Uint8, labels: LabelledPicture, short_px: int, random: np.random.Generator) -> Labelled:
    least, most = (round(share * short_px) for share in CUT)
    whole = (picture.shape[1], picture.shape[0])
    size = [int(random.integers(min(least, side), min(most, side), endpoint=True)) for side in whole]
    corner = [int(random.integers(0, side - part, endpoint=True)) for side, part in zip(whole, size, strict=True)]
    return cut_out(picture, labels, (corner[0], corner[1]), (size[0], size[1]))


def _other_light(picture: Uint8, random: np.random.Generator) -> Uint8:
    """Changes brightness, contrast and saturation, in random order."""
    for change in random.permutation(3):
        factor = random.uniform(1 - JITTER, 1 + JITTER)
        if change == 0:
            dull = np.zeros(3, np.float32)
        else:
            grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
            dull = np.full(3, grey.mean(), np.float32) if change == 1 else grey[:, :, None]
        picture = np.clip(dull + factor * (picture.astype(np.float32) - dull), 0, 255).astype(np.uint8)
    return picture
