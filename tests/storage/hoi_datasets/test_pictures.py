"""Pictures of datasets: sizes, damage, and no turning by EXIF."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from schemas.errors import UserError
from storage.hoi_datasets.pictures import picture_size, read_picture


def test_size_and_pixels_agree_and_exif_turns_nothing(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[274] = 6  # turn by 90 degrees to show it
    Image.fromarray(np.full((30, 50, 3), (200, 100, 10), np.uint8)).save(path, exif=exif)
    assert picture_size(path) == (50, 30)
    picture = read_picture(path)
    assert picture.shape == (30, 50, 3)
    assert np.abs(picture[15, 25].astype(int) - [10, 100, 200]).max() < 8, "BGR"


def test_a_cut_off_picture_and_a_missing_one_are_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    whole = cv2.imencode(".png", np.random.default_rng(0).integers(0, 255, (60, 60, 3), dtype=np.uint8))[1].tobytes()
    path.write_bytes(whole[:20])
    for read in (picture_size, read_picture):
        with pytest.raises(UserError, match=r"cut\.png cannot be read as a picture"):
            read(path)
        with pytest.raises(UserError, match=r"there is no picture .*gone\.png"):
            read(tmp_path / "gone.png")


def test_what_is_no_picture_is_said_also_where_ultralytics_is_loaded(tmp_path: Path, monkeypatch) -> None:
    def with_another_decoder(path: Path) -> None:
        raise ModuleNotFoundError("No module named 'pi_heif'")

    (tmp_path / "a.png").write_text("no picture")
    monkeypatch.setattr("PIL.Image.open", with_another_decoder)
    with pytest.raises(UserError, match="cannot be read as a picture"):
        picture_size(tmp_path / "a.png")
