"""Which way things face: as they move, and while they stand as they last moved."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ops.arrays import latest_in_run, run_starts
from schemas.values import Bools, Float64, Int64

Source = Literal["motion", "last", "next", "box", "none"]
SOURCES: tuple[Source, ...] = ("motion", "last", "next", "box", "none")
"""How a heading is known: it moves; it moved before; it moved later; its box tells, but not front from back; not."""

_LEAST_SIGMA_RAD = np.radians(3.0)
_TURNS_RAD = np.radians(60.0)
"""Standard deviation of where somebody who stands faces, from where they last walked; assumed."""


@dataclass(frozen=True, eq=False)
class Headings:
    """Of points ``(N,)``.

    Attributes:
        yaw_rad: clockwise from north; 0 where it is not known.
        sigma_rad: standard deviation; infinite where it is not known.
        source: number of the source in ``SOURCES``.
    """

    yaw_rad: Float64
    sigma_rad: Float64
    source: Int64


def headings(
    heading_deg: Float64, speed_m_s: Float64, sigma_m_s: Float64, track: Int64, stiff: Bools, least_speed_m_s: float
) -> Headings:
    """Returns the headings of points, by track and then by time.

    Args:
        heading_deg: ``(N,)`` direction of movement, NaN if slow.
        speed_m_s, sigma_m_s: ``(N,)`` speed and its standard deviation; NaN if unknown.
        track: ``(N,)``, points of one track are adjacent.
        stiff: ``(N,)``, whether it cannot turn without moving, as a vehicle.
        least_speed_m_s: slower movement tells no heading.
    """
    with np.errstate(invalid="ignore"):
        moves = np.isfinite(heading_deg) & (speed_m_s >= np.maximum(least_speed_m_s, 2 * sigma_m_s))
    here = np.where(moves, np.arange(len(track)), -1)
    last = latest_in_run(here, run_starts(track))
    back = track[::-1]
    following = latest_in_run(np.where(moves[::-1], np.arange(len(track)), -1), run_starts(back))[::-1]
    following = np.where(following >= 0, len(track) - 1 - following, -1)
    known = np.where(last >= 0, last, following)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.maximum(np.arctan2(sigma_m_s, speed_m_s), _LEAST_SIGMA_RAD)
    sigma = np.where(moves, own, np.hypot(own[known], np.where(stiff, _LEAST_SIGMA_RAD, _TURNS_RAD)))
    source = np.select(
        [moves, last >= 0, following >= 0], [SOURCES.index(each) for each in ("motion", "last", "next")], 4
    )
    return Headings(
        np.where(known >= 0, np.radians(heading_deg[known]), 0.0), np.where(known >= 0, sigma, np.inf), source
    )
