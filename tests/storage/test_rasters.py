"""Rasters come back bit by bit, with any tool that knows ZIP and PNG, and a file is there whole or not at all."""

import errno
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from schemas.errors import StoreFull
from schemas.values import Uint16
from storage.blobs import LocalBlobs
from storage.files import sha256_file
from storage.rasters import RasterWriter, read_raster

NAME = "depth_files/camera=a/date=2026-03-02/s.zip"


def raster(seed: int, shape: tuple[int, int] = (9, 16)) -> Uint16:
    return np.random.default_rng(seed + 100).integers(0, 65536, shape).astype(np.uint16)


def write(root: Path, name: str = NAME) -> Path:
    writer = RasterWriter(LocalBlobs(root), name)
    entries = [writer.add(pts, raster(pts)) for pts in (0, 512, -3)]
    assert entries == ["0.png", "512.png", "-3.png"]
    assert not (root / name).exists(), "half a file has no name"
    written = writer.close()
    path = root / name
    assert (written.path, written.frames) == (name, 3)
    assert (written.size_bytes, written.sha256) == (path.stat().st_size, sha256_file(path))
    return path


def test_rasters_come_back_and_other_tools_read_them(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert np.array_equal(read_raster(LocalBlobs(tmp_path), NAME, "512.png"), raster(512))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extract("-3.png", tmp_path)
    assert np.array_equal(cv2.imread(str(tmp_path / "-3.png"), cv2.IMREAD_UNCHANGED), raster(-3))


def test_the_same_rasters_give_the_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path).read_bytes() == write(tmp_path, NAME.replace("s.zip", "t.zip")).read_bytes()


def test_a_file_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    writer = RasterWriter(LocalBlobs(tmp_path), NAME)
    writer.add(0, raster(1))
    writer.abort()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3), np.uint16), np.zeros((0, 2), np.uint16)]
)
def test_what_is_no_raster_is_refused(tmp_path: Path, wrong: Uint16) -> None:
    with pytest.raises(ValueError, match=r"must be \(H, W\) uint16"):
        RasterWriter(LocalBlobs(tmp_path), NAME).add(0, wrong)


def test_a_frame_has_one_raster_and_a_file_at_least_one(tmp_path: Path) -> None:
    writer = RasterWriter(LocalBlobs(tmp_path), NAME)
    with pytest.raises(ValueError, match="no raster was written"):
        writer.close()
    writer.add(7, raster(1))
    with pytest.raises(ValueError, match="has a raster of PTS 7 already"):
        writer.add(7, raster(2))
    writer.abort()


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RasterWriter(LocalBlobs(tmp_path), NAME)
    writer.add(0, raster(1))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "writestr", full)
        with pytest.raises(StoreFull, match="no space left to write depth_files"):
            writer.add(1, raster(1))
    writer.abort()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
