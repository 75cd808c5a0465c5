"""Writes small clips whose frames show their own number, so that a test knows which frame it got."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np

from schemas.values import Uint8

TIME_BASE = Fraction(1, 12800)
_BITS = 12
_BLOCK_PX = 16


def steady_pts(frames: int, fps: int = 25, time_base: Fraction = TIME_BASE) -> list[int]:
    """Returns the PTS of a constant frame rate."""
    return [round(number / (fps * time_base)) for number in range(frames)]


def uneven_pts(frames: int, fps: int = 25, time_base: Fraction = TIME_BASE) -> list[int]:
    """Returns the PTS of a variable frame rate: early frames, missing frames, and a slower end."""
    pts, at = [], 0
    for number in range(frames):
        pts.append(at)
        steps = 1 + (number % 7 == 3) * 2 + (number > 0.8 * frames) + Fraction(number % 3, 10)
        at += round(steps / (fps * time_base))
    return pts


def numbered_frame(number: int, width: int = 208, height: int = 120) -> Uint8:
    """Draws ``(H, W, 3)`` BGR with ``number`` (below 4096) as black and white blocks on top, and a moving bar."""
    image = np.full((height, width, 3), 90, dtype=np.uint8)
    for bit in range(_BITS):
        left = bit * _BLOCK_PX
        image[:_BLOCK_PX, left : left + _BLOCK_PX] = 255 * (number >> bit & 1)
    at = 5 * number % (width - 20)
    image[_BLOCK_PX + 8 :, at : at + 20] = (40, 120, 220)
    return image


def frame_number(image: Uint8, width: int = 208) -> int:
    """Reads the number from a frame of ``numbered_frame``, also after encoding and scaling."""
    scale = image.shape[1] / width
    middles = [round((bit + 0.5) * _BLOCK_PX * scale) for bit in range(_BITS)]
    row = round(_BLOCK_PX / 2 * scale)
    return sum(1 << bit for bit, column in enumerate(middles) if image[row, column].mean() > 128)


def write_clip(
    path: Path,
    pts: Sequence[int],
    *,
    time_base: Fraction = TIME_BASE,
    size_px: tuple[int, int] = (208, 120),
    keyframe_every: int = 20,
    b_frames: int = 2,
    codec: Literal["libx264", "mpeg4", "libvpx"] = "libx264",
    sound: bool = False,
    tags: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    x264: str = "",
    encoder: dict[str, str] | None = None,
    pixel_aspect: Fraction | None = None,
) -> Path:
    """Writes frame number N at ``pts[N]``; the suffix chooses the container.

    Args:
        sound: adds a second of silence.
        tags: metadata of the container, such as ``creation_time``.
        options: of the container, such as ``movflags``.
        x264: more parameters of x264, such as ``open-gop=1``.
        encoder: options of another codec, such as ``flags``.
        pixel_aspect: width of a pixel by its height.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata.update(tags or {})
        params = f"keyint={keyframe_every}:min-keyint=1:scenecut=0:b-adapt=0:bframes={b_frames}:threads=1"
        codec_options = {"x264-params": f"{params}:{x264}".rstrip(":")} if codec == "libx264" else encoder or {}
        stream = container.add_stream(codec, options=codec_options)
        stream.width, stream.height, stream.pix_fmt = *size_px, "yuv420p"
        stream.codec_context.time_base = time_base
        stream.codec_context.gop_size = keyframe_every
        stream.codec_context.max_b_frames = b_frames
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        audio = container.add_stream("aac", rate=16000, layout="mono") if sound else None
        for number, value in enumerate(pts):
            frame = av.VideoFrame.from_ndarray(numbered_frame(number, *size_px), format="bgr24")
            frame.pts, frame.time_base = value, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            container.mux([*audio.encode(_silence()), *audio.encode(None)])
    return path


def write_sound(path: Path) -> Path:
    """Writes a file with a second of silence and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        container.mux([*stream.encode(_silence()), *stream.encode(None)])
    return path


def _silence() -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), dtype=np.float32), format="fltp", layout="mono")
    frame.sample_rate = 16000
    frame.pts = 0
    return frame
