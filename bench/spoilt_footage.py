"""Compares looks at what changed with looks at every frame, on footage that is spoilt in ways that may mislead them.

    python -m bench.spoilt_footage [--json] [--only KIND ...]

Needs the real material ($NIGHTSHIFT_ASSETS, default ../shared/assets). Every kind is a short clip of PETS. It is looked
at twice, up to tracks, each time in a process of its own: with ``skip_unchanged = false``, and with the defaults.
*people*: found surely by the former, frame by frame; *missed*: those of them where the latter have no box. *runs*: of
the network. *cpu_ratio*: CPU seconds of the defaults to those of looks at every frame. *peak_mb*: of memory.
"""

import argparse
import contextlib
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np

from bench.attack_footage import Change, Night, mosaic, view_cells
from bench.bad_footage import grey
from bench.material import ASSETS, alone, peak_mb, print_figures, require_assets
from bench.real_clips import load_frames, steady_times, write_frames
from bench.real_site import CLIPS
from bench.tracks import cost, site_of
from jobs.commands.results import query
from jobs.planning.graph import Selection
from ops.boxes import iou_matrix
from schemas.values import Float32, Uint8

CAMERA, OTHER = "pets", "table"
FRAMES, FPS = 330, 10
"""At least 30 seconds: in a shorter segment there is no background, and every frame is looked at."""

UHD, UHD_FPS = (3840, 2160), 2
"""Fewer frames, since a look at a whole one takes up to 179 runs of the network."""

SHAKE_PX = 3
STREAKS, STREAK_PX, STREAK_GREY = 150, (2, 14), 200
FLICKER_GREY = 15
LAMP_PX, LAMP_FRAMES = slice(40, 100), 3
SURE, SAME_IOU = 0.5, 0.5

Effect = Callable[[list[Uint8]], Iterable[Uint8]]
"""Turns the frames of a clip into those that are shown."""
People = Mapping[int, Float32]
"""By ``pts``, confidence and box of everybody found, ``(N, 5)``."""


@dataclass(frozen=True)
class Looks:
    """Who was found in a clip, runs of the network, CPU seconds, and the peak memory of the process, MB."""

    people: People
    runs: int
    cpu_s: float
    peak_mb: float


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="*", choices=tuple(KINDS), default=tuple(KINDS), metavar="KIND")
    arguments = parser.parse_args()
    require_assets()
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        for kind in arguments.only:
            print(f"looking at {kind}", file=sys.stderr)
            figures[kind] = measure(kind, Path(folder) / kind)
            print(figures[kind], file=sys.stderr)  # the others may take an hour
    print_figures(figures, arguments.json)


def measure(kind: str, folder: Path) -> dict[str, float]:
    """Returns the figures of one kind."""
    clip = folder / "clip.mp4"
    folder.mkdir()
    KINDS[kind](clip)
    full = alone(look, clip, folder / "full", "skip_unchanged = false")
    fast = alone(look, clip, folder / "fast", "")
    people, missed = missed_people(full.people, fast.people)
    return {
        "runs_full": full.runs,
        "runs": fast.runs,
        "cpu_s_full": round(full.cpu_s, 1),
        "cpu_ratio": round(fast.cpu_s / full.cpu_s, 2),
        "people": people,
        "missed": missed,
        "peak_mb_full": round(full.peak_mb),
        "peak_mb": round(fast.peak_mb),
    }


def look(clip: Path, root: Path, detect: str) -> Looks:
    """Runs a site of one clip in this process, up to tracks.

    Args:
        detect: parameters of the op, as in site.toml.
    """
    site = site_of(CAMERA, clip, root, detect)
    cpu_s = cost(site, Selection(ops=("link",)))
    found: dict[int, list[list[float]]] = defaultdict(list)
    columns = ("confidence", "x1", "y1", "x2", "y2")
    for row in query(site, f"SELECT pts, {', '.join(columns)} FROM detections WHERE label = 'person'").to_pylist():
        found[row["pts"]].append([row[name] for name in columns])
    runs = query(site, "SELECT sum(detector_calls) AS runs FROM runs")["runs"][0].as_py()
    people = {pts: np.array(rows, np.float32) for pts, rows in found.items()}
    return Looks(people, int(runs), cpu_s, peak_mb())


