"""Makes damaged and unusual footage that anonymizers fail on, with the true frames where they are known.

All files are made from one short part of PETS, so that most of them have true boxes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np

from bench.pets import pets_truth
from bench.real_clips import load_frames, steady_times, write_frames
from bench.real_site import CLIPS
from schemas.frame_boxes import FrameBoxes
from schemas.values import Float64, Uint8
from tests.support import damage

FRAMES, FPS = 40, 10
SECRET = "52.3702,4.8952 operator Jansen"
"""Text in the metadata of one file; no part of it may be in the published file."""


@dataclass(frozen=True)
class Film:
    """The frames that a player should show of a file.

    Attributes:
        frames: BGR, upright.
        times_s: time of each frame since the first.
        truth: people in them, frames numbered from 1.
    """

    frames: tuple[Uint8, ...]
    times_s: tuple[Fraction, ...]
    truth: FrameBoxes


@dataclass(frozen=True)
class BadFile:
    """One case: its file, which may be missing, and its film if the file is whole."""

    name: str
    path: Path
    film: Film | None = None


Maker = Callable[[Path, Film], BadFile]


@dataclass(frozen=True)
class _Change:
    """A change of the frames and of the true boxes; the first ``after`` (share) of the clip stays unchanged."""

    frame: Callable[[Uint8, int], Uint8]
    box: Callable[[Float64], Float64] = field(default=lambda boxes: boxes)
    after: float = 0.0


def base_film(assets: Path) -> Film:
    """Reads the part of PETS that all files are made from."""
    truth = pets_truth(assets)
    frames = load_frames(assets / "video" / CLIPS["pets"][0], FRAMES)
    return Film(tuple(frames), tuple(steady_times(FRAMES, FPS)), truth.take(truth.frame <= FRAMES))


def make_all(folder: Path, assets: Path) -> list[BadFile]:
    """Makes every case below a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    film = base_film(assets)
    return [maker(folder / name, film) for name, maker in MAKERS.items()]


def _named(path: Path, suffix: str = ".mp4") -> Path:
    return path.with_name(path.name + suffix)


def _sound_file(path: Path, film: Film, suffix: str = ".mp4") -> Path:
    return write_frames(_named(path, f"-sound{suffix}"), film.frames, film.times_s, keyframe_every=10)


def _broken(breaker: Callable[[Path, Path], Path]) -> Maker:
    """Makes a file that cannot be decoded, or only in part."""
    return lambda path, film: BadFile(path.name, breaker(_sound_file(path, film), _named(path)))


def _missing(path: Path, film: Film) -> BadFile:  # noqa: ARG001 - one signature for all
    return BadFile(path.name, _named(path))


def _encoded(suffix: str = ".mp4", **encoding: object) -> Maker:
    """Encodes the same frames in another way."""

    def make(path: Path, film: Film) -> BadFile:
        write_frames(_named(path, suffix), film.frames, film.times_s, **encoding)  # type: ignore[arg-type]
        return BadFile(path.name, _named(path, suffix), film)

    return make


def _filmed(change: _Change) -> Maker:
    """Encodes changed frames in the usual way."""

    def make(path: Path, film: Film) -> BadFile:
        first = round(change.after * len(film.frames))
        frames = [*film.frames[:first], *(change.frame(image, n) for n, image in enumerate(film.frames[first:], first))]
        boxes = film.truth.box.copy()
        later = film.truth.frame > first
        boxes[later] = change.box(boxes[later])
        truth = FrameBoxes(film.truth.frame, film.truth.identity, boxes, film.truth.counts)
        changed = Film(tuple(frames), film.times_s, truth)
        return BadFile(path.name, write_frames(_named(path), changed.frames, changed.times_s), changed)

    return make


def _uneven(path: Path, film: Film) -> BadFile:
    times_s, at = [], Fraction(0)
    for number in range(len(film.frames)):
        times_s.append(at)
        at += Fraction(1 + (number % 7 == 3) * 4 + number % 3, 30)
    changed = Film(film.frames, tuple(times_s), film.truth)
    return BadFile(path.name, write_frames(_named(path), film.frames, times_s), changed)


def _rotated(path: Path, film: Film) -> BadFile:
    """Turns the frames on their side, with metadata that tells players to turn them upright."""
    lying = [np.ascontiguousarray(np.rot90(image)) for image in film.frames]
    source = write_frames(_named(path, "-lying.mp4"), lying, film.times_s)
    return BadFile(path.name, damage.rotated(source, _named(path), clockwise_deg=90), film)


def _two_streams(path: Path, film: Film) -> BadFile:
    small = [cv2.resize(image, (240, 180)) for image in film.frames]
    write_frames(_named(path), film.frames, film.times_s, second=[np.asarray(image, np.uint8) for image in small])
    return BadFile(path.name, _named(path), film)


