"""The op on made-up tracks whose cuboids are known."""

import numpy as np
import pyarrow as pa
import pytest

from ops.boxes3d import Boxes3d, Boxes3dParams
from ops.boxes3d.shapes import image_boxes, silhouette
from ops.ground.camera_matrix import wrapped
from ops.ground.class_sizes import CLASS_SIZES
from ops.positions import Positions
from schemas.tables import TABLES
from schemas.values import CameraView, Float64
from tests.ops.boxes3d.made import make_camera
from tests.ops.ground_scene import ORIGIN_M, SIZE_PX, join, local_inputs, make_points, make_view
from tests.support.fakes import FakeServices, make_segment, make_unit

SEGMENT = make_segment(duration_s=30, size_px=SIZE_PX)
TIMES_S = np.arange(40) / 10


def track(label: str, name: str, begin: tuple[float, float], velocity: tuple[float, float], facing: float = 0.0):
    """``track_points`` of a thing of its class's mean size, by the cuboid's own picture, cut by the frame."""
    camera = make_camera()
    centre = ORIGIN_M + np.array(begin) + np.array(velocity) * TIMES_S[:, None]
    yaw = np.arctan2(*velocity) if any(velocity) else facing
    size = np.tile(CLASS_SIZES[label].mean, (len(TIMES_S), 1))
    box, _ = image_boxes(camera, centre, np.full(len(TIMES_S), yaw), size, silhouette(label))
    box = np.clip(box, 0, [*SIZE_PX, *SIZE_PX])
    points = make_points(SEGMENT, TIMES_S, box[:, 2:], name, label=label)
    for column, values in zip(("x1", "y1", "x2", "y2"), box.T, strict=True):
        at = points.schema.get_field_index(column)
        points = points.set_column(at, points.schema.field(at), pa.array(values, pa.float32()))
    return points, centre


def boxes3d(points: pa.Table, view: CameraView | None = None, **params: object) -> pa.Table:
    unit = make_unit((SEGMENT,), view or make_view(), unit="day")
    positions = Positions().run(
        make_unit((SEGMENT,), make_view(), unit="day"), {"track_points": points}, FakeServices()
    )
    names = sorted(set(points["track_id"].to_pylist()))
    tracks = pa.table({"track_id": names, "confidence": pa.array([0.75] * len(names), pa.float32())})
    inputs = {"track_points": points, "tracks": tracks, **positions}
    table = Boxes3d(Boxes3dParams(**params)).run(unit, inputs, FakeServices())["boxes3d"]
    assert table.schema.equals(TABLES["boxes3d"].schema, check_metadata=True)
    return table


def numbers(table: pa.Table, *names: str) -> Float64:
    return np.column_stack([table[name].cast(pa.float64()).to_numpy() for name in names])


@pytest.mark.parametrize("velocity", [(1.2, 0.0), (0.7, 0.7), (0.0, 1.2), (-0.8, 0.3)])
def test_a_moving_car_is_where_it_is_and_faces_where_it_goes(velocity: tuple[float, float]) -> None:
    points, centre = track("car", "a", (-1.5 if velocity[0] > 0 else 2.0, 11), velocity)
    table = boxes3d(points)
    assert table.num_rows == 20, "five a second, for four seconds"
    off = numbers(table, "x_m", "y_m") - centre[::2]
    assert np.median(np.hypot(*off.T)) < 0.35, "positions, at the lower edge, are 1 to 2 m off"
    assert set(table["heading_source"].to_pylist()) <= {"motion", "last", "next"}
    turned = wrapped(np.radians(numbers(table, "heading_deg")[:, 0]) - np.arctan2(*velocity))
    assert np.median(np.abs(turned)) < np.radians(12)
    np.testing.assert_allclose(numbers(table, "height_m", "width_m", "length_m")[0], CLASS_SIZES["car"].mean, rtol=0.12)
    # KITTI's convention: the camera looks north, five metres above the ground.
    location = numbers(table, "location_x_m", "location_y_m", "location_z_m")
    np.testing.assert_allclose(location[:, [0, 2]], numbers(table, "x_m", "y_m") - ORIGIN_M, atol=2e-3)
    np.testing.assert_allclose(location[:, 1], 5.0, atol=1e-3)
    rotation, alpha = numbers(table, "rotation_y", "alpha").T
    assert np.abs(wrapped(rotation - np.radians(numbers(table, "heading_deg")[:, 0] - 90))).max() < 1e-5
    assert np.abs(wrapped(alpha - rotation + np.arctan2(location[:, 0], location[:, 2]))).max() < 1e-5
    assert set(numbers(table, "score")[:, 0]) == {0.75} and not numbers(table, "truncated", "occluded").any()