def missed_people(full: People, fast: People) -> tuple[int, int]:
    """Returns how many were found surely by full looks, and of how many of them others have no box."""
    people = missed = 0
    for pts, rows in full.items():
        sure = rows[rows[:, 0] >= SURE, 1:]
        overlaps = iou_matrix(sure, fast.get(pts, np.empty((0, 5), np.float32))[:, 1:])
        people += len(sure)
        missed += int((overlaps.max(axis=1, initial=0.0) < SAME_IOU).sum())
    return people, missed


# What happens to footage ---------------------------------------------------------------------------------------------


def each(change: Change) -> Effect:
    """Changes every frame."""

    def changed(frames: list[Uint8]) -> Iterator[Uint8]:
        return (change(frame, number) for number, frame in enumerate(frames))

    return changed


def shaken(frame: Uint8, number: int) -> Uint8:
    """Shifts a frame by up to ``SHAKE_PX``; what leaves it on one side comes in on the other."""
    down, across = np.random.default_rng(number).integers(-SHAKE_PX, SHAKE_PX + 1, 2).tolist()
    return np.roll(frame, (down, across), (0, 1))


def rainy(frame: Uint8, number: int) -> Uint8:
    """Draws streaks of rain at other places in every frame."""
    random, wet, colour = np.random.default_rng(number), frame.copy(), (STREAK_GREY, STREAK_GREY, STREAK_GREY)
    for x, y in random.integers(0, frame.shape[1::-1], (STREAKS, 2)).tolist():
        cv2.line(wet, (x, y), (x + STREAK_PX[0], y + STREAK_PX[1]), colour, 1)
    return wet


def flickering(frame: Uint8, number: int) -> Uint8:
    """Brightens every second frame."""
    return np.asarray(cv2.convertScaleAbs(frame, alpha=1.0, beta=FLICKER_GREY * (number % 2)), np.uint8)


def blinking(frame: Uint8, number: int) -> Uint8:
    """Shows a white screen in a part of the view for some frames, and not for the next ones."""
    lit = frame.copy()
    if number // LAMP_FRAMES % 2:
        lit[LAMP_PX, LAMP_PX] = 255
    return lit


def infra_red(frame: Uint8, number: int) -> Uint8:
    """Loses the colour in the middle of the clip, as a camera does at dusk."""
    return grey(frame, number) if number > FRAMES // 2 else frame


def cut(frames: list[Uint8]) -> list[Uint8]:
    """Shows another scene in the middle third, at the same size."""
    third, size_px = len(frames) // 3, frames[0].shape[1::-1]
    other = load_frames(ASSETS / "video" / CLIPS[OTHER][0], 2 * third)[third:]
    scene = [np.asarray(cv2.resize(frame, size_px), np.uint8) for frame in other]
    return [*frames[:third], *scene, *frames[2 * third :]]


def pets() -> list[Uint8]:
    """Reads the frames of PETS."""
    return load_frames(ASSETS / "video" / CLIPS[CAMERA][0], FRAMES)


def of_pets(effect: Effect, fps: int = FPS) -> Callable[[Path], object]:
    """Writes spoilt frames of PETS."""

    def write(path: Path) -> None:
        shown = list(effect(pets()))
        write_frames(path, shown, steady_times(len(shown), fps), keyframe_every=60)

    return write


def write_uhd(path: Path) -> None:
    """Writes frames of PETS at 4K, fewer of them in the same time, one by one since they are 25 MB each."""
    frames = pets()[:: FPS // UHD_FPS]
    enlarged = (np.asarray(cv2.resize(frame, UHD), np.uint8) for frame in frames)
    write_frames(path, enlarged, steady_times(len(frames), UHD_FPS), keyframe_every=60)


KINDS: Mapping[str, Callable[[Path], object]] = MappingProxyType(
    {
        "plain": of_pets(list),
        "shake": of_pets(each(shaken)),
        "rain": of_pets(each(rainy)),
        "flicker": of_pets(each(flickering)),
        "lamp": of_pets(each(blinking)),
        "black": of_pets(each(Night(light=0.0, noise=4.0))),
        "dark": of_pets(each(Night(light=0.3, noise=4.0))),
        "infra-red": of_pets(each(infra_red)),
        "cut": of_pets(cut),
        "asleep": of_pets(lambda frames: [frames[len(frames) // 2]] * len(frames)),
        "crowd": lambda path: mosaic(path, view_cells(seed=1), FRAMES, FPS),
        "1fps": of_pets(lambda frames: frames[::FPS], fps=1),
        "60fps": of_pets(lambda frames: [frame for frame in frames for _ in range(6)], fps=60),
        "4k": write_uhd,
    }
)
"""By name, what writes the clip."""


if __name__ == "__main__":
    main()
