"""Runs the ffmpeg program, through ffmpeg-python, for what PyAV cannot do.

Footage itself is read and written by PyAV (docs/decisions/0004-video-is-encoded-by-pyav.md).
"""

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg

from schemas.errors import CorruptFootage
from storage.machine import usable_cpus
from storage.video.source import FORMATS

# Playlists and similar formats can name other files and addresses.
_ONLY_FILES = {"protocol_whitelist": "file", "format_whitelist": ",".join(FORMATS)}


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
    return not _run(chain, target)


def take_still(source: Path, target: Path, at_s: float) -> None:
    """Writes one frame as a PNG picture, upright as the container asks players to show it.

    Args:
        source: a video file.
        target: the picture; what exists is replaced, and keeps its permissions.
        at_s: seconds after the file's first frame; the first frame from there on is taken.

    Raises:
        CorruptFootage: no frame can be decoded there.
    """
    chain = ffmpeg.input(f"file:{source}", ss=at_s, **_ONLY_FILES).output(
        f"file:{target}", vframes=1, format="image2", update=1, vcodec="png"
    )
    if problem := _run(chain, target):
        raise CorruptFootage("decode_error", f"{source.name}: no frame can be decoded at {at_s:.1f} s: {problem}")


def cut_clip(parts: Sequence[tuple[Path, float, float]], target: Path, crf: int = 18) -> None:
    """Writes parts of video files, one after the other, as one MP4 file without sound. They are encoded again.

    Args:
        parts: files of one size, each with the seconds after its first frame at which its part begins and ends.
        target: the MP4 file; what exists is replaced.
        crf: quality of x264.

    Raises:
        CorruptFootage: a part cannot be decoded, or has no frame.
    """
    videos = [ffmpeg.input(f"file:{path}", ss=start_s, to=end_s, **_ONLY_FILES).video for path, start_s, end_s in parts]
    joined = videos[0] if len(videos) == 1 else ffmpeg.concat(*videos, v=1, a=0)
    options = {
        "threads": usable_cpus(),
        "format": "mp4",
        "vcodec": "libx264",
        "crf": crf,
        "pix_fmt": "yuv420p",
        "movflags": "+faststart",
    }
    if problem := _run(joined.output(f"file:{target}", **options), target):
        names = ", ".join(path.name for path, _, _ in parts)
        raise CorruptFootage("decode_error", f"{names}: no clip can be cut: {problem}")


def _run(chain: Any, target: Path) -> str:
    """Runs ffmpeg. Returns what went wrong, and nothing if the target has content now."""
    command = ffmpeg.compile(chain.global_args("-v", "error", "-nostdin"), cmd=ffmpeg_path(), overwrite_output=True)
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == 0 and target.is_file() and target.stat().st_size > 0:
        return ""
    return (done.stderr.strip().splitlines() or ["there is none"])[-1]
