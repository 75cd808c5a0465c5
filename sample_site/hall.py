"""Renders the hall of the sample site: boxes with procedural surfaces, ray-cast once per camera.

The ray-cast also gives the depth of every pixel, so that people pass behind pillars and through the doorway.
Floor plan in metres: x east, y north, z up; the doorway is in the north wall, the hall is open to the south.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from sample_site.geometry import Pinhole
from sample_site.surfaces import Hit, Surface, Textures, plain, poster, tiles, wall, wood
from schemas.values import Float32, Float64, Uint8

SUPERSAMPLE = 2
DOOR_X_M = (7.2, 8.8)
NORTH_WALL_Y_M = 8.0
_LAMPS_M = ((4.0, 2.5, 4.6), (8.0, 2.5, 4.6), (12.0, 2.5, 4.6), (4.0, 6.3, 4.6), (8.0, 6.3, 4.6), (12.0, 6.3, 4.6))
_FAR_M = 1e6


@dataclass(frozen=True)
class Backdrop:
    """An empty view.

    Attributes:
        image: ``(H, W, 3)`` uint8, BGR.
        depth_m: ``(H, W)`` distance along the optical axis.
    """

    image: Uint8
    depth_m: Float32


@dataclass(frozen=True)
class _Box:
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    surface: Surface


def render_backdrop(camera: Pinhole, photo: Uint8, seed: int) -> Backdrop:
    """Renders the hall without people, as a camera sees it.

    Args:
        camera: the view.
        photo: ``bus.jpg``, BGR; a house front in it hangs on the wall as a poster.
        seed: seed of the surfaces' texture.
    """
    textures = Textures.make(photo, seed)
    rays = camera.rays(SUPERSAMPLE).astype(np.float32)
    shape = rays.shape[:2]
    colour = np.zeros((*shape, 3), np.float32)
    depth = np.full(shape, _FAR_M, np.float32)
    for box in _FURNISHING:
        _cast(box, camera, rays, colour, depth, textures)
    for leaf in _leaves(seed):
        _draw_leaf(leaf, camera, colour, depth)
    soft = cv2.GaussianBlur(np.clip(colour, 0, 255), (0, 0), 0.5 * SUPERSAMPLE)
    small = cv2.resize(soft, camera.size_px, interpolation=cv2.INTER_AREA)
    near = depth.reshape(shape[0] // SUPERSAMPLE, SUPERSAMPLE, shape[1] // SUPERSAMPLE, SUPERSAMPLE)
    return Backdrop(np.rint(small).astype(np.uint8), np.ascontiguousarray(np.median(near, axis=(1, 3))))


def _cast(box: _Box, camera: Pinhole, rays: Float32, colour: Float32, depth: Float32, textures: Textures) -> None:
    """Draws one box where it is nearer than anything drawn so far."""
    window = _window(box, camera, depth.shape)
    view = rays[window]
    place = np.array(camera.place_m, np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        to_low = (np.array(box.low, np.float32) - place) / view
        to_high = (np.array(box.high, np.float32) - place) / view
    entry_by_axis = np.minimum(to_low, to_high)
    entry = entry_by_axis.max(axis=2)
    leave = np.maximum(to_low, to_high).min(axis=2)
    # Rays have a forward component of 1, so the ray's parameter is the depth itself.
    nearest = (entry < leave) & (entry > 0.05) & (entry < depth[window])
    if not nearest.any():
        return
    reach = entry[nearest]
    point = place + view[nearest] * reach[:, None]
    hit = Hit(point, entry_by_axis[nearest].argmax(axis=1).astype(np.int8), textures)
    colour[window][nearest] = box.surface(hit) * _light(hit, place)[:, None]
    depth[window][nearest] = reach


def _window(box: _Box, camera: Pinhole, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Returns the rows and columns of the supersampled picture that a box can touch."""
    corners = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    points = np.where(corners == 0, box.low, box.high)
    pixels, depth = camera.project(points)
    if depth.min() < 0.2:
        return slice(0, shape[0]), slice(0, shape[1])
    low = np.clip(np.floor(pixels.min(axis=0) * SUPERSAMPLE), 0, (shape[1], shape[0])).astype(int)
    high = np.clip(np.ceil(pixels.max(axis=0) * SUPERSAMPLE) + 1, 0, (shape[1], shape[0])).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _light(hit: Hit, eye: Float32) -> Float32:
    """Returns the brightness of a surface: lamps below the ceiling, and contact shadows."""
    light = np.full(len(hit.point), 0.55, np.float32)
    facing = np.sign(eye - hit.point)
    rows = np.arange(len(hit.point))
    for lamp in _LAMPS_M:
        towards = np.array(lamp, np.float32) - hit.point
        distance_2 = (towards**2).sum(axis=1)
        cosine = towards[rows, hit.axis] * facing[rows, hit.axis] / np.sqrt(distance_2)
        light += np.clip(cosine, 0, None) * 2.4 / (3.0 + distance_2)
    corridor = hit.point[:, 1] > NORTH_WALL_Y_M + 0.02
    light = np.where(corridor, 0.62, light)
    return light * _contact(hit)


