"""How two things on the ground move relative to each other, with first-order standard deviations.

If the two are exchanged, the bearing turns round, and all else stays.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.values import Float64


@dataclass(frozen=True, eq=False)
class Movers:
    """Things on the ground at one moment each.

    Attributes:
        place_m: ``(N, 2)`` east and north.
        covariance_m2: ``(N, 2, 2)`` of the place.
        velocity_m_s: ``(N, 2)``, NaN if unknown.
        velocity_sigma_m_s: ``(N,)``, standard deviation of each component.
    """

    place_m: Float64
    covariance_m2: Float64
    velocity_m_s: Float64
    velocity_sigma_m_s: Float64

    def take(self, rows: np.ndarray[tuple[int, ...], np.dtype[Any]]) -> "Movers":
        """Returns the rows of a mask or of indices."""
        return Movers(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class RelativeMotion:
    """Of pairs ``(P,)``; NaN where unknown.

    Attributes:
        distance_m, distance_sigma_m: between the two places.
        bearing_deg, bearing_sigma_deg: direction from the first to the second, clockwise from north, in [0, 360).
        closing_speed_m_s, closing_sigma_m_s: by how much the distance shrinks in a second.
        collision_s, collision_sigma_s: time until they touch, if both go on as they do; NaN if they pass each other.
    """

    distance_m: Float64
    distance_sigma_m: Float64
    bearing_deg: Float64
    bearing_sigma_deg: Float64
    closing_speed_m_s: Float64
    closing_sigma_m_s: Float64
    collision_s: Float64
    collision_sigma_s: Float64


def relative_motion(one: Movers, other: Movers, touch_m: Float64) -> RelativeMotion:
    """Compares pairs, row by row.

    Args:
        one: the first of each pair.
        other: the second.
        touch_m: ``(P,)``, distance at which they touch.
    """
    between = other.place_m - one.place_m
    spread = one.covariance_m2 + other.covariance_m2
    distance = np.hypot(*between.T)
    # Two at one place have no direction: north, so that what follows is defined. They can only go apart.
    along = np.where(distance[:, None] > 0, between / np.where(distance, distance, 1)[:, None], (0.0, 1.0))
    across = np.column_stack([-along[:, 1], along[:, 0]])
    variance, variance_across = _form(along, spread), _form(across, spread)
    moving = other.velocity_m_s - one.velocity_m_s
    moving_var = one.velocity_sigma_m_s**2 + other.velocity_sigma_m_s**2
    safe = np.where(distance > 0, distance, np.nan)
    turning = (across * moving).sum(axis=1) / safe  # how much the closing speed changes as `along` turns
    bearing = np.degrees(np.arctan2(*along.T)) % 360
    time, time_var = _collision(between, moving, spread, moving_var, touch_m)
    return RelativeMotion(
        distance,
        np.sqrt(variance),
        np.where(bearing >= 360, 0.0, bearing),
        np.minimum(np.degrees(np.sqrt(variance_across) / safe), 180.0),
        np.where(distance > 0, -(along * moving).sum(axis=1), -np.hypot(*moving.T)),
        np.sqrt(moving_var + turning**2 * variance_across),
        time,
        np.sqrt(time_var),
    )


def _collision(
    between: Float64, moving: Float64, spread: Float64, moving_var: Float64, touch_m: Float64
) -> tuple[Float64, Float64]:
    """Returns the time at which the distance first is ``touch_m``, and its variance; 0 for those who touch already."""
    square, mixed = (moving**2).sum(axis=1), (between * moving).sum(axis=1)
    beyond = (between**2).sum(axis=1) - touch_m**2
    discriminant = mixed**2 - square * beyond
    meets = (beyond > 0) & (mixed < 0) & (discriminant > 0)
    root = np.sqrt(np.where(meets, discriminant, np.nan))
    time = beyond / (root - mixed)  # the smaller root, without cancellation
    contact = between + time[:, None] * moving
    pressing = (contact * moving).sum(axis=1)
    variance = (_form(contact, spread) + time**2 * (contact**2).sum(axis=1) * moving_var) / pressing**2
    return np.where(beyond > 0, time, 0.0), variance


def _form(vector: Float64, matrix: Float64) -> Float64:
    return np.asarray(np.einsum("ni,nij,nj->n", vector, matrix, vector))
