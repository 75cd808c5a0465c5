"""Groups of cameras that see the same ground of one storey, directly or through others of the group."""

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ops.arrays import connected
from ops.ground.places import known_ground
from ops.ground.view import seen_ground
from schemas.values import CameraView

REACH_M = 30.0
"""How far beyond its control points a camera's ground counts. Views reach to the horizon, and through walls; beyond its
control points a calibration is a guess."""

LEAST_M2 = 1.0
"""Ground that two views must have in common, square metres."""


def camera_groups(views: Sequence[CameraView]) -> tuple[tuple[str, ...], ...]:
    """Returns the groups of two or more cameras, and the cameras of each, by id.

    Args:
        views: cameras; one without control points is in no group.
    """
    on_map = sorted((view for view in views if view.control_points), key=lambda view: view.camera)
    if len(on_map) < 2:
        return ()
    ground = np.array([_ground(view) for view in on_map], dtype=object)
    one, other = shapely.STRtree(ground).query(ground, predicate="intersects")
    storey = np.array([view.storey for view in on_map])
    same = storey[one] == storey[other]  # who stands above whom is somebody else
    one, other = one[same], other[same]
    common = shapely.area(shapely.intersection(ground[one], ground[other])) >= LEAST_M2
    groups = connected(one[common], other[common], len(ground))
    return tuple(tuple(on_map[index].camera for index in group) for group in groups)


def _ground(view: CameraView) -> BaseGeometry:
    """Returns the ground that a camera's frame shows, around its control points.

    Where people or depth measure it, that is known after a run only: before, all ground around its points counts. A
    group that is too large costs reading, and joins nobody.
    """
    points = np.array([(point.x_m, point.y_m) for point in view.control_points])
    bounds = np.concatenate([points.min(axis=0) - REACH_M, points.max(axis=0) + REACH_M])
    ground = known_ground(view, {})
    return shapely.box(*bounds) if ground is None else seen_ground(ground.plane, bounds)
