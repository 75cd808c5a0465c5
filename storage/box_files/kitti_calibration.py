"""Reads what KITTI's object benchmark stores beside a picture: its calibration and laser scan (Geiger et al. 2012)."""

from pathlib import Path

import numpy as np

from schemas.errors import UserError
from schemas.kitti import KittiCalibration
from schemas.values import Float32, Float64
from storage.box_files.lines import Line, read_lines

_COUNTS = {"P2": 12, "P3": 12, "R0_rect": 9, "Tr_velo_to_cam": 12}
"""Numbers that each matrix has. The others of a file are not read."""

_SCAN_COLUMNS = 4


def read_kitti_calibration(path: Path) -> KittiCalibration:
    """Reads a file of lines ``NAME: numbers``, row by row.

    Raises:
        UserError: a matrix is missing, has not its count of numbers, or is zero where it is needed.
    """
    found = {
        name: _matrix(line, name, _COUNTS[name])
        for line in read_lines(path, None, ())
        if (name := line.fields[0].removesuffix(":")) in _COUNTS
    }
    for name in ("P2", "R0_rect", "Tr_velo_to_cam"):
        if name not in found:
            raise UserError(f"{path} has no line {name}: it is no calibration of KITTI's object benchmark")
        if not found[name].any():
            raise UserError(f"{path}: {name} is all zeros: this picture's camera or scanner was not calibrated")
    right = found.get("P3")
    return KittiCalibration(
        image_from_camera=found["P2"].reshape(3, 4),
        right_from_camera=right.reshape(3, 4) if right is not None and right.any() else None,
        rectification=found["R0_rect"].reshape(3, 3),
        camera_from_lidar=found["Tr_velo_to_cam"].reshape(3, 4),
    )


def _matrix(line: Line, name: str, count: int) -> Float64:
    texts = line.fields[1:]
    if len(texts) != count:
        raise line.wrong(f"{name} has {len(texts)} numbers and needs {count}")
    try:
        values = np.array([float(text) for text in texts])
    except ValueError as error:
        raise line.wrong(f"{name}: {error}") from error
    if not np.isfinite(values).all():
        raise line.wrong(f"{name} has a number that is not finite")
    return values


def read_lidar(path: Path) -> tuple[Float64, Float32]:
    """Reads a laser scan: little-endian 32-bit floats x, y, z, reflectance; x is ahead, y to the left, z up.

    Returns:
        Points ``(N, 3)``, metres, and their reflectance ``(N,)``.

    Raises:
        UserError: the file cannot be read, or is no such scan.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    row_bytes = _SCAN_COLUMNS * 4
    if not content or len(content) % row_bytes:
        raise UserError(f"{path} has {len(content)} bytes: a laser scan has {row_bytes} for each point")
    rows = np.frombuffer(content, dtype="<f4").reshape(-1, _SCAN_COLUMNS)
    if not np.isfinite(rows).all():
        raise UserError(f"{path} has a number that is not finite: it is no laser scan")
    return rows[:, :3].astype(np.float64), rows[:, 3].copy()
