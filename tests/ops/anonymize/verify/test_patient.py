"""A look that found nobody holds for its picture, longer each time, and not for ever."""

import numpy as np

from ops.anonymize.verify.patient import HELD_US, MOST_HELD_US, ClearView

SECOND = 1_000_000


def test_a_clear_view_holds_for_its_picture_and_its_time_and_not_before_it() -> None:
    view, grey = ClearView(), np.full((30, 40, 3), 90, np.uint8)
    assert not view.holds(grey, 0)
    view.look(grey, 10 * SECOND, found_nobody=True)
    assert view.holds(grey + np.uint8(12), 10 * SECOND) and view.holds(grey, 10 * SECOND + HELD_US - 1)
    assert not view.holds(grey, 10 * SECOND - 1)
    assert not view.holds(grey, 10 * SECOND + HELD_US)
    assert not view.holds(grey + np.uint8(13), 11 * SECOND)
    view.look(grey, 14 * SECOND, found_nobody=True)
    assert view.holds(grey, 14 * SECOND + 2 * HELD_US - 1)
    view.look(grey + np.uint8(13), 23 * SECOND, found_nobody=True)
    assert not view.holds(grey + np.uint8(13), 23 * SECOND + HELD_US), "another view begins anew"
    view.look(grey + np.uint8(13), 24 * SECOND, found_nobody=False)
    assert not view.holds(grey + np.uint8(13), 24 * SECOND)


def test_no_look_holds_for_ever() -> None:
    view, grey, time_us = ClearView(), np.full((30, 40, 3), 90, np.uint8), 0
    for _ in range(8):
        view.look(grey, time_us, found_nobody=True)
        time_us += MOST_HELD_US
    assert view.holds(grey, time_us - 1)
    assert not view.holds(grey, time_us)
