"""Rule: people who get into a vehicle and out of one, by where their tracks end and begin.

Nobody vanishes in the middle of the view. A track that ends at a standing vehicle, after its person slowed down there,
is of somebody who got in; one that begins there, of somebody who got out. Who only passes behind a vehicle walks on
while it hides them.
"""

from dataclasses import dataclass

import numpy as np

from ops.arrays import datetime_us, run_bounds, run_starts
from ops.interactions.rules.moments import Moments
from ops.interactions.rules.owners import leaves_view
from ops.interactions.rules.pairs import PAIR_PRIMITIVES, Pairs, beside
from ops.interactions.rules.scene import PERSON, VEHICLES, Evidence, Interaction, Scene
from schemas.values import Float64, Int64

VERSION = 2

SLOW_M_S = 0.9
"""Speed below which a person is who gets in or out: a walk is faster."""

STANDS_M_S = 0.5
SETTLE_US = 1_000_000
"""Time at the end of a track in which its person slows down, and after which a vehicle must still be there."""

LONGEST_US = 8_000_000
"""Longest time at the vehicle that counts as getting in or out."""

HIDDEN_US = 5_000_000
"""Who gets out where somebody got in within this time was only hidden."""


@dataclass(frozen=True)
class _Passing:
    """A track's end, or its beginning: ``rows`` are its moments of the last or the first seconds."""

    verb: str
    track: int
    rows: Int64
    vehicle: str
    label: str
    time_us: int
    likely: float
    gap_m: float
    speed_m_s: float


def find_boardings(scene: Scene, moments: Moments) -> list[Interaction]:
    """Returns ``enters_vehicle`` and ``exits_vehicle``."""
    vehicles = _vehicle_moments(scene, moments)
    if not len(vehicles) and not any(thing.label in VEHICLES for thing in scene.things):
        return []
    breaks_us = _breaks_us(scene)
    found: list[_Passing] = []
    for first, end in run_bounds(moments.track):
        if not moments.person[first] or end - first < 4:
            continue
        rows = np.arange(first, end)
        passings: list[_Passing] = []
        for verb, edge, own in (("enters_vehicle", end - 1, rows[::-1]), ("exits_vehicle", first, rows)):
            at_us = int(moments.time_us[edge])
            if np.abs(breaks_us - at_us).min(initial=HIDDEN_US) < SETTLE_US or leaves_view(moments.box[edge], scene):
                continue
            near = own[np.abs(moments.time_us[own] - at_us) <= LONGEST_US]
            passing = _at_vehicle(verb, near, scene, moments, vehicles)
            if passing is not None:
                passings.append(passing)
        # Who never walks neither came nor went: a track of somebody at a vehicle broke before and after.
        if len(passings) < 2 or moments.speed_m_s[rows].max() > SLOW_M_S:
            found += passings
    return [_interaction(one, scene, moments) for one in _without_hidden(found)]


def _vehicle_moments(scene: Scene, moments: Moments) -> Int64:
    """Returns the moments of vehicles, by time."""
    labels = np.array(scene.labels)
    rows = np.flatnonzero(np.isin(labels[moments.track], VEHICLES)) if len(moments) else np.zeros(0, np.int64)
    return rows[np.argsort(moments.tick[rows], kind="stable")]


def _breaks_us(scene: Scene) -> Int64:
    """Returns when the recording begins, breaks off, goes on and ends: tracks end and begin there."""
    segments = scene.unit.segments
    first = [min(datetime_us(segment.start) for segment in segments)] if segments else []
    last = [max(datetime_us(segment.end) for segment in segments)] if segments else []
    return np.array([*first, *scene.pauses_us.ravel().tolist(), *last], np.int64)


