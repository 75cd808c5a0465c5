"""A picture to judge a camera's ground by: background, depth, floor, and a grid of metres with horizon and posts."""

from dataclasses import dataclass

import cv2
import numpy as np

from ops.depth_models.kinds import Depth, MetricDepth
from ops.ground.distortion import RadialDistortion
from ops.ground.ground_model import visible_ground
from ops.ground.homography import GroundPlane
from ops.ground.pinhole import PinholeGround
from ops.ground.project import to_ground, to_pixels
from ops.ground.stature import STATURE_M
from schemas.values import Bools, Float64, Uint8

PANEL_PX = 640
TITLE_PX, BAR_PX = 26, 90
GREY, INK, PAPER = (150, 150, 150), (30, 30, 30), (245, 245, 245)
GRID, HORIZON, POST = (80, 220, 255), (60, 60, 255), (255, 120, 40)
SPACINGS_M = (1.0, 2.0, 5.0, 10.0, 20.0)
MOST_LINES = 24
FRACTION_BITS = 4
"""Of coordinates of lines, in OpenCV's fixed point: whole pixels would make them ragged."""

POST_M = STATURE_M
POSTS = (
    *((0.12, 0.5), (0.42, 0.5), (0.72, 0.5)),
    *((0.27, 0.68), (0.57, 0.68), (0.87, 0.68)),
    *((0.12, 0.9), (0.45, 0.9), (0.75, 0.9)),
)
"""Feet of the posts, as shares of the picture; those above the horizon are left out."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What there is to draw.

    Attributes:
        background: ``(H, W, 3)`` BGR.
        hidden: ``(H, W)``, what may show somebody, or is masked: it is covered.
        plane: the ground that positions use; None if nothing is known.
        pinhole: the camera above it; None if it looks straight down.
        depth: of the view; None without a depth map.
        floor: ``(H, W)``, pixels of the floor; None if no floor is known.
    """

    background: Uint8
    hidden: Bools
    plane: GroundPlane | None
    pinhole: PinholeGround | None
    depth: Depth | None
    floor: Bools | None


def draw_ground(scene: Scene) -> Uint8:
    """Returns four panels, two in a row, BGR."""
    picture = scene.background.copy()
    picture[scene.hidden] = GREY
    height = round(PANEL_PX * picture.shape[0] / picture.shape[1])
    size = (PANEL_PX, height)
    shown = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    panels = [
        _titled(shown, "background" + (", covered where people may be" if scene.hidden.any() else "")),
        _depth_panel(scene.depth, size),
        _floor_panel(shown, scene.floor),
        _grid_panel(shown, scene),
    ]
    return np.vstack([np.hstack(panels[:2]), np.hstack(panels[2:])])


def _titled(picture: Uint8, title: str) -> Uint8:
    """Adds a title above."""
    strip = np.full((TITLE_PX, picture.shape[1], 3), PAPER, np.uint8)
    cv2.putText(strip, title, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)
    return np.vstack([strip, picture])


