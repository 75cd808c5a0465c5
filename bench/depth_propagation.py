"""How much faster depth is that optical flow carries between keyframes, and what it costs in accuracy.

The films are the sample site's hall with people who walk, rendered with the true depth of every frame. The network
that errors are measured with is that truth, so that all error is the propagation's. The network that is timed is
DPT-Large (arXiv 2103.13413) with random weights: its time does not depend on them. No accuracy of any real network is
claimed. Measured-synthetic.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ops.depth_models.kinds import Depth, MetricDepth
from ops.frame_depth.carry import CarriedDepth, DepthCarrier, KeyframeParams
from ops.frame_depth.view import Background
from sample_site import DEMO
from sample_site.film import Actors
from sample_site.hall import render_backdrop
from sample_site.people import cut_out_people
from sample_site.renderer import Renderer, draw_suitcase
from sample_site.script import schedule_play, schedule_routes
from schemas.values import Bools, Float32, Uint8
from storage.photographs import find_photograph

SIZE_PX = (384, 216)
FPS = 5
SEED = 7
FIRST_S = 4.0
"""The first person comes in at about this time."""

_NETWORK_PX = 384
_TIMED_PICTURES = 3


@dataclass(frozen=True)
class TrueFrame:
    """A frame, BGR, its true depth, and which pixels people and their things cover."""

    picture: Uint8
    depth_m: Float32
    people: Bools


@dataclass(frozen=True)
class Film:
    """What a camera of the sample site sees: its empty view, that view's depth, and frames."""

    background: Background
    empty_m: Float32
    frames: tuple[TrueFrame, ...]


@dataclass(frozen=True)
class Propagated:
    """What a film gave.

    Attributes:
        frames, calls: frames, and pictures that the network looked at.
        carry_s: time of everything but the network.
        abs_rel: mean of |depth - truth| / truth.
        people_abs_rel: the same over pixels of people.
        invalid_share: mean share of pixels that flow could not carry.
    """

    frames: int
    calls: int
    carry_s: float
    abs_rel: float
    people_abs_rel: float
    invalid_share: float


def films(frames: int) -> Iterator[Film]:
    """Renders the film of each camera of the sample site, with so many frames each."""
    photo = find_photograph("bus.jpg")
    picture = np.asarray(cv2.imread(str(photo)), np.uint8)
    actors = Actors(schedule_routes(DEMO, SEED), cut_out_people(photo), draw_suitcase(), schedule_play(DEMO, SEED))
    for number, camera in enumerate(DEMO.cameras):
        lens = camera.lens(SIZE_PX)
        renderer = Renderer(lens, render_backdrop(lens, picture, SEED), SEED + number)
        empty_m = renderer.backdrop.depth_m
        shown = []
        for index in range(frames):
            time_s = FIRST_S + index / FPS
            figures = actors.figures_at(time_s, lens)
            depth_m = renderer.render_depth(figures)
            shown.append(TrueFrame(renderer.render(index, time_s, figures)[0], depth_m, depth_m != empty_m))
        unknown = np.zeros(empty_m.shape, np.bool_)
        yield Film(Background(renderer.backdrop.image, unknown, 2.0), empty_m, tuple(shown))


def propagate(film: Film, params: KeyframeParams, background: bool = True) -> Propagated:
    """Carries depth through a film, with the truth as network."""
    truth = _Truth(film)
    carrier = DepthCarrier(truth.estimate, params, film.background if background else None)
    began = time.perf_counter()
    found: list[CarriedDepth] = []
    for number, frame in enumerate(film.frames):
        truth.now_m = frame.depth_m
        found.append(carrier.next(frame.picture, round(number * 1e6 / FPS)))
    carry_s = time.perf_counter() - began
    off = np.stack([np.abs(a.depth.values - b.depth_m) / b.depth_m for a, b in zip(found, film.frames, strict=True)])
    people = np.stack([frame.people for frame in film.frames])
    invalid = float(np.mean([one.invalid_share for one in found]))
    on_people = float(off[people].mean()) if people.any() else 0.0
    return Propagated(len(found), carrier.calls, carry_s, float(off.mean()), on_people, invalid)


def network_s(pictures: int = _TIMED_PICTURES) -> float:
    """Returns seconds that DPT-Large takes for a picture of 384 pixels, on one thread: the median of some."""
    import torch
    from transformers import DPTConfig, DPTForDepthEstimation

    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    network: Any = DPTForDepthEstimation(DPTConfig())
    network.eval()
    picture = torch.rand(1, 3, _NETWORK_PX, _NETWORK_PX)
    taken = []
    with torch.inference_mode():
        for _ in range(pictures + 1):
            began = time.perf_counter()
            network(picture)
            taken.append(time.perf_counter() - began)
    return float(np.median(taken[1:]))


def measure(frames: int = 200, params: KeyframeParams | None = None, looked_s: float | None = None) -> dict[str, float]:
    """Measures speed and error over the films of both cameras.

    Args:
        frames: of each film.
        params: when the network looks; None: as the op does by default.
        looked_s: seconds that the network takes; None: measures it.
    """
    looked_s = network_s() if looked_s is None else looked_s
    params = params or KeyframeParams()
    found: dict[bool, list[Propagated]] = {True: [], False: []}
    for film in films(frames):
        for background, results in found.items():
            results.append(propagate(film, params, background))
    figures = _figures(found[True], looked_s)
    moving = {f"no_background_{name}": value for name, value in _figures(found[False], looked_s).items()}
    return {"network_s": looked_s, **figures, **moving}


def _figures(results: list[Propagated], looked_s: float) -> dict[str, float]:
    frames = sum(one.frames for one in results)
    calls = sum(one.calls for one in results)
    carry_s = sum(one.carry_s for one in results)
    return {
        "frames": frames,
        "depth_calls": calls,
        "carry_ms_per_frame": 1000 * carry_s / frames,
        "speedup": frames * looked_s / (calls * looked_s + carry_s),
        "added_abs_rel": float(np.mean([one.abs_rel for one in results])),
        "people_abs_rel": float(np.mean([one.people_abs_rel for one in results])),
        "invalid_share": float(np.mean([one.invalid_share for one in results])),
    }


class _Truth:
    """A network that is always right."""

    def __init__(self, film: Film) -> None:
        self.now_m = film.empty_m
        self._film = film

    def estimate(self, picture: Uint8) -> Depth:
        empty = np.array_equal(picture[:, :, ::-1], self._film.background.picture)
        return MetricDepth(self._film.empty_m if empty else self.now_m)
