"""Rule: a thing that a person left: a static region that appeared where the person was, who then went away.

The rule does not know what the thing is; a detector that calls it a bag raises the score. Not abandoned are regions
without an owner, regions larger than their owner (a car), people who stand still, and bare floor where a thing was
taken away, if an earlier region or bags detected there before show that.
"""

from dataclasses import dataclass

import numpy as np

from ops.arrays import datetime_us, iso_time
from ops.boxes import centre, iou_matrix
from ops.ground.homography import ground_plane
from ops.ground.project import to_ground
from ops.interactions.rules.owners import Owner, find_owner, time_away
from ops.interactions.rules.scene import PERSON, Evidence, Interaction, Scene
from schemas.values import Float64, Int64

BAG_OVERLAP = 0.3
SURE_BAG_S = 5.0
"""Seconds in which a bag is detected after which more add no certainty."""

TAKEN_BEFORE_S, TAKEN_MARGIN_S = 30.0, 3.0
"""Stretch of time before a region changed in which bags detected there count; later ones may be on their way to it."""

PERSON_OVERLAP = 0.5
FAIR_CONTRAST = 20.0
"""Grey levels at which contrast scores half of its maximum."""


@dataclass(frozen=True)
class Thing:
    """Static regions that are one thing, joined across segment borders.

    Attributes:
        name: segment and number of the first of them.
        until_us: end of its stay: last seen, or the end of the segment in which no change of it was found.
    """

    name: str
    box: Float64
    first_us: int
    last_us: int
    until_us: int
    contrast: float


def abandons(scene: Scene) -> list[Interaction]:
    """Returns one interaction per thing, from when its owner goes away until the owner returns or the thing is gone."""
    found = []
    for thing in things(scene):
        if _is_person(thing, scene) or _was_bag(thing, scene):
            continue
        owner = find_owner(thing.box, thing.first_us, scene)
        away = owner and time_away(owner, thing.box, thing.first_us, thing.until_us, scene)
        if owner and away:
            found.append(_abandoning(scene, thing, owner, away))
    return found


def things(scene: Scene) -> list[Thing]:
    """Returns static regions joined across segment borders, without those that undo an earlier one."""
    regions, segments = scene.regions, scene.unit.segments
    overlap = iou_matrix(regions.box, regions.box) >= scene.params.same_overlap
    border_us = scene.params.border_s * 1e6
    begins = [datetime_us(segment.start) for segment in segments]
    ends = [datetime_us(segment.end) for segment in segments]
    used: set[int] = set()
    found = []
    for number in range(len(regions.number)):
        if number in used:
            continue
        used.add(number)
        last_us, segment = int(regions.last_us[number]), int(regions.segment[number])
        until_us = last_us
        # A region that lasts to the end of its segment is background in the next, where only a change would show.
        while last_us >= ends[segment] - border_us and _follows(segment, begins, ends, border_us):
            segment += 1
            later = [int(i) for i in np.flatnonzero(overlap[number] & (regions.segment == segment)) if i not in used]
            if not later:
                until_us = ends[segment]  # no change found: it was there to the segment's end
                break
            used.add(later[0])
            if regions.first_us[later[0]] > begins[segment] + border_us:
                until_us = int(regions.first_us[later[0]])  # taken, or changed
                break
            last_us = until_us = int(regions.last_us[later[0]])
        name = f"{segments[regions.segment[number]].segment_id}-r{regions.number[number]}"
        first_us, contrast = int(regions.first_us[number]), float(regions.contrast[number])
        found.append(Thing(name, regions.box[number], first_us, last_us, until_us, contrast))
    return found


def _follows(segment: int, begins: list[int], ends: list[int], border_us: float) -> bool:
    return segment + 1 < len(begins) and abs(begins[segment + 1] - ends[segment]) <= border_us


def _is_person(thing: Thing, scene: Scene) -> bool:
    """Whether a person stood in the region for most of its time: then it is that person."""
    during = (
        scene.people & (scene.trajectories.time_us >= thing.first_us) & (scene.trajectories.time_us <= thing.last_us)
    )
    at = np.flatnonzero(during)
    same = iou_matrix(scene.box[at], thing.box[None])[:, 0] >= PERSON_OVERLAP
    return len(_seconds(scene.trajectories.time_us[at[same]])) > 0.5 * (thing.last_us - thing.first_us) / 1e6


def _bag_seconds(thing: Thing, scene: Scene, start_us: float, end_us: float) -> int:
    """Returns the number of seconds in which a bag was detected in the region."""
    time_us = scene.bags.time_us
    at = np.flatnonzero((time_us >= start_us) & (time_us <= end_us))
    same = iou_matrix(scene.bags.box[at], thing.box[None])[:, 0] >= BAG_OVERLAP
    return len(_seconds(time_us[at[same]]))


def _was_bag(thing: Thing, scene: Scene) -> bool:
    """Whether a bag was there before the region changed, and none afterwards: then the region is bare floor."""
    before = _bag_seconds(thing, scene, thing.first_us - TAKEN_BEFORE_S * 1e6, thing.first_us - TAKEN_MARGIN_S * 1e6)
    after = _bag_seconds(thing, scene, thing.first_us + TAKEN_MARGIN_S * 1e6, thing.last_us)
    return before >= SURE_BAG_S and after == 0


def _seconds(time_us: Int64) -> Int64:
    return np.unique(time_us // 1_000_000)


def _abandoning(scene: Scene, thing: Thing, owner: Owner, away: tuple[int, int]) -> Interaction:
    start_us, end_us = away
    stay_s = (thing.until_us - start_us) / 1e6
    contrast = thing.contrast / (thing.contrast + FAIR_CONTRAST)
    stay = stay_s / (stay_s + scene.params.leave_s)
    # Geometric mean: one poor reason makes the whole doubtful. A detected bag makes up for half of the doubt.
    score = (contrast * stay * owner.certainty) ** (1 / 3)
    bag_s = _bag_seconds(thing, scene, thing.first_us - TAKEN_MARGIN_S * 1e6, thing.last_us)
    score += (1 - score) * 0.5 * min(1.0, bag_s / SURE_BAG_S)
    evidence: Evidence = {
        "box_px": thing.box.tolist(),
        "contrast_grey": thing.contrast,
        "first_time": iso_time(thing.first_us),
        "last_time": iso_time(thing.last_us),
        "stay_s": stay_s,
        "away_s": (end_us - start_us) / 1e6,
        "bag_seen_s": float(bag_s),
        "owner_certainty": owner.certainty,
        "owner_gap_widths": owner.gap_widths,
        "left_as_track": scene.trajectories.tracks[owner.tracks[-1]],
    }
    subject, name = scene.trajectories.tracks[owner.tracks[0]], thing.name
    place_m = _place(thing, scene)
    return Interaction("abandons", subject, PERSON, name, "static_region", start_us, end_us, score, evidence, place_m)


def _place(thing: Thing, scene: Scene) -> tuple[float, float] | None:
    """Returns where a thing lies on the ground: below the middle of its box."""
    plane = ground_plane(scene.unit.camera)
    if plane is None:
        return None
    foot = np.array([[centre(thing.box)[0], thing.box[3]]])
    east_m, north_m = to_ground(plane, foot)[0].tolist()
    return (east_m, north_m) if np.isfinite(east_m) else None
