"""Finds the interactions of the catalogue: conditions over pairs, then stretches of time, then rows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ops.interactions.params import InteractionsParams
from ops.interactions.rules.alone import PRIMITIVES
from ops.interactions.rules.catalogue import STATIC, ZONE, Declared, catalogue
from ops.interactions.rules.conditions import Condition, parse_condition
from ops.interactions.rules.moments import TICK_US, Moments
from ops.interactions.rules.pairs import PAIR_PRIMITIVES, Pairs, alone, beside, track_pairs
from ops.interactions.rules.scene import Evidence, Interaction, Scene
from ops.interactions.rules.spans import Held, Span, find_spans
from ops.interactions.rules.zones import zone_pairs
from schemas.values import Float64


@dataclass(frozen=True)
class Rule:
    """A declared interaction with its parsed conditions."""

    declared: Declared
    when: Condition
    lasts: Condition

    @property
    def names(self) -> tuple[str, ...]:
        """Returns the primitives that it reads."""
        return tuple(dict.fromkeys((*self.when.names, *self.lasts.names)))


@dataclass(frozen=True)
class _Part:
    """What one part of the pairs gave for a rule: pairs at which the looser condition holds."""

    held: Held
    values: Float64
    place_m: Float64


def find_declared(scene: Scene, moments: Moments) -> list[Interaction]:
    """Returns the interactions of the catalogue, and the user's own."""
    params = scene.params
    rules = [parse_rule(declared, params) for declared in catalogue(params) if declared.verb not in params.skip]
    found: list[Interaction] = []
    for kind, parts in _sources(scene, moments, rules):
        mine = [rule for rule in rules if kind in _kinds(rule.declared)]
        held: dict[int, list[_Part]] = {number: [] for number in range(len(mine))}
        for pairs in parts:
            for number, rule in enumerate(mine):
                held[number].append(_held(rule, _wanted(rule.declared, scene, pairs, kind)))
        for number, rule in enumerate(mine):
            found += _interactions(rule, held[number], scene, kind)
    return found


def parse_rule(declared: Declared, params: InteractionsParams) -> Rule:
    """Parses the conditions of a declared interaction.

    Raises:
        SiteError: one cannot be read, or names what does not exist.
    """
    is_alone = not declared.objects
    when, lasts = (parse_condition(text, params, is_alone) for text in (declared.when, declared.lasts))
    return Rule(declared, when, lasts)


def _kinds(declared: Declared) -> set[str]:
    """Returns the kinds of objects of a rule: ``none``, ``track``, ``static_object``, ``zone``."""
    if not declared.objects:
        return {"none"}
    return {
        "zone" if name.startswith(ZONE) else "static_object" if name.startswith(STATIC) else "track"
        for name in declared.objects
    }


def _sources(scene: Scene, moments: Moments, rules: Sequence[Rule]) -> Iterator[tuple[str, Iterable[Pairs]]]:
    wanted = set().union(*(_kinds(rule.declared) for rule in rules)) if rules else set()
    if "none" in wanted:
        yield "none", [alone(moments)]
    if "track" in wanted:
        yield "track", track_pairs(moments)
    if "static_object" in wanted:
        yield "static_object", _thing_pairs(scene, moments)
    if "zone" in wanted:
        names = {name.removeprefix(ZONE) for rule in rules for name in rule.declared.objects if name.startswith(ZONE)}
        yield "zone", zone_pairs(scene, moments, names)


def _thing_pairs(scene: Scene, moments: Moments) -> Iterator[Pairs]:
    for number, thing in enumerate(scene.things):
        rows = np.flatnonzero(moments.person & (moments.time_us >= thing.start_us) & (moments.time_us <= thing.end_us))
        if len(rows):
            foot = np.array([(thing.box[0] + thing.box[2]) / 2, thing.box[3]])
            at = foot if not scene.on_ground else np.array(thing.place_m or scene.places_of(foot[None])[0])
            yield beside(moments, number, rows, thing.box, at - moments.origin_m)


def _wanted(declared: Declared, scene: Scene, pairs: Pairs, kind: str) -> Pairs:
    """Returns the pairs of the rule's classes; of a symmetric rule, those with the lower code first."""
    moments, labels = pairs.moments, np.array(scene.labels)
    kept = np.isin(labels[moments.track[pairs.subject]], declared.subjects)
    if not declared.by_motion:
        kept &= ~scene.by_motion[moments.track[pairs.subject]]
    if kind == "track":
        kept &= np.isin(labels[moments.track[pairs.moment]], declared.objects)
        if declared.symmetric:
            kept &= moments.track[pairs.subject] < moments.track[pairs.moment]
    elif kind == "zone":
        names = [ZONE + feature.feature_id for feature in scene.unit.features]
        kept &= np.isin(pairs.number, [number for number, name in enumerate(names) if name in declared.objects])
    elif kind == "static_object":
        wanted = [
            number
            for number, thing in enumerate(scene.things)
            if {STATIC, f"{STATIC}:{thing.label}"} & set(declared.objects)
        ]
        kept &= np.isin(pairs.number, wanted)
    return pairs.take(np.flatnonzero(kept))


