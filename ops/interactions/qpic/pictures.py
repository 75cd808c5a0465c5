"""Makes pictures into what QPIC's network takes: scaled, RGB, normed. Training and use share it."""

import cv2
import numpy as np

from ops.interactions.qpic.network import MEAN_RGB, SPREAD_RGB
from schemas.values import Float32, Uint8


def scaled_size(size_px: tuple[int, int], short_px: int, long_px: int) -> tuple[int, int]:
    """Returns the width and height to which a picture is scaled, as DETR and QPIC choose them.

    Args:
        size_px: width and height of the picture.
        short_px: its shorter side becomes this long,
        long_px: unless the longer side would be longer than this.
    """
    shorter, longer = min(size_px), max(size_px)
    if longer / shorter * short_px > long_px:
        short_px = round(long_px * shorter / longer)
    other = max(int(short_px * longer / shorter), 1)
    return (short_px, other) if size_px[0] < size_px[1] else (other, short_px)


def scaled(picture: Uint8, size_px: tuple[int, int]) -> Uint8:
    """Returns a picture ``(H, W, 3)`` scaled to a width and height."""
    if (picture.shape[1], picture.shape[0]) == size_px:
        return picture
    # Pictures that shrink are averaged, as Pillow does for the authors.
    shrinks = size_px[0] < picture.shape[1]
    return np.asarray(cv2.resize(picture, size_px, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))


def normed(picture: Uint8) -> Float32:
    """Returns a picture ``(H, W, 3)`` BGR as the network takes it: ``(3, H, W)`` RGB, normed by ImageNet's values."""
    rgb = picture[:, :, ::-1].astype(np.float32) / 255
    return np.ascontiguousarray(
        ((rgb - np.asarray(MEAN_RGB, np.float32)) / np.asarray(SPREAD_RGB, np.float32)).transpose(2, 0, 1)
    )
