"""Renders one camera's frames: people in front of the backdrop at true scale, shadows, light and sensor noise.

Every frame comes with the true boxes of what is visible in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from sample_site.geometry import Pinhole, Point
from sample_site.hall import Backdrop
from schemas.values import Float32, Float64, Int64, Uint8

_NOISE_SIGMA = 2.4
_NOISE_ROOM_PX = 96
_SHARE_OF_ALPHA = 128  # a pixel with at least this alpha belongs to the person
_NEAREST_M = 1.5
_SPRITE_BRIGHTNESS = 0.92  # the photograph was taken in the sun: people are dimmed for the hall


@dataclass(frozen=True)
class Figure:
    """A sprite on the floor that always faces the camera.

    Attributes:
        name: id in the truth.
        place_m: the ground point, on the floor plan.
        height_m: from the ground to the top edge of the picture.
        sprite: ``(H, W, 4)`` BGR multiplied by alpha, and alpha; its ground point is the middle of the bottom edge.
        girth_m: width at the ground, for the shadow.
        lift_m: height of the ground edge above the floor.
        spread_m: extent across, for the shadow; None: as ``girth_m``.
        along_x: whether its lower edge lies on the floor along x, as a car's; otherwise it is upright in the picture.
    """

    name: str
    place_m: Point
    height_m: float
    sprite: Uint8
    girth_m: float = 0.5
    lift_m: float = 0.0
    spread_m: float | None = None
    along_x: bool = False


@dataclass(frozen=True)
class VisibleFigure:
    """What is visible of a figure in one frame.

    Attributes:
        box: x1, y1, x2, y2 around its visible pixels; x2 and y2 are exclusive.
        visible_share: visible share of all its pixels, 0..1; people, walls and the frame's edge hide the rest.
    """

    name: str
    box: tuple[int, int, int, int]
    visible_share: float


@dataclass(frozen=True)
class _Placed:
    """A figure drawn in its window of the frame."""

    figure: Figure
    depth_m: float
    window: tuple[slice, slice]
    layer: Float32
    whole_px: float


class Renderer:
    """Renders the frames of one camera."""

    def __init__(self, lens: Pinhole, backdrop: Backdrop, seed: int) -> None:
        self.lens = lens
        self.backdrop = backdrop
        random = np.random.default_rng([seed, 0x5E45])
        width, height = lens.size_px
        shape = height + _NOISE_ROOM_PX, width + _NOISE_ROOM_PX
        grey = random.standard_normal((*shape, 1)).astype(np.float32) * _NOISE_SIGMA
        colour = random.standard_normal((*shape, 3)).astype(np.float32) * (_NOISE_SIGMA * 0.5)
        self._noise = np.rint(grey + colour).astype(np.int16)
        self._seed = seed
        self._shadow = _shadow_blob()

    def render(self, number: int, time_s: float, figures: Sequence[Figure]) -> tuple[Uint8, list[VisibleFigure]]:
        """Renders frame ``number`` at ``time_s``: ``(H, W, 3)`` BGR, and the figures visible in it, sorted by name."""
        placed = [p for p in map(self._place, figures) if p is not None]
        placed.sort(key=lambda p: (-p.depth_m, p.figure.name))
        frame = self.backdrop.image.copy()
        for item in placed:
            self._cast_shadow(frame, item)
        for item in placed:
            part = frame[item.window]
            alpha = item.layer[:, :, 3:] / 255
            part[:] = np.rint(part * (1 - alpha) + item.layer[:, :, :3] * _SPRITE_BRIGHTNESS + 6 * alpha).astype(
                np.uint8
            )
        visible_figures = self._visible_figures(placed)
        lit = cv2.convertScaleAbs(frame, alpha=_light_drift(time_s))
        return self._add_noise(np.asarray(lit, np.uint8), number), visible_figures

    def render_depth(self, figures: Sequence[Figure]) -> Float32:
        """Returns the depth ``(H, W)`` along the optical axis of what ``render`` draws, metres; figures are upright."""
        depth_m = self.backdrop.depth_m.copy()
        placed = [p for p in map(self._place, figures) if p is not None]
        for item in sorted(placed, key=lambda p: (-p.depth_m, p.figure.name)):
            place, low_m = item.figure.place_m, item.figure.lift_m
            ends = np.array([[*place, low_m], [*place, low_m + item.figure.height_m]])
            pixels, depths = self.lens.project(ends)
            rows = np.arange(item.window[0].start, item.window[0].stop) + 0.5
            # The inverse of depth is linear along the picture of a straight line.
            inverse = np.interp(rows, pixels[::-1, 1], 1 / depths[::-1])
            solid = item.layer[:, :, 3] >= _SHARE_OF_ALPHA
            part = depth_m[item.window]
            part[solid] = np.broadcast_to((1 / inverse)[:, None], solid.shape)[solid]
        return depth_m

    def _place(self, figure: Figure) -> _Placed | None:
        """Warps a figure's sprite into the frame; returns None if it is not visible."""
        foot = np.array([*figure.place_m, figure.lift_m])
        head = np.array([*figure.place_m, figure.lift_m + figure.height_m])
        pixels, depths = self.lens.project(np.stack([foot, head]))
        if depths.min() < _NEAREST_M:
            return None
        matrix = self._sprite_to_frame(figure, pixels, float(depths.mean()))
        window = _window_of(matrix, figure.sprite.shape[1::-1], self.lens.size_px)
        if window is None:
            return None
        rows, columns = window
        matrix[:, 2] -= (columns.start, rows.start)
        size = columns.stop - columns.start, rows.stop - rows.start
        sprite = _shrunk(figure.sprite, matrix)
        layer = cv2.warpAffine(sprite.picture, sprite.matrix, size, flags=cv2.INTER_LINEAR).astype(np.float32)
        # Feet touch the floor at the depth of the ground point: anything nearer hides the figure.
        hidden = self.backdrop.depth_m[window] < depths[0] - 0.12
        layer[hidden] = 0
        scale = abs(float(np.linalg.det(matrix[:, :2])))
        whole_px = float((figure.sprite[:, :, 3] >= _SHARE_OF_ALPHA).sum()) * scale
        return _Placed(figure, float(depths[0]), window, layer, whole_px)

    def _sprite_to_frame(self, figure: Figure, pixels: Float64, depth_m: float) -> Float64:
        """Returns the ``(2, 3)`` affine from sprite to frame pixels; upright objects lean with the perspective."""
        height, width = figure.sprite.shape[:2]
        up = (pixels[1] - pixels[0]) / height
        lean = up / np.linalg.norm(up)
        across = np.array([-lean[1], lean[0]]) * (self.lens.focal_px / depth_m * figure.height_m / height)
        if figure.along_x:
            x, y = figure.place_m
            edge, _ = self.lens.project(np.array([[x - 0.5, y, figure.lift_m], [x + 0.5, y, figure.lift_m]]))
            across = (edge[1] - edge[0]) * (figure.height_m / height)
        down = -up
        # Pixel centres lie half a pixel inside edges, in the sprite as in the frame.
        origin = pixels[0] - across * (width - 1) / 2 - down * (height - 0.5) - 0.5
        return np.column_stack([across, down, origin])

    def _cast_shadow(self, frame: Uint8, item: _Placed) -> None:
        """Darkens the floor softly below a figure."""
        # Feet are longer than wide: their middle lies behind the lower edge of the sprite.
        away = self.lens.rotation[2, :2] / np.hypot(*self.lens.rotation[2, :2])
        x, y = item.figure.place_m + 0.1 * away
        reach = item.figure.girth_m
        across = reach if item.figure.spread_m is None else item.figure.spread_m
        ring = np.array([[x, y, 0], [x + reach, y, 0], [x, y + across, 0]], np.float64)
        pixels, _ = self.lens.project(ring)
        size = len(self._shadow)
        axes = (pixels[1:] - pixels[0]).T * (2 / size)
        matrix = np.column_stack([axes, pixels[0] - axes @ np.array([size / 2, size / 2])])
        window = _window_of(matrix, (size, size), self.lens.size_px)
        if window is None:
            return
        rows, columns = window
        matrix[:, 2] -= (columns.start, rows.start)
        shade = cv2.warpAffine(self._shadow, matrix, (columns.stop - columns.start, rows.stop - rows.start))
        on_floor = self.backdrop.depth_m[window] > item.depth_m - 1.0
        frame[window] = np.rint(frame[window] * (1 - shade * on_floor)[:, :, None]).astype(np.uint8)

    def _visible_figures(self, placed: Sequence[_Placed]) -> list[VisibleFigure]:
        """Returns the boxes of the pixels that nothing nearer covers; ``placed`` is sorted from far to near."""
        taken = np.zeros(self.backdrop.depth_m.shape, np.bool_)
        found = []
        for item in reversed(placed):
            solid = item.layer[:, :, 3] >= _SHARE_OF_ALPHA
            visible = solid & ~taken[item.window]
            taken[item.window] |= solid
            rows, columns = np.flatnonzero(visible.any(axis=1)), np.flatnonzero(visible.any(axis=0))
            if len(rows) == 0:
                continue
            top, left = item.window[0].start, item.window[1].start
            box = left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1
            share = min(1.0, float(visible.sum()) / item.whole_px)
            found.append(VisibleFigure(item.figure.name, tuple(int(edge) for edge in box), share))  # type: ignore[arg-type]
        return sorted(found, key=lambda figure: figure.name)

    def _add_noise(self, frame: Uint8, number: int) -> Uint8:
        offset: Int64 = np.random.default_rng([self._seed, number]).integers(0, _NOISE_ROOM_PX, 2)
        height, width = frame.shape[:2]
        noise = self._noise[offset[0] : offset[0] + height, offset[1] : offset[1] + width]
        return np.asarray(cv2.add(frame, noise, dtype=cv2.CV_8U), np.uint8)


