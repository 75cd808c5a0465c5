"""Tracks of bags: joined where a lift broke them, and the times at which a bag stays in its place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ops.arrays import run_starts
from ops.boxes import gaps_px, iou_pairs, size
from ops.interactions.rules.moments import TICK_US, Moments
from ops.interactions.rules.scene import BAGS, Scene
from schemas.values import Float64, Int64

CHAIN_US, CHAIN_SIZES = 1_500_000, 1.0
"""A bag's track that begins within this time of another's end, within its own size of it, continues it."""

OVERLAP_US = 500_000
REST_M_S, REST_US = 0.25, 1_500_000
"""A bag rests that is slower for this long."""

BREAK_US = 1_000_000
"""Longest time for which a bag that rests is out of sight, or seems to move."""

GONE_US, AGAIN_US = 6_000_000, 20_000_000
"""A bag is gone whose track ends within the first of these times of its rest, and that is not there again within the
second."""

STEP_M = 0.4
"""Distance in the picture from which its owner has stepped away from a bag: who stands with one has not put it down."""

LOWERED_M = 0.25
"""Height by which a bag is nearer to the level of the feet once it is put down."""


def chained(moments: Moments, scene: Scene) -> Moments:
    """Returns the moments with the tracks of one bag under the number of the first of them."""
    is_bag = np.isin(np.array(scene.labels)[moments.track], BAGS) if len(moments) else np.zeros(0, np.bool_)
    rows = np.flatnonzero(is_bag)
    if not len(rows):
        return moments
    first = rows[run_starts(moments.track[rows])]
    last = rows[np.append(np.flatnonzero(run_starts(moments.track[rows]))[1:] - 1, len(rows) - 1)]
    renamed = {int(code): int(code) for code in moments.track[first]}
    order = np.argsort(moments.time_us[first], kind="stable")
    taken: set[int] = set()
    for number in order.tolist():
        begin = first[number]
        passed_us = moments.time_us[begin] - moments.time_us[last]
        near_px = gaps_px(moments.box[last], moments.box[begin])
        fits = (passed_us >= -OVERLAP_US) & (passed_us <= CHAIN_US)
        fits &= near_px <= CHAIN_SIZES * size(moments.box[begin]).max()
        fits &= moments.track[last] != moments.track[begin]
        candidates = [at for at in np.flatnonzero(fits).tolist() if at not in taken]
        if candidates:
            before = min(candidates, key=lambda at: float(near_px[at]))
            taken.add(before)
            renamed[int(moments.track[begin])] = renamed[int(moments.track[last[before]])]
    track = np.array([renamed.get(int(code), int(code)) for code in moments.track])
    at = np.lexsort((moments.tick, track))
    kept = at[run_starts(track[at]) | run_starts(moments.tick[at])]
    return replace(moments, track=track).take(kept)


@dataclass(frozen=True)
class Rest:
    """A time at which a bag stays in its place: first and last moment, and its box ``(4,)`` then."""

    start_us: int
    end_us: int
    box: Float64


def find_rests(moments: Moments, code: int) -> Iterator[Rest]:
    """Yields the times at which a bag stays in its place."""
    first, end = np.searchsorted(moments.track, [code, code + 1])
    rows = np.arange(first, end)
    still = rows[moments.speed_m_s[rows] < REST_M_S]
    breaks = np.flatnonzero(np.diff(moments.time_us[still]) > BREAK_US) + 1
    for part in np.split(still, breaks):
        if len(part) and moments.time_us[part[-1]] - moments.time_us[part[0]] >= REST_US:
            start_us, end_us = int(moments.time_us[part[0]]), int(moments.time_us[part[-1]])
            yield Rest(start_us, end_us, np.median(moments.box[part], axis=0))


def rows_of(moments: Moments, track: int, since_us: int, until_us: int) -> Int64:
    """Returns a track's moments in a time."""
    first, end = np.searchsorted(moments.track, [track, track + 1])
    rows = np.arange(first, end)
    return rows[(moments.time_us[rows] >= since_us) & (moments.time_us[rows] <= until_us)]


def has_left(rest: Rest, person: int, moments: Moments) -> bool:
    """Whether a person stepped away from a resting bag, or was no longer seen."""
    rows = rows_of(moments, person, rest.start_us, rest.end_us)
    if len(rows) * TICK_US < 0.5 * (rest.end_us - rest.start_us):
        return True
    gap_m = gaps_px(moments.box[rows], rest.box) / moments.px_per_m[rows]
    return bool((gap_m > STEP_M).mean() > 0.2)


def is_lowered(rest: Rest, held: Int64, person: int, moments: Moments) -> bool:
    """Whether a bag is nearer to the level of the person's feet than at the moments ``held``, in the hand."""
    stands = rows_of(moments, person, rest.start_us, rest.end_us)
    if not len(held) or not len(stands):
        return False
    feet = np.array([moments.box[nearest_row(moments, person, int(moments.time_us[row])), 3] for row in held])
    held_m = np.median((feet - moments.box[held, 3]) / moments.px_per_m[held])
    lies_m = np.median((moments.box[stands, 3] - rest.box[3]) / moments.px_per_m[stands])
    return bool(held_m - lies_m > LOWERED_M)


def is_there_again(rest: Rest, bag: int, moments: Moments, labels: Sequence[str]) -> bool:
    """Whether a bag that rested is still seen for long, or again at its place, or nothing is seen after it."""
    later = moments.time_us > rest.end_us
    own = moments.time_us[later & (moments.track == bag)]
    if own.max(initial=rest.end_us) - rest.end_us > GONE_US:
        return True
    if moments.time_us.max() - rest.end_us < GONE_US:
        return True
    soon = np.flatnonzero(later & (moments.time_us <= rest.end_us + AGAIN_US))
    bags = soon[np.isin(np.array(labels)[moments.track[soon]], BAGS)]
    overlap = iou_pairs(moments.box[bags], np.tile(rest.box, (len(bags), 1)))
    return bool((moments.time_us[bags[overlap >= 0.3]] > rest.end_us + 2 * BREAK_US).any())


def nearest_row(moments: Moments, track: int, at_us: int) -> int:
    """Returns a track's moment that is nearest to a time."""
    first, end = np.searchsorted(moments.track, [track, track + 1])
    return int(first + np.abs(moments.time_us[first:end] - at_us).argmin())
