"""Calibrations of stereo pairs: in site.toml, in files that OpenCV writes, in KITTI's; and what is wrong with them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from schemas.errors import SiteError
from schemas.stereo import StereoView
from storage.site.file import load_site
from storage.site.stereo import load_stereo
from tests.storage.box_files.test_kitti_calibration import written

SITE = """name = "a"
crs = "EPSG:28992"
timezone = "UTC"
[[cameras]]
id = "one"
[[cameras]]
id = "two"
[[stereo]]
left = "one"
right = "two"
"""
MATRIX = np.array([[500.0, 0, 319.5], [0, 501, 239.5], [0, 0, 1]])
BENT = np.array([[0.1, -0.02, 0, 0, 0.001]])
TURN, _ = cv2.Rodrigues(np.array([0.01, 0.02, -0.01]))
MOVED = np.array([[-300.0], [2], [1]])
INTRINSICS = {"M1": MATRIX, "D1": BENT, "M2": MATRIX + np.diag([1.0, 1, 0]), "D2": BENT}
EXTRINSICS = {"R": TURN, "T": MOVED, "Q": np.eye(4)}
NAMES = {"M1": "cameraMatrix1", "D1": "distCoeffs1", "M2": "cameraMatrix2", "D2": "distCoeffs2"}


def write_opencv(path: Path, matrices: dict[str, np.ndarray], size: bool = False) -> None:
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for name, matrix in matrices.items():
        storage.write(name, matrix)
    if size:
        storage.write("image_width", 640)
        storage.write("image_height", 480)
    storage.release()


def stereo_of(root: Path, keys: str) -> dict[str, StereoView]:
    (root / "site.toml").write_text(SITE + keys)
    return load_stereo(load_site(root))


@pytest.mark.parametrize("suffix", ["yml", "json", "xml"])
def test_a_file_of_opencv_with_the_names_of_stereocalibrate(tmp_path: Path, suffix: str) -> None:
    named = {NAMES.get(name, name): matrix for name, matrix in (INTRINSICS | EXTRINSICS).items()}
    write_opencv(tmp_path / f"pair.{suffix}", named, size=True)
    views = stereo_of(tmp_path, f'calibration = "pair.{suffix}"\nunit_m = 0.001\nnearest_m = 2\n')
    one, two = views["one"], views["two"]
    assert (one.side, one.other, one.nearest_m) == ("left", "two", 2.0)
    assert (two.side, two.other) == ("right", "one") and two.pair is one.pair
    pair = one.pair
    assert pair.size_px == (640, 480) and pair.right_matrix[0, 0] == 501
    np.testing.assert_allclose(pair.left_distortion, BENT[0])
    np.testing.assert_allclose(pair.rotation, TURN, atol=1e-12)
    np.testing.assert_allclose(pair.translation_m, MOVED.ravel() / 1000)


def test_the_two_files_of_opencvs_example_program(tmp_path: Path) -> None:
    write_opencv(tmp_path / "intrinsics.yml", INTRINSICS)
    write_opencv(tmp_path / "extrinsics.yml", EXTRINSICS)
    keys = 'calibration = ["intrinsics.yml", "extrinsics.yml"]\nunit_m = 0.001\n'
    assert stereo_of(tmp_path, f"{keys}image_size = [640, 480]\n")["one"].pair.baseline_m == pytest.approx(
        0.3, abs=1e-4
    )
    with pytest.raises(SiteError, match=r"line 8: .*says no size of pictures; set image_size"):
        stereo_of(tmp_path, keys)


def test_kittis_pair_is_rectified_and_in_metres(tmp_path: Path) -> None:
    written(tmp_path)
    pair = stereo_of(tmp_path, 'calibration = "000000.txt"\nimage_size = [1242, 375]\n')["one"].pair
    assert pair.left_matrix[0, 0] == 700 and not pair.left_distortion.any()
    np.testing.assert_array_equal(pair.rotation, np.eye(3))
    assert pair.translation_m[0] == pytest.approx((-340 - 45) / 700)
    written(tmp_path, P3="0 " * 12)
    with pytest.raises(SiteError, match="has no matrix P3 of a right camera"):
        stereo_of(tmp_path, 'calibration = "000000.txt"\nimage_size = [1242, 375]\n')


def numbers(rotation: str = "[[1, 0, 0], [0, 1, 0], [0, 0, 1]]", translation: str = "[-0.3, 0, 0]") -> str:
    matrix = "[[500, 0, 319.5], [0, 500, 239.5], [0, 0, 1]]"
    matrices = f"left_matrix = {matrix}\nright_matrix = {matrix}\n"
    return f"image_size = [640, 480]\n{matrices}rotation = {rotation}\ntranslation = {translation}\n"


def test_numbers_of_site_toml(tmp_path: Path) -> None:
    pair = stereo_of(tmp_path, numbers())["two"].pair
    assert (pair.baseline_m, pair.size_px) == (0.3, (640, 480)) and len(pair.left_distortion) == 0


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (numbers(translation="[0, 0, 0]"), "translation is 0: the two cameras would be one"),
        (numbers(translation="[-300, 0, 0]"), "300 m apart .* in millimetres, set unit_m = 0.001"),
        (numbers(rotation="[[1, 0, 0], [0, 2, 0], [0, 0, 1]]"), "rotation is no rotation matrix"),
        (numbers(rotation="[[1, 0, 0], [0, 1, 0], [0, 0, -1]]"), "rotation is no rotation matrix"),
        (numbers().replace("[[500", "[[-500", 1), "left_matrix is no camera matrix"),
        (numbers() + "left_distortion = [0.1, 0.2]\n", "left_distortion must have 0, 4, 5, 8, 12 or 14"),
        ('calibration = "lost.yml"\n', r"lost\.yml cannot be read: No such file"),
        ('calibration = "site.toml"\n', "site.toml is no file of OpenCV's FileStorage"),
        ('calibration = "half.yml"\n', r"half\.yml: no matrix cameraMatrix2 or M2 or K2, R, T"),
        ('calibration = "word.yml"\n', r"word\.yml: M1 is no matrix"),
        ('calibration = "lost.txt"\n', r"lost\.txt"),
    ],
)
def test_mistakes_name_line_pair_and_what_to_do(tmp_path: Path, keys: str, message: str) -> None:
    write_opencv(tmp_path / "half.yml", {"M1": MATRIX, "D1": BENT})
    (tmp_path / "word.yml").write_text("%YAML:1.0\n---\nM1: hello\n")
    with pytest.raises(SiteError, match=rf"site\.toml, line 8: .*stereo pair one and two: .*{message}") as caught:
        stereo_of(tmp_path, keys)
    assert "\n" not in str(caught.value)
