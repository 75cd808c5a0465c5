"""How late clocks are, by the people whom two cameras see."""

import numpy as np
import pytest

from ops.ground.clocks import late_clocks
from ops.ground.shared_paths import SamePlaceParams
from tests.ops.ground.paths import Seen, paths_of

PARAMS = SamePlaceParams()


def walks(camera: int, late_s: float) -> list[Seen]:
    """People who cross a hall one after the other, in all directions."""
    random = np.random.default_rng(1)
    found = []
    for number in range(12):
        angle = random.uniform(0, 2 * np.pi)
        way = (1.3 * np.cos(angle), 1.3 * np.sin(angle))
        begin_s = 6.0 * number
        begin = tuple((random.uniform(-3, 3, 2) - np.array(way) * begin_s).tolist())
        shift = tuple(np.random.default_rng([camera, number]).normal(0, 0.2, 2).tolist())
        found.append(Seen(camera, begin_s, begin_s + 8, begin, way, shift, late_s))
    return found


@pytest.mark.parametrize("late_s", [0.0, 0.3, 1.4, -2.6])
def test_people_who_walk_show_how_late_a_clock_is(late_s):
    found = late_clocks(paths_of([*walks(0, 0.0), *walks(1, late_s)]), PARAMS)
    assert found[0] == 0
    assert found[1] == pytest.approx(late_s, abs=0.2)


def test_three_cameras_are_set_against_one_of_them_and_another_group_against_its_own():
    tracks = [*walks(0, 0.0), *walks(1, 1.5), *walks(2, -1.0)]
    elsewhere = [Seen(camera, 3, 60, (500 - 1.2 * 3, 0), late_s=late_s) for camera, late_s in ((3, 0.0), (4, 0.0))]
    found = late_clocks(paths_of([*tracks, *elsewhere]), PARAMS)
    assert found == pytest.approx([0, 1.5, -1.0, 0, 0], abs=0.25)


def test_people_who_stand_all_day_say_nothing_and_neither_does_nobody():
    standing = [Seen(camera, 0, 60, (x, 0.0), (0.0, 0.0), late_s=2.0 * camera) for camera in (0, 1) for x in (0.0, 6.0)]
    assert late_clocks(paths_of(standing), PARAMS) == pytest.approx([0, 0], abs=0.05)
    assert late_clocks(paths_of(walks(0, 0.0)), PARAMS).tolist() == [0]
    assert late_clocks(paths_of([]), PARAMS).tolist() == []
