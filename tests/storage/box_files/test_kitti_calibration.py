"""Calibrations and laser scans of KITTI's object benchmark, and what is wrong with a file."""

from pathlib import Path

import numpy as np
import pytest

from schemas.errors import UserError
from storage.box_files.kitti_calibration import read_kitti_calibration, read_lidar

LINES = {
    "P0": "0 " * 12,
    "P2": "700 0 600 45 0 700 180 0.2 0 0 1 0.003",
    "P3": "700 0 600 -340 0 700 180 2.2 0 0 1 0.003",
    "R0_rect": "1 0 0 0 1 0 0 0 1",
    "Tr_velo_to_cam": "0 -1 0 0.1 0 0 -1 -0.2 1 0 0 -0.3",
}


def written(folder: Path, **changes: str | None) -> Path:
    lines = LINES | changes
    file = folder / "000000.txt"
    file.write_text("".join(f"{name}: {numbers}\n" for name, numbers in lines.items() if numbers is not None))
    return file


def test_matrices_are_read_row_by_row(tmp_path: Path) -> None:
    calibration = read_kitti_calibration(written(tmp_path))
    np.testing.assert_array_equal(calibration.image_from_camera[0], (700, 0, 600, 45))
    np.testing.assert_array_equal(calibration.rectification, np.eye(3))
    assert calibration.right_from_camera is not None
    assert calibration.right_from_camera[0, 3] == -340


def test_a_point_is_projected_as_kitti_says(tmp_path: Path) -> None:
    calibration = read_kitti_calibration(written(tmp_path))
    in_camera = calibration.lidar_to_camera(np.array([[10.3, -2.0, 0.8], [-4.0, 0, 0]]))
    np.testing.assert_allclose(in_camera, [[2.1, -1.0, 10.0], [0.1, -0.2, -4.3]])
    pixels, depth = calibration.to_pixels(in_camera)
    np.testing.assert_allclose(depth, (10.003, -4.297))
    np.testing.assert_allclose(pixels[0], ((700 * 2.1 + 600 * 10 + 45) / 10.003, (-700 + 1800 + 0.2) / 10.003))
    assert np.isnan(pixels[1]).all()


def test_a_right_camera_of_zeros_is_none(tmp_path: Path) -> None:
    assert read_kitti_calibration(written(tmp_path, P3="0 " * 12)).right_from_camera is None
    assert read_kitti_calibration(written(tmp_path, P3=None)).right_from_camera is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"R0_rect": None}, "has no line R0_rect"),
        ({"P2": "0 " * 12}, "P2 is all zeros"),
        ({"P2": "1 2 3"}, "line 2: P2 has 3 numbers and needs 12"),
        ({"R0_rect": "1 0 0 0 one 0 0 0 1"}, "line 4: R0_rect: could not convert"),
        ({"R0_rect": "1 0 0 0 nan 0 0 0 1"}, "not finite"),
    ],
)
def test_what_is_wrong_with_a_calibration_is_said(tmp_path: Path, changes: dict[str, str | None], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_kitti_calibration(written(tmp_path, **changes))


def test_a_scan_is_read(tmp_path: Path) -> None:
    file = tmp_path / "000000.bin"
    rows = np.arange(8, dtype="<f4").reshape(2, 4)
    file.write_bytes(rows.tobytes())
    points, reflectance = read_lidar(file)
    np.testing.assert_array_equal(points, rows[:, :3])
    np.testing.assert_array_equal(reflectance, (3, 7))


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "0 bytes"), (b"x" * 17, "17 bytes"), (np.full(4, np.nan, "<f4").tobytes(), "not finite")],
)
def test_what_is_wrong_with_a_scan_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "000000.bin"
    file.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_lidar(file)
    with pytest.raises(UserError, match="cannot be read"):
        read_lidar(tmp_path / "missing.bin")
