"""The sizes of people are learnt from blobs, and groups are cut between heads."""

import numpy as np
import pytest

from ops.detect.person_shape import Blob, SizeModel, is_person, learn_sizes, split_group


def blob(height: int, width: int, bottom: int = 200, x: int = 0) -> Blob:
    return Blob(x, bottom - height, np.ones((height, width), bool), 80.0)


def test_sizes_are_learnt_from_people_in_spite_of_halves_and_pairs() -> None:
    people = [blob(round(0.4 * bottom), round(0.16 * bottom), bottom) for bottom in range(100, 240, 2)]
    halves = [blob(round(0.2 * bottom), round(0.1 * bottom), bottom) for bottom in range(100, 240, 8)]
    model = learn_sizes([*people, *halves])
    assert model is not None
    assert model.height_at(200) == pytest.approx(80, rel=0.05)
    assert is_person(blob(80, 32), model)
    assert not is_person(blob(40, 16), model)
    assert learn_sizes(people[:5]) is None


def test_groups_are_cut_between_heads() -> None:
    mask = np.ones((60, 60), bool)
    mask[:20, 26:34] = False  # the gap between two heads
    parts = split_group(Blob(100, 140, mask, 80.0), SizeModel(0.0, 60.0, 0.05))
    assert [part.width for part in parts] in ([26, 34], [27, 33], [30, 30], [34, 26], [33, 27])
    assert parts[0].x == 100
    assert parts[-1].x + parts[-1].width == 160
    for whole in (blob(60, 24), blob(60, 60), blob(40, 90)):  # one person; no dip; a car
        assert split_group(whole, None) == [whole]
