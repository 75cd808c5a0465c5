"""A play: people who act, things that they move, and what a viewer would say that they do.

Places are metres of the floor plan, times seconds from the start of the footage, as in ``sample_site.script``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from sample_site.geometry import Pinhole, Point
from sample_site.people import Appearance
from sample_site.poses import seated, tilted
from sample_site.renderer import Figure
from schemas.values import Float64, Uint8

Pose = Literal["sits", "lies", "rides", "inside"]
"""``inside``: in a vehicle, and not visible. A rider is raised by ``PEDALS_M``."""

FALL_S = 0.7
"""Time in which a person falls, and in which they stand up again."""

PEDALS_M = 0.15
_TURN_S = 0.5
"""Time in which somebody who turns looks the other way."""

_GLIDE_S = 0.8
"""Time in which a thing moves to another place when somebody takes it or puts it down."""


@dataclass(frozen=True)
class Spell:
    """A pose for a stretch of time."""

    pose: Pose
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Player:
    """A person who acts.

    Attributes:
        times_s, places_m: when the person is where, in straight lines between; times rise.
        spells: poses other than standing and walking.
    """

    person: str
    appearance: int
    height_m: float
    times_s: tuple[float, ...]
    places_m: tuple[Point, ...]
    spells: tuple[Spell, ...] = ()

    @property
    def start_s(self) -> float:
        """Time at the first place."""
        return self.times_s[0]

    @property
    def end_s(self) -> float:
        """Time at the last place."""
        return self.times_s[-1]

    @cached_property
    def _walked_m(self) -> Float64:
        return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(self.places_m, axis=0), axis=1))])

    def places(self, times_s: Float64) -> Float64:
        """Returns ``(N, 3)`` x, y and distance walked, metres, at times ``(N,)``; NaN before the first and last."""
        columns = (*np.array(self.places_m).T, self._walked_m)
        return np.column_stack([np.interp(times_s, self.times_s, values, np.nan, np.nan) for values in columns])

    def pose_at(self, time_s: float) -> Spell | None:
        """Returns the pose at a time; None: standing or walking."""
        return next((spell for spell in self.spells if spell.start_s <= time_s < spell.end_s), None)

    def heading(self, time_s: float) -> Float64:
        """Returns the direction of the last step ``(2,)``, length 1; of the first one before that."""
        moving = np.flatnonzero(np.diff(self._walked_m) > 0)
        if not len(moving):
            return np.array([1.0, 0.0])
        begun = moving[np.array(self.times_s)[moving] < time_s]
        step = int(begun[-1] if len(begun) else moving[0])
        ahead = np.subtract(self.places_m[step + 1], self.places_m[step])
        return np.asarray(ahead / np.hypot(*ahead), np.float64)

    def figure_at(self, time_s: float, lens: Pinhole, appearances: tuple[Appearance, ...]) -> Figure | None:
        """Returns the person as a camera sees them, or None if they are not there or in a vehicle."""
        spell = self.pose_at(time_s)
        if not self.start_s <= time_s <= self.end_s or (spell is not None and spell.pose == "inside"):
            return None
        x, y, walked_m = self.places(np.array([time_s]))[0]
        moving = bool(self.places(np.array([max(self.start_s, time_s - 0.15)]))[0, 2] != walked_m)
        sprite = self.appearances_sprite(appearances, float(walked_m), moving)
        if not heads_right(self.heading(time_s), (float(x), float(y)), lens):
            sprite = np.ascontiguousarray(sprite[:, ::-1])
        height_m, lift_m = self.height_m, 0.0
        if spell is not None:
            if spell.pose == "rides":
                lift_m = PEDALS_M
            else:
                sprite, share = _posed(sprite, spell, time_s)
                height_m *= share
        return Figure(self.person, (float(x), float(y)), height_m, sprite, lift_m=lift_m)

    def appearances_sprite(self, appearances: tuple[Appearance, ...], walked_m: float, moving: bool) -> Uint8:
        """Returns the person's sprite, facing right."""
        return appearances[self.appearance % len(appearances)].at(walked_m, moving)


def _posed(sprite: Uint8, spell: Spell, time_s: float) -> tuple[Uint8, float]:
    if spell.pose == "sits":
        return seated(sprite)
    share = min(1.0, (time_s - spell.start_s) / FALL_S, (spell.end_s - time_s) / FALL_S)
    return tilted(sprite, 90.0 * max(share, 0.0))


def heads_right(heading: Float64, place: Point, lens: Pinhole) -> bool:
    """Returns whether a step in a direction moves to the right in the picture."""
    step = np.array([[*place, 0.0], [*np.add(place, 0.1 * heading), 0.0]])
    pixels, _ = lens.project(step)
    return bool(pixels[1, 0] >= pixels[0, 0])


