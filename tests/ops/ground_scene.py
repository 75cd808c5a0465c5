"""A made-up camera whose lens, ground and horizon are known exactly, and tables of tracks for it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from ops.ground.ground_model import GroundModel
from ops.ground.homography import GroundPlane, ground_plane
from ops.ground.pinhole import PinholeGround
from ops.ground.rows import ground_rows
from ops.ground.sources import Grounds, Source
from ops.local_positions import LocalPositions
from schemas.tables import TABLES, TIME
from schemas.values import CameraView, ControlPoint, Float64, Segment
from tests.support.fakes import START, FakeServices, make_segment, make_unit

ORIGIN_M = np.array([121000.0, 486000.0])
LENS_M = np.array([121000.0, 486000.0, 5.0])
SIZE_PX = (640, 480)
FOCAL_PX = 600.0
TILT = np.radians(30)
"""The camera looks north, so far below the horizontal; the horizon is above its frame at v = 240 - 600 tan(30)."""


def site(east_m: float, north_m: float) -> tuple[float, float]:
    """A place in the site's CRS, from metres east and north of ``ORIGIN_M``."""
    return float(ORIGIN_M[0]) + east_m, float(ORIGIN_M[1]) + north_m


def project(points_m: Float64) -> Float64:
    """Pixels ``(N, 2)`` of places on the ground ``(N, 2)``, by the pinhole camera itself."""
    east, north = (points_m - ORIGIN_M).T
    ahead = north * np.cos(TILT) + LENS_M[2] * np.sin(TILT)
    down = LENS_M[2] * np.cos(TILT) - north * np.sin(TILT)
    return np.column_stack([FOCAL_PX * east / ahead + SIZE_PX[0] / 2, FOCAL_PX * down / ahead + SIZE_PX[1] / 2])


def make_view(
    points_m: Sequence[tuple[float, float]] = ((-3, 5), (3, 5), (-5, 14), (5, 14), (0, 9)),
    position_m: tuple[float, float, float | None] | None = None,
    noise_px: Float64 | float = 0.0,
) -> CameraView:
    """The camera, calibrated by places east and north of ``ORIGIN_M``."""
    places = np.array(points_m) + ORIGIN_M
    pixels = project(places) + noise_px
    control = tuple(ControlPoint(u, v, x, y) for (u, v), (x, y) in zip(pixels.tolist(), places.tolist(), strict=True))
    return CameraView("cam1", "Camera 1", "Europe/Amsterdam", True, control, SIZE_PX, position_m)


def make_points(
    segment: Segment,
    times_s: Float64,
    foot_px: Float64,
    track: str = "a",
    height_px: float | Float64 = 80.0,
    label: str = "person",
    state: Sequence[str] | None = None,
    start: datetime = START,
) -> pa.Table:
    """``track_points`` of one track: boxes ``height_px`` high, 0.4 as wide, that stand on ``foot_px`` ``(N, 2)``.

    Interpolated ones are twice as unsure as observed ones.
    """
    count = len(times_s)
    height_px = np.broadcast_to(height_px, count)
    time_us = round(start.timestamp() * 1e6) + np.round(times_s * 1e6).astype(np.int64)
    return TABLES["track_points"].conform(
        {
            "camera": ["cam1"] * count,
            "track_id": [track] * count,
            "time": pa.array(time_us).cast(TIME),
            "pts": time_us - time_us.min(initial=0),
            "segment_id": [segment.segment_id] * count,
            "label": [label] * count,
            "x1": foot_px[:, 0] - 0.2 * height_px,
            "y1": foot_px[:, 1] - height_px,
            "x2": foot_px[:, 0] + 0.2 * height_px,
            "y2": foot_px[:, 1],
            "confidence": np.full(count, 0.8),
            "interpolation_sigma_px": [
                0.04 * height * 3**0.5 if each == "interpolated" else 0.0
                for each, height in zip(state or ["observed"] * count, height_px, strict=True)
            ],
            "state": ["observed"] * count if state is None else list(state),
        }
    )


def join(*tables: pa.Table) -> pa.Table:
    """Tables of one kind as one, in its order."""
    name = tables[0].schema.metadata[b"nightshift.table"].decode()
    return TABLES[name].conform(pa.concat_tables(tables))


def plane_of(view: CameraView) -> GroundPlane:
    plane = ground_plane(view)
    assert plane is not None
    return plane


def local_inputs(points: pa.Table) -> tuple[CameraView, dict[str, pa.Table]]:
    """The same camera without a survey, and what ops read of it: its ground as people could have measured it."""
    bare = CameraView("cam1", "Camera 1", "Europe/Amsterdam", True)
    given = {"track_points": points, "ground_models": measured_ground()}
    unit = make_unit([make_segment(duration_s=30, size_px=SIZE_PX)], bare, unit="day")
    placed = LocalPositions().run(unit, given, FakeServices())
    return bare, given | {"positions": TABLES["positions"].empty()} | dict(placed)


def measured_ground(sigmas: Sequence[float] = (0.0, 0.0, 0.0, 0.0), on_map: bool = False) -> pa.Table:
    """``ground_models`` of the camera as people could have measured it, with deviations of ``PARAMETERS``.

    On the map it is where ``make_view`` has it: it looks north, so its local frame only needs another origin.
    """
    pinhole = PinholeGround(SIZE_PX, FOCAL_PX, float(TILT), 0.0, float(LENS_M[2]))
    model = GroundModel("fused", pinhole, np.diag(np.square(sigmas)))
    plane = model.ground_plane("cam1") if any(sigmas) else pinhole.ground_plane("cam1")
    frame = "site" if on_map else "local"
    plane = replace(plane, origin_m=ORIGIN_M if on_map else plane.origin_m)
    return ground_rows("cam1", START, Grounds((Source("fused", SIZE_PX, model, plane, frame=frame),), "fused"))


def depth_m(places_m: Float64) -> Float64:
    """How far ahead of the lens, along its axis, places ``(N, 2)`` on the ground are."""
    return np.asarray((places_m[:, 1] - ORIGIN_M[1]) * np.cos(TILT) + LENS_M[2] * np.sin(TILT))


def boxes_at(places_m: Float64, height_px: float = 80.0) -> Float64:
    foot = project(places_m)
    return np.column_stack([foot[:, 0] - 15, foot[:, 1] - height_px, foot[:, 0] + 15, foot[:, 1]])
