"""Distances from the lens of a camera that is known exactly."""

import numpy as np
import pytest

from ops.depth import Depth, DepthParams
from schemas.tables import TABLES
from schemas.values import CameraView
from tests.ops.ground_scene import LENS_M, ORIGIN_M, SIZE_PX, make_points, make_view, measured_ground, project
from tests.support.fakes import FakeServices, make_segment, make_unit

SEGMENT = make_segment(duration_s=30, size_px=SIZE_PX)
PLACES_M = ORIGIN_M + np.array([[0.0, 5.0], [3.0, 9.0], [-4.0, 30.0]])
DISTANCES_M = np.hypot(np.hypot(*(PLACES_M - LENS_M[:2]).T), LENS_M[2])


def depth(foot_px, view=None, **params):
    points = make_points(SEGMENT, np.arange(len(foot_px)) / 10, foot_px)
    unit = make_unit([SEGMENT], view or make_view(), unit="day")
    table = Depth(DepthParams(**params)).run(unit, {"track_points": points}, FakeServices())["depth"]
    assert table.schema.equals(TABLES["depth"].schema, check_metadata=True)
    return table


@pytest.mark.parametrize("position_m", [None, (121000.0, 486000.0, None), (121000.0, 486000.0, 5.0)])
def test_distances_go_from_the_lens_to_the_feet(position_m):
    table = depth(project(PLACES_M), make_view(position_m=position_m))
    assert table["distance_m"].to_numpy() == pytest.approx(DISTANCES_M, rel=1e-3)
    assert set(table["method"].to_pylist()) == {"ground_plane"}


def test_a_lens_that_was_measured_higher_is_farther():
    table = depth(project(PLACES_M), make_view(position_m=(121000.0, 486000.0, 12.0)))
    assert (table["distance_m"].to_numpy() > DISTANCES_M + 0.5).all()


def test_the_error_is_that_of_a_foot_seen_a_little_off():
    foot = project(PLACES_M[1:2])
    noise = np.random.default_rng(0).normal(size=(20_000, 2)) * 0.04 * 80
    points = make_points(SEGMENT, np.zeros(1), foot)
    unit = make_unit([SEGMENT], CameraView("cam1", "", "UTC", True), unit="day")
    exact = Depth().run(unit, {"track_points": points, "ground_models": measured_ground()}, FakeServices())["depth"]
    sigma_m = exact["sigma_m"][0].as_py()
    assert sigma_m == pytest.approx(depth(foot + noise)["distance_m"].to_numpy().std(), rel=0.1)
    assert sigma_m < depth(foot)["sigma_m"][0].as_py() < 1.2 * sigma_m, "clicks of control points count as well"


def test_errors_grow_with_distance_and_the_horizon_has_none():
    sigma_m = depth(project(PLACES_M[[0, 1, 2]]))["sigma_m"].to_numpy()
    assert (np.diff(sigma_m) > 0).all()
    horizon_v = SIZE_PX[1] / 2 - 600 * np.tan(np.radians(30))
    assert depth(np.array([[320.0, horizon_v - 3], [320.0, horizon_v + 2]])).num_rows == 0


def test_a_camera_that_is_not_calibrated_or_looks_straight_down_measures_nothing():
    foot = project(PLACES_M)
    assert depth(foot, CameraView("cam1", "", "UTC", True)).num_rows == 0
    assert depth(foot, labels=("car",)).num_rows == 0
    assert depth(foot[:0]).num_rows == 0


