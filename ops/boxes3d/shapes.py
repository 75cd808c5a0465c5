"""How cuboids on the ground look: the box around them in the picture, and how it changes with place, yaw and size.

A silhouette is that of points within the cuboid. A vehicle reaches its corners. A person does not: the head is over the
middle, and the feet are nearly so.
"""

import numpy as np

from ops.ground.camera_matrix import CameraMatrix
from schemas.values import Float64, Int64

_NEAR = 0.02
"""Depth that counts at least, as a share of the cuboid's own: what is beside or behind the lens has no pixel."""


def _ring(radius: float, height: float, points: int) -> Float64:
    angle = np.arange(points) * 2 * np.pi / points
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), np.full(points, height)])


_CORNERS = np.array([(a, b, z) for z in (0.0, 1.0) for a in (-1.0, 1.0) for b in (-1.0, 1.0)])
_UPRIGHT = np.concatenate([_ring(0.0, 0.0, 1), _ring(1.0, 0.45, 6), _ring(0.9, 0.8, 6), _ring(0.0, 1.0, 1)])
"""Feet, hands, shoulders, head; feet are a point, as in ``positions``, and so is the top of a head, which is round."""

_SHAPES = {"person": _UPRIGHT}


def silhouette(label: str) -> Float64:
    """Returns the points ``(K, 3)`` of a class: half lengths ahead and half widths to the right, heights."""
    return _SHAPES.get(label, _CORNERS)


def bottom_reach(label: str) -> float:
    """Returns how far the lowest points reach from the middle, in half lengths."""
    points = silhouette(label)
    return float(np.abs(points[points[:, 2] == 0, 0]).max())


def axes(yaw_rad: Float64) -> tuple[Float64, Float64]:
    """Returns the directions ``(N, 2)`` ahead and to the right, east and north, of headings clockwise from north."""
    ahead = np.column_stack([np.sin(yaw_rad), np.cos(yaw_rad)])
    return ahead, np.column_stack([ahead[:, 1], -ahead[:, 0]])


def corners_m(centre_m: Float64, yaw_rad: Float64, size_m: Float64, points: Float64 = _CORNERS) -> Float64:
    """Returns the points ``(N, K, 3)`` of cuboids in the site's CRS.

    Args:
        centre_m: ``(N, 2)`` middle of the footprint.
        yaw_rad: ``(N,)`` heading, clockwise from north.
        size_m: ``(N, 3)`` height, width, length.
        points: ``(K, 3)`` as from ``silhouette``.
    """
    ahead, right = axes(yaw_rad)
    long = ahead[:, None] * (points[:, :1] * size_m[:, None, 2:] / 2)
    broad = right[:, None] * (points[:, 1:2] * size_m[:, None, 1:2] / 2)
    height = points[:, 2:] * size_m[:, None, :1]
    return np.concatenate([centre_m[:, None] + long + broad, height], axis=2)


def image_boxes(
    camera: CameraMatrix, centre_m: Float64, yaw_rad: Float64, size_m: Float64, points: Float64
) -> tuple[Float64, Int64]:
    """Returns the boxes ``(N, 4)`` x1, y1, x2, y2 around cuboids, and which point each edge is at, ``(N, 4)``.

    Args:
        camera: whose pixels these are.
        centre_m, yaw_rad, size_m, points: as for ``corners_m``.
    """
    pixels = _pixels(camera, corners_m(centre_m, yaw_rad, size_m, points))
    low, high = pixels.argmin(axis=1), pixels.argmax(axis=1)
    which = np.concatenate([low, high], axis=1)
    rows = np.arange(len(pixels))[:, None]
    return np.asarray(pixels[rows, which, np.array([0, 1, 0, 1])]), which


def slopes(
    camera: CameraMatrix, centre_m: Float64, yaw_rad: Float64, size_m: Float64, points: Float64
) -> tuple[Float64, Float64]:
    """Returns the boxes ``(N, 4)``, and how their edges change: ``(N, 4, 6)`` by x, y, yaw, height, width, length."""
    box, which = image_boxes(camera, centre_m, yaw_rad, size_m, points)
    chosen = points[which]  # (N, 4, 3)
    ahead, right = (each[:, None] for each in axes(yaw_rad))
    a, b, z = chosen[..., :1], chosen[..., 1:2], chosen[..., 2:]
    half_long, half_broad, tall = size_m[:, None, 2:] / 2, size_m[:, None, 1:2] / 2, size_m[:, None, :1]
    place = np.concatenate([centre_m[:, None] + ahead * a * half_long + right * b * half_broad, z * tall], axis=2)
    matrix = camera.image_from_site
    mapped = (place - np.array([*camera.origin_m, 0.0])) @ matrix[:, :3].T + matrix[:, 3]
    depth = _in_front(mapped[..., 2])
    row = np.array([0, 1, 0, 1])
    value = mapped[:, np.arange(4), row] / depth
    # (N, 4, 3): change of each edge's pixel with its point
    by_place = (matrix[row, :3][None] - value[..., None] * matrix[2, :3]) / depth[..., None]
    flat = by_place[..., :2]
    turned = right * a * half_long - ahead * b * half_broad
    change = np.stack(
        [
            flat[..., 0],
            flat[..., 1],
            (flat * turned).sum(axis=2),
            by_place[..., 2] * z[..., 0],
            (flat * right).sum(axis=2) * b[..., 0] / 2,
            (flat * ahead).sum(axis=2) * a[..., 0] / 2,
        ],
        axis=2,
    )
    return box, change


def _pixels(camera: CameraMatrix, points_m: Float64) -> Float64:
    matrix = camera.image_from_site
    mapped = (points_m - np.array([*camera.origin_m, 0.0])) @ matrix[:, :3].T + matrix[:, 3]
    return np.asarray(mapped[..., :2] / _in_front(mapped[..., 2])[..., None])


def _in_front(depth: Float64) -> Float64:
    """Returns depths ``(N, K)`` that are positive."""
    least = np.maximum(_NEAR * depth.max(axis=1, keepdims=True), 1e-12)
    return np.asarray(np.maximum(depth, least))
