"""Floor plan of the film of interactions: where people enter the picture, and where things stand."""

from collections.abc import Mapping

from sample_site.geometry import Point
from sample_site.script import CameraSpec

YARD = CameraSpec("yard", "Hall, from the south", (8.0, -14.0, 6.5), (8.0, 0.5, 0.0), files=5)
"""The camera, which sees the hall from the south: people come in from both sides, below y = 0, or by the door."""

MIDDLE_X = 8.0
DOOR: tuple[Point, ...] = ((7.7, 9.4), (8.0, 8.3), (8.0, 6.8))
"""The way in by the door."""

DESK: Point = (3.9, 6.6)
BENCH: Point = (10.2, 3.4)
LOT: Point = (11.6, -0.6)
"""Where cars stop: the middle of their near side."""

CAR_LENGTH_M, CAR_WIDTH_M = 4.3, 1.7
CORNERS: Mapping[bool, tuple[Point, ...]] = {True: (), False: ((9.0, -2.1),)}
"""Way between the middle of the hall and the left (True) or right of the picture: around the car."""

_MARGIN_M = 0.9


def beside_picture(y: float, left: bool, margin_m: float = _MARGIN_M) -> Point:
    """Returns a place just out of the picture, to the left or right of what it shows of a line at ``y``."""
    camera_x, camera_y, camera_z = YARD.place_m
    _, target_y, _ = YARD.target_m
    reach = ((target_y - camera_y) ** 2 + camera_z**2) ** 0.5
    depth = ((y - camera_y) * (target_y - camera_y) + camera_z**2) / reach
    half = depth / 2 + margin_m  # the field of view is as wide as the distance
    return camera_x + (-half if left else half), y


def mirrored(x: float, left: bool) -> float:
    """Returns an x of the left half as it is, or its mirror image on the right half."""
    return x if left else 2 * MIDDLE_X - x
