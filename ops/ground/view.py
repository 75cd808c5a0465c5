"""Tells which zones and lines a camera's view shows."""

from collections.abc import Iterable

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ops.ground.homography import GroundPlane, ground_plane
from ops.ground.project import to_pixels
from schemas.values import CameraView, Feature, Float64

NEAR_SHARE = 1e-6
"""Ground closer to the plane of the lens than this share of a feature's farthest point is not projected."""


def zones_outside_view(view: CameraView, features: Iterable[Feature], frame_size_px: tuple[int, int]) -> list[Feature]:
    """Returns the features that no pixel of the camera's view shows.

    Map features concern only calibrated cameras, pixel features only their own camera; others are left out.

    Args:
        view: the camera.
        features: zones and lines.
        frame_size_px: (width, height) of its frames; pixel features are in ``view.image_size_px`` if that is set.
    """
    plane = ground_plane(view)
    return [
        feature
        for feature in features
        if concerns(view, feature) and not visible(feature, plane, view.image_size_px or frame_size_px)
    ]


def concerns(view: CameraView, feature: Feature) -> bool:
    """Whether a camera can count in a feature at all: a map feature needs calibration, a pixel feature its camera."""
    return view.calibrated if feature.space == "map" else feature.camera == view.camera


def visible(feature: Feature, plane: GroundPlane | None, size_px: tuple[int, int]) -> bool:
    """Whether any pixel shows some of a feature; map features need ``plane``, pixel features ``size_px``."""
    if feature.space == "pixel":
        return bool(feature.geometry.intersects(shapely.box(0, 0, *size_px)))
    if plane is None:
        return False
    shown = _projected(feature.geometry, plane)
    return bool(shown.intersects(shapely.box(0, 0, *plane.size_px)))


def _projected(geometry: BaseGeometry, plane: GroundPlane) -> BaseGeometry:
    """Projects a shape on the ground into the image, without the part behind the camera; edges stay straight."""
    local = shapely.transform(geometry, lambda points: points - plane.origin_m)
    front = local.intersection(_in_front(local, plane))
    if front.is_empty:
        return front
    return shapely.transform(front, lambda points: to_pixels(plane, points + plane.origin_m))


def _in_front(geometry: BaseGeometry, plane: GroundPlane) -> BaseGeometry:
    """Returns the part of a box around a shape in front of the camera: where the homography's depth is positive."""
    row = plane.image_from_ground[2]
    low_x, low_y, high_x, high_y = geometry.buffer(1.0).bounds
    corners = np.array([(low_x, low_y), (high_x, low_y), (high_x, high_y), (low_x, high_y)])
    depth = corners @ row[:2] + row[2]
    return shapely.Polygon(_clip(corners, depth - NEAR_SHARE * np.abs(depth).max()))


def _clip(corners: Float64, depth: Float64) -> list[Float64]:
    """Returns the part of a convex polygon where a linear function of its corners is positive (Sutherland-Hodgman)."""
    kept: list[Float64] = []
    for here, there, near, far in zip(corners, np.roll(corners, -1, axis=0), depth, np.roll(depth, -1), strict=True):
        if near > 0:
            kept.append(here)
        if (near > 0) != (far > 0):
            kept.append(here + (there - here) * near / (near - far))
    return kept if len(kept) > 2 else []
