"""Colours of the pages, each for light and dark; hues follow Okabe and Ito (2008), for colour-blind people."""

from typing import NamedTuple


class Colour(NamedTuple):
    """A colour on light paper, and on dark."""

    light: str
    dark: str


COLOURS = {
    "paper": Colour("#faf9f6", "#12161b"),
    "panel": Colour("#ffffff", "#1a1f26"),
    "ink": Colour("#1c2530", "#e9ecef"),
    "quiet": Colour("#5a6570", "#a3adb8"),
    "rule": Colour("#dde0e3", "#323a44"),
    "grid": Colour("#ecebe6", "#1e242b"),
    "accent": Colour("#1565b0", "#74b3f2"),
    "warm": Colour("#c8501e", "#f2935c"),
    "zone": Colour("#0a7a5a", "#4fc79d"),
    "line": Colour("#ad2069", "#f07fb8"),
    "crossing": Colour("#ad2069", "#f07fb8"),
    "interaction": Colour("#7a4fc4", "#b99af2"),
    "reference": Colour("#b9b5aa", "#4d5763"),
    "building": Colour("#ebe8e0", "#222932"),
    "missing": Colour("#eceff1", "#242b33"),
}
"""Colours by what they are for."""

CAMERAS = (
    Colour("#0072b2", "#56b4e9"),
    Colour("#c8501e", "#f2935c"),
    Colour("#00815d", "#3fc79a"),
    Colour("#a4508b", "#e597cb"),
    Colour("#8a6d00", "#e3c13c"),
    Colour("#4a5fc1", "#98a8f5"),
    Colour("#6b6f76", "#b9bec6"),
)
"""Colours of cameras, in their order; an eighth camera has the first one's."""

DENSITY_LIGHT = ("#fdf0c9cc", "#fbdc9bd9", "#f8bf6ae0", "#f19a45e6", "#e2722cec", "#c84a1bf0", "#a42a12f2", "#7a150ef5")
DENSITY_DARK = ("#3a2d52b3", "#5b3477cc", "#82397fd9", "#ab4277e0", "#d05366e8", "#ea7354ee", "#f7a14af2", "#fbd65ff5")
"""Colours of density, from little to much, as #RRGGBBAA."""


def css_colours() -> str:
    """Returns the colours as CSS variables of ``:root``, light and dark."""
    named = {**COLOURS, **{f"camera{number}": colour for number, colour in enumerate(CAMERAS)}}
    light, dark = (";".join(f"--{name}:{colour[which]}" for name, colour in named.items()) for which in (0, 1))
    return f":root{{{light}}}\n:root[data-theme=dark]{{{dark}}}\n"