def test_hidden_feet_leave_the_distance_to_a_network_where_that_is_surer():
    """Two people whose feet the frame's edge hides; a network has seen the trunk of the first."""
    foot = np.array([[320.0, SIZE_PX[1]], [500.0, SIZE_PX[1]]])
    points = make_points(SEGMENT, np.zeros(2), foot)
    row = points.to_pylist()[0]
    seen = {name: [row[name]] for name in ("camera", "segment_id", "time", "pts", "x1", "y1", "x2", "y2")}
    measured = TABLES["person_depths"].conform(
        {**seen, "detection": [0], "depth_m": [6.0], "spread_m": [0.1], "keyframe": [True]}
    )
    unit = make_unit([SEGMENT], make_view(), unit="day")
    inputs = {"track_points": points, "person_depths": measured}
    params = {"cut_sigma_share": 3.0, "max_sigma_m": 1000.0}
    first, second = Depth(DepthParams(**params)).run(unit, inputs, FakeServices())["depth"].to_pylist()
    trunk_px = np.array([row["x1"] + row["x2"], 2 * row["y1"] + 0.75 * (row["y2"] - row["y1"])]) / 2
    slant = np.hypot(1, np.hypot(*(trunk_px - np.array(SIZE_PX) / 2)) / 600)
    assert first["method"] == "model" and first["distance_m"] == pytest.approx(6.0 * slant, rel=0.01)
    assert first["sigma_m"] == pytest.approx(np.hypot(0.148, 0.9) * slant, rel=0.01)
    assert second["method"] == "ground_plane"
    unsure = Depth(DepthParams(**params, model_sigma_share=50.0)).run(unit, inputs, FakeServices())["depth"]
    assert set(unsure["method"].to_pylist()) == {"ground_plane"}, "the surer one counts"


def test_somebody_behind_a_counter_is_as_far_as_a_network_sees_the_trunk():
    """The counter hides half of the person: where the box ends, the ground is twice as far."""
    foot = project(np.array([[0.0, 12.0], [0.0, 12.0]]) + ORIGIN_M)
    points = make_points(SEGMENT, np.arange(2) / 10, foot)
    ground_m = depth(foot)["distance_m"][0].as_py()
    rows = points.to_pylist()
    measured = TABLES["person_depths"].conform(
        {name: [row[name] for row in rows] for name in ("camera", "segment_id", "time", "pts", "x1", "y1", "x2", "y2")}
        | {"detection": [0, 0], "depth_m": [5.0, 10.0], "spread_m": [0.1, 0.1], "keyframe": [True, False]}
    )
    unit = make_unit([SEGMENT], make_view(), unit="day")
    inputs = {"track_points": points, "person_depths": measured}
    behind, free = Depth().run(unit, inputs, FakeServices())["depth"].to_pylist()
    assert behind["method"] == "model" and 5.0 <= behind["distance_m"] < 6.0 and behind["sigma_m"] > 0.7
    assert free["method"] == "ground_plane" and free["distance_m"] == pytest.approx(ground_m)


@pytest.mark.parametrize("image_size_px", [None, (1280, 960)])
def test_a_camera_that_nobody_surveyed_measures_on_its_own_ground(image_size_px):
    """Privacy masks may have been drawn in pictures of another size."""
    points = make_points(SEGMENT, np.arange(3) / 10, project(PLACES_M))
    view = CameraView("cam1", "", "UTC", True, image_size_px=image_size_px)
    unit = make_unit([SEGMENT], view, unit="day")
    sure, unsure = (
        Depth().run(unit, {"track_points": points, "ground_models": ground}, FakeServices())["depth"]
        for ground in (measured_ground(), measured_ground((0.0, 0.0, 0.0, 0.1)))
    )
    assert sure["distance_m"].to_numpy() == pytest.approx(DISTANCES_M, rel=1e-3)
    surveyed = depth(project(PLACES_M))["sigma_m"].to_numpy()
    assert (sure["sigma_m"].to_numpy() < surveyed).all() and (surveyed < 1.3 * sure["sigma_m"].to_numpy()).all()
    added_m = np.sqrt(unsure["sigma_m"].to_numpy() ** 2 - sure["sigma_m"].to_numpy() ** 2)
    assert added_m == pytest.approx(0.1 * DISTANCES_M, rel=0.02), "a scale that is unsure by a tenth"
