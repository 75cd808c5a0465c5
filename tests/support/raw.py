"""Writes raw streams of H.264 and H.265 whose frames show their numbers."""

import subprocess
from pathlib import Path
from typing import Any

import ffmpeg

from storage.video.ffmpeg import ffmpeg_path
from tests.support import clips


def write_raw(
    path: Path, frames: int = 60, fps: int = 12, b_frames: int = 2, timing: bool = True, open_gop: bool = False
) -> Path:
    """Writes a raw stream; the suffix chooses the codec.

    Args:
        timing: whether the parameter sets say the frame rate; for H.265 only.
        open_gop: whether keyframes after the first may have pictures after them that are shown before them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    clip = clips.write_clip(path.with_suffix(".mp4"), clips.steady_pts(frames, fps), b_frames=b_frames)
    params = f"keyint=20:min-keyint=1:scenecut=0:b-adapt=0:bframes={b_frames}"
    x264 = f"{params}:threads=1:open-gop={int(open_gop)}"
    options: dict[str, Any] = {"c:v": "libx264", "x264-params": x264, "format": "h264"}
    if path.suffix in {".265", ".h265", ".hevc"}:
        x265 = f"log-level=none:{params}:vui-timing-info={int(timing)}:open-gop={int(open_gop)}:pools=1"
        options = {"c:v": "libx265", "x265-params": x265, "format": "hevc"}
    chain = ffmpeg.input(f"file:{clip}").output(f"file:{path}", **options)
    command = ffmpeg.compile(chain.global_args("-v", "error", "-nostdin"), cmd=ffmpeg_path(), overwrite_output=True)
    subprocess.run(command, check=True)
    clip.unlink()
    return path
