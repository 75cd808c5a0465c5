"""The ground by the people on it, with simulated cameras whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from ops.ground.ground_model import sigma_share, to_vector
from ops.ground.people import PeopleBoxes, fit_people
from ops.ground.pinhole import PinholeGround
from ops.ground.project import to_ground, to_pixels
from tests.ops.ground.simulated import Crowd, simulate_people

CHI2_999 = 18.5
"""What the squared distance of four parameters, in standard deviations, exceeds once in a thousand times."""

CAMERA = PinholeGround((1280, 720), 1100.0, np.radians(18), np.radians(1.5), 5.0)


@pytest.mark.parametrize(
    "camera",
    [
        CAMERA,
        replace(CAMERA, focal_px=700.0, tilt_rad=np.radians(30), roll_rad=-0.05, height_m=4.0),
        replace(CAMERA, focal_px=2000.0, tilt_rad=np.radians(15), height_m=8.0),
    ],
)
def test_people_show_where_the_ground_is_within_the_errors_that_the_fit_claims(camera: PinholeGround) -> None:
    places = np.array([(0.0, 10.0), (0.0, 20.0), (3.0, 20.0)])
    seen = to_pixels(camera.ground_plane("truth"), places)
    for seed in range(3):
        model = fit_people(simulate_people(camera, Crowd(), seed))
        assert model is not None and model.people > 100
        off = model.vector - to_vector(camera)
        assert off @ np.linalg.solve(model.covariance, off) < CHI2_999
        wrong_m = np.linalg.norm(to_ground(model.pinhole.ground_plane("found"), seen) - places, axis=1)
        assert (wrong_m < 0.2 * np.linalg.norm(places, axis=1)).all(), wrong_m


def test_where_all_stand_at_one_distance_the_covariance_is_wide() -> None:
    spread = fit_people(simulate_people(CAMERA, Crowd()))
    ring = fit_people(simulate_people(CAMERA, Crowd(nearest_m=15.0, farthest_m=15.2, moves=False)))
    assert spread is not None and ring is not None
    assert sigma_share(ring) > 2 * sigma_share(spread)


def test_some_children_and_people_on_stairs_do_not_mislead() -> None:
    people = simulate_people(CAMERA, Crowd(tracks=100))
    box = people.box.copy()
    child = people.track % 6 == 0
    box[child, 1] += 0.35 * (box[child, 3] - box[child, 1])
    stairs = people.track % 9 == 1
    box[stairs, 1::2] -= 60
    model, plain = fit_people(replace(people, box=box)), fit_people(people)
    assert model is not None and plain is not None
    assert np.abs(model.vector - plain.vector).max() < 0.12
    assert (np.abs(model.vector - plain.vector) < 2 * model.sigmas).all()


def test_a_whole_school_of_children_makes_the_camera_hang_too_high() -> None:
    """Nobody can tell children nearby from adults far away: known, and why a known height of the camera helps."""
    model = fit_people(simulate_people(CAMERA, Crowd(stature_m=1.2, speed_m_s=1.3)))
    assert model is not None
    assert model.pinhole.height_m == pytest.approx(5.0 * 1.70 / 1.2, rel=0.12)


def test_nobody_and_one_box_give_no_ground() -> None:
    people = simulate_people(CAMERA, Crowd())
    none = np.zeros(0)
    numbers = np.zeros(0, np.int64)
    empty = PeopleBoxes((1280, 720), np.zeros((0, 4)), numbers, np.zeros((0, 2, 2)), none, none, numbers)
    assert fit_people(empty) is None
    assert fit_people(replace(empty, box=people.box[:1], track=people.track[:1])) is None


def test_one_person_who_stands_leaves_the_parameters_as_wide_as_those_of_any_camera() -> None:
    one = simulate_people(CAMERA, Crowd(tracks=1, nearest_m=15, farthest_m=15, moves=False))
    model = fit_people(
        replace(
            one,
            step=one.step[:0],
            step_s=one.step_s[:0],
            step_sigma_px=one.step_sigma_px[:0],
            step_track=one.step_track[:0],
        )
    )
    assert model is None or model.sigmas[0] > 0.3


def test_the_same_people_give_the_same_bytes() -> None:
    people = simulate_people(CAMERA, Crowd())
    first, second = fit_people(people), fit_people(people)
    assert first is not None and second is not None
    assert first.vector.tobytes() == second.vector.tobytes()
    assert first.covariance.tobytes() == second.covariance.tobytes()
