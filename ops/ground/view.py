"""Tells which zones and lines a camera's view shows, and where."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ops.ground.distortion import RadialDistortion
from ops.ground.homography import GroundPlane
from ops.ground.project import to_ground, to_pixels
from schemas.values import Bools, CameraView, Feature, Float64

NEAR_SHARE = 1e-6
"""Ground closer to the plane of the lens than this share of a feature's farthest point is not projected."""

LENS_STEPS = 40
"""Pieces of half a diagonal into which edges are cut before a lens bends them."""

NEAR_M = 100.0
"""Distance beyond the seen ground up to which a feature may matter to a camera: a rule may ask who comes near it."""


def zones_outside_view(
    view: CameraView,
    features: Iterable[Feature],
    frame_size_px: tuple[int, int],
    plane: GroundPlane | None,
) -> list[Feature]:
    """Returns the features that no pixel of the camera's view shows.

    Map features concern only cameras on the map, pixel features only their own camera; others are left out.

    Args:
        view: the camera.
        features: zones and lines.
        frame_size_px: (width, height) of its frames; pixel features are in ``view.image_size_px`` if that is set.
        plane: its ground on the map; None where nobody knows it.
    """
    mine = [feature for feature in features if concerns(view, feature, plane)]
    seen = _seen(view, mine, frame_size_px, plane)
    return [feature for feature, is_seen in zip(mine, seen, strict=True) if not is_seen]


def features_near_view(plane: GroundPlane | None, features: Sequence[Feature]) -> list[Feature]:
    """Returns the features on the map that lie within ``NEAR_M`` of the ground that a camera sees, and all in pixels.

    Args:
        plane: the camera's ground on the map; None where nobody knows it, which keeps all features.
        features: zones and lines.
    """
    on_map = [feature.geometry for feature in features if feature.space == "map"]
    if plane is None or not on_map:
        return list(features)
    shapes = np.array(on_map, dtype=object)
    around = shapely.total_bounds(shapes) + np.array([-NEAR_M, -NEAR_M, NEAR_M, NEAR_M])
    near = iter(shapely.dwithin(shapes, seen_ground(plane, around), NEAR_M).tolist())
    return [feature for feature in features if feature.space == "pixel" or next(near)]


def concerns(view: CameraView, feature: Feature, plane: GroundPlane | None) -> bool:
    """Whether a camera can count in a feature: in pixels it must be its own, on the map of its storey.

    Args:
        view: the camera.
        feature: a zone or a line.
        plane: the camera's ground on the map; None where nobody knows it.
    """
    if feature.space == "map":
        return plane is not None and feature.storey == view.storey
    return feature.camera == view.camera


def in_picture(plane: GroundPlane, geometry: BaseGeometry, size_px: tuple[int, int]) -> BaseGeometry:
    """Returns what a camera sees of a geometry on the ground, in pixels of frames of a size; empty if nothing.

    Straight edges stay straight, unless a lens bends them.
    """
    seen = shapely.intersection(geometry, seen_ground(plane, np.array(geometry.bounds)))
    scale = np.array(size_px) / plane.size_px
    if plane.lens is None or seen.is_empty:
        return shapely.transform(seen, lambda points: to_pixels(plane, points) * scale)
    lens, flat = plane.lens, replace(plane, lens=None)
    straight = shapely.segmentize(
        shapely.transform(seen, lambda points: to_pixels(flat, points)), lens.radius_px / LENS_STEPS
    )
    return shapely.transform(straight, lambda points: lens.bend(points) * scale)


def _seen(
    view: CameraView, features: Sequence[Feature], frame_size_px: tuple[int, int], plane: GroundPlane | None
) -> Bools:
    """Tells of each feature ``(N,)`` that concerns a camera whether any pixel shows some of it."""
    if not features:
        return np.zeros(0, dtype=np.bool_)
    shapes = np.array([feature.geometry for feature in features], dtype=object)
    in_pixels = np.array([feature.space == "pixel" for feature in features])
    seen = shapely.intersects(shapes, shapely.box(0, 0, *(view.image_size_px or frame_size_px)))
    if plane is not None and not in_pixels.all():
        # All at once against what the camera sees of the ground: a layer may have thousands of lines.
        ground = seen_ground(plane, shapely.total_bounds(shapes[~in_pixels]))
        shapely.prepare(ground)
        seen[~in_pixels] = shapely.intersects(ground, shapes[~in_pixels])
    return np.asarray(seen)


def seen_ground(plane: GroundPlane, bounds: Float64) -> BaseGeometry:
    """Returns the part of a rectangle on the ground that the camera's frame shows.

    Each edge of the frame, and the plane of the lens, is a straight line on the ground, unless a lens bends the edges.

    Args:
        plane: the camera's ground plane.
        bounds: ``(4,)`` west, south, east, north of the rectangle, metres in the site's CRS.
    """
    west, south, east, north = bounds
    west, south, east, north = west - 1.0, south - 1.0, east + 1.0, north + 1.0
    shape = np.array([(west, south), (east, south), (east, north), (west, north)]) - plane.origin_m
    u, v, depth = plane.image_from_ground
    width, height = plane.size_px
    near = (0.0, 0.0, NEAR_SHARE * float(np.abs(shape @ depth[:2] + depth[2]).max()))
    frame = (u, v, width * depth - u, height * depth - v) if plane.lens is None else ()
    for line in (depth - near, *frame):
        shape = np.array(_clip(shape, shape @ line[:2] + line[2]))
        if not len(shape):
            return shapely.Polygon()
    if plane.lens is not None:
        return _within_lens(plane, plane.lens, shapely.Polygon(shape + plane.origin_m))
    return shapely.transform(shapely.Polygon(shape), lambda points: points + plane.origin_m)


def _within_lens(plane: GroundPlane, lens: RadialDistortion, ground: BaseGeometry) -> BaseGeometry:
    """Returns the part of a shape on the ground in front of the lens that the bent frame shows."""
    flat = replace(plane, lens=None)
    edge = shapely.segmentize(shapely.box(0, 0, *plane.size_px), lens.radius_px / LENS_STEPS)
    frame = shapely.transform(edge, lens.straighten)
    straight = shapely.transform(ground, lambda points: to_pixels(flat, points))
    return shapely.transform(shapely.intersection(frame, straight), lambda pixels: to_ground(flat, pixels))


def _clip(corners: Float64, depth: Float64) -> list[Float64]:
    """Returns the part of a convex polygon where a linear function of its corners is positive (Sutherland-Hodgman)."""
    kept: list[Float64] = []
    for here, there, near, far in zip(corners, np.roll(corners, -1, axis=0), depth, np.roll(depth, -1), strict=True):
        if near > 0:
            kept.append(here)
        if (near > 0) != (far > 0):
            kept.append(here + (there - here) * near / (near - far))
    return kept if len(kept) > 2 else []
