"""Who walks with whom: the rule ``walks_with`` on real walks whose groups people wrote down.

    python -m bench.interactions_groups [--json]

A virtual camera with a known lens sees the walks of ETH and hotel (Pellegrini and Ess 2009): boxes with errors, five
frames a second, placed on the ground by ``positions``. Pairs of one group who walk in view together for ``walk_s`` are
true. The peer is what distance alone finds on the same positions: two people within 2 m for 5 s.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.material import ASSETS, print_figures, require_assets
from bench.site_walkers import read_walks
from ops.arrays import encode_column, float_columns, times_us
from ops.interactions import Interactions
from ops.interactions.params import InteractionsParams
from ops.positions import Positions
from schemas.op import Tables
from schemas.tables import TABLES, TIME
from schemas.values import CameraView, ControlPoint, Float64, Int64, UnitContext
from tests.support.fakes import FakeServices, make_segment, make_unit

NAMES = ("eth", "hotel")
SEEDS = (1, 2, 3)
FPS = 5.0
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
ORIGIN_M = np.array([121_000.0, 486_000.0])
"""Below the lens, in the site's CRS."""

SIZE_PX, FOCAL_PX = (1280, 960), 900.0
LENS_UP_M, BEHIND_M, TILT = 8.0, 9.0, np.radians(30)
"""Height of the lens, its distance from the nearest walk on the ground, and how far below the horizontal it looks."""

ERRORS = {"exact boxes": 0.0, "boxes off by 4 %": 0.04}
"""Standard deviation of the edges of boxes, a share of the height; such errors last for about a second."""

STANDING_M_S = 0.3
NEAR_M, NEAR_S = 2.0, 5.0
"""Distance and time of the peer, and the longest break of both rules: a second."""

Pair = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Walker:
    """Somebody's frames in view: numbers ``(N,)``, and places ``(N, 2)`` in metres from below the lens."""

    frame: Int64
    place_m: Float64


def walkers(name: str) -> dict[str, Walker]:
    """Returns the real walks at the camera's frames, by name of the track."""
    people, times_s, places = read_walks(name)
    low, high = places.min(axis=0), places.max(axis=0)
    below = np.array([(low[0] + high[0]) / 2, low[1] - BEHIND_M])
    found = {}
    for person in np.unique(people).tolist():
        own = np.flatnonzero(people == person)
        own = own[np.argsort(times_s[own], kind="stable")]
        frame = np.arange(np.ceil(times_s[own[0]] * FPS), np.floor(times_s[own[-1]] * FPS) + 1).astype(np.int64)
        place = np.column_stack([np.interp(frame / FPS, times_s[own], places[own, axis]) for axis in (0, 1)]) - below
        foot = _project(place, 0.0)
        seen = ((foot >= 0) & (foot < SIZE_PX)).all(axis=1)
        if seen.sum() > 1:
            found[_track(person)] = Walker(frame[seen], place[seen])
    return found


def true_pairs(name: str, people: Mapping[str, Walker], least_s: float, folder: Path = ASSETS) -> frozenset[Pair]:
    """Returns the pairs of one group of whom both walk, in view at the same time, for ``least_s``."""
    lines = (folder / "trajectories" / name / "groups.txt").read_text().splitlines()
    groups = [[_track(int(number)) for number in line.split()] for line in lines]
    pairs = {pair for group in groups for pair in combinations(sorted({*group} & {*people}), 2)}
    return frozenset(pair for pair in pairs if _walk_s(*(people[each] for each in pair)) >= least_s)


def _walk_s(one: Walker, other: Walker) -> float:
    """Returns for how long both are in view and walk, seconds."""
    shared, at, there = np.intersect1d(one.frame, other.frame, return_indices=True)
    if len(shared) < 3:
        return 0.0
    speeds = [
        np.hypot(*np.gradient(place, shared / FPS, axis=0).T) for place in (one.place_m[at], other.place_m[there])
    ]
    return float((np.minimum(*speeds) > STANDING_M_S).sum() / FPS)


def film(name: str, sigma: float, seed: int) -> tuple[UnitContext, Tables]:
    """Returns what the camera sees: the unit, ``track_points`` and ``positions``."""
    random = np.random.default_rng(seed)
    people = walkers(name)
    boxes = [_boxes(walker, sigma, random) for walker in people.values()]
    frame = np.concatenate([walker.frame for walker in people.values()])
    box = np.concatenate(boxes)
    segment = make_segment(duration_s=float(frame.max() / FPS + 1), fps=FPS, size_px=SIZE_PX, start=START)
    time_us = round(START.timestamp() * 1e6) + np.round(frame / FPS * 1e6).astype(np.int64)
    count = len(frame)
    points = TABLES["track_points"].conform(
        {
            "camera": ["cam1"] * count,
            "track_id": np.repeat(list(people), [len(each) for each in boxes]).tolist(),
            "time": pa.array(time_us).cast(TIME),
            "pts": frame,
            "segment_id": [segment.segment_id] * count,
            "label": ["person"] * count,
            **{side: box[:, number] for number, side in enumerate(("x1", "y1", "x2", "y2"))},
            "confidence": np.full(count, 0.8),
            "interpolation_sigma_px": np.zeros(count),
            "state": ["observed"] * count,
        }
    )
    unit = make_unit([segment], _view(), unit="day")
    return unit, {"track_points": points, **Positions().run(unit, {"track_points": points}, FakeServices())}


