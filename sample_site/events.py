"""The film of interactions: one camera, ten minutes, every scene several times with other people, places and speeds.

``EVENTS`` is built as ``DEMO`` is: ``build_sample_site(root, spec=EVENTS)``. Scenes of one lane play one after the
other, in their own part of the hall; lanes play at the same time.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from sample_site.play import Play
from sample_site.scenes.alone import fall, loiter, run, sit
from sample_site.scenes.company import follow, meet, queue, walk_with
from sample_site.scenes.decoys import cross, jog, pass_car, strangers, wait_around
from sample_site.scenes.floor import BENCH, DOOR, YARD, beside_picture
from sample_site.scenes.luggage import abandon, carry, hand_over, put_down_and_take, snatch
from sample_site.scenes.wheels import arrive, leave, load, push, ride, ride_along
from sample_site.script import SampleSpec
from sample_site.stage import Stage, Thing

Scene = Callable[[Stage, float], float]

_FRONT: tuple[Scene, ...] = (
    partial(carry, y=-3.6, left=True, kind="case"),
    partial(jog, y=-3.2, left=False),
    partial(ride, y=-3.8, left=True, speed_m_s=3.4, colour="green"),
    partial(run, y=-3.4, left=False, speed_m_s=3.8),
    partial(push, y=-3.5, left=True, toward_m=0.35, what="bicycle"),
    partial(strangers, y=-3.9, left=False),
    partial(carry, y=-3.0, left=False, kind="bag", speed_m_s=1.4),
    partial(cross, y=-3.2, apart_m=0.9),
    partial(ride, y=-4.3, left=False, speed_m_s=4.2, colour="blue"),
    partial(run, y=-4.2, left=True, speed_m_s=4.4),
    partial(push, y=-3.2, left=False, toward_m=0.4, what="bicycle"),
    partial(cross, y=-3.6, apart_m=1.5),
    partial(carry, y=-4.4, left=True, kind="bag"),
    partial(jog, y=-4.1, left=True),
    partial(ride, y=-3.2, left=True, speed_m_s=2.6, colour="blue"),
    partial(run, y=-3.1, left=False, speed_m_s=3.5),
    partial(push, y=-4.2, left=True, toward_m=-0.4, what="bicycle"),
    partial(strangers, y=-3.4, left=True),
    partial(carry, y=-4.0, left=False, kind="case", speed_m_s=1.1),
    partial(ride, y=-4.0, left=False, speed_m_s=3.8, colour="green"),
    partial(run, y=-3.7, left=True, speed_m_s=4.9),
    partial(push, y=-3.9, left=False, toward_m=0.3, what="cart"),
    partial(cross, y=-4.2, apart_m=0.7),
    partial(
        walk_with,
        way=(beside_picture(-3.4, False), (9.0, -3.8), beside_picture(-3.6, True)),
        apart=(0.1, -0.75),
        speed_m_s=1.1,
    ),
    partial(
        follow,
        way=(beside_picture(-3.2, True), (5.5, -4.2), (8.0, -2.8), (11.0, -4.0), beside_picture(-3.6, False)),
        behind_m=2.4,
        speed_m_s=1.0,
    ),
)

_LEFT: tuple[Scene, ...] = (
    partial(put_down_and_take, spot=(4.6, 0.6), left=True, kind="case", apart_m=0.0, away_s=7.0),
    partial(hand_over, spot=(5.6, 0.0), left=True, kind="bag", talk_s=2.5),
    partial(abandon, spot=(4.0, 0.2), left=True, kind="case", alone_s=32.0, taken=True, passer=True),
    partial(put_down_and_take, spot=(5.4, 1.2), left=False, kind="bag", apart_m=1.6, away_s=6.0),
    partial(snatch, spot=(3.6, -0.2), left=True, kind="case"),
    partial(hand_over, spot=(4.4, 1.0), left=False, kind="case", talk_s=4.0),
    partial(abandon, spot=(5.2, 1.4), left=False, kind="bag", alone_s=40.0, taken=True, passer=False),
    partial(put_down_and_take, spot=(3.8, 0.8), left=True, kind="bag", apart_m=0.0, away_s=11.0),
    partial(hand_over, spot=(3.9, -0.3), left=True, kind="case", talk_s=1.5),
    partial(snatch, spot=(5.0, 0.4), left=True, kind="bag"),
    partial(abandon, spot=(4.7, -0.4), left=True, kind="bag", alone_s=36.0, taken=True, passer=True),
    partial(put_down_and_take, spot=(4.2, 1.5), left=True, kind="case", apart_m=1.8, away_s=8.0),
    partial(hand_over, spot=(5.2, 0.8), left=False, kind="bag", talk_s=3.0),
    partial(abandon, spot=(3.6, 1.0), left=True, kind="case", alone_s=60.0, taken=False, passer=True),
)

_IN_BY_DOOR, _OUT_BY_DOOR = DOOR, DOOR[::-1]

_MIDDLE: tuple[Scene, ...] = (
    partial(meet, spot=(7.4, 1.0), left=True, apart_m=0.9, talk_s=7.0),
    partial(fall, spot=(7.2, 0.0), left=True, lies_s=7.0),
    partial(wait_around, spot=(7.8, 1.4), left=True, seconds=20.0),
    partial(
        walk_with,
        way=(beside_picture(-3.2, True), (7.0, -2.6), (7.4, 6.4), *_OUT_BY_DOOR[1:]),
        apart=(0.6, -0.35),
        speed_m_s=1.15,
    ),
    partial(meet, spot=(6.9, 0.2), left=False, apart_m=0.8, talk_s=5.0),
    partial(
        follow, way=(*_IN_BY_DOOR, (7.4, 3.0), (6.6, -1.4), beside_picture(-2.6, True)), behind_m=2.6, speed_m_s=1.2
    ),
    partial(loiter, spot=(7.0, 1.4), left=False, seconds=72.0, paces_m=1.0),
    partial(fall, spot=(7.6, 1.2), left=False, lies_s=9.0),
    partial(
        walk_with,
        way=(*_IN_BY_DOOR, (7.6, 2.0), (7.8, -2.2), beside_picture(-3.0, False)),
        apart=(-0.6, -0.3),
        speed_m_s=1.3,
    ),
    partial(
        follow, way=(beside_picture(-2.4, True), (6.6, -1.2), (7.6, 3.4), *_OUT_BY_DOOR), behind_m=3.4, speed_m_s=1.3
    ),
    partial(meet, spot=(7.6, 1.8), left=True, apart_m=1.0, talk_s=9.0),
    partial(fall, spot=(6.8, 0.8), left=True, lies_s=6.0),
    partial(
        walk_with,
        way=(beside_picture(-2.8, True), (7.2, -2.0), (7.9, 6.6), *_OUT_BY_DOOR[1:]),
        apart=(-0.7, 0.2),
        speed_m_s=1.25,
    ),
    partial(
        follow, way=(*_IN_BY_DOOR, (8.0, 2.4), (8.2, -1.8), beside_picture(-3.1, False)), behind_m=2.2, speed_m_s=1.1
    ),
    partial(wait_around, spot=(7.0, 0.6), left=False, seconds=24.0),
    partial(meet, spot=(7.2, 1.4), left=False, apart_m=0.9, talk_s=6.0),
    partial(fall, spot=(7.4, 0.4), left=False, lies_s=8.0),
    partial(
        walk_with,
        way=(*_IN_BY_DOOR, (7.7, 1.0), (6.8, -2.4), beside_picture(-2.8, True)),
        apart=(0.55, 0.4),
        speed_m_s=1.2,
    ),
)

_RIGHT: tuple[Scene, ...] = (
    partial(loiter, spot=(11.5, 0.0), left=False, seconds=80.0, paces_m=1.2),
    partial(loiter, spot=(12.4, 1.2), left=False, seconds=68.0, paces_m=0.8),
)
"""After the last car has gone."""

_FAR: tuple[Scene, ...] = (
    partial(queue, people=3, step=(1.2, 0.0), served_s=7.0),
    partial(queue, people=4, step=(1.05, -0.55), served_s=6.0),
    partial(queue, people=5, step=(1.15, -0.2), served_s=6.0),
)


def events(random: np.random.Generator, end_s: float) -> Play:
    """Returns the play of a seed."""
    stage = Stage(random, end_s)
    bench = stage.thing("bench", "bench", "bench", 0.85, 0.8, 0.3).rests(*BENCH, 0.0)
    _play_lane(stage, 3.0, _FRONT)
    _play_lane(stage, 8.0, _LEFT)
    _play_lane(stage, 12.0, _MIDDLE)
    _play_lane(stage, 70.0, _FAR, 75.0)
    _play_lane(stage, 20.0, _seats(bench), 45.0)
    _play_lane(stage, _play_cars(stage), _RIGHT)
    return stage.play()


def _play_lane(stage: Stage, at_s: float, scenes: Sequence[Scene], pause_s: float = 4.0) -> None:
    """Plays scenes one after the other, with pauses."""
    for scene in scenes:
        end_s = scene(stage, at_s)
        at_s = end_s + pause_s + float(stage.random.uniform(0, 3))


def _seats(bench: Thing) -> tuple[Scene, ...]:
    return (
        partial(sit, bench=bench, seat_m=-0.35, seconds=12.0, by_door=True),
        partial(sit, bench=bench, seat_m=0.3, seconds=20.0, by_door=False),
        partial(sit, bench=bench, seat_m=0.0, seconds=9.0, by_door=True),
        partial(sit, bench=bench, seat_m=-0.2, seconds=15.0, by_door=False),
        partial(sit, bench=bench, seat_m=0.35, seconds=25.0, by_door=True),
    )


def _play_cars(stage: Stage) -> float:
    """Plays three visits of a car, and returns when the place is free."""
    at_s = 6.0
    for colour, unloads, riders, from_right in (
        ("silver", False, 0, False),
        ("red", True, 1, True),
        ("silver", False, 1, False),
    ):
        car, driver = arrive(stage, at_s, colour)
        at_s = load(stage, driver.now + 4.0, car, trips=3, unload=unloads) + 3.0
        at_s = pass_car(stage, at_s, left=not unloads) + 3.0
        for _ in range(riders):
            at_s = ride_along(stage, at_s, car, 15.0) + 3.0
        if unloads:
            at_s = load(stage, at_s, car, trips=2, unload=False) + 3.0
        at_s = leave(stage, at_s, car, from_right) + 14.0
    return at_s


EVENTS = SampleSpec(cameras=(replace(YARD),), routes=(), file_s=120, play=events)
"""One camera, ten minutes: rendered in 83 s of one core."""