def _contact(hit: Hit) -> Float32:
    """Approximates ambient occlusion: floors are darker beside objects, walls where they meet the floor."""
    on_floor = (hit.axis == 2) & (hit.point[:, 2] < 0.01)
    shade = np.ones(len(hit.point), np.float32)
    for low, high in _FOOTPRINTS:
        gap = np.maximum(np.maximum(low - hit.point[:, :2], hit.point[:, :2] - high), 0)
        shade *= 1 - 0.42 * np.exp(-np.hypot(gap[:, 0], gap[:, 1]) / 0.22)
    upright = 1 - 0.22 * np.exp(-hit.point[:, 2] / 0.18)
    mixed: Float32 = np.where(on_floor, shade, np.where(hit.axis == 2, 1.0, upright)).astype(np.float32)
    return mixed


def _bench(x: float, y: float) -> tuple[_Box, ...]:
    steel = plain(70, 70, 72)
    return (
        _Box((x, y, 0.40), (x + 1.8, y + 0.45, 0.46), wood),
        _Box((x, y + 0.40, 0.58), (x + 1.8, y + 0.45, 0.86), wood),
        _Box((x + 0.12, y + 0.05, 0.0), (x + 0.18, y + 0.42, 0.40), steel),
        _Box((x + 1.62, y + 0.05, 0.0), (x + 1.68, y + 0.42, 0.40), steel),
    )


_PLANTERS = ((5.55, 7.35), (10.0, 7.35))
_PILLAR = _Box((11.9, 5.5, 0.0), (12.25, 5.85, 5.5), plain(176, 190, 198))
_DESK = _Box((1.2, 6.4, 0.0), (3.2, 7.2, 1.08), plain(70, 86, 104))
_BIN = _Box((9.2, 7.6, 0.0), (9.5, 7.9, 0.78), plain(58, 62, 60))
_BENCHES = (_bench(12.2, 7.3), _bench(3.6, 7.35))

