"""Writes clips from frames: from pictures or parts of other clips, with any times and any encoding."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from bench.frame_pairs import read_frames
from schemas.values import Uint8
from storage.video.x264 import deterministic_options

TICK = Fraction(1, 90_000)
PETS_FPS = 7
PICTURES = 300
"""Number of full-size pictures of PETS."""


def steady_times(frames: int, fps: int) -> list[Fraction]:
    """Returns the times of a constant rate, seconds."""
    return [Fraction(number, fps) for number in range(frames)]


def write_frames(
    path: Path,
    frames: Iterable[Uint8],
    times_s: Sequence[Fraction],
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    keyframe_every: int = 20,
    tags: Mapping[str, str] | None = None,
    sound: bool = False,
    second: Iterable[Uint8] | None = None,
) -> Path:
    """Encodes frames ``(H, W, 3)`` BGR, each at its own time; the suffix chooses the container.

    Args:
        tags: metadata of the container and of the stream.
        sound: adds a second of silence.
        second: frames of a second video stream, at the same times.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    streams = [iter(frames), *([iter(second)] if second is not None else [])]
    with av.open(str(path), "w") as container:
        container.metadata.update(tags or {})
        made = []
        for images in streams:
            first = next(images)
            options = {"preset": "veryfast", "crf": "18", "threads": "1", "bf": "0", **deterministic_options()}
            stream = cast(VideoStream, container.add_stream(codec, options=options if codec == "libx264" else {}))
            stream.height, stream.width = first.shape[:2]
            stream.pix_fmt = pix_fmt
            stream.time_base = stream.codec_context.time_base = TICK
            stream.codec_context.gop_size = keyframe_every
            stream.metadata.update(tags or {})
            made.append((stream, first, images))
        audio = container.add_stream("aac", rate=16000, layout="mono") if sound else None
        for stream, first, images in made:
            for number, time_s in enumerate(times_s):
                frame = av.VideoFrame.from_ndarray(first if number == 0 else next(images), format="bgr24")
                frame.pts, frame.time_base = round(time_s / TICK), TICK
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        if audio is not None:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.pts = 16000, 0
            container.mux([*audio.encode(silence), *audio.encode(None)])
    return path


def write_stamped(path: Path, frames: Sequence[Uint8], ticks: Sequence[int]) -> Path:
    """Encodes frames ``(H, W, 3)`` BGR and stamps each with any time, in units of ``TICK``.

    Matroska accepts equal and falling times, as damaged recorders write them; MP4 wants rising ones.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        options = {"preset": "veryfast", "crf": "18", "threads": "1", "bf": "0", **deterministic_options()}
        stream = container.add_stream("libx264", options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = TICK
        stream.codec_context.gop_size = 20
        packets = []
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = number * 9000, TICK
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet, tick in zip(packets, ticks, strict=True):  # without B-frames, packets have the order of frames
            packet.pts = packet.dts = tick
            packet.time_base = TICK
            container.mux(packet)
    return path


def pets_large(assets: Path, target: Path, turns: int = 1) -> Path:
    """Writes the full-size pictures of PETS, 768 x 576, as a clip of 7 frames per second.

    Args:
        turns: number of passes; every second one runs backwards, so that nobody jumps.
    """
    pictures = sorted((assets / "video" / "PETS09-S2L1" / "img1").glob("*.jpg"))
    order = [picture for turn in range(turns) for picture in pictures[:: -1 if turn % 2 else 1]]
    frames = (np.asarray(cv2.imread(str(picture)), np.uint8) for picture in order)
    return write_frames(target, frames, steady_times(len(order), PETS_FPS))


def first_frames(source: Path, target: Path, count: int) -> Path:
    """Copies the first frames of an MP4 without encoding them again."""
    with av.open(f"file:{source}") as read, av.open(f"file:{target}", "w") as written:
        stream = read.streams.video[0]
        copy = written.add_stream_from_template(stream)
        copy.time_base = stream.time_base
        for packet in islice(read.demux(stream), count):
            if packet.pts is not None:
                packet.stream = copy
                written.mux(packet)
    return target


def load_frames(path: Path, count: int) -> list[Uint8]:
    """Reads the first frames of a clip."""
    return [frame.image for frame in islice(read_frames(path), count)]
