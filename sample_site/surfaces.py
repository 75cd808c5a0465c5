"""Procedural surfaces of the hall: plaster, stone tiles, wood and a photograph, in metres of the face that they cover.

A surface maps the points where rays hit it to colours (BGR, 0..255, before lighting).
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from schemas.values import Float32, Uint8

_FACADE_ROWS = slice(60, 230)  # of bus.jpg: a house front, without people
_FACADE_COLUMNS = slice(110, 440)


@dataclass(frozen=True)
class Hit:
    """Points ``(N, 3)`` where rays hit one box, and the axis (0, 1, 2) of the face that each one hit."""

    point: Float32
    axis: np.ndarray[tuple[int, ...], np.dtype[np.int8]]
    textures: "Textures"

    @property
    def across(self) -> Float32:
        """Horizontal coordinate on the face, metres."""
        across: Float32 = np.where(self.axis == 0, self.point[:, 1], self.point[:, 0])
        return across


@dataclass(frozen=True)
class Textures:
    """Textures of the surfaces: smooth noise -1..1 in two sizes, and the photograph on the poster."""

    cloud: Float32
    grain: Float32
    poster: Uint8

    @classmethod
    def make(cls, photo: Uint8, seed: int) -> "Textures":
        """Makes the textures of a seed, with the house front of the photograph as the poster."""
        random = np.random.default_rng([seed, 0xF100])
        raw = random.standard_normal((2, 512, 512)).astype(np.float32)
        cloud, grain = cv2.GaussianBlur(raw[0], (0, 0), 12), cv2.GaussianBlur(raw[1], (0, 0), 1.2)
        poster = np.ascontiguousarray(photo[_FACADE_ROWS, _FACADE_COLUMNS])
        return cls(cloud / np.abs(cloud).max(), grain / np.abs(grain).max(), poster)

    def noise(self, a_m: Float32, b_m: Float32, per_m: float, fine: bool) -> Float32:
        """Returns noise at points of a face, with ``per_m`` texture pixels per metre."""
        texture = self.grain if fine else self.cloud
        i = (a_m * per_m).astype(np.int64) % 512
        j = (b_m * per_m).astype(np.int64) % 512
        values: Float32 = texture[j, i]
        return values


Surface = Callable[[Hit], Float32]


def plain(blue: float, green: float, red: float, grain: float = 0.03) -> Surface:
    """Returns a painted or plastered surface: one colour, slightly uneven."""

    def surface(hit: Hit) -> Float32:
        height = np.where(hit.axis == 2, hit.point[:, 1], hit.point[:, 2])
        uneven = 1 + grain * hit.textures.noise(hit.across, height, 90, fine=True)
        uneven += 0.05 * hit.textures.noise(hit.across, height, 40, fine=False)
        return np.array((blue, green, red), np.float32) * uneven[:, None]

    return surface


def wall(hit: Hit) -> Float32:
    """Colours plaster above a painted dado, with a rail between them and a skirting board."""
    z = hit.point[:, 2]
    colour = plain(196, 212, 220)(hit)
    bands = ((z < 1.05, (128, 138, 118)), ((z > 1.05) & (z < 1.12), (88, 100, 92)), (z < 0.14, (70, 78, 76)))
    for band, tone in bands:
        colour[band] = plain(*tone)(hit)[band]
    return colour


def tiles(hit: Hit) -> Float32:
    """Colours stone tiles of 0.6 m, each slightly different, with grout between them and dark rows as a border."""
    x, y = hit.point[:, 0] / 0.6, hit.point[:, 1] / 0.6
    i, j = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    tone = ((i * 73856093) ^ (j * 19349663)) % 97 / 97.0 - 0.5
    stone: Float32 = np.array((168, 182, 190), np.float32) * (1 + 0.10 * tone)[:, None].astype(np.float32)
    dark = ((i + 3 * j) % 11 == 0) | (j == 11)
    stone[dark] *= 0.72
    veins = hit.textures.noise(hit.point[:, 0], hit.point[:, 1], 110, fine=True)
    stains = hit.textures.noise(hit.point[:, 0] + 3, hit.point[:, 1] + 7, 30, fine=False)
    stone *= (1 + 0.10 * veins + 0.06 * stains)[:, None]
    edge = np.minimum(np.minimum(x - i, 1 - (x - i)), np.minimum(y - j, 1 - (y - j)))
    stone[edge < 0.012] *= 0.66
    return stone


def wood(hit: Hit) -> Float32:
    """Colours planks along x."""
    across = np.where(hit.axis == 2, hit.point[:, 1], hit.point[:, 2])
    grain = hit.textures.noise(hit.point[:, 0] * 0.15, across, 160, fine=True)
    seam = np.where((across / 0.11) % 1 < 0.08, 0.6, 1.0)
    uneven: Float32 = ((1 + 0.18 * grain) * seam)[:, None].astype(np.float32)
    return np.asarray(np.array((62, 104, 150), np.float32) * uneven, np.float32)


def poster(low: tuple[float, float], high: tuple[float, float]) -> Surface:
    """Returns a photograph in a white margin, from (across, z) ``low`` to ``high``."""

    def surface(hit: Hit) -> Float32:
        picture = hit.textures.poster
        u = (hit.across - low[0]) / (high[0] - low[0])
        v = (high[1] - hit.point[:, 2]) / (high[1] - low[1])
        height, width = picture.shape[:2]
        column = np.clip((u * width).astype(int), 0, width - 1)
        row = np.clip((v * height).astype(int), 0, height - 1)
        margin = (u < 0.05) | (u > 0.95) | (v < 0.07) | (v > 0.93)
        colour: Float32 = np.where(margin[:, None], 225, picture[row, column]).astype(np.float32)
        return colour

    return surface
