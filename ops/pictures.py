"""Steps that many ops do with pictures: make them smaller, take their largest channel, mark what is above a level."""

import cv2
import numpy as np

from schemas.values import Uint8


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


def largest_channel(picture: Uint8 | cv2.typing.MatLike) -> Uint8:
    """Returns the largest channel of each pixel ``(H, W)`` of a picture ``(H, W, 3)``."""
    first, second, third = cv2.split(picture)  # NumPy's ``max`` takes ten times as long
    return np.asarray(cv2.max(cv2.max(first, second), third), np.uint8)


def above(plane: Uint8 | cv2.typing.MatLike, level: float) -> Uint8:
    """Returns 255 where a plane of bytes ``(H, W)`` is above a level, else 0."""
    return np.asarray(cv2.threshold(plane, level, 255, cv2.THRESH_BINARY)[1], np.uint8)
