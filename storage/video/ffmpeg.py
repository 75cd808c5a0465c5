"""Runs the ffmpeg program, through ffmpeg-python, for what PyAV cannot do.

Footage itself is read and written by PyAV (docs/decisions/0004-video-is-encoded-by-pyav.md).
"""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import ffmpeg
import imageio_ffmpeg


@cache
def ffmpeg_path() -> str:
    """Returns the ffmpeg on the PATH, else the one of the imageio-ffmpeg wheel.

    Raises:
        RuntimeError: there is no ffmpeg.
    """
    return shutil.which("ffmpeg") or str(imageio_ffmpeg.get_ffmpeg_exe())


def remux(source: Path, target: Path, before: dict[str, str] | None = None, **after: str) -> bool:
    """Copies a file's streams into another container without re-encoding.

    Args:
        source: the input file.
        target: the output file; replaced if it exists.
        before: input options, such as ``display_rotation``.
        after: output options, such as ``t="5"``.

    Returns:
        Whether ffmpeg succeeded and the target is not empty.
    """
    chain = ffmpeg.input(f"file:{source}", **(before or {})).output(f"file:{target}", c="copy", **after)
    command = ffmpeg.compile(chain.global_args("-v", "error", "-nostdin"), cmd=ffmpeg_path(), overwrite_output=True)
    done = subprocess.run(command, capture_output=True, check=False)
    return done.returncode == 0 and target.is_file() and target.stat().st_size > 0
