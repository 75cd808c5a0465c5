"""Clocks of footage: whether a camera records that fast, and where it did not record at all.

The scan and the anonymizer judge by the same rules, so they are here.
"""

from dataclasses import dataclass

import numpy as np

from schemas.values import Bools, Int64

MOST_FPS = 130.0
"""Most frames per second that are possible: fast surveillance cameras record 120, and time stamps are rounded."""

STRETCH_FRAMES = 100
"""Frames over which the rate is averaged: recorders that stamp frames on arrival give short bursts after a pause."""

LEAST_FRAMES = 12
"""Frames below which no rate is judged."""

MAX_PAUSE_S = 2.0
"""Longest time from one frame to the next that counts as footage, unless frames around it are as far apart."""

MAX_SLOW_STEP_S = 60.0
"""Longest time from frame to frame of slow footage: time lapse, or a camera that saves frames where nothing moves."""

_SLOW_STEPS = 3
"""Steps of slow footage differ by less than this factor."""


@dataclass(frozen=True)
class FastStretch:
    """A stretch of footage whose frames follow faster than any camera records.

    Attributes:
        offset_s: seconds from the first given frame to the stretch's first.
        steps: number of steps from frame to frame.
        length_s: seconds from its first to its last frame; 0 if all times are the same.
    """

    offset_s: float
    steps: int
    length_s: float

    def __str__(self) -> str:
        rate = f"{self.steps / self.length_s:.0f} frames a second" if self.length_s > 0 else "all at one time"
        return (
            f"from {self.offset_s:.2f} s on, {self.steps + 1} frames within {self.length_s:.2f} s ({rate}); "
            f"no camera records more than {MOST_FPS:g} a second"
        )


def find_fast_stretch(times_us: Int64) -> FastStretch | None:
    """Returns the fastest stretch of frames if no camera records that fast; else None.

    Args:
        times_us: ``(N,)``, rising: times of consecutive frames, microseconds.
    """
    steps = min(len(times_us) - 1, STRETCH_FRAMES)
    if steps + 1 < LEAST_FRAMES:
        return None
    lengths_us = times_us[steps:] - times_us[:-steps]
    first = int(np.argmin(lengths_us))
    if lengths_us[first] * MOST_FPS >= steps * 1e6:
        return None
    return FastStretch(float(times_us[first] - times_us[0]) / 1e6, steps, float(lengths_us[first]) / 1e6)


def find_pauses(times_us: Int64) -> Bools:
    """Returns after which frames the camera did not record: ``(N - 1,)``.

    A long step alone is no pause: slow footage consists of them.

    Args:
        times_us: ``(N,)``, rising: times of consecutive frames, microseconds.
    """
    steps_s = np.diff(times_us) / 1e6
    around_s = np.minimum(np.append(np.inf, steps_s[:-1]), np.append(steps_s[1:], np.inf))
    around_s[~np.isfinite(around_s)] = 0.0  # a single step has nothing to compare with
    is_slow = (steps_s <= MAX_SLOW_STEP_S) & (steps_s <= _SLOW_STEPS * around_s)
    return np.asarray((steps_s > MAX_PAUSE_S) & ~is_slow)
