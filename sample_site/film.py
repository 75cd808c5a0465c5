"""Films the script with each camera: H.264 files with real start times, and what is visible in every frame."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from sample_site.geometry import Pinhole
from sample_site.people import Appearance
from sample_site.play import Play
from sample_site.renderer import Figure, Renderer, VisibleFigure
from sample_site.script import CameraSpec, Route, SampleSpec
from sample_site.truth import TrueFile
from schemas.values import Uint8
from storage.video.x264 import deterministic_options

SUITCASE = "suitcase of "
_SUITCASE_HEIGHT_M = 0.95
_KEYFRAME_S = 2
# One thread: otherwise the number of CPUs of the machine changes the bytes.
_ENCODER = {"preset": "veryfast", "crf": "23", "threads": "1", "bf": "0", "sc_threshold": "0"}


@dataclass(frozen=True)
class TrueFrame:
    """What one camera sees at one time. ``time_s`` counts from the start of the footage."""

    time_s: float
    visible_figures: tuple[VisibleFigure, ...]


@dataclass(frozen=True)
class Actors:
    """The people who walk, the sprites they are drawn from, the suitcase's sprite, and a play with its things'."""

    routes: tuple[Route, ...]
    appearances: tuple[Appearance, ...]
    suitcase: Uint8
    play: Play = field(default_factory=Play)
    sprites: Mapping[str, Uint8] = field(default_factory=dict)

    def figures_at(self, time_s: float, lens: Pinhole) -> list[Figure]:
        """Returns all people and suitcases that are in the building at a time, as a camera sees them."""
        figures = []
        for route in self.routes:
            x, y, walked_m = route.places(np.array([time_s]))[0]
            if np.isfinite(x):
                moving = bool(route.places(np.array([time_s - 0.15]))[0, 2] != walked_m)
                sprite = self.appearances[route.appearance % len(self.appearances)].at(float(walked_m), moving)
                facing = sprite if _heads_right(route, time_s, lens) else np.ascontiguousarray(sprite[:, ::-1])
                figures.append(Figure(route.person, (float(x), float(y)), route.height_m, facing))
            place = route.suitcase_at(time_s)
            if place is not None:
                figures.append(Figure(SUITCASE + route.person, place, _SUITCASE_HEIGHT_M, self.suitcase, 0.42))
        return figures + self.play.figures_at(time_s, lens, self.appearances, self.sprites)


def film_camera(
    camera: CameraSpec, spec: SampleSpec, renderer: Renderer, actors: Actors, archive: Path, tick: Callable[[], None]
) -> tuple[list[TrueFile], list[TrueFrame]]:
    """Films all files of a camera below ``archive``.

    Args:
        tick: called once per frame.

    Returns:
        The files, and what is visible in each of their frames, including those lost from a file that is cut off.
    """
    files: list[TrueFile] = []
    true_frames: list[TrueFrame] = []
    for number in range(camera.files * spec.rounds):
        start = spec.start + timedelta(seconds=number * spec.file_s)
        path = f"{camera.camera}/{start:%Y-%m-%dT%H-%M-%S}.mp4"
        target = archive / path
        target.parent.mkdir(parents=True, exist_ok=True)
        frames = spec.file_s * spec.fps
        seconds = [number * spec.file_s + frame / spec.fps for frame in range(frames)]
        _encode(target, _filmed(renderer, actors, seconds, spec.fps, true_frames, tick), spec)
        cut = camera.last_file_kept < 1 and number == camera.files * spec.rounds - 1
        readable = _truncate(target, camera.last_file_kept) if cut else frames
        closed = (start + timedelta(seconds=spec.file_s)).timestamp()
        os.utime(target, (closed, closed))
        length_s = float(spec.file_s)
        files.append(
            TrueFile(camera.camera, path, start, length_s, frames, readable, min(length_s, readable / spec.fps))
        )
    return files, true_frames


def _filmed(
    renderer: Renderer,
    actors: Actors,
    seconds: Sequence[float],
    fps: int,
    true_frames: list[TrueFrame],
    tick: Callable[[], None],
) -> Iterator[Uint8]:
    for time_s in seconds:
        figures = actors.figures_at(time_s, renderer.lens)
        frame, visible_figures = renderer.render(round(time_s * fps), time_s, figures)
        true_frames.append(TrueFrame(time_s, tuple(visible_figures)))
        tick()
        yield frame


def _encode(target: Path, frames: Iterable[Uint8], spec: SampleSpec) -> None:
    """Writes frames (BGR) at a constant rate, with the index first, as cameras with a memory card write it."""
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


def _truncate(target: Path, kept: float) -> int:
    """Cuts a file off after a share of its bytes, as a power failure does, and returns the number of whole frames."""
    keep = int(target.stat().st_size * kept)
    with av.open(str(target)) as container:
        ends = [packet.pos + packet.size for packet in container.demux(video=0) if packet.pos is not None]
    os.truncate(target, keep)
    return sum(end <= keep for end in ends)


def _heads_right(route: Route, time_s: float, lens: Pinhole) -> bool:
    """Returns whether a person moves to the right in the picture; a person who stops keeps the last direction."""
    steps = np.array([max(route.start_s, min(time_s, route.end_s) - 0.3), min(time_s + 0.1, route.end_s)])
    while True:
        places = route.places(steps)
        if places[0, 2] != places[1, 2] or steps[0] <= route.start_s:
            break
        steps[0] = max(route.start_s, steps[0] - 0.5)
    pixels, _ = lens.project(np.column_stack([places[:, :2], np.zeros(2)]))
    return bool(pixels[1, 0] >= pixels[0, 0])
