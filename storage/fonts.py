"""Finds the letters that are written into pictures."""

import importlib.util
from pathlib import Path


def label_font() -> bytes:
    """Returns the TrueType file DejaVu Sans Bold: Latin, Greek, Cyrillic, Arabic and more, free to use.

    Matplotlib ships it, and need not be imported for that.
    """
    package = importlib.util.find_spec("matplotlib")
    assert package is not None and package.origin is not None, "matplotlib is a dependency"
    return Path(package.origin).with_name("mpl-data").joinpath("fonts", "ttf", "DejaVuSans-Bold.ttf").read_bytes()
