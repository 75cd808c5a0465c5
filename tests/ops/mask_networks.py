"""Networks that cut people out, for tests: one that sees a colour, and files whose output is always the same."""

from pathlib import Path

import numpy as np

from ops.foreground.looks import SIDE, Seen, Square
from schemas.values import Float32, ModelFile, Uint8

BODY_BGR = (40, 40, 40)
"""Colour of people whom ``SeesDark`` cuts out."""


class SeesDark:
    """Cuts out what has the colour of ``BODY_BGR``; ``squares`` are those that it looked at."""

    def __init__(self, presence: float = 1.0) -> None:
        self.squares: list[Square] = []
        self._presence = presence

    def look(self, frame: Uint8, square: Square) -> Seen:
        self.squares.append(square)
        return Seen(self._presence, self._logits(square.cut(frame)))

    def _logits(self, part: Uint8) -> Float32:
        dark = (np.abs(part.astype(int) - BODY_BGR) <= 8).all(axis=2)
        return np.where(dark, 5.0, -5.0).astype(np.float32)


class SeesAlways(SeesDark):
    """Gives the same logits ``(SIDE, SIDE)`` of everything."""

    def __init__(self, logits: Float32, presence: float = 1.0) -> None:
        super().__init__(presence)
        self._given = logits

    def _logits(self, part: Uint8) -> Float32:
        return self._given


def disc(radius: float) -> Float32:
    """Logits of a disc in the middle of a square."""
    down, across = np.indices((SIDE, SIDE)) - SIDE / 2
    return np.where(np.hypot(down, across) < radius, 5.0, -5.0).astype(np.float32)


def constant_masks(folder: Path, logits: Float32, presence: float = 1.0, outputs: int = 2) -> ModelFile:
    """Writes a network that gives these logits of every square."""
    import openvino as ov
    from openvino import opset13 as opset

    given = opset.parameter([1, SIDE, SIDE, 3], np.float32)
    values = [np.full((1, 1), presence, np.float32), logits.reshape(1, SIDE, SIDE, 1)]
    folder.mkdir()
    ov.save_model(ov.Model([opset.constant(each) for each in values[:outputs]], [given]), folder / "net.xml", False)
    return ModelFile(folder.name, str(folder), "openvino", "mask", "other", "0" * 64, "none", "test")
