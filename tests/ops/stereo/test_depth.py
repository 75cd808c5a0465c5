"""Two rendered cameras side by side see the true depth, also where one is turned or its lens bends lines."""

import cv2
import numpy as np
import pytest

from ops.stereo.depth import stereo_depth
from ops.stereo.rectify import rectify
from sample_site.geometry import Pinhole
from sample_site.hall import Backdrop, render_backdrop
from schemas.errors import SiteError
from schemas.stereo import StereoPair
from storage.photographs import find_photograph

SIZE_PX = (320, 180)
FOCAL_PX = 288.0
BASELINE_M = 0.3


def view(beside_m: float) -> Backdrop:
    """The hall from one of two cameras that look the same way."""
    left = Pinhole(SIZE_PX, FOCAL_PX, (8.0, -2.0, 2.4), (8.0, 6.0, 1.0))
    shift = left.rotation[0] * beside_m
    place, target = (tuple(np.add(point, shift).tolist()) for point in (left.place_m, left.target_m))
    photo = cv2.imread(str(find_photograph("bus.jpg")))
    return render_backdrop(Pinhole(SIZE_PX, FOCAL_PX, place, target), photo, 3)


@pytest.fixture(scope="module")
def views() -> tuple[Backdrop, Backdrop]:
    return view(0.0), view(BASELINE_M)


def errors(depth_m: np.ndarray, truth_m: np.ndarray) -> tuple[float, float]:
    """Share of known pixels, and AbsRel over them."""
    known = np.isfinite(depth_m)
    return float(known.mean()), float(np.mean(np.abs(depth_m[known] - truth_m[known]) / truth_m[known]))


def test_parallel_cameras(views: tuple[Backdrop, Backdrop]) -> None:
    left, right = views
    pair = StereoPair.parallel(SIZE_PX, FOCAL_PX, BASELINE_M)
    known, abs_rel = errors(stereo_depth(pair, left.image, right.image).values, left.depth_m)
    assert known > 0.6 and abs_rel < 0.03


def test_the_right_camera_sees_its_own_depth(views: tuple[Backdrop, Backdrop]) -> None:
    left, right = views
    pair = StereoPair.parallel(SIZE_PX, FOCAL_PX, BASELINE_M)
    known, abs_rel = errors(stereo_depth(pair, left.image, right.image, side="right").values, right.depth_m)
    assert known > 0.6 and abs_rel < 0.03


def test_a_right_camera_that_is_turned(views: tuple[Backdrop, Backdrop]) -> None:
    left, right = views
    turn, _ = cv2.Rodrigues(np.array([0.02, -0.03, 0.015]))
    pair = StereoPair.parallel(SIZE_PX, FOCAL_PX, BASELINE_M)
    matrix = pair.left_matrix
    turned = StereoPair(SIZE_PX, matrix, matrix, np.zeros(5), np.zeros(5), np.asarray(turn), turn @ pair.translation_m)
    seen = cv2.warpPerspective(right.image, matrix @ turn @ np.linalg.inv(matrix), SIZE_PX)
    known, abs_rel = errors(stereo_depth(turned, left.image, seen).values, left.depth_m)
    assert known > 0.5 and abs_rel < 0.04


def test_a_camera_that_was_turned_since_is_said(views: tuple[Backdrop, Backdrop]) -> None:
    left, right = views
    pair = StereoPair.parallel(SIZE_PX, FOCAL_PX, BASELINE_M)
    turn, _ = cv2.Rodrigues(np.radians([0.8, 0, 0]))
    seen = cv2.warpPerspective(right.image, pair.left_matrix @ turn @ np.linalg.inv(pair.left_matrix), SIZE_PX)
    with pytest.raises(
        SiteError, match=r"points of one picture lie [34]\.\d rows off in the other.*calibrate the pair"
    ):
        stereo_depth(pair, left.image, seen)


def test_lenses_that_bend_lines(views: tuple[Backdrop, Backdrop]) -> None:
    pair = StereoPair.parallel(SIZE_PX, FOCAL_PX, BASELINE_M)
    bent = np.array([0.08, 0, 0, 0, 0])
    grid = np.stack(np.meshgrid(np.arange(SIZE_PX[0]), np.arange(SIZE_PX[1])), axis=2).astype(np.float64)
    straight = cv2.undistortPoints(grid.reshape(-1, 1, 2), pair.left_matrix, bent, P=pair.left_matrix)
    source = straight.reshape(grid.shape).astype(np.float32)
    left, right = (cv2.remap(each.image, source, None, cv2.INTER_LINEAR) for each in views)
    truth_m = cv2.remap(views[0].depth_m, source, None, cv2.INTER_NEAREST)
    calibrated = StereoPair(SIZE_PX, pair.left_matrix, pair.right_matrix, bent, bent, pair.rotation, pair.translation_m)
    known, abs_rel = errors(stereo_depth(calibrated, left, right).values, truth_m)
    assert known > 0.5 and abs_rel < 0.04


def test_pictures_that_show_nothing_give_no_depth() -> None:
    grey = np.full((*SIZE_PX[::-1], 3), 128, np.uint8)
    assert not stereo_depth(StereoPair.parallel(SIZE_PX, FOCAL_PX, 0.3), grey, grey).known.any()


def test_wrong_calibrations_are_said() -> None:
    with pytest.raises(SiteError, match="translation is 0"):
        StereoPair.parallel(SIZE_PX, FOCAL_PX, 0.0)
    with pytest.raises(SiteError, match="exchange the two"):
        rectify(StereoPair.parallel(SIZE_PX, FOCAL_PX, -0.3))
    with pytest.raises(SiteError, match="left_matrix must be"):
        StereoPair.parallel(SIZE_PX, float("nan"), 0.3)
    small = np.zeros((90, 160, 3), np.uint8)
    with pytest.raises(SiteError, match="the left picture has 160 x 90 pixels, the calibration 320 x 180"):
        stereo_depth(StereoPair.parallel(SIZE_PX, FOCAL_PX, 0.3), small, small)
