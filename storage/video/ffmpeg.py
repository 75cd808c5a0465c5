"""Finds the ffmpeg program. Footage is read and written by PyAV (docs/decisions/0004-video-is-encoded-by-pyav.md)."""

import shutil
from functools import cache

import imageio_ffmpeg


@cache
def ffmpeg_path() -> str:
    """Returns the ffmpeg on the PATH, else the one of the imageio-ffmpeg wheel.

    Raises:
        RuntimeError: there is no ffmpeg.
    """
    return shutil.which("ffmpeg") or str(imageio_ffmpeg.get_ffmpeg_exe())
