"""Real walks on the ground, as virtual cameras would see them: with errors, misses, breaks and late clocks."""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.material import ASSETS
from schemas.tables import TABLES, TIME
from schemas.values import Bools, Float64, Int64

WALKS = {
    "eth": ("eth/obsmat.txt", (2, 4)),
    "hotel": ("hotel/obsmat.txt", (2, 4)),
    "students": ("ucy/students003.txt", (2, 3)),
    "zara": ("ucy/crowds_zara01.txt", (2, 3)),
}
"""Real walks (Pellegrini and Ess 2009; Lerner et al. 2007): files, and their columns of metres."""

PLACES_PER_S = 2.5
"""Rate of these files."""

_EPOCH_US = 1_772_488_800_000_000
_ORIGIN_M = np.array([121000.0, 486000.0])


@dataclass(frozen=True)
class CameraErrors:
    """What is wrong with the places that a camera gives.

    Attributes:
        person_m: standard deviation of an error that stays with a person, per axis.
        slow_m: of an error that changes within seconds.
        camera_m: of an error that all places of the camera have.
        clock_s: of the camera's clock.
        missed: share of people whom it never finds.
        breaks_s: mean time after which a track breaks.
        seen: share of the ground that it sees, from its own side.
    """

    person_m: float = 0.2
    slow_m: float = 0.15
    camera_m: float = 0.1
    clock_s: float = 0.1
    missed: float = 0.1
    breaks_s: float = 27.0
    seen: float = 0.8


@dataclass(frozen=True, eq=False)
class SeenWalks:
    """Tracks of virtual cameras.

    Attributes:
        positions: by camera, rows of the table ``positions``.
        tracks: by camera, rows of the table ``tracks``.
        person: by track id, whom it really is.
        late_s: by camera, how late its clock is.
    """

    positions: dict[str, pa.Table]
    tracks: dict[str, pa.Table]
    person: dict[str, int]
    late_s: dict[str, float]


@cache
def read_walks(name: str, folder: Path = ASSETS / "trajectories") -> tuple[Int64, Float64, Float64]:
    """Returns people ``(N,)``, times ``(N,)`` in seconds and places ``(N, 2)`` in metres."""
    file, columns = WALKS[name]
    rows = np.loadtxt(folder / file)
    times_s = rows[:, 0] / np.diff(np.unique(rows[:, 0])).min() / PLACES_PER_S
    return rows[:, 1].astype(np.int64), times_s, rows[:, columns]


def film_walks(name: str, errors: CameraErrors, seed: int, cameras: int = 2) -> SeenWalks:
    """Returns what virtual cameras on opposite sides of the ground see of real walks."""
    random = np.random.default_rng(seed)
    people, times_s, places = read_walks(name)
    found = SeenWalks({}, {}, {}, {})
    for number in range(cameras):
        camera = f"cam{number}"
        side = np.array([np.cos(2 * np.pi * number / cameras), np.sin(2 * np.pi * number / cameras)])
        depth = (places - places.mean(axis=0)) @ side
        in_view = depth <= np.quantile(depth, errors.seen)
        late_s, off_m = random.normal(0, errors.clock_s), random.normal(0, errors.camera_m, 2)
        found.late_s[camera] = late_s
        parts: list[tuple[str, Float64, Float64]] = []
        for person in np.unique(people):
            rows = np.flatnonzero((people == person) & in_view)
            if random.random() < errors.missed:
                continue
            rows = rows[np.argsort(times_s[rows])]
            seen_m = places[rows] + off_m + random.normal(0, errors.person_m, 2) + _slow(len(rows), errors, random)
            for part in _broken(len(rows), errors, random):
                track = f"{camera}-{len(parts):05d}"
                found.person[track] = int(person)
                parts.append((track, times_s[rows[part]] + late_s, seen_m[part]))
        found.positions[camera], found.tracks[camera] = _tables(camera, parts)
    return found


def _slow(count: int, errors: CameraErrors, random: np.random.Generator) -> Float64:
    """Returns errors ``(count, 2)`` that follow each other: a first-order autoregression."""
    noise = np.zeros((count, 2))
    for row in range(1, count):
        noise[row] = 0.8 * noise[row - 1] + 0.6 * random.normal(0, errors.slow_m, 2)
    return noise


def _broken(count: int, errors: CameraErrors, random: np.random.Generator) -> list[slice]:
    breaks: Bools = random.random(max(count - 4, 0)) < 1 / (errors.breaks_s * PLACES_PER_S)
    cuts = [0, *(2 + np.flatnonzero(breaks)).tolist(), count]
    return [slice(begin, end) for begin, end in pairwise(cuts) if end - begin >= 2]


def _tables(camera: str, parts: list[tuple[str, Float64, Float64]]) -> tuple[pa.Table, pa.Table]:
    times = [_EPOCH_US + np.round(times_s * 1e6).astype(np.int64) for _, times_s, _ in parts]
    names = [name for name, _, _ in parts]
    points = sum(map(len, times))
    place = np.concatenate([np.zeros((0, 2)), *(seen_m for _, _, seen_m in parts)]) + _ORIGIN_M
    zeros = np.zeros(points)
    positions = TABLES["positions"].conform(
        {
            "camera": [camera] * points,
            "track_id": np.repeat(names, list(map(len, times))).tolist(),
            "time": pa.array(np.concatenate([np.zeros(0, np.int64), *times])).cast(TIME),
            "label": ["person"] * points,
            "x_m": place[:, 0],
            "y_m": place[:, 1],
            "lon": zeros,
            "lat": zeros,
            "var_x_m2": zeros + 0.03,
            "cov_xy_m2": zeros,
            "var_y_m2": zeros + 0.03,
            "state": ["observed"] * points,
        }
    )
    tracks = TABLES["tracks"].conform(
        {
            "camera": [camera] * len(parts),
            "track_id": names,
            "label": ["person"] * len(parts),
            "start_time": pa.array([int(each[0]) for each in times], pa.int64()).cast(TIME),
            "end_time": pa.array([int(each[-1]) for each in times], pa.int64()).cast(TIME),
            "points": list(map(len, times)),
            "observed": list(map(len, times)),
            "tracklets": [1] * len(parts),
            "confidence": [1.0] * len(parts),
            "source": ["model"] * len(parts),
        }
    )
    return positions, tracks
