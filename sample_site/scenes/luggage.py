"""Scenes with suitcases: carried, put down, taken again, abandoned, taken by somebody else, handed over."""

from typing import Literal

from sample_site.geometry import Point
from sample_site.scenes.floor import CORNERS, beside_picture
from sample_site.stage import Performer, Stage, Thing

Kind = Literal["case", "bag"]


def carry(stage: Stage, at_s: float, y: float, left: bool, kind: Kind, speed_m_s: float = 1.25) -> float:
    """Somebody crosses the picture with a suitcase."""
    person = stage.person("carrier", at_s, beside_picture(y, left), speed_m_s)
    stage.luggage(kind).carried(person)
    person.to(*beside_picture(y, not left))
    return person.now


def put_down_and_take(
    stage: Stage, at_s: float, spot: Point, left: bool, kind: Kind, apart_m: float, away_s: float
) -> float:
    """Somebody puts a suitcase down, stands or walks near it for a while, takes it and goes back."""
    owner, case, put_s = _bring(stage, "owner", at_s, spot, left, kind)
    case.rests(*_down_at(owner, left, kind), at_s=put_s)
    if apart_m:
        owner.to(owner.here[0] + (apart_m if left else -apart_m), owner.here[1] + 0.5).wait(away_s)
        owner.to(*spot)
    else:
        owner.wait(away_s)
    owner.wait(0.8)
    case.carried(owner)
    owner.wait(0.8).to(spot[0], -1.8).along(*CORNERS[left], beside_picture(-2.3, left))
    return owner.now


def abandon(
    stage: Stage, at_s: float, spot: Point, left: bool, kind: Kind, alone_s: float, taken: bool, passer: bool
) -> float:
    """Somebody leaves a suitcase and the picture; after ``alone_s`` somebody else takes it, or nobody does.

    Args:
        passer: whether somebody walks past the suitcase, at arm's length, while it is alone.
    """
    owner, case, put_s = _bring(stage, "leaver", at_s, spot, left, kind)
    case.rests(*_down_at(owner, left, kind), at_s=put_s)
    owner.wait(0.8)
    leaves_s = owner.now
    owner.to(spot[0], -2.2).along(*CORNERS[left], beside_picture(-2.4, left))
    taken_s = owner.now + alone_s
    if passer:
        way_y = spot[1] - 0.7
        start = beside_picture(-2.2, not left)
        other = stage.person("passer", owner.now + 0.35 * alone_s, start).along(*CORNERS[not left])
        ends = (spot[0] + 1.5, way_y), (spot[0] - 1.5, way_y)
        other.along(*(ends if left else ends[::-1]), *CORNERS[left], beside_picture(-2.2, left))
    if not taken:
        stage.record("abandons", owner, case, leaves_s, stage.end_s)
        return taken_s
    taker = stage.person("taker", taken_s - 9.0, beside_picture(-2.3, not left)).along(*CORNERS[not left])
    taker.to(spot[0] + (0.9 if left else -0.9), spot[1]).wait(0.8)
    stage.record("abandons", owner, case, leaves_s, taker.now)
    case.carried(taker)
    taker.wait(0.8).along(*CORNERS[not left], beside_picture(-2.4, not left))
    return taker.now


def snatch(stage: Stage, at_s: float, spot: Point, left: bool, kind: Kind) -> float:
    """Somebody takes the suitcase of a person who stands a few metres away, and hurries off."""
    owner, case, put_s = _bring(stage, "robbed", at_s, spot, left, kind)
    case.rests(*_down_at(owner, left, kind), at_s=put_s)
    owner.wait(0.8).to(spot[0] + (1.4 if left else -1.4), spot[1] + 2.8).wait(7.0)
    thief = stage.person("thief", owner.now - 8.0, beside_picture(-2.2, left), 1.5).along(*CORNERS[left])
    thief.to(spot[0] - (0.5 if left else -0.5), spot[1] - 0.3).wait(0.7)
    case.carried(thief)
    thief.wait(0.3).along(*CORNERS[left], beside_picture(-2.3, left), speed_m_s=2.0)
    owner.wait_until(thief.now).to(spot[0], -2.0).along(*CORNERS[not left], beside_picture(-2.2, not left))
    return owner.now


def hand_over(stage: Stage, at_s: float, spot: Point, left: bool, kind: Kind, talk_s: float) -> float:
    """Two people meet, and the suitcase of one goes with the other."""
    giver = stage.person("giver", at_s, beside_picture(-2.3, left))
    case = stage.luggage(kind).carried(giver)
    taker = stage.person("receiver", at_s + 0.7, beside_picture(-2.3, not left))
    side = 0.45 if left else -0.45
    giver.along(*CORNERS[left], (spot[0] - side, spot[1]))
    taker.along(*CORNERS[not left], (spot[0] + side, spot[1]))
    met_s = max(giver.now, taker.now)
    giver.wait_until(met_s + talk_s)
    taker.wait_until(met_s + talk_s)
    case.carried(taker)
    giver.wait(1.2)
    taker.wait(1.0)
    stage.record("meets", giver, taker, met_s, giver.now)
    giver.along(*CORNERS[left], beside_picture(-2.6, left))
    taker.along(*CORNERS[not left], beside_picture(-2.4, not left))
    return max(giver.now, taker.now)


def _bring(stage: Stage, name: str, at_s: float, spot: Point, left: bool, kind: Kind) -> tuple[Performer, Thing, float]:
    """Walks in with a suitcase, stops, and returns when it touches the ground."""
    person = stage.person(name, at_s, beside_picture(-2.2, left))
    case = stage.luggage(kind).carried(person)
    person.along(*CORNERS[left], spot).wait(1.2)
    return person, case, person.now


def _down_at(person: Performer, left: bool, kind: Kind) -> Point:
    """Returns where a suitcase rests beside a person who came from a side."""
    x, y = person.here
    return x + (-0.25 if left else 0.25), y - (0.5 if kind == "case" else 0.35)
