"""Draws things of the scenes, seen from the side: a bicycle, a car, a cart and a bench.

Sprites are ``(H, W, 4)`` uint8, BGR multiplied by alpha, then alpha, 100 pixels a metre, and head to the right.
"""

import cv2
import numpy as np

from sample_site.renderer import draw_suitcase
from schemas.values import Uint8

PX_M = 100
_FINE = 4
_TYRE, _RIM, _GLASS = (30, 30, 30), (150, 150, 150), (96, 84, 70)

Colour = tuple[int, int, int]


def play_sprites() -> dict[str, Uint8]:
    """Returns the sprites of all things of a play, by kind and colour."""
    red = draw_suitcase()
    blue = np.ascontiguousarray(red[:, :, [2, 1, 0, 3]])
    return {
        **{"case-red": red, "case-blue": blue, "bag-red": red, "bag-blue": blue},
        **{"bicycle-green": draw_bicycle(), "bicycle-blue": draw_bicycle((150, 80, 30))},
        **{"car-silver": draw_car(), "car-red": draw_car((50, 42, 140))},
        **{"cart": draw_cart(), "bench": draw_bench()},
    }


class _Sheet:
    """A transparent sheet to draw on; points are metres, x from the left, y up from the ground."""

    def __init__(self, width_m: float, height_m: float) -> None:
        self.height_m = height_m
        self._picture = np.zeros((round(height_m * PX_M * _FINE), round(width_m * PX_M * _FINE), 4), np.uint8)

    def _pixel(self, x_m: float, y_m: float) -> tuple[int, int]:
        return round(x_m * PX_M * _FINE), round((self.height_m - y_m) * PX_M * _FINE)

    def disc(self, at: tuple[float, float], radius_m: float, colour: Colour, width_m: float | None = None) -> None:
        """Draws a disc, or a ring of a width."""
        line = -1 if width_m is None else round(width_m * PX_M * _FINE)
        cv2.circle(self._picture, self._pixel(*at), round(radius_m * PX_M * _FINE), (*colour, 255), line)

    def rod(self, one: tuple[float, float], other: tuple[float, float], width_m: float, colour: Colour) -> None:
        """Draws a straight rod."""
        cv2.line(
            self._picture, self._pixel(*one), self._pixel(*other), (*colour, 255), max(1, round(width_m * PX_M * _FINE))
        )

    def panel(self, corners: tuple[tuple[float, float], ...], colour: Colour) -> None:
        """Draws a filled polygon."""
        cv2.fillPoly(self._picture, [np.array([self._pixel(*corner) for corner in corners], np.int32)], (*colour, 255))

    def sprite(self) -> Uint8:
        """Returns the picture in its final size."""
        height, width = self._picture.shape[:2]
        size = width // _FINE, height // _FINE
        return np.asarray(cv2.resize(self._picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def draw_bicycle(colour: Colour = (40, 110, 40)) -> Uint8:
    """Draws a bicycle, 1.75 m long and 1.05 m high."""
    sheet = _Sheet(1.75, 1.05)
    rear, front, pedals, saddle, head = (0.35, 0.35), (1.4, 0.35), (0.8, 0.3), (0.62, 0.9), (1.22, 0.82)
    for hub in (rear, front):
        sheet.disc(hub, 0.32, _TYRE, 0.05)
        sheet.disc(hub, 0.05, _RIM)
        for x, y in ((0.0, 0.3), (0.21, 0.21), (0.3, 0.0), (0.21, -0.21)):
            sheet.rod((hub[0] - x, hub[1] - y), (hub[0] + x, hub[1] + y), 0.008, _RIM)
    for one, other in ((rear, pedals), (rear, saddle), (pedals, saddle), (pedals, head), (saddle, head), (front, head)):
        sheet.rod(one, other, 0.05, colour)
    sheet.rod((0.5, 0.93), (0.76, 0.93), 0.07, (40, 40, 40))
    sheet.rod(head, (1.18, 0.98), 0.04, _RIM)
    sheet.rod((1.1, 1.0), (1.3, 1.0), 0.05, (40, 40, 40))
    sheet.disc(pedals, 0.1, _RIM, 0.03)
    # A chain guard and a luggage carrier: what tells a bicycle from two rings, far away.
    sheet.panel(((0.3, 0.3), (0.3, 0.42), (0.85, 0.38), (0.85, 0.26)), (60, 60, 60))
    sheet.panel(((0.1, 0.72), (0.1, 0.76), (0.55, 0.76), (0.55, 0.72)), (60, 60, 60))
    return sheet.sprite()


def draw_car(colour: Colour = (150, 140, 132)) -> Uint8:
    """Draws a car, 4.3 m long and 1.45 m high; its rear is on the left."""
    sheet = _Sheet(4.3, 1.45)
    dark = tuple(round(0.55 * tone) for tone in colour)
    shade: Colour = (dark[0], dark[1], dark[2])
    sheet.panel(((0.05, 0.3), (0.02, 0.75), (0.15, 0.92), (3.2, 0.92), (4.2, 0.72), (4.28, 0.5), (4.25, 0.28)), colour)
    sheet.panel(((0.15, 0.9), (0.55, 1.4), (0.8, 1.45), (2.3, 1.45), (3.25, 0.9)), colour)
    sheet.panel(((0.35, 0.92), (0.7, 1.36), (1.5, 1.36), (1.5, 0.92)), _GLASS)
    sheet.panel(((1.58, 0.92), (1.58, 1.36), (2.25, 1.36), (3.02, 0.92)), _GLASS)
    sheet.panel(((0.05, 0.22), (0.05, 0.34), (4.25, 0.34), (4.25, 0.22)), shade)
    for x in (1.54, 2.75):
        sheet.rod((x, 0.36), (x, 0.9), 0.015, shade)
    sheet.rod((1.7, 0.78), (1.9, 0.78), 0.04, shade)
    sheet.panel(((4.05, 0.6), (4.02, 0.7), (4.2, 0.7), (4.27, 0.6)), (210, 225, 230))
    sheet.panel(((0.03, 0.62), (0.03, 0.78), (0.14, 0.82), (0.14, 0.62)), (40, 36, 150))
    for x in (0.85, 3.4):
        sheet.disc((x, 0.33), 0.39, shade)
        sheet.disc((x, 0.32), 0.32, _TYRE)
        sheet.disc((x, 0.32), 0.18, _RIM)
    return sheet.sprite()


def draw_cart() -> Uint8:
    """Draws a cart, 1.0 m long and 1.0 m high, whose handle is on the left."""
    sheet = _Sheet(1.0, 1.0)
    sheet.panel(((0.2, 0.3), (0.2, 0.42), (0.95, 0.42), (0.95, 0.3)), (90, 90, 96))
    sheet.panel(((0.28, 0.42), (0.28, 0.82), (0.9, 0.82), (0.9, 0.42)), (90, 140, 178))
    sheet.panel(((0.28, 0.6), (0.28, 0.63), (0.9, 0.63), (0.9, 0.6)), (60, 100, 130))
    sheet.rod((0.22, 0.4), (0.1, 0.96), 0.05, (90, 90, 96))
    sheet.rod((0.03, 0.96), (0.16, 0.96), 0.06, (40, 40, 160))
    for x in (0.32, 0.82):
        sheet.disc((x, 0.13), 0.12, _TYRE)
        sheet.rod((x, 0.2), (x, 0.32), 0.05, (90, 90, 96))
    return sheet.sprite()


def draw_bench() -> Uint8:
    """Draws a bench from the front, 1.6 m wide and 0.85 m high."""
    sheet = _Sheet(1.6, 0.85)
    wood: Colour = (58, 98, 140)
    for x in (0.12, 1.48):
        sheet.rod((x, 0.0), (x, 0.8), 0.06, (64, 64, 66))
    for low in (0.55, 0.7):
        sheet.panel(((0.0, low), (0.0, low + 0.11), (1.6, low + 0.11), (1.6, low)), wood)
    sheet.panel(((0.0, 0.36), (0.0, 0.47), (1.6, 0.47), (1.6, 0.36)), (48, 82, 118))
    return sheet.sprite()
