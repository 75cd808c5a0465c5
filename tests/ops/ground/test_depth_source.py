"""The ground that depth maps show: of simulated cameras, by kind of depth, and why there is none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import cv2
import numpy as np
import pytest

from ops.depth_models.kinds import AffineDepth, Depth, MetricDepth, RelativeDepth
from ops.depth_models.rows import pack_depth
from ops.ground.depth_source import KnownScale, depth_model, floor_columns, view_floors
from ops.ground.ground_model import GroundModel
from ops.ground.pinhole import PinholeGround
from schemas.values import Float32

SIZE_PX, MAP_PX = (640, 360), (320, 180)
CAMERA = PinholeGround(SIZE_PX, 640.0, np.radians(22), np.radians(1), 4.0)
WALL_M = 14.0
START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def hall_depth() -> Float32:
    """The depth ``(180, 320)`` of a floor, and of a wall across it."""
    u, v = np.meshgrid(np.arange(MAP_PX[0]) + 0.5, np.arange(MAP_PX[1]) + 0.5)
    pixels = np.column_stack([u.ravel(), v.ravel()]) * SIZE_PX[0] / MAP_PX[0]
    floor = CAMERA.ground_depth_m(pixels)
    _, ahead, _ = CAMERA.local_from_camera()
    sight = np.column_stack([(pixels - np.array(SIZE_PX) / 2) / CAMERA.focal_px, np.ones(len(pixels))])
    wall = WALL_M / (sight @ ahead)
    return np.fmin(floor, wall).reshape(MAP_PX[1], MAP_PX[0]).astype(np.float32)


def row_of(depth: Depth, focal_px: float | None = None, view: int = 0) -> dict[str, Any]:
    return {
        "view": view,
        "segment_id": "s",
        "start_time": START,
        "end_time": START + timedelta(hours=1 + view),
        "source_width": SIZE_PX[0],
        "source_height": SIZE_PX[1],
        "focal_px": focal_px,
        "model": "m",
        **pack_depth(depth, 640),
    }


def test_metric_depth_is_a_source_of_its_own() -> None:
    (floor,) = view_floors([row_of(MetricDepth(hall_depth()), 640.0)], {}, KnownScale())
    model = depth_model([floor], SIZE_PX)
    assert isinstance(model, GroundModel)
    assert model.pinhole.height_m == pytest.approx(4.0, rel=0.03)
    assert np.degrees(model.pinhole.tilt_rad) == pytest.approx(22, abs=1)
    assert np.degrees(model.pinhole.roll_rad) == pytest.approx(1, abs=0.5)
    assert model.sigmas[0] == pytest.approx(0.1) and model.sigmas[3] > 0.1
    columns = floor_columns(floor)
    mask = cv2.imdecode(np.frombuffer(columns["mask_png"], np.uint8), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (360, 640) and set(np.unique(mask)) == {0, 255} and mask[350, 320] and not mask[5, 320]
    assert (columns["scale"], columns["shift"], columns["scale_source"]) == (1.0, 0.0, "metric")


def test_a_focal_length_that_nobody_knows_makes_tilt_and_height_unsure_together() -> None:
    floors = view_floors([row_of(MetricDepth(hall_depth()))], {}, KnownScale())
    model = depth_model(floors, SIZE_PX)
    assert isinstance(model, GroundModel)
    tilt_of_focal = model.covariance[0, 1] / model.covariance[0, 0]
    shorter = depth_model(view_floors([row_of(MetricDepth(hall_depth()), 540.0)], {}, KnownScale()), SIZE_PX)
    assert isinstance(shorter, GroundModel)
    moved = shorter.pinhole.tilt_rad - model.pinhole.tilt_rad
    assert moved == pytest.approx(tilt_of_focal * np.log(540 / 640), rel=0.2)
    assert moved > np.radians(2)


@pytest.mark.parametrize("kind", ["affine", "relative"])
def test_other_depth_gets_its_scale_from_what_is_known_and_is_no_source(kind: str) -> None:
    values = hall_depth()
    depth = AffineDepth((values - 2) / 3) if kind == "affine" else RelativeDepth((1 / values - 0.01) / 0.5)
    row = row_of(depth)
    (floor,) = view_floors([row], {}, KnownScale(survey=CAMERA))
    columns = floor_columns(floor)
    assert columns["scale_source"] == "control_points"
    assert columns["height_m"] == pytest.approx(4.0, rel=0.03)
    assert columns["height_sigma_m"] > 0
    assert depth_model([floor], SIZE_PX) == "depth gets its scale from control points: no source of its own"
    people = GroundModel("people", CAMERA, np.diag([0.1, 0.02, 0.02, 0.04]) ** 2)
    (by_people,) = view_floors([row], {}, KnownScale(people=people))
    assert floor_columns(by_people)["scale_source"] == "people"
    assert floor_columns(by_people)["height_sigma_m"] > 0.9 * 0.04 * 4.0, "people's doubt of the scale counts"
    (unknown,) = view_floors([row], {}, KnownScale())
    assert "no control points, height or people" in floor_columns(unknown)["reason"]
    assert depth_model([unknown], SIZE_PX) == floor_columns(unknown)["reason"]


def test_a_map_per_focal_length_is_metric_once_the_focal_length_is_known() -> None:
    row = row_of(AffineDepth(hall_depth() / 640, scale_only=True, scale_is_focal=True))
    people = GroundModel("people", replace(CAMERA, height_m=9.0), np.diag([0.1, 0.02, 0.02, 0.04]) ** 2)
    for known, sigma in ((KnownScale(survey=CAMERA), 0.05), (KnownScale(people=people), 0.1)):
        (floor,) = view_floors([row], {}, known)
        columns = floor_columns(floor)
        assert (columns["scale"], columns["scale_source"]) == (pytest.approx(640), "focal_length")
        assert columns["height_m"] == pytest.approx(4.0, rel=0.03), "the height is the map's own"
        assert columns["height_sigma_m"] >= sigma * 4.0 * 0.97
        assert depth_model([floor], SIZE_PX) == "depth gets its scale from focal length: no source of its own"
    (unknown,) = view_floors([row], {}, KnownScale())
    assert floor_columns(unknown)["reason"]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.full((180, 320), np.nan), "hardly a pixel"),
        (np.full((180, 320), 5.0), "all depths are the same"),
        (np.full((4, 8), 5.0), "too small"),
    ],
)
def test_a_map_without_a_floor_says_why(values: Float32, says: str) -> None:
    floors = view_floors([row_of(MetricDepth(values.astype(np.float32)), 640.0)], {}, KnownScale())
    assert says in floor_columns(floors[0])["reason"]
    assert isinstance(depth_model(floors, SIZE_PX), str)


def test_the_view_that_lasts_longest_speaks_for_the_camera() -> None:
    nearer = row_of(MetricDepth(hall_depth() / 2), 640.0, view=1)
    floors = view_floors([row_of(MetricDepth(hall_depth()), 640.0), nearer], {}, KnownScale())
    model = depth_model(floors, SIZE_PX)
    assert isinstance(model, GroundModel) and model.pinhole.height_m == pytest.approx(2.0, rel=0.03)
    assert depth_model([], SIZE_PX) == "no depth map"