def _held(rule: Rule, pairs: Pairs) -> _Part:
    begins, likely_begin = rule.when.holds(pairs)
    lasts, likely = rule.lasts.holds(pairs)
    rows = np.flatnonzero(begins | lasts)
    kept = pairs.take(rows)
    moments = pairs.moments
    held = Held(
        moments.track[kept.subject],
        kept.number,
        moments.tick[kept.subject] * TICK_US,
        begins[rows],
        np.where(begins, likely_begin, likely)[rows],
        np.nan_to_num(PAIR_PRIMITIVES["gap_m"].value(kept) + PAIR_PRIMITIVES["aside_m"].value(kept)),
    )
    values = np.column_stack([PRIMITIVES[name].value(kept) for name in rule.names] or [np.zeros((len(rows), 0))])
    own = moments.at[kept.subject]
    middle = np.where(np.isfinite(kept.at), (own + np.nan_to_num(kept.at)) / 2, own)
    return _Part(held, values, middle + moments.origin_m)


def _interactions(rule: Rule, parts: Sequence[_Part], scene: Scene, kind: str) -> list[Interaction]:
    if not parts:
        return []
    held = Held(*(np.concatenate([getattr(part.held, name) for part in parts]) for name in Held.__dataclass_fields__))
    values, places = (np.concatenate([getattr(part, name) for part in parts]) for name in ("values", "place_m"))
    if rule.declared.exclusive:
        kept = held.nearest()
        held = Held(*(getattr(held, name)[kept] for name in Held.__dataclass_fields__))
        values, places = values[kept], places[kept]
    spans = find_spans(held, rule.declared.for_s, rule.declared.break_s)
    return [_interaction(rule, span, held, values, places, scene, kind) for span in spans]


def _interaction(
    rule: Rule, span: Span, held: Held, values: Float64, places: Float64, scene: Scene, kind: str
) -> Interaction:
    first = span.rows[0]
    start_us, end_us = span.ends_us(held)
    length_s = (end_us - start_us) / 1e6
    subject, number = int(held.subject[first]), int(held.number[first])
    name, label = _object(scene, kind, number)
    share = min(1.0, len(span.rows) / ((end_us - start_us) // TICK_US + 1))
    likely = float(held.likely[span.rows].mean())
    lasting = (length_s + 0.25) / (length_s + 0.25 + rule.declared.for_s) if rule.declared.for_s else 1.0
    evidence: Evidence = {
        "lasting_s": length_s,
        "time_share": share,
        "begins_share": float(held.begins[span.rows].mean()),
        "held_s": _held_s(held, span),
        **_ranges(rule.names, values[span.rows]),
    }
    place = places[span.rows].mean(axis=0)
    return Interaction(
        rule.declared.verb,
        scene.trajectories.tracks[subject],
        scene.labels[subject],
        name,
        kind,
        label,
        start_us,
        end_us,
        share * likely * lasting,
        evidence,
        rule.declared.name,
        (float(place[0]), float(place[1])) if scene.on_map else None,
    )


def _held_s(held: Held, span: Span) -> list[list[float]]:
    """Returns when the condition that begins the interaction held: seconds from its start, the ten longest times."""
    at_us = held.time_us[span.rows[held.begins[span.rows]]]
    breaks = np.flatnonzero(np.diff(at_us) > 2 * TICK_US)
    firsts, lasts = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(at_us) - 1]])
    start_us = held.time_us[span.rows[0]]
    times = [[(at_us[a] - start_us) / 1e6, (at_us[b] - start_us) / 1e6] for a, b in zip(firsts, lasts, strict=True)]
    longest = sorted(times, key=lambda time: time[0] - time[1])[:10]
    return sorted([float(a), float(b)] for a, b in longest)


def _ranges(names: Sequence[str], values: Float64) -> dict[str, list[float]]:
    """Returns the least, the mean and the greatest of each primitive, where it is known."""
    found = {}
    for name, column in zip(names, values.T, strict=True):
        known = column[np.isfinite(column)]
        if len(known):
            found[name] = [float(known.min()), float(known.mean()), float(known.max())]
    return found


def _object(scene: Scene, kind: str, number: int) -> tuple[str | None, str | None]:
    """Returns an object's name and class."""
    if kind == "track":
        return scene.trajectories.tracks[number], scene.labels[number]
    if kind == "static_object":
        return scene.things[number].name, scene.things[number].label
    if kind == "zone":
        return scene.unit.features[number].feature_id, None
    return None, None
