"""The movement of tracks on the ground, and how sure it is."""

from dataclasses import dataclass

import numpy as np

from ops.ground.feet import FootParams
from ops.ground.homography import GroundPlane
from ops.ground.project import jacobian
from ops.ground.smooth import LocalLines
from ops.trajectories import Trajectories
from schemas.op import param
from schemas.values import Bools, Float64

SURE_SIGMAS = 3.0
"""Standard deviations by which a speed or a distance has to be too large to be surely too large."""


@dataclass(frozen=True)
class MovementParams(FootParams):
    """Parameters of ops that judge how fast tracks move on the ground."""

    max_speed_m_s: float = param(7.0, "people: speed that nobody reaches, metres per second")


@dataclass(frozen=True, eq=False)
class Movement:
    """Velocity on the ground ``(N, 2)`` in m/s, speed ``(N,)`` and its standard deviation ``(N,)``; NaN if unknown."""

    velocity_m_s: Float64
    speed_m_s: Float64
    sigma_m_s: Float64

    def where(self, known: Bools) -> "Movement":
        """Returns the movement with NaN for the other points."""
        return Movement(
            np.where(known[:, None], self.velocity_m_s, np.nan),
            np.where(known, self.speed_m_s, np.nan),
            np.where(known, self.sigma_m_s, np.nan),
        )

    def heading_deg(self, min_speed_m_s: float) -> Float64:
        """Returns headings ``(N,)`` clockwise from north in [0, 360), NaN if slow."""
        east, north = self.velocity_m_s.T
        heading = np.degrees(np.arctan2(east, north)).astype(np.float32) % np.float32(360)
        heading = np.where(heading == 360, 0, heading)  # a hair west of north rounds up
        return np.where(self.speed_m_s >= min_speed_m_s, heading, np.nan)


def movement(plane: GroundPlane, foot: Float64, lines: LocalLines, sigma_px: Float64) -> Movement:
    """Returns the movement on the ground of lines in the picture.

    Errors of consecutive boxes are alike, so a line is as sure as one between two boxes, one standard deviation of the
    neighbours' times before and after.
    """
    metres = jacobian(plane, foot)
    velocity = np.einsum("nij,nj->ni", metres, lines.slope)
    speed = np.hypot(*velocity.T)
    with np.errstate(invalid="ignore"):
        direction = np.where(speed[:, None] > 0, velocity / np.where(speed, speed, 1)[:, None], (1.0, 0.0))
    error = np.einsum("nij,ni->nj", metres, direction) * sigma_px / np.sqrt(2 * lines.time_var_s2)[:, None]
    return Movement(velocity, speed, np.hypot(*error.T))


def is_impossible(moved: Movement, trajectories: Trajectories, max_speed_m_s: float) -> Bools:
    """Marks points ``(N,)`` of people who would surely be faster than anybody."""
    names = np.array([label == "person" for label in trajectories.labels], dtype=np.bool_)
    people = names[trajectories.label]
    return np.asarray(people & (moved.speed_m_s - SURE_SIGMAS * moved.sigma_m_s > max_speed_m_s))