def _project(place_m: Float64, up_m: float) -> Float64:
    """Returns the pixels ``(N, 2)`` of points above places: a pinhole that looks north and down."""
    east, north = place_m.T
    ahead = north * np.cos(TILT) + (LENS_UP_M - up_m) * np.sin(TILT)
    down = (LENS_UP_M - up_m) * np.cos(TILT) - north * np.sin(TILT)
    return np.column_stack([FOCAL_PX * east / ahead, FOCAL_PX * down / ahead]) + np.array(SIZE_PX) / 2


def _boxes(walker: Walker, sigma: float, random: np.random.Generator) -> Float64:
    """Returns the boxes of somebody of usual height, 1.5 to 1.9 m, with errors that follow each other."""
    foot, head = _project(walker.place_m, 0.0), _project(walker.place_m, random.normal(1.7, 0.08))
    tall = foot[:, 1] - head[:, 1]
    edges = np.column_stack([foot[:, 0] - 0.2 * tall, head[:, 1], foot[:, 0] + 0.2 * tall, foot[:, 1]])
    noise = random.normal(0, sigma, edges.shape)
    for number in range(1, len(noise)):
        noise[number] = 0.8 * noise[number - 1] + 0.6 * noise[number]
    return edges + noise * tall[:, None]


def _view() -> CameraView:
    places = np.array([(-5.0, 9.0), (5.0, 9.0), (-8.0, 25.0), (8.0, 25.0), (0.0, 15.0)])
    known = zip(_project(places, 0.0).tolist(), (places + ORIGIN_M).tolist(), strict=True)
    return CameraView("cam1", "", "UTC", True, tuple(ControlPoint(*pixel, *place) for pixel, place in known), SIZE_PX)


def found_pairs(unit: UnitContext, tables: Tables) -> frozenset[Pair]:
    """Returns the pairs that ``walks_with`` finds."""
    rows = Interactions().run(unit, tables, FakeServices())["interactions"].to_pylist()
    return frozenset(tuple(sorted((row["subject"], row["object"]))) for row in rows if row["verb"] == "walks_with")


def near_pairs(positions: pa.Table) -> frozenset[Pair]:
    """Returns the pairs within ``NEAR_M`` of each other for ``NEAR_S``, without a break of more than a second."""
    names, track = encode_column(positions, "track_id")
    place, frame = float_columns(positions, ("x_m", "y_m")), np.round(times_us(positions) / 1e6 * FPS).astype(np.int64)
    at = {name: dict(zip(frame[track == code].tolist(), place[track == code], strict=True))
          for code, name in enumerate(names)}  # fmt: skip
    found = set()
    for pair in combinations(names, 2):
        one, other = (at[each] for each in pair)
        near = [each for each in sorted(one.keys() & other.keys()) if np.hypot(*(one[each] - other[each])) < NEAR_M]
        since = near[0] if near else 0
        for before, after in pairwise([*near, None]):
            if after is None or after - before > FPS:
                if before is not None and before - since >= NEAR_S * FPS:
                    found.add(pair)
                since = after or 0
    return frozenset(found)


def _scores(found: frozenset[Pair], true: frozenset[Pair]) -> dict[str, float]:
    right = len(found & true)
    return {"right": right, "false": len(found - true), "missed": len(true - found),
            "precision": right / max(len(found), 1), "recall": right / max(len(true), 1),
            "f1": 2 * right / max(len(found) + len(true), 1)}  # fmt: skip


def measure(name: str, sigma: float) -> dict[str, float]:
    """Returns precision, recall and F1 of the rule and of the peer, means over seeds."""
    true = true_pairs(name, walkers(name), InteractionsParams().walk_s)
    runs = []
    for seed in SEEDS if sigma else SEEDS[:1]:
        unit, tables = film(name, sigma, seed)
        ours, peer = _scores(found_pairs(unit, tables), true), _scores(near_pairs(tables["positions"]), true)
        runs.append(ours | {f"peer_{key}": value for key, value in peer.items()})
    means = {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
    return {"pairs": len(true), **means, "f1_ratio": means["f1"] / max(means["peer_f1"], 1e-9)}


def main(arguments: list[str]) -> None:
    """Prints the figures of both places."""
    require_assets()
    figures = {f"{name}, {what}": measure(name, sigma) for name in NAMES for what, sigma in ERRORS.items()}
    rounded = {group: {key: round(value, 3) for key, value in values.items()} for group, values in figures.items()}
    print_figures(rounded, "--json" in arguments)


def _track(person: int) -> str:
    return f"person-{person:04d}"


if __name__ == "__main__":
    main(sys.argv[1:])
