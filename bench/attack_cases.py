"""The attacks, by family: kinds of footage, weights and settings with which people once stayed visible."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np

from bench.anonymize_systems import DETECTOR, FACES, OTHER_DETECTOR, POSE, weights
from bench.anonymized_site import Params
from bench.attack_footage import (
    Change,
    Footage,
    Night,
    crowd_cells,
    drift,
    half_still,
    mosaic,
    moving_window,
    pan,
    pets_clip,
    shake,
    view_cells,
)
from bench.attack_run import Attack
from bench.blind import KINDS, break_detector
from bench.material import ASSETS
from bench.real_clips import steady_times
from schemas.frame_boxes import FrameBoxes

DETECT: Params = {"detect": {"model": DETECTOR}}

CROWD_FPS = 3
"""Frame rate of crowds."""

BLIND_FRAMES, CLOCK_FRAMES, WINDOW_FRAMES = 120, 200, 150
"""Frames of the clips of the families ``blind`` and ``unproven``, ``fast_clock`` and ``moving``."""


@dataclass(frozen=True)
class Family:
    """Attacks of one kind.

    Attributes:
        attacks: returns the attacks, given a folder for the weights that it writes.
        measures_area: whether the covered area of each case is a figure of its own.
    """

    attacks: Callable[[Path], Sequence[Attack]]
    measures_area: bool = False


def _models() -> list[Path]:
    return weights(DETECTOR, OTHER_DETECTOR, POSE, FACES)


def _crowd(path: Path, seed: int, frames: int, change: Change | None = None, still: float = 0.0) -> Footage:
    return mosaic(path.with_suffix(".mp4"), crowd_cells(seed, still), frames, CROWD_FPS, change)


def _view(path: Path, seed: int, frames: int, change: Change | None = None, still: float = 0.0) -> Footage:
    return mosaic(path.with_suffix(".mp4"), view_cells(seed, still), frames, CROWD_FPS, change)


def crowd(_: Path) -> list[Attack]:
    """Returns crowds by day and by night, in 8 frames and in half a minute, where all walk and where some stand."""
    night = Night()
    return [
        Attack("crowd/day", partial(_crowd, seed=1, frames=8), _models(), ops=DETECT),
        Attack("crowd/night", partial(_crowd, seed=2, frames=8, change=night), _models(), ops=DETECT),
        Attack("crowd/some-stand", partial(_crowd, seed=3, frames=8, still=0.5), _models(), ops=DETECT),
        Attack("crowd/moving", partial(_crowd, seed=4, frames=8), _models(), fixed=False, ops=DETECT),
        Attack("crowd/night-moving", partial(_crowd, seed=5, frames=8, change=night), _models(), False, ops=DETECT),
        Attack("crowd/long", partial(_view, seed=6, frames=110, still=0.3), _models(), ops=DETECT),
        Attack("crowd/long-night", partial(_view, seed=7, frames=110, change=night, still=0.3), _models(), ops=DETECT),
        Attack("crowd/long-moving", partial(_view, seed=8, frames=60), _models(), False, ops=DETECT),
    ]


def painting(mode: str, _: Path) -> list[Attack]:
    """Returns crowds, and people who stand still for a whole clip, in a mode that paints the background."""
    cases: dict[str, Callable[[Path], Footage]] = {
        "crowd": partial(_crowd, seed=1, frames=12),
        "crowd-some-stand": partial(_crowd, seed=3, frames=12, still=0.5),
        "crowd-night": partial(_crowd, seed=2, frames=12, change=Night()),
        "long": partial(_view, seed=6, frames=110, still=0.3),
        "half-still": lambda path: half_still(path.with_suffix(".mp4"), 40),
        "half-still-long": lambda path: half_still(path.with_suffix(".mp4"), 250),
    }
    return [Attack(f"{mode}/{name}", make, _models(), mode=mode, ops=DETECT) for name, make in cases.items()]


def _pets_at(path: Path, times_s: Sequence[Fraction], suffix: str = ".mp4") -> Footage:
    return pets_clip(path.with_suffix(suffix), times_s)


def blind(folder: Path, family: str = "blind", prove: bool = True) -> list[Attack]:
    """Returns PETS with detectors that find nothing, or the wrong things.

    Args:
        prove: they must prove themselves first; else only what the footage shows can stop them.
    """
    attacks = []
    (source,) = weights(DETECTOR)
    for kind in KINDS:
        broken = folder / f"{kind}_openvino_model"
        if not broken.exists():
            break_detector(source, broken, kind)
        models = [broken, *weights(OTHER_DETECTOR, FACES)]
        make = partial(_pets_at, times_s=steady_times(BLIND_FRAMES, 10))
        ops: Params = {"detect": {"model": broken.name}}
        for fixed in (False, True):
            name = f"{family}/{kind}{'' if fixed else '-moving'}"
            attacks.append(Attack(name, make, models, fixed, audit=False, ops=ops, prove=prove))
    return attacks


def fast_clock(_: Path) -> list[Attack]:
    """Returns PETS with clocks that are too fast or too slow, run in bursts, or give each time to two frames."""
    frames = CLOCK_FRAMES
    clocks: dict[str, tuple[list[Fraction], str]] = {
        "0.22s": ([Fraction(number * 22, 100 * frames) for number in range(frames)], ".mp4"),
        "120fps": (steady_times(frames, 120), ".mp4"),
        "60fps": (steady_times(frames, 60), ".mp4"),
        "one-in-3s": ([Fraction(3 * number) for number in range(frames)], ".mp4"),
        "bursts": ([Fraction(number // 20) + Fraction(number % 20, 1000) for number in range(frames)], ".mp4"),
        "doubled": ([Fraction(number // 2, 5) for number in range(frames)], ".mkv"),
    }
    return [
        Attack(f"fast_clock/{name}{'' if fixed else '-moving'}", partial(_pets_at, times_s=times_s, suffix=suffix),
               _models(), fixed, audit=False, ops=DETECT)
        for name, (times_s, suffix) in clocks.items()
        for fixed in ((True, False) if name in ("0.22s", "120fps") else (True,))
    ]  # fmt: skip


def moving(_: Path) -> list[Attack]:
    """Returns views that drift, shake and pan, each declared not fixed and fixed, and traffic declared not fixed."""
    return [
        Attack(f"moving/{name}{'-declared-fixed' if fixed else ''}",
               partial(_window, corner=corner), _models(), fixed, ops=DETECT)
        for name, corner in (("drift", drift), ("shake", shake), ("pan", pan))
        for fixed in (False, True)
    ] + [Attack("moving/traffic", partial(_clip, name="car-detection.mp4"), _models(), False, ops=DETECT)]  # fmt: skip


def _window(path: Path, corner: Callable[[int], tuple[int, int]]) -> Footage:
    return moving_window(path.with_suffix(".mp4"), corner, WINDOW_FRAMES)


def _clip(path: Path, name: str) -> Footage:  # noqa: ARG001 - one signature for all
    """Returns a clip unchanged, without truth about its people."""
    nobody = FrameBoxes(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 4)), np.empty(0, np.bool_))
    return Footage(ASSETS / "video" / name, nobody)


TRAFFIC = MappingProxyType(
    {
        "road": "more/road.mp4",
        "highway": "more/highway.avi",
        "avenue": "more/avenue.avi",
        "car-detection": "car-detection.mp4",
        "walkway": "more/walkway.mp4",
    }
)
"""The clips whose covered area is measured, by name; people walk in ``walkway`` only."""


def traffic(_: Path) -> list[Attack]:
    """Returns clips of traffic, leaves and shadows by fixed cameras, to measure how much is covered."""
    return [Attack(name, partial(_clip, name=clip), _models(), ops=DETECT) for name, clip in TRAFFIC.items()]


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "crowd": Family(crowd),
        "tracks_only": Family(partial(painting, "tracks-only")),
        "remove": Family(partial(painting, "remove")),
        "skeleton": Family(partial(painting, "skeleton")),
        "blind": Family(blind),
        "unproven": Family(partial(blind, family="unproven", prove=False)),
        "fast_clock": Family(fast_clock),
        "moving": Family(moving),
        "traffic": Family(traffic, measures_area=True),
    }
)
"""The families of attacks, by name."""
