"""The ffmpeg program is found, and copies streams."""

import shutil
from pathlib import Path

import imageio_ffmpeg
import pytest

from storage.video.ffmpeg import ffmpeg_path, remux
from storage.video.probe import probe
from tests.support import clips, damage


def test_the_one_on_the_path_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/opt/{name}")
    ffmpeg_path.cache_clear()
    assert ffmpeg_path() == "/opt/ffmpeg"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    ffmpeg_path.cache_clear()
    assert ffmpeg_path() == imageio_ffmpeg.get_ffmpeg_exe()
    ffmpeg_path.cache_clear()


def test_a_remux_keeps_frames_and_times(tmp_path: Path) -> None:
    source = clips.write_clip(tmp_path / "100%: a clip.mp4", clips.uneven_pts(30))
    assert remux(source, tmp_path / "copy.mp4")
    assert probe(tmp_path / "copy.mp4").pts.tolist() == clips.uneven_pts(30)


def test_what_cannot_be_read_gives_false(tmp_path: Path) -> None:
    assert not remux(damage.random_bytes(tmp_path / "x.mp4"), tmp_path / "copy.mp4")
