"""Scenes of people with each other: they meet, walk together, follow, and queue."""

import numpy as np

from sample_site.geometry import Point
from sample_site.scenes.floor import CORNERS, DESK, DOOR, beside_picture
from sample_site.stage import Performer, Stage


def meet(stage: Stage, at_s: float, spot: Point, left: bool, apart_m: float, talk_s: float) -> float:
    """Two people come from different sides, talk, and part."""
    one = stage.person("talker", at_s, beside_picture(-2.2, left)).along(*CORNERS[left], spot)
    other = stage.person("talker", at_s, DOOR[0])
    other.along(*DOOR[1:]).to(spot[0] + (apart_m if left else -apart_m), spot[1] + 0.2)
    met_s = max(one.now, other.now)
    one.wait_until(met_s + talk_s)
    other.wait_until(met_s + talk_s)
    stage.record("meets", one, other, met_s, one.now)
    one.along(*CORNERS[left], beside_picture(-2.4, left))
    other.along(*CORNERS[not left], beside_picture(-2.2, not left))
    return max(one.now, other.now)


def walk_with(stage: Stage, at_s: float, way: tuple[Point, ...], apart: Point, speed_m_s: float) -> float:
    """Two people walk side by side along a way; ``apart`` is how far one is from the other, x and y."""
    start, *corners = way
    one = stage.person("friend", at_s, start, speed_m_s).along(*corners)
    other = stage.person("friend", at_s, _moved(start, apart), speed_m_s)
    other.along(*(_moved(corner, apart) for corner in corners))
    stage.record("walks_with", one, other, at_s, min(one.now, other.now))
    return max(one.now, other.now)


def follow(stage: Stage, at_s: float, way: tuple[Point, ...], behind_m: float, speed_m_s: float) -> float:
    """Somebody walks the way of another, some metres behind."""
    start, *corners = way
    leader = stage.person("leader", at_s, start, speed_m_s).along(*corners)
    follower = stage.person("follower", at_s + behind_m / speed_m_s, start, speed_m_s).along(*corners)
    stage.record("follows", follower, leader, follower.times_s[0], leader.now)
    return follower.now


def queue(stage: Stage, at_s: float, people: int, step: Point, served_s: float) -> float:
    """People queue at the desk, and move up when the first one has been served.

    Args:
        step: from one place in the line to the next, x and y.
    """
    places = [_moved((DESK[0], DESK[1] - 1.0), (number * step[0], number * step[1])) for number in range(people)]
    line: list[Performer] = []
    for number in range(people):
        left = number % 2 == 0
        person = stage.person("waiting", at_s + 4.5 * number, beside_picture(-2.2, left)).along(*CORNERS[left])
        line.append(person.to(places[number][0], places[number][1] - 1.5).to(*places[number]))
    arrived = [person.now for person in line]
    free_s = max(arrived) + 3.0
    for number, person in enumerate(line):
        person.wait_until(free_s + served_s)
        free_s = person.now
        for rank, later in enumerate(line[number + 1 :]):
            later.wait_until(free_s + 0.5 + 0.6 * rank).to(*places[rank], speed_m_s=0.9)
        start_s = max(arrived[number], np.sort(arrived)[1])
        stage.record("queues", person, None, start_s, person.now)
        person.to(6.4, 5.9).to(DOOR[2][0], DOOR[2][1]).along(*DOOR[1::-1])
    return line[-1].now


def _moved(place: Point, by: Point) -> Point:
    return place[0] + by[0], place[1] + by[1]
