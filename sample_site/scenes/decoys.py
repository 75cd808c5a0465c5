"""Scenes without an interaction that look like one."""

from sample_site.geometry import Point
from sample_site.scenes.floor import CORNERS, LOT, beside_picture
from sample_site.stage import Stage


def cross(stage: Stage, at_s: float, y: float, apart_m: float) -> float:
    """Two people pass each other without stopping."""
    one = stage.person("crosser", at_s, beside_picture(y, True)).to(*beside_picture(y, False))
    other = stage.person("crosser", at_s, beside_picture(y - apart_m, False)).to(*beside_picture(y - apart_m, True))
    return max(one.now, other.now)


def pass_car(stage: Stage, at_s: float, left: bool) -> float:
    """Somebody walks past the car, close to its side."""
    y = LOT[1] - 0.6
    person = stage.person("passer", at_s, beside_picture(y, left)).to(*beside_picture(y, not left))
    return person.now


def wait_around(stage: Stage, at_s: float, spot: Point, left: bool, seconds: float) -> float:
    """Somebody comes, waits for less than a minute, and goes on."""
    person = stage.person("waiter", at_s, beside_picture(-2.2, left)).along(*CORNERS[left], spot)
    person.wait(seconds)
    return person.along(*CORNERS[not left], beside_picture(-2.4, not left)).now


def jog(stage: Stage, at_s: float, y: float, left: bool) -> float:
    """Somebody walks fast, at 2 m/s: no run."""
    return stage.person("jogger", at_s, beside_picture(y, left), 2.0).to(*beside_picture(y, not left)).now


def strangers(stage: Stage, at_s: float, y: float, left: bool) -> float:
    """Two people walk the same way, 6 m apart."""
    for delay_s in (0.0, 6.0 / 1.25):
        person = stage.person("stranger", at_s + delay_s, beside_picture(y, left), 1.25)
        person.to(*beside_picture(y, not left))
    return person.now
