"""What one source knows of a camera's ground: focal length, tilt, roll and height of the lens, and how sure that is."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ops.ground.pinhole import PinholeGround
from ops.ground.project import to_ground
from schemas.values import Float64

GroundSource = Literal["control_points", "people", "depth", "fused"]

PARAMETERS = ("log focal length", "tilt", "roll", "log height")
"""What a vector of parameters holds, in this order: logarithms of pixels and metres, radians."""

VISIBLE_ROWS, VISIBLE_COLUMNS = 12, 12
"""Grid of pixels that stands for the visible ground."""

FAR_HEIGHTS = 15.0
"""Ground farther away than this many heights of the lens is not compared: a pixel there is metres deep."""


@dataclass(frozen=True, eq=False)
class GroundModel:
    """A camera's ground as one source knows it, in the camera's local frame.

    Attributes:
        source: who says it.
        pinhole: the camera above the ground.
        covariance: ``(4, 4)``, of ``PARAMETERS``.
        people: pairs of head and foot behind it; 0 for other sources.
        residual_px: median distance of a head from where the model has it; None for sources without people.
    """

    source: GroundSource
    pinhole: PinholeGround
    covariance: Float64
    people: int = 0
    residual_px: float | None = None

    @property
    def vector(self) -> Float64:
        """Returns the parameters ``(4,)``."""
        return to_vector(self.pinhole)

    @property
    def sigmas(self) -> Float64:
        """Returns standard deviations ``(4,)``: shares of focal length and height, radians of tilt and roll."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))


def to_vector(pinhole: PinholeGround) -> Float64:
    """Returns the parameters ``(4,)`` of a camera."""
    return np.array([np.log(pinhole.focal_px), pinhole.tilt_rad, pinhole.roll_rad, np.log(pinhole.height_m)])


def from_vector(size_px: tuple[int, int], vector: Float64) -> PinholeGround:
    """Returns the camera of parameters ``(4,)``."""
    log_focal, tilt, roll, log_height = (float(value) for value in vector)
    return PinholeGround(size_px, float(np.exp(log_focal)), tilt, roll, float(np.exp(log_height)))


def ground_jacobian(pinhole: PinholeGround, pixels: Float64) -> Float64:
    """Returns how places on the ground move with the parameters: ``(N, 2, 4)`` metres each; NaN above the horizon.

    Central differences: the places are smooth in all parameters.
    """
    vector, step = to_vector(pinhole), 1e-5
    columns = []
    for number in range(4):
        moved = np.zeros(4)
        moved[number] = step
        places = [
            to_ground(from_vector(pinhole.size_px, vector + sign * moved).ground_plane(""), pixels) for sign in (1, -1)
        ]
        columns.append((places[0] - places[1]) / (2 * step))
    return np.stack(columns, axis=2)


def visible_ground(pinhole: PinholeGround) -> Float64:
    """Returns pixels ``(N, 2)`` that show ground nearby, spread over the picture; none if it shows no ground."""
    width, height = pinhole.size_px
    u, v = np.meshgrid(
        (np.arange(VISIBLE_COLUMNS) + 0.5) / VISIBLE_COLUMNS * width,
        (np.arange(VISIBLE_ROWS) + 0.5) / VISIBLE_ROWS * height,
    )
    pixels = np.column_stack([u.ravel(), v.ravel()])
    away = np.linalg.norm(to_ground(pinhole.ground_plane(""), pixels), axis=1)
    return np.asarray(pixels[away <= FAR_HEIGHTS * pinhole.height_m])
