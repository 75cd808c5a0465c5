"""What one source knows of a camera's ground: focal length, tilt, roll and height of the lens, and how sure that is."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ops.ground.homography import GroundPlane
from ops.ground.pinhole import PinholeGround
from ops.ground.project import covariance, largest_sigma_m, to_ground
from schemas.values import Float64

GroundSource = Literal["control_points", "people", "depth", "fused"]

PARAMETERS = ("log focal length", "tilt", "roll", "log height")
"""What a vector of parameters holds, in this order: logarithms of pixels and metres, radians."""

GRID = 14
"""Rows and columns of the grid of pixels at which two grounds are compared."""

FAR_HEIGHTS = 8.0
"""Ground farther from the lens than this many of its heights is not compared: few pixels show it."""

_STEP = 1e-5


@dataclass(frozen=True, eq=False)
class GroundModel:
    """A camera's ground as one source knows it, in the camera's local frame.

    Attributes:
        source: who says it.
        pinhole: the camera above the ground.
        covariance: ``(4, 4)``, of ``PARAMETERS``.
        people: boxes of people behind it; 0 for other sources.
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

    def ground_plane(self, camera: str) -> GroundPlane:
        """Returns the homography between pixels and the local frame, with its covariance."""
        size = self.pinhole.size_px
        columns = []
        for number in range(4):
            moved = np.zeros(4)
            moved[number] = _STEP
            high, low = (from_vector(size, self.vector + sign * moved).ground_plane(camera) for sign in (1, -1))
            columns.append((high.ground_from_image - low.ground_from_image).ravel() / (2 * _STEP))
        slope = np.stack(columns, axis=1)
        plane = self.pinhole.ground_plane(camera)
        return replace(plane, matrix_covariance=slope @ self.covariance @ slope.T)


def to_vector(pinhole: PinholeGround) -> Float64:
    """Returns the parameters ``(4,)`` of a camera."""
    return np.array([np.log(pinhole.focal_px), pinhole.tilt_rad, pinhole.roll_rad, np.log(pinhole.height_m)])


def from_vector(size_px: tuple[int, int], vector: Float64) -> PinholeGround:
    """Returns the camera of parameters ``(4,)``."""
    log_focal, tilt, roll, log_height = (float(value) for value in vector)
    return PinholeGround(size_px, float(np.exp(log_focal)), tilt, roll, float(np.exp(log_height)))


def visible_ground(pinhole: PinholeGround) -> Float64:
    """Returns pixels ``(N, 2)`` that show ground nearby, spread over the picture; none if it shows no ground."""
    width, height = pinhole.size_px
    middles = (np.arange(GRID) + 0.5) / GRID
    pixels = np.stack(np.meshgrid(middles * width, middles * height), axis=-1).reshape(-1, 2)
    away = np.linalg.norm(to_ground(pinhole.ground_plane(""), pixels), axis=1)
    return np.asarray(pixels[away <= FAR_HEIGHTS * pinhole.height_m])


def sigma_share(model: GroundModel) -> float:
    """Returns how unsure the visible ground is: the median deviation of places by their distance from the lens.

    Infinite where no ground is visible.
    """
    pixels = visible_ground(model.pinhole)
    if not len(pixels):
        return np.inf
    plane = model.ground_plane("")
    sigma = largest_sigma_m(covariance(plane, pixels, np.zeros_like(pixels)))
    return float(np.median(sigma / np.hypot(np.linalg.norm(to_ground(plane, pixels), axis=1), model.pinhole.height_m)))


def disagreement_m(one: GroundPlane, other: GroundPlane, pixels: Float64) -> float | None:
    """Returns the median distance of places of pixels ``(N, 2)`` on two planes, laid on each other, metres.

    Only turned and moved, never stretched: a scale that differs shows. None where fewer than three pixels show ground
    on both.
    """
    here, there = to_ground(one, pixels * one.size_px), to_ground(other, pixels * other.size_px)
    both = np.isfinite(here).all(axis=1) & np.isfinite(there).all(axis=1)
    if both.sum() < 3:
        return None
    laid = lay_on(there[both], here[both])
    return float(np.median(np.linalg.norm(laid - here[both], axis=1)))


def lay_on(points: Float64, target: Float64) -> Float64:
    """Turns and moves points ``(N, 2)`` to where they are nearest to ``target`` ``(N, 2)``, without mirroring."""
    middle = target.mean(axis=0)
    turn = turn_between(points - points.mean(axis=0), target - middle)
    return np.asarray((points - points.mean(axis=0)) @ turn.T + middle)


def turn_between(points: Float64, target: Float64) -> Float64:
    """Returns the rotation ``(2, 2)`` that brings centred points ``(N, 2)`` nearest to ``target`` (Kabsch 1976)."""
    cosine = float((points * target).sum())
    sine = float((points[:, 0] * target[:, 1] - points[:, 1] * target[:, 0]).sum())
    angle = np.arctan2(sine, cosine)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
