"""The ffmpeg program, through ffmpeg-python: for what its command line does and PyAV does not."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import ffmpeg
import imageio_ffmpeg


@cache
def ffmpeg_path() -> str:
    """The ffmpeg on the PATH, else the one of the imageio-ffmpeg wheel.

    Raises:
        RuntimeError: there is none.
    """
    return shutil.which("ffmpeg") or str(imageio_ffmpeg.get_ffmpeg_exe())


def remux(source: Path, target: Path, before: dict[str, str] | None = None, **after: str) -> bool:
    """Copies a file's streams into another container, without encoding again.

    Args:
        before: options that stand before the input on ffmpeg's command line, such as ``display_rotation``.
        after: options of the output, such as ``t="5"``.

    Returns:
        whether ffmpeg made a target that has something in it.
    """
    chain = ffmpeg.input(f"file:{source}", **(before or {})).output(f"file:{target}", c="copy", **after)
    command = ffmpeg.compile(chain.global_args("-v", "error", "-nostdin"), cmd=ffmpeg_path(), overwrite_output=True)
    done = subprocess.run(command, capture_output=True, check=False)
    return done.returncode == 0 and target.is_file() and target.stat().st_size > 0