@dataclass(frozen=True)
class Stretch:
    """Where a thing is for a stretch of time: at rest at a place, or with a player.

    Attributes:
        player: who moves it; None: nobody.
        place_m: where it rests, if nobody moves it.
        beside_m, ahead_m: to the right of the player, and before them; for things that are moved.
        toward_m: toward the south, where the cameras are; for things that are moved.
        lift_m: above the ground.
        backwards: whether it is moved backwards.
    """

    start_s: float
    end_s: float
    player: Player | None = None
    place_m: Point | None = None
    beside_m: float = 0.0
    ahead_m: float = 0.0
    toward_m: float = 0.0
    lift_m: float = 0.0
    backwards: bool = False

    def at(self, time_s: float) -> Float64:
        """Returns x, y and height above the ground ``(3,)``."""
        if self.player is None:
            if self.place_m is None:
                raise ValueError("a thing that nobody moves needs a place")
            return np.array([*self.place_m, self.lift_m])
        time_s = min(max(time_s, self.player.start_s), self.player.end_s)
        here = self.player.places(np.array([time_s]))[0, :2]
        ahead = self._ahead(self.player, time_s)
        right = np.array([ahead[1], -ahead[0]])
        x, y = here + self.beside_m * right + self.ahead_m * ahead - np.array([0.0, self.toward_m])
        return np.array([x, y, self.lift_m])

    @staticmethod
    def _ahead(player: Player, time_s: float) -> Float64:
        """Returns where a player looks, turning within ``_TURN_S``, so that things beside them do not jump."""
        latest = player.heading(time_s)
        mean = np.mean([player.heading(time_s - back_s) for back_s in np.linspace(0, _TURN_S, 5)], axis=0)
        length = float(np.hypot(*mean))
        return latest if length < 0.3 else np.asarray(mean / length, np.float64)


@dataclass(frozen=True)
class Prop:
    """A thing: its name and class in the truth, its size, and where it is, stretch after stretch.

    Attributes:
        kind: name of its sprite.
        girth_m: reach of its shadow; along x where it also has a reach along y.
        spread_m: reach of its shadow along y, for what is long and stays along x, as cars; None for what is not.
    """

    name: str
    label: str
    kind: str
    height_m: float
    stretches: tuple[Stretch, ...]
    girth_m: float = 0.42
    spread_m: float | None = None

    @property
    def start_s(self) -> float:
        """Time from which it is there."""
        return self.stretches[0].start_s

    @property
    def end_s(self) -> float:
        """Time at which it is gone."""
        return self.stretches[-1].end_s

    def at(self, time_s: float) -> Float64 | None:
        """Returns x, y and height above the ground ``(3,)``, or None while it is not there."""
        for number, stretch in enumerate(self.stretches):
            if stretch.start_s <= time_s < stretch.end_s:
                place = stretch.at(time_s)
                share = (time_s - stretch.start_s) / _GLIDE_S
                if number and share < 1:
                    before = self.stretches[number - 1].at(stretch.start_s)
                    place = before + share * (place - before)
                return place
        return None

    def places(self, times_s: Float64) -> Float64:
        """Returns ``(N, 2)`` x and y at times ``(N,)``; NaN while it is not there."""
        found = [self.at(float(time_s)) for time_s in times_s]
        return np.array([(np.nan, np.nan) if place is None else place[:2] for place in found]).reshape(-1, 2)

    def figure_at(self, time_s: float, lens: Pinhole, sprites: Mapping[str, Uint8]) -> Figure | None:
        """Returns the thing as a camera sees it, or None while it is not there."""
        place = self.at(time_s)
        if place is None:
            return None
        sprite, ground = sprites[self.kind], (float(place[0]), float(place[1]))
        if not heads_right(self._heading(time_s), ground, lens):
            sprite = np.ascontiguousarray(sprite[:, ::-1])
        wide = self.spread_m is not None
        return Figure(self.name, ground, self.height_m, sprite, self.girth_m, float(place[2]), self.spread_m, wide)

    def _heading(self, time_s: float) -> Float64:
        """Returns the direction in which it was last moved ``(2,)``."""
        moved = [each for each in self.stretches if each.player is not None and each.start_s <= time_s]
        if not moved or moved[-1].player is None:
            return np.array([1.0, 0.0])
        heading = moved[-1].player.heading(min(time_s, moved[-1].end_s))
        return -heading if moved[-1].backwards else heading


@dataclass(frozen=True)
class ScriptedInteraction:
    """What a viewer would say that somebody does.

    Attributes:
        object: person or thing; None where the verb has none.
        partner: the other person of a verb with two people and a thing.
        optional: whether it counts neither as missed nor, if found, as a false alarm.
    """

    verb: str
    subject: str
    object: str | None
    start_s: float
    end_s: float
    partner: str | None = None
    optional: bool = False


@dataclass(frozen=True)
class Play:
    """All that happens in the footage."""

    players: tuple[Player, ...] = ()
    props: tuple[Prop, ...] = ()
    interactions: tuple[ScriptedInteraction, ...] = field(default=(), repr=False)

    def figures_at(
        self, time_s: float, lens: Pinhole, appearances: tuple[Appearance, ...], sprites: Mapping[str, Uint8]
    ) -> list[Figure]:
        """Returns everybody and everything there at a time, as a camera sees them."""
        found = [player.figure_at(time_s, lens, appearances) for player in self.players]
        found += [prop.figure_at(time_s, lens, sprites) for prop in self.props]
        return [figure for figure in found if figure is not None]
