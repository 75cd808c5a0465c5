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

from ops.ground.density import density_at
from ops.ground.feet import feet_of, frame_sizes_px, on_ground, pixel_scale
from ops.ground.homography import GroundPlane, ground_plane
from ops.ground.lens import lens_position, surveyed_camera
from ops.ground.movement import MovementParams, is_impossible, movement
from ops.ground.project import covariance, largest_sigma_m, to_ground
from ops.ground.rows import SURVEY, plane_of, used_row
from ops.ground.smooth import local_line
from ops.trajectories import Trajectories
from schemas.op import Tables, param
from schemas.values import CameraView, Float64, UnitContext


@dataclass(frozen=True)
class PositionsParams(MovementParams):
    """Parameters of ``positions`` and ``local_positions``."""

    max_sigma_m: float = param(25.0, "largest standard deviation of a position; other points are left out, metres")
    smooth_s: float = param(0.5, "time to each side over which foot points are smoothed, seconds")
    speed_s: float = param(1.0, "time to each side over which speed is measured, seconds")
    min_speed_m_s: float = param(0.3, "least speed that has a heading, metres per second")


@dataclass(frozen=True, eq=False)
class KnownGround:
    """A camera's ground, as ``known_ground`` gives it.

    Attributes:
        plane: between pixels and metres.
        on_map: whether the metres are those of the site's CRS; otherwise they are of the camera's local frame.
        height_m: height of the lens, where people or depth measured it on this day; None of control points alone.
        height_sigma_m: its standard deviation.
    """

    plane: GroundPlane
    on_map: bool
    height_m: float | None = None
    height_sigma_m: float = 0.0

    @property
    def measured(self) -> bool:
        """Whether people or depth are behind it: it is then of one day, and another day's differs."""
        return self.height_m is not None

    def pictured(self, view: CameraView) -> CameraView:
        """Returns a view whose ``image_size_px`` is that of the pixels of ``plane``, for ``ops.ground.feet``.

        A camera that nobody surveyed may name no size, or one of privacy masks.
        """
        return replace(view, image_size_px=self.plane.size_px)

    def lens_m(self, view: CameraView) -> Float64 | None:
        """Returns the lens ``(3,)``: x, y in the metres of ``plane`` and height; None where nobody can place it.

        Of control points, it is where ``site.toml`` says; of a measured ground, where that ground has it: places and
        lens then move together if its place on the map is a little off.
        """
        if self.height_m is None:
            return lens_position(view, self.plane)
        if not self.on_map:
            return np.array([0.0, 0.0, self.height_m])
        camera = surveyed_camera(self.plane)
        return None if camera is None else np.array([*camera.place_m[:2], self.height_m])


def known_ground(view: CameraView, inputs: Tables) -> KnownGround | None:
    """Returns a camera's ground; None where nobody knows it. Everything that needs a ground takes it from here.

    It is the one that op ``ground`` chose. Without its rows, it is that of four or more control points: before a run,
    and in ops that ``ground`` itself reads or that cannot read a camera-day (decision 60).

    Args:
        view: the camera.
        inputs: tables, among them maybe ``ground_models`` of the day.

    Raises:
        SiteError: four or more control points that fix no plane.
    """
    row = used_row(inputs["ground_models"]) if "ground_models" in inputs else None
    if row is not None and row["source"] != SURVEY:
        on_map = row["frame"] == "site"
        # Rows of a local frame are older than the control points of a camera that has them.
        if on_map or not view.calibrated:
            return KnownGround(plane_of(row), on_map, row["height_m"], row["height_sigma_m"])
    surveyed = ground_plane(view)
    return None if surveyed is None else KnownGround(surveyed, True)


def known_places(inputs: Tables) -> pa.Table:
    """Returns ``positions``, or ``local_positions`` of a camera that is not on the map: a day has one of them."""
    places = inputs["positions"]
    local = inputs.get("local_positions")
    return places if places.num_rows or local is None else local


def place_columns(
    track_points: pa.Table, ground: KnownGround, unit: UnitContext, params: PositionsParams
) -> dict[str, Any] | None:
    """Returns the columns that ``positions`` and ``local_positions`` share; None where no track touches the ground."""
    points = on_ground(track_points, params)
    if not points.num_rows:
        return None
    plane, trajectories = ground.plane, Trajectories.from_table(points)
    view = ground.pictured(unit.camera)
    feet = feet_of(points, trajectories, view, unit.segments)
    sigma_px = feet.sigma_px(params)
    trust = sigma_px[:, 1] ** -2.0
    foot = local_line(trajectories.time_us, feet.on_ground_px, trust, trajectories.track, params.smooth_s).value
    spread = covariance(plane, foot, sigma_px)
    drift = local_line(trajectories.time_us, feet.on_ground_px, trust, trajectories.track, params.speed_s)
    moved = movement(plane, foot, drift, sigma_px)
    moved = moved.where(~is_impossible(moved, trajectories, params.max_speed_m_s))
    kept = np.flatnonzero(largest_sigma_m(spread) <= params.max_sigma_m)  # NaN above the horizon: left out
    foot, spread = foot[kept], spread[kept]
    place = to_ground(plane, foot)
    frame_scale = pixel_scale(frame_sizes_px(points, unit.segments)[trajectories.row[kept]], view)
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
        "px_per_m": density_at(plane, foot, frame_scale),
        "heading_deg": pa.array(moved.heading_deg(params.min_speed_m_s)[kept], from_pandas=True),
    }
