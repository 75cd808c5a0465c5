"""A camera that is declared fixed and moves is named by `status`, with what to do."""

import os
from fractions import Fraction
from pathlib import Path

import av
import pytest

from schemas.values import Uint8
from tests.conftest import Nightshift
from tests.ops.moving_views import drift, moved, wide_view

FPS = 5


def write_frames(path: Path, frames: list[Uint8]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture
def drifting_site(fresh_site: Path, nightshift: Nightshift) -> Path:
    """The sample site, of which one camera's clips drift by 24 pixels."""
    (clip,) = (fresh_site / "archive" / "gate").glob("*.mp4")
    write_frames(clip, moved([wide_view()] * 40, drift(40, 24.0)))
    os.utime(clip, (1_772_500_000, 1_772_500_000))  # or it would count as still being written
    assert nightshift("run", "--site", fresh_site, "--in-process", "--ops", "view_motion", "--json").code == 0
    return fresh_site


def test_status_names_a_camera_that_is_declared_fixed_and_moves(drifting_site: Path, nightshift: Nightshift) -> None:
    (camera,) = nightshift("status", "--site", drifting_site, "--json").json["moving_cameras"]
    assert camera["camera"] == "gate"
    assert camera["most_shift_px"] == pytest.approx(23.4, abs=0.5)
    assert camera["moved"] == camera["judged"] > 0
    warned = " ".join(nightshift("status", "--site", drifting_site).err.split())
    assert "camera gate is declared fixed, but its view moved by up to 23 px in 1 of 1 segments" in warned
    assert "set fixed = false in site.toml" in warned


def test_a_camera_that_may_move_is_not_named(drifting_site: Path, nightshift: Nightshift) -> None:
    config = drifting_site / "site.toml"
    config.write_text(config.read_text().replace('id = "gate"\n', 'id = "gate"\nfixed = false\n'))
    assert nightshift("status", "--site", drifting_site, "--json").json["moving_cameras"] == []


def test_cameras_that_do_not_move_are_not_named(used_site: Path, nightshift: Nightshift) -> None:
    assert nightshift("status", "--site", used_site, "--json").json["moving_cameras"] == []
