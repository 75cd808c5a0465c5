"""Which parts of a frame are looked at again."""

import numpy as np
import pytest

from ops.detect.changes import changed, changed_parts, reduced
from schemas.values import Float64, Uint8

FRAME_PX = (640, 480)
NOBODY = np.empty((0, 4))


def scene(*boxes: tuple[int, int, int, int], level: int = 128) -> Uint8:
    frame = np.full((480, 640, 3), 100, np.uint8)
    for x1, y1, x2, y2 in boxes:
        frame[y1:y2, x1:x2] = level
    return frame


def parts(before: Uint8, after: Uint8, boxes: Float64 = NOBODY) -> Float64 | None:
    return changed_parts(changed(reduced(after), reduced(before)), boxes, FRAME_PX)


def test_noise_changes_nothing() -> None:
    random = np.random.default_rng(0)
    one, other = (np.clip(scene() + random.normal(0, 6, (480, 640, 3)), 0, 255).astype(np.uint8) for _ in range(2))
    assert not changed(reduced(one), reduced(other)).any()


@pytest.mark.parametrize("channel", range(3))
def test_a_small_person_changes_something_in_any_one_colour(channel: int) -> None:
    walker = scene()
    walker[200:220, 300:307, channel] += 30
    assert changed(reduced(walker), reduced(scene())).any()


def test_a_part_holds_what_changed_with_a_margin() -> None:
    found = parts(scene(), scene((300, 200, 340, 300)))
    assert found is not None and len(found) == 1
    x1, y1, x2, y2 = found[0]
    assert x1 <= 276 and y1 <= 176 and x2 >= 364 and y2 >= 324
    assert (x2 - x1) * (y2 - y1) < 200 * 250


def test_a_known_person_whose_rim_changed_is_looked_at_whole() -> None:
    moved = scene((300, 200, 304, 210))
    found = parts(scene(), moved, np.array([[295.0, 200.0, 400.0, 440.0], [10.0, 10.0, 40.0, 90.0]]))
    assert found is not None and len(found) == 1
    assert (found[0] <= [285, 190, 500, 500]).all() and (found[0][2:] >= [410, 464]).all()


def test_parts_do_not_overlap_and_stay_in_the_frame() -> None:
    random = np.random.default_rng(1)
    for _ in range(50):
        corners = random.integers(0, [620, 460], (4, 2))
        after = scene(*((int(x), int(y), int(x) + 20, int(y) + 20) for x, y in corners))
        found = parts(scene(), after, random.uniform(0, 200, (3, 2)).repeat(2, axis=0).reshape(3, 4))
        if found is None:
            continue
        assert (found[:, :2] >= 0).all() and (found[:, 2:] <= FRAME_PX).all()
        shown = np.zeros((480, 640), np.int64)
        for x1, y1, x2, y2 in found.astype(int):
            shown[y1:y2, x1:x2] += 1
        assert shown.max() == 1


def test_light_that_changes_everywhere_is_a_look_at_all_of_it() -> None:
    assert parts(scene(), scene((0, 0, 640, 480))) is None


def test_nothing_changed_gives_no_part() -> None:
    found = parts(scene(), scene())
    assert found is not None and len(found) == 0


def test_frames_smaller_than_the_reduction_are_compared_too() -> None:
    assert changed(reduced(np.full((2, 3, 3), 200, np.uint8)), reduced(np.zeros((2, 3, 3), np.uint8))).all()
