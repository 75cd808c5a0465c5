"""A room with a known floor, walls, a table and a box, as a camera above its floor sees it."""

from dataclasses import dataclass

import numpy as np

from ops.floor.points import Intrinsics
from ops.ground.pinhole import PinholeGround
from schemas.values import Bools, Float32, Float64, Int64, Uint8

SIZE_PX = (160, 120)
CAMERA = PinholeGround(SIZE_PX, 140.0, np.radians(20), np.radians(5), 3.0)
INTRINSICS = Intrinsics.middle(SIZE_PX, 140.0)

Boxes = tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...]

WALLS: Boxes = (((-9, 9, -1), (9, 10, 4)), ((-5, 0, -1), (-4, 12, 4)))
"""Ahead and to the left; corners in the local frame of the camera, metres."""

TABLE: Boxes = (((-1.5, 3.5, 0.75), (1.5, 6, 0.8)),)
FLOOR: Boxes = (((-50, -50, -1), (50, 50, 0)),)


@dataclass(frozen=True, eq=False)
class Room:
    """What the camera sees: true depth, the box that each pixel shows (0 is the floor, -1 nothing) and the picture."""

    depth_m: Float32
    shown: Int64
    image: Uint8

    @property
    def floor(self) -> Bools:
        """The pixels that show the floor."""
        return np.asarray(self.shown == 0)


COLOURS = ((150, 150, 150), (60, 90, 160), (70, 160, 90), (30, 60, 110), (200, 80, 80))


def render(boxes: Boxes = (*FLOOR, *WALLS), camera: PinholeGround = CAMERA) -> Room:
    """Casts a ray through each pixel; the first box counts as the floor, and its picture is a chequered one."""
    intrinsics = Intrinsics.middle(camera.size_px, camera.focal_px)
    rays = intrinsics.rays(camera.size_px[::-1]) @ camera.local_from_camera().T
    lens = np.array([0, 0, camera.height_m])
    depth, shown = np.full(rays.shape[:2], np.inf), np.full(rays.shape[:2], -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        for number, (low, high) in enumerate(boxes):
            first, second = (np.array(low) - lens) / rays, (np.array(high) - lens) / rays
            entry, leave = np.minimum(first, second).max(axis=2), np.maximum(first, second).min(axis=2)
            hit = (entry < leave) & (entry > 0) & (entry < depth)
            depth[hit], shown[hit] = entry[hit], number
    depth_m = np.where(np.isfinite(depth), depth, np.nan)
    return Room(depth_m.astype(np.float32), shown, _picture(rays, lens, depth_m, shown))


def _picture(rays: Float64, lens: Float64, depth_m: Float64, shown: Int64) -> Uint8:
    image = np.full((*shown.shape, 3), 235.0)
    for number in range(int(shown.max()) + 1):
        image[shown == number] = COLOURS[number % len(COLOURS)]
    places = np.nan_to_num(rays * depth_m[..., None] + lens)
    dark = (shown == 0) & ((np.floor(places[..., 0]) + np.floor(places[..., 1])) % 2 == 1)
    image[dark] *= 0.6
    noise = np.random.default_rng(1).normal(0, 3, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def angle_deg(one: Float64, other: Float64) -> float:
    """The angle between two unit vectors."""
    return float(np.degrees(2 * np.arcsin(np.linalg.norm(one - other) / 2)))


def iou(one: Bools, other: Bools) -> float:
    """Intersection over union of two masks."""
    return float((one & other).sum() / (one | other).sum())
