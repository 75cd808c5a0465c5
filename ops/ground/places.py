"""Places of track points on the ground, with their uncertainty, speed and heading.

The foot of the box is smoothed in the picture, where the detector's error is even, and only then projected: smoothing
on the ground would favour the near side of every error. Errors of consecutive boxes are alike, so smoothing does not
shrink the covariance: it stays that of a single box.

Tracks have no jump that nobody can make: ``track`` and ``link`` end them there. A person who would still be faster than
anybody has no speed.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from ops.ground.feet import feet_of, on_ground
from ops.ground.homography import GroundPlane, ground_plane
from ops.ground.movement import MovementParams, is_impossible, movement
from ops.ground.project import covariance, largest_sigma_m, to_ground
from ops.ground.rows import SURVEY, plane_of, used_row
from ops.ground.smooth import local_line
from ops.trajectories import Trajectories
from schemas.op import Tables, param
from schemas.values import CameraView, UnitContext


@dataclass(frozen=True)
class PositionsParams(MovementParams):
    """Parameters of ``positions`` and ``local_positions``."""

    max_sigma_m: float = param(25.0, "largest standard deviation of a position; other points are left out, metres")
    smooth_s: float = param(0.5, "time to each side over which foot points are smoothed, seconds")
    speed_s: float = param(1.0, "time to each side over which speed is measured, seconds")
    min_speed_m_s: float = param(0.3, "least speed that has a heading, metres per second")


@dataclass(frozen=True, eq=False)
class KnownGround:
    """The ground plane that positions use, and whether it is on the map."""

    plane: GroundPlane
    on_map: bool


def known_ground(view: CameraView, inputs: Tables) -> KnownGround | None:
    """Returns a camera's ground: of its control points, or of ``ground_models``; None where nobody knows it.

    Raises:
        SiteError: four or more control points that fix no plane.
    """
    surveyed = ground_plane(view)
    if surveyed is not None:
        return KnownGround(surveyed, True)
    row = used_row(inputs["ground_models"]) if "ground_models" in inputs else None
    return None if row is None or row["source"] == SURVEY else KnownGround(plane_of(row), row["frame"] == "site")


def known_places(inputs: Tables) -> pa.Table:
    """Returns ``positions``, or ``local_positions`` of a camera that is not on the map: a day has one of them."""
    places = inputs["positions"]
    local = inputs.get("local_positions")
    return places if places.num_rows or local is None else local


def place_columns(
    track_points: pa.Table, plane: GroundPlane, unit: UnitContext, params: PositionsParams
) -> dict[str, Any] | None:
    """Returns the columns that ``positions`` and ``local_positions`` share; None where no track touches the ground."""
    points = on_ground(track_points, params)
    if not points.num_rows:
        return None
    # The size of the pictures that the plane is about: a camera without control points may name none.
    view = replace(unit.camera, image_size_px=plane.size_px)
    trajectories = Trajectories.from_table(points)
    feet = feet_of(points, trajectories, view, unit.segments)
    sigma_px = feet.sigma_px(params)
    trust = sigma_px[:, 1] ** -2.0
    foot = local_line(trajectories.time_us, feet.pixels, trust, trajectories.track, params.smooth_s).value
    spread = covariance(plane, foot, sigma_px)
    drift = local_line(trajectories.time_us, feet.pixels, trust, trajectories.track, params.speed_s)
    moved = movement(plane, foot, drift, sigma_px)
    moved = moved.where(~is_impossible(moved, trajectories, params.max_speed_m_s))
    kept = np.flatnonzero(largest_sigma_m(spread) <= params.max_sigma_m)  # NaN above the horizon: left out
    foot, spread = foot[kept], spread[kept]
    place = to_ground(plane, foot)
    rows = pa.array(trajectories.row[kept])
    same = {name: points[name].take(rows) for name in ("camera", "track_id", "time", "label", "state")}
    return same | {
        "x_m": place[:, 0],
        "y_m": place[:, 1],
        "var_x_m2": spread[:, 0, 0],
        "cov_xy_m2": spread[:, 0, 1],
        "var_y_m2": spread[:, 1, 1],
        "speed_m_s": pa.array(moved.speed_m_s[kept], from_pandas=True),
        "speed_sigma_m_s": pa.array(moved.sigma_m_s[kept], from_pandas=True),
        "heading_deg": pa.array(moved.heading_deg(params.min_speed_m_s)[kept], from_pandas=True),
    }
