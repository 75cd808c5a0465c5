"""Encoded frames for tests, and independent ways to decode them."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import av
import ffmpeg
import numpy as np

from schemas.values import FrameBatch, Uint8
from storage.blobs import LocalBlobs
from storage.video.chunks import EncodedChunk
from storage.video.ffmpeg import ffmpeg_path
from storage.video.writer import PartWriter
from tests.support import clips
from tests.support.fakes import make_segment

START_US = 1_772_488_800_000_000
CUTS = (1, 1, 7, 1, 12, 1, 1, 1, 30)
SIZES = [(208, 120), (207, 61), (320, 241)]


def pictures(count: int, width: int = 208, height: int = 120, first: int = 0) -> Uint8:
    """Numbered frames with noise, so that every block is coded."""
    random = np.random.default_rng(first + 7)
    images = []
    for number in range(first, first + count):
        image = clips.numbered_frame(number, max(width, 208), height)[:, :width]
        noise = random.integers(0, 24, image.shape, dtype=np.uint8)
        images.append(np.clip(image.astype(np.int16) + noise, 0, 255).astype(np.uint8))
    return np.stack(images)


def batch_of(images: Uint8, first: int = 0, step: int = 512) -> FrameBatch:
    """Frames number ``first`` and on; their wall times are odd, so that no code can derive them from the PTS."""
    numbers = first + np.arange(len(images), dtype=np.int64)
    return FrameBatch(images, numbers * step, START_US + numbers * 40_001 + numbers % 3)


def whole(batches: Sequence[FrameBatch]) -> FrameBatch:
    parts = [[batch.frames, batch.pts, batch.times_us] for batch in batches]
    return FrameBatch(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def sink_of(folder: Path, name: str = "part.mp4", index: int = 0) -> PartWriter:
    return PartWriter(LocalBlobs(folder), name, make_segment(index))


def chunk_of(sink: PartWriter, *batches: FrameBatch) -> EncodedChunk:
    chunk = sink.new_chunk()
    for batch in batches:
        chunk.write(batch)
    return chunk


def cut_into_chunks(sink: PartWriter, images: Uint8, cuts: Sequence[int]) -> list[FrameBatch]:
    """Keeps all frames, one chunk for each of ``cuts``; returns the decoded batches."""
    decoded: list[FrameBatch] = []
    first = 0
    for count in cuts:
        chunk = chunk_of(sink, batch_of(images[first : first + count], first))
        decoded += chunk.decode()
        sink.keep(chunk)
        first += count
    return decoded


def decode_file(path: Path) -> tuple[list[int], Uint8]:
    """PTS and BGR frames of a file, as PyAV gives them."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert not any(frame.is_corrupt for frame in frames)
    return [frame.pts or 0 for frame in frames], np.stack([frame.to_ndarray(format="bgr24") for frame in frames])


def decode_with_ffmpeg(path: Path, width: int, height: int, **before: str) -> Uint8:
    """The luma planes ``(N, H, W)`` that the ffmpeg program decodes, every frame as it comes."""
    source = ffmpeg.input(f"file:{path}", **before)
    chain = source.output("pipe:", format="rawvideo", pix_fmt="yuv420p", fps_mode="passthrough")
    command = ffmpeg.compile(chain.global_args("-v", "error", "-nostdin"), cmd=ffmpeg_path())
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    frames = np.frombuffer(done.stdout, np.uint8).reshape(-1, height * 3 // 2, width)
    return frames[:, :height]


def luma(path: Path) -> Uint8:
    with av.open(str(path)) as container:
        planes = [frame.to_ndarray() for frame in container.decode(video=0)]
    return np.stack([plane[: len(plane) * 2 // 3] for plane in planes])


def idr_numbers(path: Path) -> list[int | None]:
    """``idr_pic_id`` of each picture, None where it is no keyframe, by FFmpeg's own header parser."""
    chain = ffmpeg.input(f"file:{path}").output("-", format="null", c="copy", **{"bsf:v": "trace_headers"})
    command = ffmpeg.compile(chain.global_args("-v", "info", "-nostdin"), cmd=ffmpeg_path())
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    found: list[int | None] = []
    for line in done.stderr.splitlines():
        if re.search(r"\bfirst_mb_in_slice\b.* = 0$", line):
            found.append(None)
        elif number := re.search(r"\bidr_pic_id\b.* = (\d+)$", line):
            found[-1] = int(number[1])
    return found


def nal_types(path: Path) -> set[int]:
    """Kinds of all units in a file's samples (ISO/IEC 14496-15: each after its length in four bytes)."""
    found = set()
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            content, at = bytes(packet), 0
            while at < len(content):
                found.add(content[at + 4] & 31)
                at += 4 + int.from_bytes(content[at : at + 4])
    return found
