"""Joins tracks of several cameras into people: greedy additive edge contraction (Keuper et al., ICCV 2015).

Of all pairs of groups that may be one person, the one with the most evidence is joined, again and again, until the
evidence is against every pair. A camera sees a person once at a time, and nobody is in two places: two groups whose
tracks say otherwise are never joined.
"""

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ops.ground.shared_paths import Agreement, Paths
from schemas.values import Float64

AT_ONCE_US = 500_000
"""Time for which two tracks of one person may be seen at once by one camera: tracks end late and begin early."""

MOST_SURE = 0.98
"""The highest probability that is given: so many of the surest were right (docs/benchmarks.md, "Across cameras")."""

Evidence = Mapping[int, Mapping[int, float]]
"""By track, the log odds of each track that comes near it."""


@dataclass(frozen=True, eq=False)
class People:
    """Groups of tracks that are one person, or one vehicle, each.

    Attributes:
        groups: tracks of each, rising, by their first track.
        probability: ``(T,)``, that a track belongs to its group; NaN for one that is alone.
    """

    groups: tuple[tuple[int, ...], ...]
    probability: Float64


def find_people(paths: Paths, agreement: Agreement) -> People:
    """Returns the groups of tracks, each track in one."""
    evidence: dict[int, dict[int, float]] = defaultdict(dict)
    for (a, b), log_odds in zip(agreement.pair.tolist(), agreement.log_odds.tolist(), strict=True):
        evidence[a][b] = evidence[b][a] = log_odds
    groups = _contract(paths, evidence)
    probability = np.full(len(paths.camera), np.nan)
    group_of = {track: group for group in groups for track in group}
    for group in groups:
        for track in group if len(group) > 1 else ():
            probability[track] = _probability(track, group_of, paths, evidence)
    return People(tuple(sorted(groups)), probability)


def _contract(paths: Paths, evidence: Evidence) -> list[tuple[int, ...]]:
    members = {track: [track] for track in range(len(paths.camera))}
    weights = {track: dict(others) for track, others in evidence.items()}
    heap = [(-weight, a, b) for a, others in weights.items() for b, weight in others.items() if a < b and weight > 0]
    heapq.heapify(heap)
    while heap:
        weight, a, b = heapq.heappop(heap)
        # Groups go by their lowest track. An entry is of the past if either group has grown since.
        if weights.get(a, {}).get(b) != -weight or _is_apart(members[a], members[b], paths, evidence):
            continue
        members[a] += members.pop(b)
        joined = weights.pop(b)
        del weights[a][b], joined[a]
        for other, more in joined.items():
            del weights[other][b]
            weights[a][other] = weights[other][a] = weights[a].get(other, 0.0) + more
        for other in joined:
            if weights[a][other] > 0:
                heapq.heappush(heap, (-weights[a][other], min(a, other), max(a, other)))
    return [tuple(sorted(tracks)) for tracks in members.values()]


def _is_apart(one: Sequence[int], other: Sequence[int], paths: Paths, evidence: Evidence) -> bool:
    """Whether two groups cannot be one person: a camera sees both at once, or they are in two places at once."""
    return any(_exclude(a, b, paths, evidence) for a in one for b in other)


def _exclude(a: int, b: int, paths: Paths, evidence: Evidence) -> bool:
    if b in evidence.get(a, {}):
        return False
    (begin_a, end_a), (begin_b, end_b) = paths.span_us[a].tolist(), paths.span_us[b].tolist()
    if min(end_a, end_b) - max(begin_a, begin_b) <= AT_ONCE_US:
        return False
    if paths.camera[a] == paths.camera[b]:
        return True
    # Both have a place at some moment, and they are not near each other at any.
    return bool(np.intersect1d(paths.steps_of[a], paths.steps_of[b], assume_unique=True).size)


def _probability(track: int, group_of: Mapping[int, tuple[int, ...]], paths: Paths, evidence: Evidence) -> float:
    """Returns the probability that a track belongs to its group, against being alone or in another group.

    Another group may have a track of the same camera and time; then the two tracks would have to change places.
    """
    own = group_of[track]

    def support(one: int, group: Sequence[int]) -> float:
        return sum(evidence.get(one, {}).get(each, 0.0) for each in group if each != one)

    mine = support(track, own)
    odds = [-mine]
    for group in {group_of[each] for each in evidence.get(track, {})} - {own}:
        rivals = [
            each
            for each in group
            if paths.camera[each] == paths.camera[track] and _exclude(each, track, paths, evidence)
        ]
        rest = [each for each in group if each not in rivals]
        change = support(track, rest) - mine
        change += sum(support(each, [one for one in own if one != track]) - support(each, rest) for each in rivals)
        odds.append(change)
    return min(MOST_SURE, float(1 / (1 + np.exp(np.minimum(odds, 50.0)).sum())))
