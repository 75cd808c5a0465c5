"""Builds a play, scene by scene: ``Stage`` gives people and things, and records what they do.

The stage itself records what the moves of a thing say: carries, rides, pushes, puts_down, picks_up, removes and
hands_over. A scene records everything else.
"""

from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np

from sample_site.geometry import Point
from sample_site.people import APPEARANCES
from sample_site.play import FALL_S, Play, Player, Prop, ScriptedInteraction, Spell, Stretch

Way = Literal["carries", "pushes", "rides", "drives"]

_HAND_S = 1.0
"""Time before and after a thing changes hands, or touches the ground, that belongs to it."""

_LEAST_MOVED_M = 2.0
"""Least way for which a viewer says that a thing is carried, pushed or ridden."""

_LUGGAGE = {"case": (0.95, 0.48, -0.3, 0.0), "bag": (0.55, 0.34, 0.0, 0.38)}
"""By kind: height; and how far beside and ahead of the person, and above the ground, it is carried; metres."""


@dataclass
class Performer:
    """A person of whom the next move can be said; ``now`` is when the last one ends."""

    person: str
    appearance: int
    height_m: float
    speed_m_s: float
    times_s: list[float]
    places_m: list[Point]
    spells: list[Spell] = field(default_factory=list)

    @property
    def now(self) -> float:
        """Time at which the last move ends."""
        return self.times_s[-1]

    @property
    def here(self) -> Point:
        """Place at which the last move ends."""
        return self.places_m[-1]

    def to(self, x: float, y: float, speed_m_s: float | None = None) -> Self:
        """Walks to a place."""
        way_m = float(np.hypot(x - self.here[0], y - self.here[1]))
        return self._arrive(self.now + way_m / (speed_m_s or self.speed_m_s), (x, y))

    def along(self, *corners: Point, speed_m_s: float | None = None) -> Self:
        """Walks from corner to corner."""
        for x, y in corners:
            self.to(x, y, speed_m_s)
        return self

    def wait(self, seconds: float) -> Self:
        """Stands still."""
        return self._arrive(self.now + seconds, self.here) if seconds > 0 else self

    def wait_until(self, time_s: float) -> Self:
        """Stands still until a time."""
        return self.wait(time_s - self.now)

    def sit(self, seconds: float) -> Self:
        """Sits where they are."""
        self.spells.append(Spell("sits", self.now, self.now + seconds))
        return self.wait(seconds)

    def fall(self, seconds: float) -> Self:
        """Falls, lies, and stands up again, all in these seconds."""
        if seconds < 2 * FALL_S:
            raise ValueError(f"nobody falls and stands up in {seconds} s")
        self.spells.append(Spell("lies", self.now, self.now + seconds))
        return self.wait(seconds)

    def pose(self, pose: Literal["rides", "inside"], start_s: float, end_s: float) -> None:
        """Rides, or is inside a vehicle, for a stretch of time."""
        self.spells.append(Spell(pose, start_s, end_s))

    def _arrive(self, time_s: float, place: Point) -> Self:
        if time_s > self.now:
            self.times_s.append(time_s)
            self.places_m.append(place)
        return self

    def player(self) -> Player:
        """Returns the person with all moves."""
        spells = tuple(sorted(self.spells, key=lambda spell: spell.start_s))
        return Player(self.person, self.appearance, self.height_m, tuple(self.times_s), tuple(self.places_m), spells)


@dataclass(frozen=True)
class _Hold:
    start_s: float
    performer: Performer | None
    way: Way
    place_m: Point | None
    beside_m: float = 0.0
    ahead_m: float = 0.0
    toward_m: float = 0.0
    lift_m: float = 0.0
    backwards: bool = False


@dataclass
class Thing:
    """A thing of which it can be said who has it; it comes into being with the first hold or rest."""

    name: str
    label: str
    kind: str
    height_m: float
    girth_m: float = 0.42
    spread_m: float | None = None
    owner: Performer | None = None
    holds: list[_Hold] = field(default_factory=list)
    end_s: float = np.inf

    def carried(self, by: Performer, at_s: float | None = None) -> Self:
        """Is carried, from a time on; by default from where the person's last move ended."""
        _, beside_m, ahead_m, lift_m = _LUGGAGE[self.kind.split("-")[0]]
        return self._held(by, at_s, "carries", beside_m, ahead_m, lift_m=lift_m)

    def pushed(self, by: Performer, at_s: float | None = None, ahead_m: float = 0.3, toward_m: float = 0.35) -> Self:
        """Is pushed by a person, on the side of the camera unless ``toward_m`` is negative."""
        return self._held(by, at_s, "pushes", ahead_m=ahead_m, toward_m=toward_m)

    def ridden(self, by: Performer, at_s: float | None = None) -> Self:
        """Is ridden."""
        return self._held(by, at_s, "rides", toward_m=-0.05)

    def driven(self, by: Performer, at_s: float | None = None, backwards: bool = False) -> Self:
        """Is driven by somebody inside."""
        return self._held(by, at_s, "drives", backwards=backwards)

    def _held(
        self,
        by: Performer,
        at_s: float | None,
        way: Way,
        beside_m: float = 0.0,
        ahead_m: float = 0.0,
        toward_m: float = 0.0,
        lift_m: float = 0.0,
        backwards: bool = False,
    ) -> Self:
        self.owner = self.owner or by
        start_s = by.now if at_s is None else at_s
        self.holds.append(_Hold(start_s, by, way, None, beside_m, ahead_m, toward_m, lift_m, backwards))
        return self

    def rests(self, x: float, y: float, at_s: float) -> Self:
        """Rests at a place from a time on."""
        self.holds.append(_Hold(at_s, None, "carries", (x, y)))
        return self

    def gone(self, at_s: float) -> Self:
        """Is no longer there from a time on."""
        self.end_s = at_s
        return self


