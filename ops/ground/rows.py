"""Rows of ``ground_models``, and the ground plane that a row holds."""

import json
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from ops.ground.ground_model import sigma_share
from ops.ground.homography import GroundPlane
from ops.ground.sources import Grounds, Source
from schemas.tables import TABLES

SURVEY = "control_points"


def ground_rows(camera: str, start_time: datetime, grounds: Grounds) -> pa.Table:
    """Returns the table of a camera's day, whose first footage starts at ``start_time``."""
    day = {"camera": camera, "start_time": start_time}
    rows = [day | _row(source, grounds) for source in grounds.sources]
    return TABLES["ground_models"].conform({name: [row[name] for row in rows] for name in rows[0]})


def used_row(ground_models: pa.Table) -> dict[str, Any] | None:
    """Returns the row that positions use; None where nothing is known."""
    return next((row for row in ground_models.to_pylist() if row["used"]), None)


def plane_of(row: dict[str, Any]) -> GroundPlane:
    """Returns the ground plane of a row of people, depth or both; it may be of the site's or the local frame."""
    matrix = np.array(json.loads(row["image_from_ground"])).reshape(3, 3)
    spread = json.loads(row["ground_covariance"]) if row["ground_covariance"] else None
    return GroundPlane(
        row["camera"],
        (row["width"], row["height"]),
        matrix,
        np.linalg.inv(matrix),
        np.array([row["origin_x_m"], row["origin_y_m"]]),
        np.zeros(0),
        None if spread is None else np.array(spread).reshape(9, 9),
    )


def _row(source: Source, grounds: Grounds) -> dict[str, Any]:
    width, height = source.size_px
    return {
        "source": source.name,
        "used": source.name == grounds.used,
        "frame": None if source.plane is None else source.frame,
        "width": width,
        "height": height,
        **_parameters(source),
        **_plane(source),
        "disagreement_m": grounds.disagreement_m.get(source.name),
        "agrees": grounds.agrees.get(source.name),
        "reason": source.reason,
    }


def _parameters(source: Source) -> dict[str, Any]:
    model = source.model
    names = ("focal_px", "tilt_deg", "roll_deg", "height_m", "focal_sigma_px", "tilt_sigma_deg", "roll_sigma_deg")
    if model is None:
        return dict.fromkeys((*names, "height_sigma_m", "sigma_share", "residual_px")) | {"people": 0}
    pinhole, sigmas = model.pinhole, model.sigmas
    share = sigma_share(model)
    return {
        "focal_px": pinhole.focal_px,
        "tilt_deg": float(np.degrees(pinhole.tilt_rad)),
        "roll_deg": float(np.degrees(pinhole.roll_rad)),
        "height_m": pinhole.height_m,
        "focal_sigma_px": float(sigmas[0] * pinhole.focal_px),
        "tilt_sigma_deg": float(np.degrees(sigmas[1])),
        "roll_sigma_deg": float(np.degrees(sigmas[2])),
        "height_sigma_m": float(sigmas[3] * pinhole.height_m),
        "sigma_share": share if np.isfinite(share) else None,
        "people": model.people,
        "residual_px": model.residual_px,
    }


def _plane(source: Source) -> dict[str, Any]:
    plane, placed = source.plane, source.placed
    names = ("image_from_ground", "ground_covariance", "origin_x_m", "origin_y_m", "heading_deg", "scale")
    if plane is None:
        points = ("scale_sigma", "residual_m", "point_residuals", "wrong_points", "distortion", "distortion_sigma")
        return dict.fromkeys((*names, *points))
    spread = plane.matrix_covariance
    return {
        "image_from_ground": json.dumps(plane.image_from_ground.ravel().tolist()),
        "ground_covariance": None if spread is None else json.dumps(spread.ravel().tolist()),
        "origin_x_m": float(plane.origin_m[0]),
        "origin_y_m": float(plane.origin_m[1]),
        "heading_deg": None if placed is None else placed.heading_deg,
        "scale": None if placed is None else placed.scale,
        "scale_sigma": None if placed is None else placed.scale_sigma,
        "residual_m": plane.median_residual_m,
        "point_residuals": json.dumps(plane.residual_m.round(4).tolist()) if len(plane.residual_m) else None,
        "wrong_points": json.dumps(plane.wrong_points) if plane.wrong_points else None,
        "distortion": None if plane.lens is None else plane.lens.share,
        "distortion_sigma": plane.lens_sigma,
    }
