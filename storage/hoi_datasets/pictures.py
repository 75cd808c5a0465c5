"""Reads pictures of a dataset, and checks them before a training of days begins."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from schemas.errors import UserError
from schemas.values import Uint8


def picture_size(path: Path) -> tuple[int, int]:
    """Returns the width and height of a picture, from its header.

    Raises:
        UserError: there is no such file, or it is no picture.
    """
    try:
        with Image.open(path) as picture:
            return picture.size
    except FileNotFoundError as error:
        raise UserError(f"there is no picture {path}, which the labels name") from error
    except (UnidentifiedImageError, OSError, ImportError) as error:
        # Where Ultralytics is loaded, its `Image.open` looks for one more decoder, which is not installed.
        raise UserError(f"{path} cannot be read as a picture: {error}") from error


def read_picture(path: Path) -> Uint8:
    """Reads a picture, ``(H, W, 3)`` BGR. It is not turned by its EXIF orientation: labels are of the stored pixels.

    Raises:
        UserError: there is no such file, or it is damaged.
    """
    if not path.is_file():
        raise UserError(f"there is no picture {path}, which the labels name")
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise UserError(f"{path} cannot be read as a picture; is it complete?")
    return np.asarray(picture, np.uint8)
