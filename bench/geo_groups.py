"""Who walks with whom: table ``walking_groups`` against groups that people wrote down (ETH, hotel).

``groups.eth_f1`` and ``groups.hotel_f1`` are of pairs: two people of one group, found and true, of all true pairs, on
the places of the data sets. The limits were chosen on ETH. ``through_a_camera`` are means of both for boxes that err by
4 %, as a virtual camera sees them (``bench.interactions_groups``); there true pairs are those in view for
``LEAST_S``. The peer is distance alone on the same places: two people within 2 m for 5 s.
"""

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench.interactions_groups import NAMES, Pair, film, near_pairs, true_pairs, walkers
from bench.material import ASSETS
from bench.site_walkers import PLACES_PER_S, read_walks
from ops.ground.smooth import local_line
from ops.relations import Relations
from schemas.op import Tables
from schemas.tables import TABLES, TIME
from schemas.values import CameraView, ControlPoint, UnitContext
from tests.support.fakes import START, FakeServices, make_segment, make_unit

Figures = dict[str, Any]

LEAST_S = 2.0
SMOOTH_S = 1.0
"""Time to each side over which speeds are measured, as ``positions`` does."""

SIGMA_M = 0.05
BOX_ERROR = 0.04
SEEDS = (1, 2, 3)

MIN_SPEED_M_S = 0.3


def measure(folder: Path) -> Figures:  # noqa: ARG001
    """Returns ``groups.*``."""
    figures: Figures = {}
    for name in NAMES:
        true = all_true_pairs(name)
        unit, tables = exact(name)
        figures[f"groups.{name}_pairs"] = len(true)
        figures[f"groups.{name}_f1"] = f1(found_pairs(unit, tables), true)
        figures[f"groups.{name}_distance_f1"] = f1(near_pairs(tables["positions"]), true)
        seen = true_pairs(name, walkers(name), LEAST_S)
        scores = [f1(found_pairs(*film(name, BOX_ERROR, seed)), seen) for seed in SEEDS]
        figures[f"groups.{name}_through_a_camera_f1"] = round(float(np.mean(scores)), 3)
    return figures


def all_true_pairs(name: str, folder: Path = ASSETS) -> frozenset[Pair]:
    """Returns all pairs of a group whose people are in the data set's trajectories."""
    people = {*read_walks(name)[0].tolist()}
    lines = (folder / "trajectories" / name / "groups.txt").read_text().splitlines()
    groups = [sorted({int(number) for number in line.split()} & people) for line in lines]
    return frozenset((_track(a), _track(b)) for group in groups for a, b in combinations(group, 2))


def exact(name: str) -> tuple[UnitContext, Tables]:
    """Returns a camera's day on which the places of a data set are ``positions``, and the boxes do not matter."""
    person, times_s, place_m = read_walks(name)
    order = np.lexsort((times_s, person))
    person, times_s, place_m = person[order], times_s[order], place_m[order]
    time_us = np.round(times_s * 1e6).astype(np.int64)
    slope = local_line(time_us, place_m, np.ones(len(person)), person, SMOOTH_S).slope
    speed = np.hypot(*slope.T)
    heading = np.degrees(np.arctan2(*slope.T)) % 360
    count = len(person)
    segment = make_segment(duration_s=float(times_s.max()) + 1 / PLACES_PER_S, fps=PLACES_PER_S)
    shared = {
        "camera": ["cam1"] * count,
        "track_id": [_track(each) for each in person.tolist()],
        "time": pa.array(round(START.timestamp() * 1e6) + time_us).cast(TIME),
        "label": ["person"] * count,
        "state": ["observed"] * count,
    }
    place = {
        "x_m": place_m[:, 0],
        "y_m": place_m[:, 1],
        "lon": np.zeros(count),
        "lat": np.zeros(count),
        "var_x_m2": np.full(count, SIGMA_M**2),
        "cov_xy_m2": np.zeros(count),
        "var_y_m2": np.full(count, SIGMA_M**2),
        "speed_m_s": pa.array(speed, from_pandas=True),
        "speed_sigma_m_s": pa.array(np.full(count, SIGMA_M), mask=np.isnan(speed)),
        "heading_deg": pa.array(heading, mask=~(speed >= MIN_SPEED_M_S)),
    }
    box = {"x1": np.zeros(count), "y1": np.zeros(count), "x2": np.ones(count), "y2": np.ones(count)}
    more = {
        "pts": np.arange(count),
        "segment_id": [segment.segment_id] * count,
        "confidence": np.ones(count),
        "interpolation_sigma_px": np.zeros(count),
    }
    positions = TABLES["positions"].conform(shared | place)
    points = TABLES["track_points"].conform(shared | box | more)
    unit = make_unit([segment], _plain_view(), unit="day")
    return unit, {"track_points": points, "positions": positions}


def _plain_view() -> CameraView:
    corners = ((0, 0, -40, 30), (640, 0, 40, 30), (640, 480, 40, -30), (0, 480, -40, -30))
    return CameraView("cam1", "", "UTC", True, tuple(ControlPoint(*map(float, each)) for each in corners), (640, 480))


def found_pairs(unit: UnitContext, tables: Tables) -> frozenset[Pair]:
    """Returns the pairs that ``walking_groups`` has, of each group all with all."""
    rows = Relations().run(unit, tables, FakeServices())["walking_groups"]
    groups: dict[str, list[str]] = {}
    for group, track in zip(rows["group_id"].to_pylist(), rows["track_id"].to_pylist(), strict=True):
        groups.setdefault(group, []).append(track)
    return frozenset(pair for members in groups.values() for pair in combinations(sorted(members), 2))


def f1(found: Iterable[Pair], true: Iterable[Pair]) -> float:
    """Returns the harmonic mean of precision and recall of pairs."""
    found, true = {*found}, {*true}
    return round(2 * len(found & true) / max(len(found) + len(true), 1), 3)


def _track(person: int) -> str:
    return f"person-{person:04d}"
