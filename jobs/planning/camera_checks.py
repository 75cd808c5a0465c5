"""Warns of cameras whose calibration looks wrong: control points that contradict others, or of another place."""

from collections.abc import Sequence

import numpy as np

from ops.ground.homography import ground_plane
from schemas.values import CameraView, Float64

FAR_FROM_LENS_M = 1000.0
"""Distance of control points from their camera's position beyond which one of both is wrong."""

FAR_FROM_OTHERS_M = 50_000.0
"""Distance of a camera's control points from those of most others beyond which they are of another place."""


def warn_of_cameras(views: Sequence[CameraView]) -> list[str]:
    """Returns what somebody should look at in the calibration of a site's cameras."""
    middles = {view.camera: _middle(view) for view in views if view.control_points}
    found = []
    usual = np.median(np.array(list(middles.values())), axis=0) if len(middles) > 2 else None
    for view in views:
        middle = middles.get(view.camera)
        if middle is None:
            continue
        plane = ground_plane(view)
        if plane is not None:
            found += [
                f"camera {view.camera}: {wrong_point(number, float(plane.residual_m[number - 1]))}"
                for number in plane.wrong_points
            ]
        if view.position_m is not None:
            away_m = float(np.linalg.norm(middle - np.array(view.position_m[:2])))
            if away_m > FAR_FROM_LENS_M:
                found.append(
                    f"camera {view.camera}: its position is {away_m / 1000:.0f} km from its control points; one of "
                    "them is of another place, or x and y are exchanged in one"
                )
        if usual is not None and (away_m := float(np.linalg.norm(middle - usual))) > FAR_FROM_OTHERS_M:
            found.append(
                f"camera {view.camera}: its control points are {away_m / 1000:.0f} km from those of the other cameras; "
                "check that their x and y are in the site's crs"
            )
    return found


def wrong_point(number: int, off_m: float) -> str:
    """Returns what to say of a control point that contradicts the others."""
    where = f"control point {number} is {off_m:.2f} m from where the others put it"
    return f"{where}, and is left out; check its u, v, x, y"


def _middle(view: CameraView) -> Float64:
    places = np.array([(point.x_m, point.y_m) for point in view.control_points], np.float64)
    return np.asarray(places.mean(axis=0), np.float64)