class Stage:
    """Collects people, things and what they do; draws heights, speeds and clothes at random.

    Args:
        end_s: end of the footage; nothing that happens later is recorded.
    """

    def __init__(self, random: np.random.Generator, end_s: float) -> None:
        self.random = random
        self.end_s = end_s
        self._performers: list[Performer] = []
        self._things: list[Thing] = []
        self._interactions: list[ScriptedInteraction] = []

    def person(self, name: str, at_s: float, place: Point, speed_m_s: float | None = None) -> Performer:
        """Returns a person who is at a place at a time; nobody wears the clothes of the person before."""
        appearance = int(self.random.integers(APPEARANCES))
        if self._performers and self._performers[-1].appearance == appearance:
            appearance = (appearance + 1) % APPEARANCES
        height_m = round(float(self.random.uniform(1.6, 1.9)), 3)
        speed = speed_m_s or float(self.random.uniform(1.1, 1.4))
        performer = Performer(self._free(name), appearance, height_m, speed, [at_s], [place])
        self._performers.append(performer)
        return performer

    def luggage(self, kind: Literal["case", "bag"]) -> Thing:
        """Returns a suitcase that is rolled, or a smaller one that is carried; blue or red."""
        colour = ("red", "blue")[int(self.random.integers(2))]
        return self.thing(kind, "suitcase", f"{kind}-{colour}", _LUGGAGE[kind][0])

    def thing(
        self, name: str, label: str, kind: str, height_m: float, girth_m: float = 0.42, spread_m: float | None = None
    ) -> Thing:
        """Returns a thing."""
        made = Thing(self._free(name), label, kind, height_m, girth_m, spread_m)
        self._things.append(made)
        return made

    def record(
        self,
        verb: str,
        subject: Performer,
        other: Performer | Thing | None,
        start_s: float,
        end_s: float,
        partner: Performer | None = None,
        optional: bool = False,
    ) -> None:
        """Says what somebody does."""
        name = other.person if isinstance(other, Performer) else other.name if other is not None else None
        third = None if partner is None else partner.person
        if start_s < self.end_s:
            end_s = min(end_s, self.end_s)
            self._interactions.append(ScriptedInteraction(verb, subject.person, name, start_s, end_s, third, optional))

    def play(self) -> Play:
        """Returns the play."""
        for thing in self._things:
            self._record_moves(thing)
        players = {performer.person: performer.player() for performer in self._performers}
        props = (self._prop(thing, players) for thing in self._things)
        scripted = sorted(self._interactions, key=lambda one: (one.start_s, one.verb, one.subject))
        return Play(tuple(players.values()), tuple(props), tuple(scripted))

    def _free(self, name: str) -> str:
        """Returns a name that is not taken yet: with a number."""
        taken = {performer.person for performer in self._performers} | {thing.name for thing in self._things}
        number = 1
        while f"{name} {number}" in taken:
            number += 1
        return f"{name} {number}"

    def _ends(self, thing: Thing) -> list[float]:
        ends = [*(hold.start_s for hold in thing.holds[1:]), min(thing.end_s, self.end_s)]
        # What somebody takes out of the picture is gone with them.
        last = thing.holds[-1].performer
        return [*ends[:-1], ends[-1] if last is None else min(ends[-1], last.now)]

    def _prop(self, thing: Thing, players: dict[str, Player]) -> Prop:
        stretches = (
            Stretch(
                hold.start_s,
                end_s,
                None if hold.performer is None else players[hold.performer.person],
                hold.place_m,
                hold.beside_m,
                hold.ahead_m,
                hold.toward_m,
                hold.lift_m,
                hold.backwards,
            )
            for hold, end_s in zip(thing.holds, self._ends(thing), strict=True)
        )
        return Prop(
            thing.name, thing.label, thing.kind, thing.height_m, tuple(stretches), thing.girth_m, thing.spread_m
        )

    def _record_moves(self, thing: Thing) -> None:
        before: _Hold | None = None
        for hold, end_s in zip(thing.holds, self._ends(thing), strict=True):
            if hold.performer is not None and hold.way != "drives" and _moved_m(hold.performer, hold.start_s, end_s):
                self.record(hold.way, hold.performer, thing, hold.start_s, end_s)
            if before is not None and hold.way == before.way == "carries":
                self._record_change(thing, before, hold)
            before = hold

    def _record_change(self, thing: Thing, before: _Hold, after: _Hold) -> None:
        span = after.start_s - _HAND_S, after.start_s + _HAND_S
        if after.performer is None and before.performer is not None:
            self.record("puts_down", before.performer, thing, *span)
        elif after.performer is not None and before.performer is not None:
            self.record("hands_over", before.performer, thing, *span, partner=after.performer)
        elif after.performer is not None:
            taken = after.performer is not thing.owner
            self.record("picks_up", after.performer, thing, *span, optional=taken)
            if taken:
                self.record("removes", after.performer, thing, *span)


def _moved_m(performer: Performer, start_s: float, end_s: float) -> bool:
    times = np.linspace(start_s, end_s, 100)
    places = performer.player().places(np.clip(times, performer.times_s[0], performer.now))[:, :2]
    return float(np.linalg.norm(np.diff(places, axis=0), axis=1).sum()) >= _LEAST_MOVED_M
