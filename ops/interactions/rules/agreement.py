"""What interactions say of each other: one row for one event, and no verb that another one explains."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from ops.boxes import iou_pairs
from ops.interactions.rules.scene import VEHICLES, Interaction, Scene

EXPLAINED: Mapping[str, tuple[str, ...]] = {
    "runs": ("rides",),
    "meets": ("queues",),
    "sits_on": ("queues",),
    "carries": ("carries",),
}
"""Verbs that are dropped where the same subject does one of these for most of that time: a rider is fast, people in a
queue stand near each other and hide each other's legs, and what is seen being carried need not be inferred."""

MOST_SHARE = 0.5
MARGIN_US = {"queues": 20_000_000}
"""Time around such an interaction for which it explains others, too: the last two of a queue are none."""

AT_ONCE = ("puts_down", "picks_up", "removes")
"""Verbs that a person does with one thing at a time, whatever track or thing at rest it counts as."""

SAME_US, SAME_OVERLAP = 10_000_000, 0.2
"""Time and overlap (IoU) within which a thing at rest and the track of a bag are one."""

AT_ONCE_US = 3_000_000
"""Longest time between two rows of such a verb that are one event: a thing at rest is noticed late."""


def agreed(found: Sequence[Interaction], scene: Scene) -> list[Interaction]:
    """Returns interactions without what others explain; a parked vehicle with several tracks counts as one."""
    names = _static_names(scene.extra["static_object_tracks"])
    renamed = [_renamed(one, names) for one in found]
    by_subject: dict[tuple[str, str], list[Interaction]] = {}
    for one in renamed:
        by_subject.setdefault((one.verb, one.subject), []).append(one)
    handled = [one for one in renamed if one.object_kind == "track" and one.verb in AT_ONCE]
    merged = [one for one in _merged(renamed) if not _is_seen_better(one, handled)]
    return [one for one in merged if not _is_explained(one, by_subject)]


def _static_names(tracks: pa.Table) -> dict[str, str]:
    """Returns the thing at rest that each track mostly covers."""
    return {row["track_id"]: row["static_id"] for row in tracks.to_pylist() if row["share"] > MOST_SHARE}


def _renamed(one: Interaction, names: Mapping[str, str]) -> Interaction:
    if one.object is None or one.object_label not in VEHICLES or one.object not in names:
        return one
    return replace(one, object=names[one.object], object_kind="static_object")


def _merged(found: Iterable[Interaction]) -> list[Interaction]:
    """Joins rows of one event, which overlap in time: the surer one keeps its evidence."""
    merged: list[Interaction] = []
    last: dict[tuple[str, str], list[int]] = {}
    for one in sorted(found, key=lambda one: (one.start_us, one.end_us, one.verb, one.subject, one.object or "")):
        mine = last.setdefault((one.verb, one.subject), [])
        same = [at for at in mine if _is_same(merged[at], one)]
        if not same:
            mine.append(len(merged))
            merged.append(one)
            continue
        before = merged[same[-1]]
        surer = max(before, one, key=lambda each: each.score)
        if one.verb in AT_ONCE:
            # The track of a bag shows the moment; a thing at rest is noticed some seconds later.
            merged[same[-1]] = before if before.object_kind == "track" else one if one.object_kind == "track" else surer
            continue
        merged[same[-1]] = replace(surer, start_us=before.start_us, end_us=max(before.end_us, one.end_us))
    return merged


def _is_same(before: Interaction, one: Interaction) -> bool:
    """Whether two rows of one verb and subject are of one event."""
    if one.verb in AT_ONCE:
        return before.end_us + AT_ONCE_US > one.start_us
    if before.end_us <= one.start_us:
        return False
    if before.object == one.object:
        return True
    # A bag is a track while it is carried, and a thing at rest once it lies.
    return one.verb in ("carries", "abandons") and before.object_kind != one.object_kind


def _is_seen_better(one: Interaction, handled: Sequence[Interaction]) -> bool:
    """Whether what is said of a thing at rest is what the track of a bag shows at that place and time, maybe better."""
    if one.object_kind != "static_object" or one.verb not in (*AT_ONCE, "carries"):
        return False
    verbs = ("puts_down", "picks_up") if one.verb == "carries" else (one.verb,)
    for other in handled:
        apart_us = max(one.start_us - other.end_us, other.start_us - one.end_us)
        if other.verb in verbs and apart_us <= SAME_US:
            boxes = [np.array(each.evidence["box_px"], np.float64)[None] for each in (one, other)]
            if iou_pairs(*boxes)[0] >= SAME_OVERLAP:
                return True
    return False


def _is_explained(one: Interaction, by_subject: Mapping[tuple[str, str], Sequence[Interaction]]) -> bool:
    length_us = one.end_us - one.start_us
    subjects = [one.subject, one.object] if one.verb == "meets" else [one.subject]
    for subject in subjects:
        shared_us = 0
        for verb in EXPLAINED.get(one.verb, ()):
            for other in by_subject.get((verb, subject or ""), ()):
                if one.verb == other.verb and not (other.object_kind == "track" and one.object_kind != "track"):
                    continue
                margin_us = MARGIN_US.get(verb, 0)
                until_us, since_us = other.end_us + margin_us, other.start_us - margin_us
                shared_us += max(0, min(one.end_us, until_us) - max(one.start_us, since_us))
        if shared_us <= MOST_SHARE * length_us:
            return False
    return one.verb in EXPLAINED