def test_who_stands_has_no_heading_and_faces_right_and_a_parked_car_has_one_of_its_box() -> None:
    person, _ = track("person", "a", (0, 8), (0, 0))
    car, centre = track("car", "b", (0, 12), (0, 0), facing=np.radians(90))
    table = boxes3d(join(person, car))
    standing = table.filter(pa.compute.equal(table["label"], "person"))
    assert standing["heading_deg"].null_count == standing.num_rows == 20
    assert set(standing["heading_source"].to_pylist()) == {"none"}
    assert not numbers(standing, "rotation_y").any()
    assert np.hypot(*(numbers(standing, "x_m", "y_m") - ORIGIN_M - [0, 8]).T).max() < 0.1
    parked = table.filter(pa.compute.equal(table["label"], "car"))
    assert set(parked["heading_source"].to_pylist()) == {"box"}
    axis = (numbers(parked, "heading_deg") - 90 + 90) % 180 - 90
    assert np.abs(axis).max() < 20
    assert np.hypot(*(numbers(parked, "x_m", "y_m") - centre[0]).T).max() < 0.4


def test_what_the_frame_cuts_and_what_is_hidden_say_so() -> None:
    near, _ = track("person", "near", (0, 6), (0, 0))
    far, _ = track("person", "far", (0.1, 8), (0, 0))
    leaving, _ = track("person", "edge", (3.8, 6), (0, 0))
    table = boxes3d(join(near, far, leaving))
    by = {name: table.filter(pa.compute.equal(table["track_id"], name)) for name in ("near", "far", "edge")}
    assert set(by["near"]["occluded"].to_pylist()) == {0} and not numbers(by["near"], "truncated").any()
    assert 0.1 < numbers(by["far"], "hidden_share").min() < 1 and set(by["far"]["occluded"].to_pylist()) <= {1, 2}
    assert 0.1 < numbers(by["edge"], "truncated").min() < 0.8
    assert np.hypot(*(numbers(by["edge"], "x_m", "y_m") - ORIGIN_M - [3.8, 6]).T).max() < 0.3, "not at the half seen"


def test_rate_classes_and_interpolated_points() -> None:
    points, _ = track("person", "a", (0, 8), (0.5, 0))
    assert boxes3d(points, every_s=0.0).num_rows == 40
    assert boxes3d(points, every_s=1.0).num_rows == 4
    assert boxes3d(points, labels=("car",)).num_rows == 0
    at = points.schema.get_field_index("state")
    guessed = points.set_column(at, points.schema.field(at), pa.array(["interpolated"] * 40))
    assert set(boxes3d(guessed)["occluded"].to_pylist()) == {3}


def test_a_camera_that_nobody_placed_on_the_map_has_boxes_in_its_own_frame() -> None:
    points, _ = track("car", "a", (-1.5, 11), (1.0, 0.3))
    surveyed = boxes3d(points)
    bare, inputs = local_inputs(points)
    inputs["tracks"] = pa.table({"track_id": ["a"], "confidence": pa.array([0.75], pa.float32())})
    table = Boxes3d().run(make_unit((SEGMENT,), bare, unit="day"), inputs, FakeServices())["boxes3d"]
    assert set(table["frame"].to_pylist()) == {"local"} and set(surveyed["frame"].to_pylist()) == {"site"}
    np.testing.assert_allclose(numbers(table, "x_m", "y_m"), numbers(surveyed, "x_m", "y_m") - ORIGIN_M, atol=0.02)
    names = ("location_x_m", "location_y_m", "location_z_m", "rotation_y", "length_m", "heading_deg")
    np.testing.assert_allclose(numbers(table, *names), numbers(surveyed, *names), atol=0.05)


def test_an_uncalibrated_camera_has_none() -> None:
    points, _ = track("person", "a", (0, 8), (0.5, 0))
    assert boxes3d(points, view=CameraView("cam1", "Camera 1", "Europe/Amsterdam", True)).num_rows == 0
