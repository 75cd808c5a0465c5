"""Finds and reads the photographs inside the installed ``ultralytics`` package, without importing it.

Nightshift ships no picture of people. The sample site cuts its people out of one of these, and detectors prove
themselves on it.
"""

import importlib.util
from pathlib import Path

import cv2
import numpy as np

from schemas.errors import UserError
from schemas.values import Uint8

PACKAGE = "ultralytics"


def find_photograph(name: str) -> Path:
    """Finds a photograph of the package; importing the package takes seconds.

    Raises:
        UserError: the package, or the photograph in it, is not installed.
    """
    package = importlib.util.find_spec(PACKAGE)
    for folder in package.submodule_search_locations or () if package else ():
        path = Path(folder) / "assets" / name
        if path.is_file():
            return path
    raise UserError(f"assets/{name} of the package {PACKAGE} is not installed: pip install {PACKAGE}")


def read_photograph(name: str, size_px: tuple[int, int]) -> Uint8:
    """Reads a photograph of the package, ``(H, W, 3)`` BGR.

    Args:
        size_px: (width, height) of the photograph that is meant.

    Raises:
        UserError: it is not installed, or another picture has its name.
    """
    path = find_photograph(name)
    picture = cv2.imread(str(path))
    if picture is None or picture.shape[1::-1] != size_px:
        raise UserError(f"{path} is not the photograph of {size_px[0]} x {size_px[1]} pixels that Nightshift knows")
    return np.asarray(picture, np.uint8)
