"""Rule: bags that a detector follows, from hand to ground and from hand to hand.

A bag is carried (a row of ``carries``), or it rests. A rest after a carriage is a thing put down, a carriage after a
rest a thing picked up; one carriage after another by somebody else, without a rest, is a hand-over.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ops.interactions.rules.bag_tracks import (
    Rest,
    find_rests,
    has_left,
    is_lowered,
    is_there_again,
    nearest_row,
    rows_of,
)
from ops.interactions.rules.moments import Moments
from ops.interactions.rules.owners import Owner, find_owner, time_away
from ops.interactions.rules.scene import PERSON, Evidence, Interaction, Scene
from schemas.values import Float64

VERSION = 1

HAND_US = 1_000_000
"""Time before and after the moment in which a bag is put down, taken or handed over."""

LONGEST_US = 4_000_000
"""Longest time between a carriage and a rest in which the thing is put down or taken."""

LOST_US = 6_000_000
"""Longest time between two carriages of one person in which the bag was only lost from sight."""

SURE_US, UNSURE_US = 1_000_000, 2_000_000
"""How unsure the moment is at which a bag is put down, before and after, and the other way round at which it is taken:
a rolled one that stands with its owner does not show when it is let go."""

BLUR_US = 750_000
"""How much later than it lies a bag seems to rest, since speeds are smoothed over a second before and after."""

HANDED_US = 6_000_000
"""Longest time between two carriages of one bag that is a hand-over."""

UNSEEN_CERTAINTY = 0.5
"""Score of who takes a bag and is not seen with it."""

APART_M = 1.8
"""Greatest distance of two people who hand something over."""


@dataclass(frozen=True)
class _Day:
    scene: Scene
    moments: Moments
    codes: Mapping[str, int]


def find_bags(carried: Sequence[Interaction], scene: Scene, moments: Moments) -> list[Interaction]:
    """Returns what people do with bags that a detector follows: also ``carries``, whole, and ``abandons``.

    Args:
        carried: the ``carries`` of bags, broken where trackers or detectors lost the bag.
    """
    by_bag: dict[str, list[Interaction]] = {}
    for one in carried:
        if one.object is not None:
            by_bag.setdefault(one.object, []).append(one)
    day = _Day(scene, moments, {name: code for code, name in enumerate(scene.trajectories.tracks)})
    found: list[Interaction] = []
    whole: list[Interaction] = []
    for bag, broken in sorted(by_bag.items()):
        rests = list(find_rests(moments, day.codes[bag]))
        times = _unbroken(sorted(broken, key=lambda one: one.start_us), rests, day)
        whole += times
        for before, after in zip([None, *times], [*times, None], strict=True):
            found += _between(before, after, rests, bag, day)
    return [*_joined(whole), *found]


def _unbroken(times: Sequence[Interaction], rests: Sequence[Rest], day: _Day) -> list[Interaction]:
    """Joins carriages of one person and bag between which the bag was not put down."""
    joined: list[Interaction] = []
    for one in times:
        last = joined[-1] if joined else None
        same = last is not None and last.subject == one.subject and _is_seen(last, one, day)
        if last is not None and same and not _put_down(last, one, rests, day):
            joined[-1] = replace(last, end_us=max(last.end_us, one.end_us), score=max(last.score, one.score))
        else:
            joined.append(one)
    return joined


def _is_seen(before: Interaction, after: Interaction, day: _Day) -> bool:
    """Whether a bag is in view between two carriages, as it is not while a recording pauses."""
    rows = rows_of(day.moments, day.codes[before.object or ""], before.end_us, after.start_us)
    times_us = np.array([before.end_us, *day.moments.time_us[rows].tolist(), after.start_us], np.int64)
    return bool(np.diff(times_us).max() <= LOST_US)


def _joined(carried: Iterable[Interaction]) -> list[Interaction]:
    """Joins carriages of one person that follow each other at once, of two tracks of what must be one bag."""
    last: dict[str, Interaction] = {}
    joined: list[Interaction] = []
    for one in sorted(carried, key=lambda one: (one.start_us, one.subject)):
        before = last.get(one.subject)
        if before is not None and 0 <= one.start_us - before.end_us <= LOST_US:
            joined.remove(before)
            longer = replace(before, end_us=one.end_us, score=max(before.score, one.score))
        else:
            longer = one
        last[one.subject] = longer
        joined.append(longer)
    return joined


def _put_down(before: Interaction | None, after: Interaction | None, rests: Sequence[Rest], day: _Day) -> list[Rest]:
    """Returns the rests between two carriages, before the first one, or after the last, in which a bag lies."""
    since_us = before.end_us - 2 * HAND_US if before else 0
    until_us = after.start_us + 2 * HAND_US if after else np.iinfo(np.int64).max
    within = [rest for rest in rests if rest.start_us >= since_us and rest.end_us <= until_us]
    if before is None:
        return within
    person, bag = day.codes[before.subject], day.codes[before.object or ""]
    # Who stands with a bag has not put it down.
    held = rows_of(day.moments, bag, before.end_us - LONGEST_US, before.end_us - HAND_US)
    return [
        rest for rest in within if has_left(rest, person, day.moments) or is_lowered(rest, held, person, day.moments)
    ]


def _between(
    before: Interaction | None, after: Interaction | None, rests: Sequence[Rest], bag: str, day: _Day
) -> list[Interaction]:
    """Returns what happens to a bag between two carriages, before the first one, or after the last."""
    lies = _put_down(before, after, rests, day)
    if not lies:
        return _handed(before, after, rests, bag, day) if before and after else []
    first, last = lies[0], lies[-1]
    found = []
    if before:
        lies_us = first.start_us - BLUR_US
        down_us = max(min(before.end_us, lies_us), lies_us - LONGEST_US), lies_us
        found.append(_moment("puts_down", before, down_us, first, day))
        found += _abandoned(before, first, lies_us, day)
    if before and not after:
        after = _taking(before, last, day)
    if after:
        taken_us = last.end_us + BLUR_US
        up_us = taken_us, min(max(after.start_us, taken_us), taken_us + LONGEST_US)
        found.append(_moment("picks_up", after, up_us, last, day))
        if before and before.subject != after.subject:
            found.append(_moment("removes", after, up_us, last, day))
    return found


def _taking(before: Interaction, rest: Rest, day: _Day) -> Interaction | None:
    """Returns a carriage of no length by who is at a bag as it goes, where it is not seen in a hand; else None.

    It goes if its track ends soon, while others go on, and no bag is found at its place again.
    """
    scene, moments, bag = day.scene, day.moments, before.object or ""
    if is_there_again(rest, day.codes[bag], moments, scene.labels):
        return None
    taker = find_owner(rest.box, rest.end_us - HAND_US, rest.end_us + 2 * HAND_US, scene)
    if taker is None:
        return None
    subject = scene.trajectories.tracks[taker.tracks[0]]
    score = UNSEEN_CERTAINTY * taker.certainty
    return replace(before, subject=subject, start_us=rest.end_us, end_us=rest.end_us, score=score)


def _abandoned(carriage: Interaction, rest: Rest, lies_us: int, day: _Day) -> list[Interaction]:
    """Returns the time for which a bag lies and who put it down is away, if that is long."""
    scene = day.scene
    person = Owner((day.codes[carriage.subject],), 0.0, carriage.score)
    away = time_away(person, rest.box, lies_us, rest.end_us, scene)
    if away is None:
        return []
    stay_s = (rest.end_us - away[0]) / 1e6
    evidence: Evidence = {"box_px": rest.box.tolist(), "stay_s": stay_s, "away_s": (away[1] - away[0]) / 1e6}
    bag = carriage.object or ""
    where = _where(day.moments.at[nearest_row(day.moments, day.codes[bag], rest.start_us)], day)
    score = (carriage.score * stay_s / (stay_s + scene.params.leave_s)) ** 0.5
    return [
        Interaction(
            *("abandons", carriage.subject, PERSON, bag, "track", carriage.object_label),
            *(away[0], away[1], score, evidence, f"abandons bag {VERSION}", where),
        )
    ]


def _handed(before: Interaction, after: Interaction, rests: Sequence[Rest], bag: str, day: _Day) -> list[Interaction]:
    """Returns the hand-over between two carriages, if they are of two people who are near each other."""
    moments = day.moments
    # While its owner stands with it, a bag is in that hand.
    held_us = [rest.end_us for rest in rests if before.end_us - HAND_US <= rest.end_us <= after.start_us + HAND_US]
    gives_us = min(max([before.end_us, *held_us]), after.start_us)
    passed_us = after.start_us - gives_us
    if before.subject == after.subject or passed_us > HANDED_US:
        return []
    at_us = (gives_us + after.start_us) // 2
    giver, taker = (nearest_row(moments, day.codes[one.subject], at_us) for one in (before, after))
    apart_m = float(np.hypot(*(moments.at[giver] - moments.at[taker])) * moments.m_per[giver])
    if apart_m > APART_M:
        return []
    margin_us = max(HAND_US // 2, HAND_US - passed_us // 2)
    evidence: Evidence = {"thing": bag, "apart_m": apart_m, "passed_s": passed_us / 1e6}
    score = (before.score * after.score) ** 0.5
    where = _where((moments.at[giver] + moments.at[taker]) / 2, day)
    return [
        Interaction(
            *("hands_over", before.subject, PERSON, after.subject, "track", PERSON),
            *(gives_us - margin_us, after.start_us + margin_us, score, evidence, f"hands_over {VERSION}", where),
        )
    ]


def _moment(verb: str, carriage: Interaction, span_us: tuple[int, int], rest: Rest, day: _Day) -> Interaction:
    """Returns a row for a bag that is put down or taken, as long as the moment is unsure."""
    bag = carriage.object or ""
    early_us, late_us = (SURE_US, UNSURE_US) if verb == "puts_down" else (UNSURE_US, SURE_US)
    moving_us = (span_us[1] - span_us[0]) // 2
    margins_us = max(HAND_US // 2, early_us - moving_us), max(HAND_US // 2, late_us - moving_us)
    evidence: Evidence = {
        "box_px": rest.box.tolist(),
        "rests_s": (rest.end_us - rest.start_us) / 1e6,
        "carries_s": (carriage.end_us - carriage.start_us) / 1e6,
    }
    where = _where(day.moments.at[nearest_row(day.moments, day.codes[bag], rest.start_us)], day)
    score = carriage.score**0.5
    return Interaction(
        *(verb, carriage.subject, PERSON, bag, "track", carriage.object_label),
        *(span_us[0] - margins_us[0], span_us[1] + margins_us[1], score, evidence, f"{verb} bag {VERSION}", where),
    )


def _where(at: Float64, day: _Day) -> tuple[float, float] | None:
    if not day.scene.on_map:
        return None
    east_m, north_m = (at + day.moments.origin_m).tolist()
    return east_m, north_m
