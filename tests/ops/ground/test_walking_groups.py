"""Who walks with whom: made-up people whose groups are plain, and real groups that people wrote down."""

import numpy as np
import pytest

from bench.geo_groups import all_true_pairs, exact, f1, found_pairs
from ops.arrays import connected
from ops.ground.near_pairs import near_pairs
from ops.ground.relative_motion import Movers
from ops.ground.walking_groups import WalkingLimits, find_companions

LIMITS = WalkingLimits(ahead_m=1.4, aside_m=1.3, speed_m_s=0.7, least_s=2.0)
EVERY_S = 0.5


def companions(*walks, seconds=6.0):
    """The companions among people who begin at a place and keep a velocity; None is an unknown velocity."""
    times_s = np.arange(0, seconds, EVERY_S)
    rows = [(track, time_s) for time_s in times_s for track in range(len(walks))]
    track = np.array([row[0] for row in rows])
    time_s = np.array([row[1] for row in rows])
    begin = np.array([walk[0] for walk in walks], float)[track]
    moved = np.array([walk[1] or (1.0, 0.0) for walk in walks], float)[track]
    known = np.array([walk[1] is not None for walk in walks])[track]
    movers = Movers(
        begin + moved * time_s[:, None],
        np.tile(np.eye(2) * 0.1**2, (len(rows), 1, 1)),
        np.where(known[:, None], moved, np.nan),
        np.full(len(rows), 0.1),
    )
    time_us = np.round(time_s * 1e6).astype(np.int64)
    pairs = near_pairs(time_us, movers.place_m, 5.0, 6)
    return find_companions(movers, track, time_us, pairs, EVERY_S, LIMITS)


def pairs_of(found):
    return list(zip(found.one.tolist(), found.other.tolist(), strict=True))


EAST = (1.3, 0.0)


@pytest.mark.parametrize(
    ("other", "together"),
    [
        (((0, 0.8), EAST), True),  # abreast
        (((1.0, 0.5), EAST), True),  # half a step ahead
        (((0, 1.35), EAST), False),  # beside, too far
        (((1.5, 0), EAST), False),  # behind, too far
        (((0, 0.8), (-1.3, 0)), False),  # passes by
        (((-3, 0.5), (2.3, 0)), False),  # overtakes
        (((0, 0.8), None), False),  # of unknown speed
    ],
)
def test_who_walks_beside_somebody_walks_with_them(other, together):
    assert pairs_of(companions(((0, 0), EAST), other)) == ([(0, 1)] if together else [])


def test_who_waits_side_by_side_does_not_walk_and_a_moment_is_no_walk():
    assert pairs_of(companions(((0, 0), (0.1, 0)), ((0, 0.8), (0.1, 0)))) == []
    assert pairs_of(companions(((0, 0), EAST), ((0, 0.8), EAST), seconds=1.5)) == []
    assert pairs_of(companions(((0, 0), EAST), ((0, 0.8), EAST), seconds=2.0)) == [(0, 1)]


def test_a_row_of_people_is_one_group_though_its_ends_are_far_apart():
    found = companions(*(((0, 0.9 * number), EAST) for number in range(4)), ((0, 6.0), EAST))
    assert pairs_of(found) == [(0, 1), (1, 2), (2, 3)]
    assert connected(found.one, found.other, 5) == ((0, 1, 2, 3),)


def test_times_and_distances_are_of_the_walk():
    found = companions(((0, 0), EAST), ((0, 0.8), EAST))
    assert (found.first_us[0], found.last_us[0], found.together[0]) == (0, 5_500_000, 12)
    assert found.apart_m[0] == pytest.approx(0.8)
    assert found.apart_sigma_m[0] == pytest.approx(0.1 * np.sqrt(2))


def test_nobody_has_no_companions():
    nobody = Movers(np.zeros((0, 2)), np.zeros((0, 2, 2)), np.zeros((0, 2)), np.zeros(0))
    none = np.zeros(0, np.int64)
    assert pairs_of(find_companions(nobody, none, none, (none, none), EVERY_S, LIMITS)) == []


@pytest.mark.assets
@pytest.mark.parametrize("name", ["eth", "hotel"])
def test_groups_of_real_walks_are_those_that_people_wrote_down(assets, name):
    assert f1(found_pairs(*exact(name)), all_true_pairs(name, assets)) >= 0.85
