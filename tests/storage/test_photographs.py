"""Photographs come from the installed package, and only the right one is taken."""

import cv2
import numpy as np
import pytest

from schemas.errors import UserError
from storage.photographs import find_photograph, read_photograph


def test_a_photograph_is_read_in_full():
    assert read_photograph("bus.jpg", (810, 1080)).shape == (1080, 810, 3)


def test_what_is_not_there_is_named():
    with pytest.raises(UserError, match=r"assets/tram\.jpg"):
        find_photograph("tram.jpg")


def test_another_picture_of_that_name_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "bus.jpg"
    monkeypatch.setattr("storage.photographs.find_photograph", lambda name: tmp_path / name)
    for content in (cv2.imencode(".jpg", np.zeros((20, 20, 3), np.uint8))[1].tobytes(), b"no picture"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"bus\.jpg is not the photograph of 810 x 1080"):
            read_photograph("bus.jpg", (810, 1080))
