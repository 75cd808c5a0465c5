"""How long a look holds where nothing changes."""

import numpy as np

from ops.detect.patience import Patience

EMPTY = np.zeros((30, 40, 3), np.uint8)
OTHER = np.full((30, 40, 3), 90, np.uint8)
NOBODY = np.empty((0, 4), np.float32)
SOMEBODY = np.array([[10, 10, 20, 30]], np.float32)
SECOND = 1_000_000


def ends(*looks: tuple[np.ndarray, np.ndarray]) -> list[int]:
    """For how many seconds each of these looks holds."""
    patience, at, lasts = Patience(4.0, 40), 0, []
    for picture, people in looks:
        patience.renew(at * 10, at * SECOND, picture, people)
        lasts.append(next(s for s in range(1000) if patience.is_over((at + s) * 10, (at + s) * SECOND)))
        at += lasts[-1]
    return lasts


def test_a_look_that_shows_and_finds_the_same_holds_longer_each_time_up_to_a_bound() -> None:
    assert ends(*[(EMPTY, NOBODY)] * 6) == [4, 32, 128, 128, 128, 128]
    assert ends(*[(EMPTY, SOMEBODY)] * 3) == [4, 32, 128]


def test_it_begins_anew_where_something_changed_or_somebody_else_is_found() -> None:
    still = [(EMPTY, SOMEBODY)] * 2
    assert ends(*still, (OTHER, SOMEBODY)) == [4, 32, 4]
    assert ends(*still, (EMPTY, NOBODY)) == [4, 32, 4]
    assert ends(*still, (EMPTY, SOMEBODY + 15)) == [4, 32, 4]
    assert ends(*still, (EMPTY, np.concatenate([SOMEBODY, SOMEBODY + 15]))) == [4, 32, 4]


def test_it_ends_by_frames_where_the_clock_stands_still_and_at_once_before_the_first_look() -> None:
    patience = Patience(4.0, 40)
    assert patience.is_over(0, -5 * SECOND)
    patience.renew(0, 0, EMPTY, NOBODY)
    assert not patience.is_over(39, 0)
    assert patience.is_over(40, 0)
