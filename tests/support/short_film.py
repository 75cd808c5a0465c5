"""A film of interactions of twelve seconds, for tests."""

from dataclasses import replace

import numpy as np

from sample_site import EVENTS
from sample_site.play import Play
from sample_site.scenes.alone import fall
from sample_site.scenes.floor import BENCH
from sample_site.scenes.luggage import put_down_and_take
from sample_site.scenes.wheels import a_car, ride
from sample_site.stage import Stage


def short_play(random: np.random.Generator, end_s: float) -> Play:
    """Somebody rides by, somebody falls, a car hides who stands behind it, a suitcase is put down and taken."""
    stage = Stage(random, end_s)
    ride(stage, 0.0, -4.0, True, 4.0, "green")
    fall(stage, 0.0, (6.0, -1.0), True, 4.0)
    put_down_and_take(stage, 0.0, (3.5, -1.6), True, "case", 0.0, 2.0)
    a_car(stage, "red").rests(*BENCH, 0.0)
    behind = stage.person("hidden", 0.0, (BENCH[0], BENCH[1] + 0.4)).wait(end_s)
    stage.record("loiters", behind, None, 0.0, end_s)
    return stage.play()


SHORT = replace(
    EVENTS, cameras=(replace(EVENTS.cameras[0], files=1),), size_px=(320, 180), file_s=12, segment_s=4, play=short_play
)
