"""The ground plane of a camera: its homography, projection with uncertainty, the lens, and what a view can see."""

from ops.ground.homography import GroundPlane, calibration_error_m, ground_plane
from ops.ground.lens import lens_position
from ops.ground.project import covariance, jacobian, to_ground, to_pixels
from ops.ground.view import visible, zones_outside_view

__all__ = [
    "GroundPlane",
    "calibration_error_m",
    "covariance",
    "ground_plane",
    "jacobian",
    "lens_position",
    "to_ground",
    "to_pixels",
    "visible",
    "zones_outside_view",
]
