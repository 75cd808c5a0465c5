"""Rule: ``hands_over``: a thing that is carried by one person, and then by another beside them."""

import itertools
from collections.abc import Sequence

import numpy as np

from ops.interactions.rules.moments import Moments
from ops.interactions.rules.scene import PERSON, Evidence, Interaction, Scene
from schemas.values import Float64

VERSION = 1

BEFORE_S, AFTER_S = 1.0, 5.0
"""The second carries the thing from this long before to this long after the first stops carrying it."""

APART_M = 1.6
"""Greatest distance of the two while they hand it over."""

HELD_S = 1.0
"""Time for which each of them must carry it."""


def find_handovers(carried: Sequence[Interaction], scene: Scene, moments: Moments) -> list[Interaction]:
    """Returns hand-overs of things that a detector follows.

    Args:
        carried: the ``carries`` of tracks of things.
    """
    by_thing: dict[str, list[Interaction]] = {}
    for one in carried:
        if one.object is not None and one.object_kind == "track":
            by_thing.setdefault(one.object, []).append(one)
    codes = {name: code for code, name in enumerate(scene.trajectories.tracks)}
    found = []
    for thing, times in by_thing.items():
        times.sort(key=lambda one: one.start_us)
        for before, after in itertools.pairwise(times):
            passed_s = (after.start_us - before.end_us) / 1e6
            long = min(before.end_us - before.start_us, after.end_us - after.start_us) >= HELD_S * 1e6
            if before.subject == after.subject or not -BEFORE_S <= passed_s <= AFTER_S or not long:
                continue
            at_us = (before.end_us + after.start_us) // 2
            giver, taker = (_nearest(moments, codes[carrier.subject], at_us) for carrier in (before, after))
            apart_m = float(np.hypot(*(moments.at[giver] - moments.at[taker])) * moments.m_per[giver])
            if apart_m <= APART_M:
                found.append(_handover(before, after, thing, apart_m, moments, scene, giver, taker))
    return found


def _nearest(moments: Moments, track: int, at_us: int) -> int:
    first, end = np.searchsorted(moments.track, [track, track + 1])
    return int(first + np.abs(moments.time_us[first:end] - at_us).argmin())


def _handover(
    before: Interaction,
    after: Interaction,
    thing: str,
    apart_m: float,
    moments: Moments,
    scene: Scene,
    one: int,
    other: int,
) -> Interaction:
    start_us, end_us = sorted((before.end_us, after.start_us))
    margin_us = max(0, 1_000_000 - (end_us - start_us) // 2)
    evidence: Evidence = {"thing": thing, "apart_m": apart_m, "passed_s": (after.start_us - before.end_us) / 1e6}
    place: Float64 = (moments.at[one] + moments.at[other]) / 2 + moments.origin_m
    return Interaction(
        "hands_over",
        before.subject,
        PERSON,
        after.subject,
        "track",
        PERSON,
        start_us - margin_us,
        end_us + margin_us,
        (before.score * after.score) ** 0.5,
        evidence,
        f"hands_over {VERSION}",
        (float(place[0]), float(place[1])) if scene.on_ground else None,
    )
