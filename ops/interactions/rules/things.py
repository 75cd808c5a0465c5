"""Rule: things that people bring, leave, and take: ``puts_down``, ``picks_up``, ``removes``, ``abandons``, ``carries``.

A thing is a row of ``static_objects``: something that stays in its place, named by a detector or not. Who was at the
place when it came put it down; who was there when it went took it. What is carried is not seen itself: who puts a thing
down carried it before, and who takes it carries it from then on.
"""

from dataclasses import dataclass

from ops.arrays import iso_time
from ops.interactions.rules.owners import Owner, find_owner, time_away
from ops.interactions.rules.scene import PERSON, VEHICLES, Evidence, Interaction, Scene, Thing

VERSION = 5

HAND_US = 1_000_000
"""Time before and after a thing comes or goes in which it is put down or taken."""

UNSEEN_US = 500_000
"""Time after the recording begins in which what seems to come was there already."""

SHARED_CERTAINTY = 0.8
"""Factor on the score of who takes a thing, unless its owner was in view all the time: it may be their own, or not."""

CARRIES_CERTAINTY = 0.8
"""Factor on the score of what is carried and not seen itself."""

KNOWN_S = 60.0
"""Least time for which something that no detector names and nobody was seen to bring must have been there."""


@dataclass(frozen=True)
class _Stay:
    """A thing, who put it down and who took it, as far as that was seen."""

    thing: Thing
    owner: Owner | None
    taker: Owner | None


def find_handled(scene: Scene) -> list[Interaction]:
    """Returns what people did with things at rest, on the scene's day."""
    found = []
    for thing in scene.things:
        if thing.label in VEHICLES or thing.label == PERSON:
            continue
        stay = _Stay(thing, _owner(thing, scene), _taker(thing, scene))
        found += [*_put_down(stay, scene), *_taken(stay, scene), *_abandoned(stay, scene)]
    return found


def _owner(thing: Thing, scene: Scene) -> Owner | None:
    """Returns who put a thing down."""
    if thing.came_us is None or _is_before(thing.came_us, thing.came_error_us, scene):
        return None
    params, error_us = scene.params, thing.came_error_us
    since_us = thing.came_us - error_us - params.owner_before_s * 1e6
    return find_owner(thing.box, since_us, thing.came_us + error_us + params.owner_after_s * 1e6, scene)


def _taker(thing: Thing, scene: Scene) -> Owner | None:
    """Returns who took a thing: they go at once, so who is there some seconds later is somebody else."""
    if thing.left_us is None or _is_before(thing.left_us, thing.left_error_us, scene):
        return None
    margin_us = thing.left_error_us + scene.params.owner_after_s * 1e6
    return find_owner(thing.box, thing.left_us - margin_us, thing.left_us + margin_us, scene)


def _is_before(moment_us: int, error_us: int, scene: Scene) -> bool:
    """Whether a thing may have come or gone before the recording began, or while it paused: nobody saw who did it."""
    passed_us = moment_us - scene.begins_us
    return bool(((passed_us >= 0) & (passed_us <= max(error_us, UNSEEN_US))).any())


def _put_down(stay: _Stay, scene: Scene) -> list[Interaction]:
    thing, owner = stay.thing, stay.owner
    if owner is None or thing.came_us is None or thing.came_us < scene.day_us:
        return []
    begins_us = max(_begin_us(owner, scene), scene.day_us)
    score = (thing.sureness * owner.certainty) ** 0.5
    found = [_momentary("puts_down", stay, owner, thing.came_us, thing.came_error_us, score, scene)]
    if thing.came_us - begins_us > 2 * HAND_US:
        found.append(_row("carries", stay, owner, begins_us, thing.came_us, score * CARRIES_CERTAINTY, {}, scene))
    return found


def _taken(stay: _Stay, scene: Scene) -> list[Interaction]:
    thing, owner, taker = stay.thing, stay.owner, stay.taker
    if taker is None or thing.left_us is None or thing.left_us < scene.day_us:
        return []
    if owner is None and thing.label is None and thing.left_us - thing.start_us < KNOWN_S * 1e6:
        return []  # people who stand half hidden look so, too
    score = (thing.sureness * taker.certainty) ** 0.5
    own = owner is not None and bool(set(owner.tracks) & set(taker.tracks))
    score *= 1.0 if owner is not None and taker.tracks[0] == owner.tracks[0] else SHARED_CERTAINTY
    ends_us = int(scene.trajectories.time_us[scene.bounds[taker.tracks[-1] + 1] - 1])
    moment = thing.left_us, thing.left_error_us
    found = [_momentary("picks_up", stay, taker, *moment, score, scene)]
    if owner is not None and not own:
        found.append(_momentary("removes", stay, taker, *moment, score * owner.certainty**0.5, scene))
    if ends_us - thing.left_us > 2 * HAND_US:
        found.append(_row("carries", stay, taker, thing.left_us, ends_us, score * CARRIES_CERTAINTY, {}, scene))
    return found


def _abandoned(stay: _Stay, scene: Scene) -> list[Interaction]:
    thing, owner = stay.thing, stay.owner
    if owner is None or thing.came_us is None:
        return []
    away = time_away(owner, thing.box, thing.came_us, thing.end_us, scene)
    if away is None or away[0] + scene.params.leave_s * 1e6 < scene.day_us:
        return []  # never away for long, or a row of the day before
    start_us, end_us = away
    stay_s = (thing.end_us - start_us) / 1e6
    # Geometric mean: one poor reason makes the whole doubtful.
    score = (thing.sureness * stay_s / (stay_s + scene.params.leave_s) * owner.certainty) ** (1 / 3)
    more: Evidence = {
        "stay_s": stay_s,
        "away_s": (end_us - start_us) / 1e6,
        "left_as_track": scene.trajectories.tracks[owner.tracks[-1]],
    }
    return [_row("abandons", stay, owner, start_us, end_us, score, more, scene)]


def _begin_us(person: Owner, scene: Scene) -> int:
    return int(scene.trajectories.time_us[scene.bounds[person.tracks[0]]])


def _momentary(
    verb: str, stay: _Stay, person: Owner, at_us: int, error_us: int, score: float, scene: Scene
) -> Interaction:
    """Returns a row for what takes a moment, with a margin for the hand and for how exact the moment is."""
    margin_us = HAND_US + error_us
    more: Evidence = {"at_time": iso_time(at_us), "error_s": error_us / 1e6}
    return _row(verb, stay, person, at_us - margin_us, at_us + margin_us, score, more, scene)


def _row(
    verb: str, stay: _Stay, person: Owner, start_us: int, end_us: int, score: float, more: Evidence, scene: Scene
) -> Interaction:
    thing = stay.thing
    evidence: Evidence = {
        "box_px": thing.box.tolist(),
        "thing_sureness": thing.sureness,
        "first_time": iso_time(thing.start_us),
        "last_time": iso_time(thing.end_us),
        "person_certainty": person.certainty,
        "person_gap_widths": person.gap_widths,
        **more,
    }
    subject = scene.trajectories.tracks[person.tracks[0]]
    kind, rule = "static_object", f"{verb} {VERSION}"
    return Interaction(
        verb, subject, PERSON, thing.name, kind, thing.label, start_us, end_us, score, evidence, rule, thing.place_m
    )