@dataclass(frozen=True)
class _Shrunk:
    picture: Uint8
    matrix: Float64


def _shrunk(sprite: Uint8, matrix: Float64) -> _Shrunk:
    """Halves the sprite while it is larger than it is drawn, so that the warp skips no pixel."""
    scaled = matrix.copy()
    while np.abs(np.linalg.det(scaled[:, :2])) < 0.3:
        sprite = np.asarray(cv2.resize(sprite, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
        # Pixel (i, j) of the half covers (2 i + 0.5, 2 j + 0.5) of the whole.
        scaled[:, 2] += scaled[:, :2] @ np.array([0.5, 0.5])
        scaled[:, :2] *= 2
    return _Shrunk(sprite, scaled)


def _window_of(matrix: Float64, size: tuple[int, ...], frame_px: tuple[int, int]) -> tuple[slice, slice] | None:
    """Returns the rows and columns of the frame that a warped picture touches, or None."""
    corners = np.array([(0, 0), (size[0], 0), (0, size[1]), size], np.float64)
    points = corners @ matrix[:, :2].T + matrix[:, 2]
    low = np.maximum(np.floor(points.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + 2, frame_px)
    if (low >= high).any():
        return None
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _shadow_blob() -> Float32:
    """Returns the share of light removed, ``(64, 64)``: most below the feet, none at the rim."""
    axis = (np.arange(64) + 0.5) / 32 - 1
    radius = np.hypot(axis[:, None], axis[None, :])
    blob: Float32 = (0.62 * np.clip(1 - radius, 0, 1) ** 1.3).astype(np.float32)
    return blob


def _light_drift(time_s: float) -> float:
    """Returns the slow change of the light: a few per cent over minutes."""
    return float(1.0 + 0.025 * np.sin(time_s / 41.0) + 0.012 * np.sin(time_s / 13.0 + 1.0))


def draw_suitcase() -> Uint8:
    """Draws a cabin suitcase with its handle out: a sprite ``(H, W, 4)``, BGR multiplied by alpha, and alpha."""
    tall, wide = 4 * 120, 4 * 54
    picture = np.zeros((tall, wide, 4), np.uint8)
    case_top, case_end = round(tall * 0.3), tall - 26
    for x in (0.34, 0.66):
        cv2.line(picture, (round(wide * x), 12), (round(wide * x), case_top), (52, 50, 50, 255), 14)
    cv2.line(picture, (round(wide * 0.32), 14), (round(wide * 0.68), 14), (34, 32, 32, 255), 26)
    left, right = round(wide * 0.05), round(wide * 0.95)
    cv2.rectangle(picture, (left, case_top), (right, case_end), (40, 34, 150, 255), -1)
    cv2.rectangle(picture, (left, case_top), (round(wide * 0.22), case_end), (28, 22, 100, 255), -1)
    for x in (0.38, 0.58, 0.78):
        cv2.line(picture, (round(wide * x), case_top + 16), (round(wide * x), case_end - 14), (26, 20, 112, 255), 10)
    cv2.rectangle(picture, (left, case_top), (right, case_end), (20, 16, 70, 255), 10)
    for x in (0.18, 0.82):
        cv2.circle(picture, (round(wide * x), tall - 16), 16, (26, 26, 26, 255), -1)
    return np.asarray(cv2.resize(picture, (wide // 4, tall // 4), interpolation=cv2.INTER_AREA), np.uint8)