def _at_vehicle(verb: str, near: Int64, scene: Scene, moments: Moments, vehicles: Int64) -> _Passing | None:
    """Returns the boarding at the end of a track that ``near`` begins with; None if there is none."""
    edge = near[0]
    settled = near[np.abs(moments.time_us[near] - moments.time_us[edge]) <= SETTLE_US]
    speed_m_s = float(np.median(moments.speed_m_s[settled]))
    if speed_m_s > SLOW_M_S:
        return None
    best: _Passing | None = None
    for pairs, name, label, still in _candidates(edge, scene, moments, vehicles, verb):
        gap_m = float(PAIR_PRIMITIVES["gap_m"].value(pairs)[0])
        if still and gap_m <= scene.params.at_vehicle_m and (best is None or gap_m < best.gap_m):
            likely = (1 - 0.5 * gap_m / max(scene.params.at_vehicle_m, 1e-9)) * (1 - 0.5 * speed_m_s / SLOW_M_S)
            best = _Passing(
                verb, int(moments.track[edge]), near, name, label, int(moments.time_us[edge]), likely, gap_m, speed_m_s
            )
    return best


def _candidates(
    edge: int, scene: Scene, moments: Moments, vehicles: Int64, verb: str
) -> list[tuple[Pairs, str, str, bool]]:
    """Returns the vehicles at a moment: the pair, name, class, and whether it stands and stays there."""
    found = []
    row = np.array([edge])
    time_us = int(moments.time_us[edge])
    for number, thing in enumerate(scene.things):
        # It stays: what goes at once may be a camera that was moved.
        needed_us = time_us + SETTLE_US if verb == "enters_vehicle" else time_us - SETTLE_US
        if (
            thing.label in VEHICLES
            and thing.start_us <= min(time_us, needed_us) <= max(time_us, needed_us) <= thing.end_us
        ):
            at = np.array([(thing.box[0] + thing.box[2]) / 2, thing.box[3]])
            found.append((beside(moments, number, row, thing.box, at), thing.name, thing.label, True))
    tick = moments.tick[vehicles]
    here = vehicles[np.searchsorted(tick, moments.tick[edge] - 1) : np.searchsorted(tick, moments.tick[edge] + 2)]
    for vehicle in here[run_starts(np.sort(moments.track[here]))] if len(here) else []:
        code = int(moments.track[vehicle])
        own = vehicles[moments.track[vehicles] == code]
        sign = 1 if verb == "enters_vehicle" else -1
        stays = (sign * (moments.time_us[own] - time_us)).max() >= SETTLE_US
        still = bool(stays and moments.speed_m_s[vehicle] < STANDS_M_S)
        pairs = beside(moments, code, row, moments.box[vehicle], moments.at[vehicle])
        found.append((pairs, scene.trajectories.tracks[code], scene.labels[code], still))
    return found


def _without_hidden(found: list[_Passing]) -> list[_Passing]:
    """Drops who got in at a vehicle where somebody got out soon after: that person was only hidden."""
    dropped: set[int] = set()
    entered = [one for one in found if one.verb == "enters_vehicle"]
    for one in entered:
        for other in found:
            passed_us = other.time_us - one.time_us
            if other.verb != one.verb and other.vehicle == one.vehicle and 0 <= passed_us <= HIDDEN_US:
                dropped |= {id(one), id(other)}
    return [one for one in found if id(one) not in dropped]


def _interaction(one: _Passing, scene: Scene, moments: Moments) -> Interaction:
    contact_us = _contact_us(one, moments)
    start_us, end_us = sorted((contact_us, one.time_us))
    evidence: Evidence = {"gap_m": one.gap_m, "speed_m_s": one.speed_m_s, "at_vehicle_s": (end_us - start_us) / 1e6}
    place: Float64 | None = moments.at[one.rows[0]] + moments.origin_m if scene.on_map else None
    return Interaction(
        one.verb,
        scene.trajectories.tracks[one.track],
        PERSON,
        one.vehicle,
        "static_object" if one.vehicle not in scene.trajectories.tracks else "track",
        one.label,
        start_us,
        max(end_us, start_us + SETTLE_US),
        one.likely,
        evidence,
        f"{one.verb} {VERSION}",
        None if place is None else (float(place[0]), float(place[1])),
    )


def _contact_us(one: _Passing, moments: Moments) -> int:
    """Returns since when, or until when, the person was slow at the vehicle without a break."""
    slow = moments.speed_m_s[one.rows] <= 1.5 * SLOW_M_S
    last = int(np.flatnonzero(~slow)[0]) if (~slow).any() else len(slow)
    return int(moments.time_us[one.rows[max(last - 1, 0)]])
