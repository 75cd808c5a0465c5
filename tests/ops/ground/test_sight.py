"""Distances from the lens of a measured ground; cameras drawn from its covariance show that deviations hold."""

from dataclasses import replace

import numpy as np
import pytest

from ops.ground.ground_model import GroundModel, from_vector
from ops.ground.pinhole import PinholeGround
from ops.ground.places import KnownGround
from ops.ground.sight import sight_distances
from schemas.values import CameraView, Float64

SIZE_PX = (1280, 720)
CAMERA = PinholeGround(SIZE_PX, 1100.0, np.radians(20), np.radians(2), 5.0)
VIEW = CameraView("cam1", "", "UTC", fixed=True)
PLACES_M = np.array([[0.0, 8.0], [3.0, 14.0], [-4.0, 25.0]])
PIXELS = CAMERA.project(np.column_stack([PLACES_M, np.zeros(3)]))
SURE_PX = np.zeros_like(PIXELS)


def measured(sigmas: tuple[float, ...], turn: float = 0.0, east_m: float = 0.0) -> KnownGround:
    """The ground in the local frame, or turned and moved onto a map."""
    plane = GroundModel("fused", CAMERA, np.diag(np.square(sigmas))).ground_plane("cam1")
    if not east_m:
        return KnownGround(plane, False, CAMERA.height_m)
    move = np.array([[np.cos(turn), -np.sin(turn), east_m], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    spread = np.kron(move, np.eye(3)) @ plane.matrix_covariance @ np.kron(move, np.eye(3)).T
    there = move @ plane.ground_from_image
    return KnownGround(
        replace(plane, ground_from_image=there, image_from_ground=np.linalg.inv(there), matrix_covariance=spread),
        True,
        CAMERA.height_m,
    )


def distances(ground: KnownGround, pixels: Float64 = PIXELS, sigma_px: Float64 = SURE_PX) -> tuple[Float64, Float64]:
    found = sight_distances(ground, VIEW, pixels, sigma_px)
    assert found is not None
    return found


@pytest.mark.parametrize("ground", [measured((0.0,) * 4), measured((0.0,) * 4, 0.7, 90.0)], ids=["local", "on map"])
def test_the_lens_is_as_high_as_the_ground_was_measured_below_it(ground: KnownGround) -> None:
    distance_m, sigma_m = distances(ground)
    assert distance_m == pytest.approx(np.hypot(np.hypot(*PLACES_M.T), 5.0))
    assert sigma_m == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("tilt_deg", [20, 60, 79])
def test_the_deviation_is_that_of_cameras_drawn_from_the_covariance(tilt_deg: float) -> None:
    sigmas, random = (0.06, 0.01, 0.01, 0.08), np.random.default_rng(2)
    steep = replace(CAMERA, tilt_rad=np.radians(tilt_deg))
    model = GroundModel("fused", steep, np.diag(np.square(sigmas)))
    ground = KnownGround(model.ground_plane("cam1"), False, steep.height_m)
    drawn = []
    for off in random.normal(0, sigmas, (3000, 4)):
        camera = from_vector(SIZE_PX, model.vector + off / 4)  # small, so that projection is linear
        other = KnownGround(camera.ground_plane("cam1"), False, camera.height_m)
        drawn.append(distances(other)[0])
    assert distances(ground)[1] == pytest.approx(4 * np.std(drawn, axis=0), rel=0.06)


def test_a_scale_that_is_unsure_by_five_percent_makes_every_distance_so() -> None:
    distance_m, sigma_m = distances(measured((0, 0, 0, 0.05)))
    assert sigma_m == pytest.approx(0.05 * distance_m, rel=1e-3)


def test_where_the_camera_is_on_the_map_does_not_matter() -> None:
    sigmas = (0.06, 0.01, 0.01, 0.08)
    for there, here in zip(distances(measured(sigmas, 0.7, 90.0)), distances(measured(sigmas)), strict=True):
        assert there == pytest.approx(here, rel=1e-4)
    ground = measured((0,) * 4, 0.7, 90.0)
    shifted = np.zeros((3, 3, 3, 3))
    # A place that is off by 2 m to the east moves all points and the lens by as much.
    shifted[0, :, 0, :] = 4.0 * np.outer(ground.plane.ground_from_image[2], ground.plane.ground_from_image[2])
    moved = KnownGround(replace(ground.plane, matrix_covariance=shifted.reshape(9, 9)), True, 5.0)
    assert distances(moved)[1] == pytest.approx(0, abs=1e-3)


def test_the_horizon_has_no_distance_and_a_camera_above_its_ground_has() -> None:
    sky = np.array([[640.0, -200.0]])
    assert np.isnan(distances(measured((0.06, 0.01, 0.01, 0.08)), sky, np.ones((1, 2)))).all()
    above = PinholeGround(SIZE_PX, 1100.0, np.pi / 2, 0.0, 5.0)
    plane = GroundModel("fused", above, np.diag(np.square([0.05, 0.01, 0.01, 0.06]))).ground_plane("cam1")
    centre = np.array([[640.0, 360.0]])
    distance_m, sigma_m = distances(KnownGround(plane, False, 5.0, 0.3), centre, np.ones((1, 2)))
    assert distance_m == pytest.approx(5.0) and sigma_m == pytest.approx(0.3, abs=0.01)
    assert sight_distances(KnownGround(plane, True, 5.0, 0.3), VIEW, centre, np.ones((1, 2))) is None