def _empty(size: tuple[int, int], text: str, title: str) -> Uint8:
    panel = np.full((size[1], size[0], 3), PAPER, np.uint8)
    cv2.putText(panel, text, (20, size[1] // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.6, INK, 1, cv2.LINE_AA)
    return _titled(panel, title)


def _depth_panel(depth: Depth | None, size: tuple[int, int]) -> Uint8:
    if depth is None or not depth.known.any():
        return _empty(size, "no depth map", "depth")
    values = np.where(depth.known, depth.values, np.nan)
    low, high = np.nanquantile(values, (0.01, 0.99))
    share = np.clip((values - low) / max(high - low, 1e-9), 0, 1)
    colours = cv2.applyColorMap((np.nan_to_num(share) * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    colours[~depth.known] = GREY
    panel = np.full((size[1], size[0], 3), PAPER, np.uint8)
    width = size[0] - BAR_PX
    inner = (width, round(width * size[1] / size[0]))
    top = (size[1] - inner[1]) // 2
    panel[top : top + inner[1], :width] = cv2.resize(colours, inner, interpolation=cv2.INTER_NEAREST)
    bar = np.linspace(255, 0, inner[1]).astype(np.uint8)[:, None].repeat(18, axis=1)
    panel[top : top + inner[1], width + 10 : width + 28] = cv2.applyColorMap(bar, cv2.COLORMAP_TURBO)
    metric = isinstance(depth, MetricDepth)
    for value, row in ((high, top + 12), (low, top + inner[1] - 4)):
        text = f"{value:.1f} m" if metric else f"{value:.3g}"
        cv2.putText(panel, text, (width + 32, row), cv2.FONT_HERSHEY_SIMPLEX, 0.42, INK, 1, cv2.LINE_AA)
    return _titled(panel, "depth, metres" if metric else f"depth, {depth.kind}: no unit")


def _floor_panel(shown: Uint8, floor: Bools | None) -> Uint8:
    if floor is None:
        return _empty((shown.shape[1], shown.shape[0]), "no floor: it needs a depth map", "floor")
    mask = cv2.resize(floor.astype(np.uint8), (shown.shape[1], shown.shape[0]), interpolation=cv2.INTER_NEAREST) > 0
    panel = shown.copy()
    panel[mask] = (0.5 * panel[mask] + 0.5 * np.array((80, 200, 80))).astype(np.uint8)
    return _titled(panel, f"floor, {mask.mean():.0%} of the picture")


def _grid_panel(shown: Uint8, scene: Scene) -> Uint8:
    if scene.plane is None:
        return _empty((shown.shape[1], shown.shape[0]), "nothing is known of the ground", "ground")
    panel = shown.copy()
    share = shown.shape[1] / scene.plane.size_px[0]
    spacing = _draw_grid(panel, scene.plane, scene.pinhole, share)
    title = f"ground: a line every {spacing:g} m"
    if scene.pinhole is not None:
        title += f", posts of {POST_M:g} m, "
        lens = scene.plane.lens
        title += "horizon in red" if _draw_horizon(panel, scene.pinhole, lens) else "the horizon is outside the picture"
        _draw_posts(panel, scene.pinhole, lens)
    return _titled(panel, title)


def _draw_grid(panel: Uint8, plane: GroundPlane, pinhole: PinholeGround | None, share: float) -> float:
    """Draws lines of the plane's metres over the visible ground; returns their distance."""
    if pinhole is None:
        corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * plane.size_px
    else:
        corners = visible_ground(pinhole) / np.array(pinhole.size_px) * plane.size_px
    places = to_ground(plane, corners)
    places = places[np.isfinite(places).all(axis=1)]
    if not len(places):
        return SPACINGS_M[0]
    low, high = places.min(axis=0), places.max(axis=0)
    spacing = next((each for each in SPACINGS_M if (high - low).max() / each <= MOST_LINES), SPACINGS_M[-1])
    steps = np.linspace(0, 1, 200)[:, None]
    for axis in (0, 1):
        for value in np.arange(np.ceil(low[axis] / spacing), np.floor(high[axis] / spacing) + 1) * spacing:
            begin, end = low.copy(), high.copy()
            begin[axis] = end[axis] = value
            _draw_line(panel, to_pixels(plane, begin + steps * (end - begin)) * share, GRID)
    return spacing


def _draw_line(panel: Uint8, pixels: Float64, colour: tuple[int, int, int]) -> None:
    """Draws a line through pixels ``(N, 2)``, as far as they are known and near the picture."""
    reach = 4 * max(panel.shape)
    near = np.isfinite(pixels).all(axis=1)
    near &= (np.abs(np.nan_to_num(pixels)) < reach).all(axis=1)
    for first, second, one, other in zip(pixels[:-1], pixels[1:], near[:-1], near[1:], strict=True):
        if one and other:
            ends = (_point(first * 2**FRACTION_BITS), _point(second * 2**FRACTION_BITS))
            cv2.line(panel, *ends, colour, 1, cv2.LINE_AA, FRACTION_BITS)


def _draw_horizon(panel: Uint8, pinhole: PinholeGround, lens: RadialDistortion | None) -> bool:
    """Draws the horizon; tells whether it is in the picture."""
    a, b, c = pinhole.horizon()
    if abs(b) < 1e-12:
        return False
    width = pinhole.size_px[0]
    share = panel.shape[1] / width
    u = np.linspace(-width, 2 * width, 301)  # beyond the frame: a lens brings it in
    line = _bent(lens, np.column_stack([u, -(a * u + c) / b])) * share
    _draw_line(panel, line, HORIZON)
    seen = line[(line[:, 0] >= 0) & (line[:, 0] <= panel.shape[1]), 1]
    return bool(len(seen) and seen.max() >= 0 and seen.min() < panel.shape[0])


def _bent(lens: RadialDistortion | None, straight: Float64) -> Float64:
    return straight if lens is None else lens.bend(straight)


def _draw_posts(panel: Uint8, pinhole: PinholeGround, lens: RadialDistortion | None) -> None:
    share = panel.shape[1] / pinhole.size_px[0]
    feet = np.array(POSTS) * pinhole.size_px
    places = to_ground(pinhole.ground_plane(""), feet if lens is None else lens.straighten(feet))
    for place in places[np.isfinite(places).all(axis=1)]:
        ends = _bent(lens, pinhole.project(np.array([[*place, 0.0], [*place, POST_M]]))) * share
        if np.isfinite(ends).all():
            cv2.line(panel, _point(ends[0]), _point(ends[1]), POST, 2, cv2.LINE_AA)
            cv2.circle(panel, _point(ends[0]), 3, POST, -1, cv2.LINE_AA)


def _point(pixel: Float64) -> tuple[int, int]:
    return round(float(pixel[0])), round(float(pixel[1]))