_FURNISHING: tuple[_Box, ...] = (
    _Box((-20.0, -20.0, -0.5), (36.0, 11.0, 0.0), tiles),
    _Box((-1.0, 8.0, 0.0), (7.2, 8.2, 6.0), wall),
    _Box((8.8, 8.0, 0.0), (18.0, 8.2, 6.0), wall),
    _Box((7.2, 8.0, 2.4), (8.8, 8.2, 6.0), wall),
    _Box((7.08, 7.97, 0.0), (7.2, 8.22, 2.5), plain(62, 70, 84)),
    _Box((8.8, 7.97, 0.0), (8.92, 8.22, 2.5), plain(62, 70, 84)),
    _Box((7.08, 7.97, 2.4), (8.92, 8.22, 2.52), plain(62, 70, 84)),
    _Box((3.0, 10.2, 0.0), (13.0, 10.4, 3.0), wall),
    _Box((-0.2, -20.0, 0.0), (0.0, 8.2, 6.0), wall),
    _Box((16.0, -20.0, 0.0), (16.2, 8.2, 6.0), wall),
    _Box((13.0, 7.95, 1.5), (14.8, 8.0, 2.55), poster((13.0, 1.5), (14.8, 2.55))),
    _Box((3.6, 7.95, 1.5), (5.4, 8.0, 2.55), poster((3.6, 1.5), (5.4, 2.55))),
    _Box((7.3, 7.96, 2.62), (8.7, 8.0, 2.92), plain(96, 120, 40)),
    _PILLAR,
    _Box((11.87, 5.47, 0.0), (12.28, 5.88, 0.16), plain(80, 88, 90)),
    _DESK,
    _Box((1.1, 6.3, 1.08), (3.3, 7.3, 1.13), wood),
    _BIN,
    *_BENCHES[0],
    *_BENCHES[1],
    *(_Box((x, y, 0.0), (x + 0.5, y + 0.5, 0.5), plain(120, 128, 134)) for x, y in _PLANTERS),
)

_FOOTPRINTS: tuple[tuple[Float32, Float32], ...] = tuple(
    (np.array(low, np.float32), np.array(high, np.float32))
    for low, high in (
        ((-1.0, 8.0), (7.2, 8.2)),
        ((8.8, 8.0), (18.0, 8.2)),
        ((-0.2, -20.0), (0.0, 8.2)),
        ((16.0, -20.0), (16.2, 8.2)),
        *((box.low[:2], box.high[:2]) for box in (_PILLAR, _DESK, _BIN)),
        *(((x, y), (x + 0.5, y + 0.5)) for x, y in _PLANTERS),
        *((bench[0].low[:2], bench[0].high[:2]) for bench in _BENCHES),
    )
)


@dataclass(frozen=True)
class _Leaf:
    place_m: tuple[float, float, float]
    length_m: float
    turn_deg: float
    colour: tuple[float, float, float]


def _leaves(seed: int) -> list[_Leaf]:
    """Returns the leaves of the potted plants, those at the back first."""
    random = np.random.default_rng([seed, 0x1EAF])
    leaves = []
    for x, y in _PLANTERS:
        for _ in range(90):
            spread: Float64 = random.normal(0, (0.24, 0.2, 0.26))
            green = float(random.uniform(0.55, 1.1))
            place = x + 0.25 + spread[0], min(y + 0.25 + spread[1], 7.98), max(1.0 + spread[2], 0.5)
            leaves.append(_Leaf(place, 0.17, float(random.uniform(0, 180)), (52 * green, 112 * green, 70 * green)))
    return sorted(leaves, key=lambda leaf: -leaf.place_m[1])


def _draw_leaf(leaf: _Leaf, camera: Pinhole, colour: Float32, depth: Float32) -> None:
    pixels, away = camera.project(np.array([leaf.place_m]))
    scale = camera.focal_px / away[0] * SUPERSAMPLE
    centre = tuple(round(float(p) * SUPERSAMPLE) for p in pixels[0])
    row, column = (min(max(i, 0), n - 1) for i, n in zip(centre[::-1], depth.shape, strict=True))
    if depth[row, column] < away[0] - 0.1:  # behind the pillar, or another plant
        return
    axes = max(1, round(scale * leaf.length_m / 2)), max(1, round(scale * leaf.length_m / 5))
    cv2.ellipse(colour, centre, axes, leaf.turn_deg, 0, 360, leaf.colour, -1, cv2.LINE_AA)
    cv2.ellipse(depth, centre, axes, leaf.turn_deg, 0, 360, float(away[0]), -1)
