"""Scenes of one person: runs, falls, sits down, stays around."""

from sample_site.geometry import Point
from sample_site.scenes.floor import BENCH, CORNERS, DOOR, beside_picture
from sample_site.stage import Stage, Thing

_SEAT_M = 0.12
"""How far in front of the bench's back somebody sits."""


def run(stage: Stage, at_s: float, y: float, left: bool, speed_m_s: float) -> float:
    """Somebody runs across the picture."""
    person = stage.person("runner", at_s, beside_picture(y, left), speed_m_s).to(*beside_picture(y, not left))
    stage.record("runs", person, None, at_s, person.now)
    return person.now


def fall(stage: Stage, at_s: float, spot: Point, left: bool, lies_s: float) -> float:
    """Somebody falls, lies for a while, gets up and walks on."""
    person = stage.person("faller", at_s, beside_picture(-2.2, left)).along(*CORNERS[left], spot)
    falls_s = person.now
    person.fall(lies_s)
    stage.record("falls", person, None, falls_s, person.now)
    person.wait(1.0).along(*CORNERS[not left], beside_picture(-2.4, not left))
    return person.now


def sit(stage: Stage, at_s: float, bench: Thing, seat_m: float, seconds: float, by_door: bool) -> float:
    """Somebody comes to the bench, sits, and goes the other way."""
    right = beside_picture(-2.8, False)
    start, end = (DOOR[0], right) if by_door else (right, DOOR[0])
    person = stage.person("sitter", at_s, start)
    if by_door:
        person.along(*DOOR[1:])
    else:
        person.along(*CORNERS[False], (8.4, 1.5))
    person.to(BENCH[0] + seat_m, BENCH[1] - 0.6).to(BENCH[0] + seat_m, BENCH[1] - _SEAT_M)
    sits_s = person.now
    person.sit(seconds)
    stage.record("sits_on", person, bench, sits_s, person.now)
    person.to(BENCH[0] + seat_m, BENCH[1] - 0.6)
    if by_door:
        person.along((8.4, 1.0), *CORNERS[False])
    else:
        person.along(*DOOR[:0:-1])
    person.to(*end)
    return person.now


def loiter(stage: Stage, at_s: float, spot: Point, left: bool, seconds: float, paces_m: float) -> float:
    """Somebody stays around for long: stands, and takes some steps to and fro."""
    person = stage.person("idler", at_s, beside_picture(-2.2, left)).along(*CORNERS[left], spot)
    begun_s = person.now
    steps = ((1.0, 0.3), (0.2, 0.9), (-0.8, 0.2), (0.0, 0.0))
    number = 0
    while person.now < begun_s + seconds:
        x, y = steps[number % len(steps)]
        person.wait(9.0).to(spot[0] + paces_m * x, spot[1] + paces_m * y, 0.7)
        number += 1
    stage.record("loiters", person, None, begun_s, person.now)
    person.along(*CORNERS[left], beside_picture(-2.4, left))
    return person.now
