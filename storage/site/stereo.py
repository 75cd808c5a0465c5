"""Stereo pairs of a site: their calibration from ``site.toml``, from files of OpenCV, or from one of KITTI."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from schemas.errors import SiteError, UserError
from schemas.site_stereo import StereoConfig
from schemas.stereo import StereoPair, StereoView
from schemas.values import Float64
from storage.box_files.kitti_calibration import read_kitti_calibration
from storage.site.error_messages import Document
from storage.site.file import SITE_FILE, SiteFiles

_NAMES: Mapping[str, tuple[str, ...]] = {
    "left_matrix": ("cameraMatrix1", "M1", "K1"),
    "left_distortion": ("distCoeffs1", "D1"),
    "right_matrix": ("cameraMatrix2", "M2", "K2"),
    "right_distortion": ("distCoeffs2", "D2"),
    "rotation": ("R",),
    "translation": ("T",),
}
"""Names in OpenCV's files: those of ``stereoCalibrate``'s arguments, and those of OpenCV's own example program."""

_OPTIONAL = ("left_distortion", "right_distortion")
_KITTI = ".txt"


def load_stereo(site: SiteFiles) -> dict[str, StereoView]:
    """Returns the stereo pair of each camera that is in one, by camera.

    Raises:
        SiteError: a calibration file is missing or not one, or the numbers are no calibration; the message names the
            line of site.toml.
    """
    views: dict[str, StereoView] = {}
    for number, config in enumerate(site.config.stereo):
        try:
            pair = _pair(site.root, config)
        except UserError as error:
            document = Document.read(site.root / SITE_FILE)
            raise SiteError(document.at(("stereo", number), f"{config.title}: {error}")) from error
        views[config.left] = StereoView(pair, "left", config.right, config.nearest_m)
        views[config.right] = StereoView(pair, "right", config.left, config.nearest_m)
    return views


def _pair(root: Path, config: StereoConfig) -> StereoPair:
    numbers = {name: np.asarray(getattr(config, name), np.float64) for name in _NAMES}
    size_px = config.image_size
    if config.calibration:
        files = [root / Path(name).expanduser() for name in config.calibration]
        numbers, written = _kitti(files) if files[0].suffix.lower() == _KITTI else _opencv(files)
        size_px = size_px or written
    if size_px is None:
        raise SiteError("the calibration says no size of pictures; set image_size = [width, height]")
    return StereoPair(
        size_px,
        numbers["left_matrix"],
        numbers["right_matrix"],
        numbers["left_distortion"].ravel(),
        numbers["right_distortion"].ravel(),
        numbers["rotation"],
        numbers["translation"].ravel() * config.unit_m,
    )


def _kitti(files: Sequence[Path]) -> tuple[dict[str, Float64], None]:
    """Returns the pair of KITTI's two colour cameras, whose pictures are rectified."""
    if len(files) > 1:
        raise SiteError("KITTI's calibration is one file")
    calibration = read_kitti_calibration(files[0])
    if calibration.right_from_camera is None:
        raise SiteError(f"{files[0]} has no matrix P3 of a right camera")
    left, right = calibration.image_from_camera, calibration.right_from_camera
    none, places = np.zeros(0), [np.linalg.solve(each[:, :3], each[:, 3]) for each in (left, right)]
    return {
        "left_matrix": left[:, :3],
        "right_matrix": right[:, :3],
        "left_distortion": none,
        "right_distortion": none,
        "rotation": np.eye(3),
        "translation": places[1] - places[0],
    }, None


def _opencv(files: Sequence[Path]) -> tuple[dict[str, Float64], tuple[int, int] | None]:
    """Returns the matrices of OpenCV's files and the size of pictures, if one of them has it."""
    found: dict[str, Float64] = {}
    size_px: tuple[int, int] | None = None
    for file in files:
        storage = _opened(file)
        for name, names in _NAMES.items():
            for written in names:
                if name not in found and not storage.getNode(written).empty():
                    found[name] = _matrix(storage, file, written)
        size_px = size_px or _size(storage)
        storage.release()
    for name in _OPTIONAL:
        found.setdefault(name, np.zeros(0))
    if lacking := [" or ".join(names) for name, names in _NAMES.items() if name not in found]:
        raise SiteError(f"{' and '.join(map(str, files))}: no matrix {', '.join(lacking)}")
    return found, size_px


def _opened(file: Path) -> cv2.FileStorage:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SiteError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SiteError(f"{file} is no text; give a calibration that OpenCV's FileStorage wrote") from error
    try:
        storage = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    except (cv2.error, SystemError) as error:
        raise SiteError(f"{file} is no file of OpenCV's FileStorage (.yml, .json, .xml)") from error
    if not storage.isOpened():
        raise SiteError(f"{file} is no file of OpenCV's FileStorage (.yml, .json, .xml)")
    return storage


def _matrix(storage: cv2.FileStorage, file: Path, name: str) -> Float64:
    try:
        return np.asarray(storage.getNode(name).mat(), np.float64)
    except cv2.error as error:
        raise SiteError(f"{file}: {name} is no matrix of OpenCV's") from error


def _size(storage: cv2.FileStorage) -> tuple[int, int] | None:
    width, height = storage.getNode("image_width"), storage.getNode("image_height")
    if not (width.empty() or height.empty()):
        return int(width.real()), int(height.real())
    for name in ("imageSize", "image_size"):
        node = storage.getNode(name)
        if not node.empty() and node.isSeq() and node.size() == 2:
            return int(node.at(0).real()), int(node.at(1).real())
    return None
