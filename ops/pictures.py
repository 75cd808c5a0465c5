"""Steps that many ops do with pictures: make them smaller, take their largest channel, fill what is unknown."""

import cv2
import numpy as np

from schemas.values import Bools, Uint8

LEAST_COLOUR = 4.0
"""Mean difference of the greatest and the least colour channel, grey levels, below which a picture has no colours."""


def downscale(picture: Uint8, size: tuple[int, int]) -> Uint8:
    """Returns a picture ``(H, W)`` or ``(H, W, C)`` at a smaller size (width, height); itself if it has that size.

    The picture is halved while possible, each pixel the mean of four; the rest, less than two to one, is interpolated.
    OpenCV's INTER_AREA is as good in one step, but takes eight times as long at ratios that are not whole.
    """
    while _can_be_halved(picture, size):
        half = (picture.shape[1] // 2, picture.shape[0] // 2)
        picture = np.asarray(cv2.resize(picture, half, interpolation=cv2.INTER_AREA), np.uint8)
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    # Beyond two to one, linear interpolation skips pixels; odd sides may leave such a ratio.
    is_close = picture.shape[1] < 2 * size[0] and picture.shape[0] < 2 * size[1]
    interpolation = cv2.INTER_LINEAR if is_close else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation), np.uint8)


def _can_be_halved(picture: Uint8, size: tuple[int, int]) -> bool:
    height, width = picture.shape[:2]
    even = width % 2 == 0 and height % 2 == 0
    return even and bool(width >= 2 * size[0] and height >= 2 * size[1])


def is_grey(picture: Uint8) -> bool:
    """Returns whether a picture ``(H, W, 3)`` has no colours, as one by infrared light."""
    colour = picture.max(axis=2).astype(np.float32) - picture.min(axis=2)
    return float(colour.mean()) < LEAST_COLOUR


def largest_channel(picture: Uint8 | cv2.typing.MatLike) -> Uint8:
    """Returns the largest channel of each pixel ``(H, W)`` of a picture ``(H, W, 3)``."""
    first, second, third = cv2.split(picture)  # NumPy's ``max`` takes ten times as long
    return np.asarray(cv2.max(cv2.max(first, second), third), np.uint8)


def above(plane: Uint8 | cv2.typing.MatLike, level: float) -> Uint8:
    """Returns 255 where a plane of bytes ``(H, W)`` is above a level, else 0."""
    return np.asarray(cv2.threshold(plane, level, 255, cv2.THRESH_BINARY)[1], np.uint8)


def fill_from_around(image: Uint8, unknown: Bools) -> Uint8:
    """Returns a picture ``(H, W, 3)`` whose unknown pixels ``(H, W)`` are painted from those around (Telea, 2004).

    It is done at a quarter of the size: inpainting invents no detail anyway.
    """
    if not unknown.any():
        return image
    height, width = unknown.shape
    small = (max(1, width // 4), max(1, height // 4))
    touched = np.asarray(cv2.resize(unknown.astype(np.float32), small, interpolation=cv2.INTER_AREA)) > 0
    # Grown by a pixel, so that the median's 255 at unknown pixels does not bleed into what is painted.
    hole = cv2.dilate(touched.astype(np.uint8), np.ones((3, 3), np.uint8))
    coarse = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    painted = cv2.resize(cv2.inpaint(coarse, hole, 3, cv2.INPAINT_TELEA), (width, height))
    return np.where(unknown[:, :, None], painted, image).astype(np.uint8)
