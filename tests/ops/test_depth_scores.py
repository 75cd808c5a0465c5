"""AbsRel and delta-1 on maps and on laser points."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ops.depth_scores import depth_scores, lidar_depth
from schemas.kitti import KittiCalibration
from storage.box_files.kitti_calibration import read_kitti_calibration, read_lidar

# The scanner's x is ahead, y to the left and z up; the camera's x is to the right, y down and z ahead.
TURNED = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0]])
PLAIN = KittiCalibration(np.array([[100.0, 0, 20, 0], [0, 100, 10, 0], [0, 0, 1, 0]]), None, np.eye(3), TURNED)


def test_errors_are_shares_of_the_true_depth() -> None:
    truth = np.array([[1.0, 2.0], [4.0, 8.0]])
    scores = depth_scores(truth * [[1.1, 0.9], [1.3, 1.0]], truth)
    assert scores.count == 4
    assert scores.abs_rel == pytest.approx((0.1 + 0.1 + 0.3) / 4)
    assert scores.delta_1 == pytest.approx(3 / 4)


def test_what_is_unknown_in_either_map_does_not_count() -> None:
    scores = depth_scores(np.array([1.0, np.nan, 3.0, -1.0, 2.0]), np.array([1.0, 2.0, np.inf, 4.0, 0.0]))
    assert scores == depth_scores(np.ones(1), np.ones(1))
    nothing = depth_scores(np.full(3, np.nan), np.ones(3))
    assert nothing.count == 0
    assert np.isnan(nothing.abs_rel)


def test_maps_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        depth_scores(np.ones((2, 2)), np.ones((2, 3)))


def test_laser_points_land_in_their_pixels() -> None:
    points = np.array([[10.0, 0, 0], [5.0, -0.5, -0.25], [20.0, 0, 0], [-5.0, 0, 0], [1.0, 9, 0]])
    depth = lidar_depth(PLAIN, points, (40, 20))
    assert depth[10, 20] == 10  # nearer than the point 20 m ahead
    assert depth[15, 30] == 5
    assert np.isfinite(depth).sum() == 2  # neither what is behind nor what is beside the picture


@pytest.mark.assets
def test_real_laser_points_land_in_the_picture(assets: Path) -> None:
    folder = assets / "depth" / "argo_kitti_fmt"
    for file in sorted((folder / "calib").glob("*.txt")):
        picture = cv2.imread(str(folder / "image_2" / f"{file.stem}.png"))
        height, width = picture.shape[:2]
        points, reflectance = read_lidar(folder / "velodyne" / f"{file.stem}.bin")
        assert len(points) == len(reflectance)
        depth = lidar_depth(read_kitti_calibration(file), points, (width, height))
        known = np.isfinite(depth)
        assert known.sum() > 3000
        # The street is the nearer, the lower it is in the picture.
        medians = [np.nanmedian(depth[top : top + 40]) for top in (240, 280, 320, 360)]
        assert medians == sorted(medians, reverse=True)
        assert medians[0] > 3 * medians[-1]
        scores = depth_scores(depth * 1.1, depth)
        assert scores.count == known.sum()
        assert scores.abs_rel == pytest.approx(0.1, abs=1e-5)
        assert scores.delta_1 == 1
