"""What a network saw in single frames: more evidence for rules, and interactions that it alone sees.

``frame_interactions`` has boxes of people and things with a verb and a score. Where the person's box is that of a
track, its score is one more term of the log-odds of a row of the same verb; verbs that the rules lack, or missed, get
rows of their own where at least two looks agree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ops.arrays import encode_column, float_column, times_us
from ops.interactions.rules.in_frames import NEAREST_US, tracks_in_frames
from ops.interactions.rules.scene import Interaction, Scene
from ops.interactions.rules.spans import Held, find_spans
from schemas.values import Bools, Float64, Int64

VERSION = 1

BREAK_S = 3.0
"""Longest time between two looks at one interaction: the op looks once a second."""

SURE = 1e-3
"""Scores are kept this far from 0 and 1, where log-odds have no limit."""

OURS: Mapping[str, str] = {
    "carry": "carries",
    "carry_obj": "carries",
    "hold": "carries",
    "hold_obj": "carries",
    "ride": "rides",
    "ride_instr": "rides",
    "push": "pushes",
    "walk": "pushes",
    "sit_on": "sits_on",
    "sit_at": "sits_on",
    "sit_instr": "sits_on",
    "board": "enters_vehicle",
    "exit": "exits_vehicle",
    "load": "loads_unloads",
    "pick_up": "picks_up",
    "lift": "picks_up",
    "run": "runs",
}
"""Verbs of HICO-DET and V-COCO in the words of the rules; others keep their names."""

IGNORED = ("no_interaction", "stand", "smile", "look_obj", "watch", "inspect")
"""Verbs of which a night has no end and nobody asks."""


@dataclass(frozen=True, eq=False)
class FrameVerbs:
    """Rows of ``frame_interactions`` that are of a track: ``(F,)`` each, by time.

    Attributes:
        verb: code into ``verbs``, in the words of the rules.
        label: code into ``labels``; -1 without an object.
    """

    verbs: tuple[str, ...]
    labels: tuple[str, ...]
    track: Int64
    verb: Int64
    label: Int64
    time_us: Int64
    score: Float64
    model: str


def read_frame_verbs(scene: Scene) -> FrameVerbs | None:
    """Returns what a network saw the scene's tracks do; None where no network ran."""
    table = scene.extra["frame_interactions"]
    if not table.num_rows:
        return None
    raw, code = encode_column(table, "verb")
    named = [OURS.get(name, name) for name in raw]
    verbs = tuple(sorted(set(named)))
    verb = np.array([verbs.index(name) for name in named], np.int64)[code]
    # The index of a missing label is null.
    texts = sorted({label for label in table["object_label"].to_pylist() if label is not None})
    label = np.array(
        [-1 if text is None else texts.index(text) for text in table["object_label"].to_pylist()], np.int64
    )
    track = tracks_in_frames(scene, table)
    kept = np.flatnonzero((track >= 0) & np.array([name not in IGNORED for name in raw])[code])
    kept = kept[np.argsort(times_us(table)[kept], kind="stable")]
    score = float_column(table, "score")
    return FrameVerbs(
        verbs,
        tuple(texts),
        track[kept],
        verb[kept],
        label[kept],
        times_us(table)[kept],
        score[kept],
        table["model"][0].as_py(),
    )


def with_frames(found: Sequence[Interaction], scene: Scene) -> list[Interaction]:
    """Returns interactions with the evidence of frames, and those that only frames show."""
    seen = read_frame_verbs(scene)
    if seen is None:
        return list(found)
    codes = {name: code for code, name in enumerate(scene.trajectories.tracks)}
    weighed = [_weighed(one, seen, scene, codes) for one in found]
    return [*weighed, *_alone(weighed, seen, scene)]


def _weighed(one: Interaction, seen: FrameVerbs, scene: Scene, codes: Mapping[str, int]) -> Interaction:
    """Adds the log-odds of what frames show to those of a row."""
    rows = _of(seen, codes.get(one.subject, -1), one)
    if not rows.any():
        return one
    looks = np.unique(seen.time_us[rows])
    best = [float(seen.score[rows & (seen.time_us == look)].max()) for look in looks]
    score = float(np.mean(best))
    params = scene.params
    odds = _log_odds(one.score) + params.frame_weight * (_log_odds(score) - _log_odds(params.frame_prior))
    evidence = {**one.evidence, "frame_score": score, "frame_looks": float(len(looks)), "frame_model": seen.model}
    return replace(one, score=float(1 / (1 + np.exp(-odds))), evidence=evidence)


def _of(seen: FrameVerbs, track: int, one: Interaction) -> Bools:
    """Returns the rows of frames that are of an interaction: its verb, subject, time and class of object."""
    if one.verb not in seen.verbs:
        return np.zeros(len(seen.track), np.bool_)
    rows = (seen.track == track) & (seen.verb == seen.verbs.index(one.verb))
    rows &= (seen.time_us >= one.start_us - NEAREST_US) & (seen.time_us <= one.end_us + NEAREST_US)
    if one.object_label is not None:
        same = seen.labels.index(one.object_label) if one.object_label in seen.labels else -1
        rows &= (seen.label == same) | (seen.label < 0)
    return np.asarray(rows)


def _log_odds(score: float) -> float:
    kept = min(max(score, SURE), 1 - SURE)
    return float(np.log(kept / (1 - kept)))


def _alone(found: Sequence[Interaction], seen: FrameVerbs, scene: Scene) -> list[Interaction]:
    """Returns what at least two looks show, and no rule found."""
    sure = np.flatnonzero(seen.score >= scene.params.frame_score)
    # Verb and class of the object together are what a stretch of time is of.
    kind = seen.verb[sure] * (len(seen.labels) + 1) + seen.label[sure] + 1
    held = Held(
        seen.track[sure], kind, seen.time_us[sure], np.ones(len(sure), np.bool_), seen.score[sure], np.zeros(len(sure))
    )
    rows = []
    for span in find_spans(held, 0.0, BREAK_S):
        start_us, end_us = span.ends_us(held)
        if start_us == end_us:
            continue
        first = sure[span.rows[0]]
        label = seen.labels[seen.label[first]] if seen.label[first] >= 0 else None
        one = Interaction(
            seen.verbs[seen.verb[first]],
            scene.trajectories.tracks[seen.track[first]],
            scene.labels[seen.track[first]],
            None,
            "none",
            label,
            start_us,
            end_us,
            float(held.likely[span.rows].mean()),
            {"frame_looks": float(len(np.unique(held.time_us[span.rows])))},
            f"frame_interactions {seen.model} {VERSION}",
        )
        if not any(_is_of(one, other) for other in found):
            rows.append(one)
    return rows


def _is_of(one: Interaction, other: Interaction) -> bool:
    same = (one.verb, one.subject) == (other.verb, other.subject)
    return same and one.start_us <= other.end_us and other.start_us <= one.end_us
