"""Plays the script before the cameras: H.264 files with real start times, and what is visible in every frame."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from sample_site.geometry import Pinhole
from sample_site.people import Look
from sample_site.picture import Figure, Painter, Sighting
from sample_site.script import CameraSpec, SampleSpec, Visit
from sample_site.true_events import TrueFile
from schemas.values import Uint8
from storage.video.x264 import deterministic_options

SUITCASE = "suitcase of "
_SUITCASE_HEIGHT_M = 0.95
_CUT_AT = 0.45  # of the file's bytes
_KEYFRAME_S = 2
_ENCODER = {"preset": "veryfast", "crf": "23", "threads": "1", "bf": "0", "sc_threshold": "0"}


@dataclass(frozen=True)
class Shot:
    """What one camera sees at one moment. ``time_s`` counts from the start of the footage."""

    time_s: float
    sightings: tuple[Sighting, ...]


@dataclass(frozen=True)
class Company:
    """The people who walk, the pictures they are drawn from, and the suitcase's picture."""

    visits: tuple[Visit, ...]
    looks: tuple[Look, ...]
    suitcase: Uint8

    def on_stage(self, time_s: float, lens: Pinhole) -> list[Figure]:
        """Everybody, and every suitcase, that is in the building at a time, as a camera sees it."""
        figures = []
        for visit in self.visits:
            x, y, walked_m = visit.places(np.array([time_s]))[0]
            if np.isfinite(x):
                moving = bool(visit.places(np.array([time_s - 0.15]))[0, 2] != walked_m)
                sprite = self.looks[visit.look % len(self.looks)].at(float(walked_m), moving)
                facing = sprite if _heads_right(visit, time_s, lens) else np.ascontiguousarray(sprite[:, ::-1])
                figures.append(Figure(visit.person, (float(x), float(y)), visit.height_m, facing))
            place = visit.suitcase_at(time_s)
            if place is not None:
                figures.append(Figure(SUITCASE + visit.person, place, _SUITCASE_HEIGHT_M, self.suitcase, 0.42))
        return figures


def film_camera(
    camera: CameraSpec, spec: SampleSpec, painter: Painter, company: Company, archive: Path, tick: Callable[[], None]
) -> tuple[list[TrueFile], list[Shot]]:
    """Films all files of a camera below ``archive``.

    Args:
        tick: called once a frame.

    Returns:
        The files, and what is visible in each of their frames; also behind the cut of a file that breaks off.
    """
    files: list[TrueFile] = []
    shots: list[Shot] = []
    for number in range(camera.files * spec.rounds):
        start = spec.start + timedelta(seconds=number * spec.file_s)
        path = f"{camera.camera}/{start:%Y-%m-%dT%H-%M-%S}.mp4"
        target = archive / path
        target.parent.mkdir(parents=True, exist_ok=True)
        frames = spec.file_s * spec.fps
        seconds = [number * spec.file_s + frame / spec.fps for frame in range(frames)]
        _encode(target, _filmed(painter, company, seconds, spec.fps, shots, tick), spec)
        cut = camera.cut_last_file and number == camera.files * spec.rounds - 1
        readable = _break_off(target) if cut else frames
        closed = (start + timedelta(seconds=spec.file_s)).timestamp()
        os.utime(target, (closed, closed))
        length_s = float(spec.file_s)
        files.append(
            TrueFile(camera.camera, path, start, length_s, frames, readable, min(length_s, readable / spec.fps))
        )
    return files, shots


def _filmed(
    painter: Painter, company: Company, seconds: Sequence[float], fps: int, shots: list[Shot], tick: Callable[[], None]
) -> Iterator[Uint8]:
    for time_s in seconds:
        figures = company.on_stage(time_s, painter.lens)
        frame, sightings = painter.paint(round(time_s * fps), time_s, figures)
        shots.append(Shot(time_s, tuple(sightings)))
        tick()
        yield frame


def _encode(target: Path, frames: Iterable[Uint8], spec: SampleSpec) -> None:
    """Writes frames (BGR) at a constant rate; the index comes first, as cameras with a card write it."""
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(target), "w", format="mp4", options=options) as container:
        stream = container.add_stream("libx264", rate=spec.fps, options=_ENCODER | deterministic_options())
        stream.width, stream.height = spec.size_px
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, spec.fps)
        stream.gop_size = _KEYFRAME_S * spec.fps
        stream.codec_context.thread_count = 1
        for pts, bgr in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(bgr, format="bgr24")
            frame.pts, frame.time_base = pts, Fraction(1, spec.fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _break_off(target: Path) -> int:
    """Cuts a file off in the middle, as a power failure does; gives the number of frames that are whole."""
    keep = int(target.stat().st_size * _CUT_AT)
    with av.open(str(target)) as container:
        ends = [packet.pos + packet.size for packet in container.demux(video=0) if packet.pos is not None]
    os.truncate(target, keep)
    return sum(end <= keep for end in ends)


def _heads_right(visit: Visit, time_s: float, lens: Pinhole) -> bool:
    """Whether a person moves to the right in the picture; one who stands keeps looking where they went."""
    steps = np.array([max(visit.start_s, min(time_s, visit.end_s) - 0.3), min(time_s + 0.1, visit.end_s)])
    while True:
        places = visit.places(steps)
        if places[0, 2] != places[1, 2] or steps[0] <= visit.start_s:
            break
        steps[0] = max(visit.start_s, steps[0] - 0.5)
    pixels, _ = lens.project(np.column_stack([places[:, :2], np.zeros(2)]))
    return bool(pixels[1, 0] >= pixels[0, 0])