def _cropped(path: Path, film: Film) -> BadFile:
    """Crops 127 x 63 pixels around the upper half of the first person in the truth."""
    x1, y1, x2, _ = film.truth.box[film.truth.frame == 1][0]
    left, top = round((x1 + x2) / 2 - 63), round(y1 - 10)
    frames = tuple(np.ascontiguousarray(image[top : top + 63, left : left + 127]) for image in film.frames)
    boxes = film.truth.box - [left, top, left, top]
    inside = (boxes[:, 2] > 0) & (boxes[:, 0] < 127) & (boxes[:, 3] > 0) & (boxes[:, 1] < 63)
    truth = FrameBoxes(film.truth.frame, film.truth.identity, boxes, film.truth.counts).take(inside)
    write_frames(_named(path), frames, film.times_s, pix_fmt="yuv444p")
    return BadFile(path.name, _named(path), Film(frames, film.times_s, truth))


def _one_frame(path: Path, film: Film) -> BadFile:
    single = Film(film.frames[:1], film.times_s[:1], film.truth.take(film.truth.frame == 1))
    return BadFile(path.name, write_frames(_named(path), single.frames, single.times_s), single)


def _motionless(path: Path, film: Film) -> BadFile:
    """Repeats the first frame with new sensor noise: nobody moves."""
    noise = np.random.default_rng(5)
    first = film.frames[0].astype(np.int16)
    frames = tuple(np.clip(first + noise.normal(0, 2, first.shape), 0, 255).astype(np.uint8) for _ in film.frames)
    here, count = film.truth.take(film.truth.frame == 1), len(frames)
    truth = FrameBoxes(
        np.repeat(np.arange(1, count + 1), len(here)),
        np.tile(here.identity, count),
        np.tile(here.box, (count, 1)),
        np.tile(here.counts, count),
    )
    return BadFile(path.name, write_frames(_named(path), frames, film.times_s), Film(frames, film.times_s, truth))


def grey(image: Uint8, number: int) -> Uint8:  # noqa: ARG001 - one signature for all
    """Takes the colour out of a frame."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)


def _infra_red(image: Uint8, number: int) -> Uint8:
    """Imitates an infra-red lamp beside the camera: grey, partly inverted, dark towards the corners, noisy."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float64)
    height, width = grey.shape
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    lit = (235 - 0.8 * grey) * (1 - 0.5 * np.hypot(across, down))
    noisy = lit + np.random.default_rng(number).normal(0, 5, grey.shape)
    return np.repeat(np.clip(noisy, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


_MOVED_PX = (37.0, 21.0)


def _moved(image: Uint8, number: int) -> Uint8:  # noqa: ARG001 - one signature for all
    across, down = _MOVED_PX
    shift = np.array([[1.0, 0.0, across], [0.0, 1.0, down]])
    height, width = image.shape[:2]
    return np.asarray(cv2.warpAffine(image, shift, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)


def _dark_for_a_while(image: Uint8, number: int) -> Uint8:
    dark = FRAMES // 3 <= number < 2 * FRAMES // 3
    return np.asarray(image * 0.15, np.uint8) if dark else image


MAKERS: Mapping[str, Maker] = MappingProxyType(
    {
        "missing": _missing,
        "empty": lambda path, film: BadFile(path.name, damage.empty(_named(path))),  # noqa: ARG005
        "random": lambda path, film: BadFile(path.name, damage.random_bytes(_named(path))),  # noqa: ARG005
        "no-moov": _broken(damage.without_moov),
        "truncated": lambda path, film: BadFile(
            path.name, damage.truncated(_sound_file(path, film, ".mkv"), _named(path, ".mkv"))
        ),
        "bit-corrupt": _broken(damage.flipped_bits),
        "variable-rate": _uneven,
        "rotated": _rotated,
        "tags-and-sound": _encoded(tags={"title": SECRET, "location": SECRET, "comment": SECRET}, sound=True),
        "two-streams": _two_streams,
        "10-bit": _encoded(pix_fmt="yuv420p10le"),
        "alpha": _encoded(".mov", codec="png", pix_fmt="rgba"),
        "odd-size": _cropped,
        "one-frame": _one_frame,
        "grey": _filmed(_Change(grey)),
        "infra-red": _filmed(_Change(_infra_red)),
        "camera-moved": _filmed(_Change(_moved, lambda boxes: boxes + np.tile(_MOVED_PX, 2), after=0.5)),
        "lights": _filmed(_Change(_dark_for_a_while)),
        "standing-still": _motionless,
    }
)
"""By name of the case, its maker."""
