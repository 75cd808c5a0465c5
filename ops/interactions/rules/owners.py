"""Finds who left a thing, and when that person was away from it.

A lost detection is not a departure. Trackers lose people who bend over a bag, and which detections they lose depends on
the processor (docs/decisions/0017-one-kind-of-processor.md). So an owner who vanishes in the middle of the view stays
where they were last seen if somebody appears there in time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ops.boxes import centre, gaps_px, iou_pairs, size
from ops.interactions.params import BODY_M
from ops.interactions.rules.scene import Scene
from schemas.values import Bools, Float64, Int64

CONTINUE_S, CONTINUE_HEIGHTS, CONTINUE_OVERLAP = 2.0, 0.5, 0.3
"""A track that begins within this time of another's end, this near or overlapping this much (IoU), continues it."""

EDGE_SHARE = 0.02
"""Boxes this near to the frame's edge, as a share of its size, are leaving the view."""

WHOLE_SHARE = 0.75
"""Share of a person's usual width and height from which a box at the frame's edge still shows all of that person."""

PAUSED_US = 1_000_000
"""Greatest distance of a track's end from a pause of the recording that ends it."""

LOST_CERTAINTY = 0.6
"""Factor on the certainty of an owner whose track ends beside the thing, in mid-view: maybe only lost."""


@dataclass(frozen=True)
class Owner:
    """The person at a place when a thing appeared there.

    Attributes:
        tracks: numbers of the tracks that are this person, in order of time.
        gap_widths: distance to the thing in widths of the person's box; 0 when touching.
        certainty: 0..1, less when others were there too, or when the person was lost from sight beside the thing.
    """

    tracks: tuple[int, ...]
    gap_widths: float
    certainty: float


def find_owner(box: Float64, since_us: float, until_us: float, scene: Scene) -> Owner | None:
    """Returns the person who was longest and nearest at a thing while it came or went.

    Args:
        box: ``(4,)`` of the thing.
        since_us, until_us: time in which it came or went, with a margin.
        scene: the camera-day.

    Returns:
        The person; None if nobody was near, or the thing is larger than the person, as a car is.
    """
    params, trajectories = scene.params, scene.trajectories
    time_us = trajectories.time_us
    at = np.flatnonzero(scene.people & (time_us >= since_us) & (time_us <= until_us))
    gap_widths = gaps_px(scene.box[at], box) / np.maximum(size(scene.box[at])[:, 0], 1.0)
    near = gap_widths <= params.owner_widths
    if not near.any():
        return None
    # Each point counts, and the nearer the more: the owner stays, a passer-by only comes near.
    closeness = 1 - 0.9 * gap_widths[near] / max(params.owner_widths, 1e-9)
    score = np.bincount(trajectories.track[at[near]], weights=closeness)
    track = int(score.argmax())
    person = np.median(size(scene.box[scene.points_of(track)]), axis=0)
    thing = size(box)
    if thing.prod() > person.prod() or thing[1] > person[1]:
        return None
    tracks = _with_continuations(track, box, scene)
    others = sum(float(value) for number, value in enumerate(score) if number not in tracks)
    least = float(gap_widths[near & (trajectories.track[at] == track)].min())
    certainty = float(score[track]) / (float(score[track]) + others) / (1 + least)
    if _is_lost_beside(_last_point(tracks[-1], scene), box, scene):
        certainty *= LOST_CERTAINTY
    return Owner(tracks, least, certainty)


def time_away(owner: Owner, box: Float64, first_us: int, until_us: int, scene: Scene) -> tuple[int, int] | None:
    """Returns the first stretch of at least ``leave_s`` in which the owner was away and the thing stayed.

    Args:
        owner: from ``find_owner``.
        box: ``(4,)`` of the thing.
        first_us, until_us: from when to when the thing lay there.
        scene: the camera-day.

    Returns:
        Start and end in microseconds; None if the owner never was away for so long.
    """
    trajectories = scene.trajectories
    at = np.concatenate([scene.points_of(track) for track in owner.tracks])
    at = at[np.argsort(trajectories.time_us[at], kind="stable")]
    last_us = int(trajectories.time_us[at[-1]])
    at = at[(trajectories.time_us[at] >= first_us) & (trajectories.time_us[at] <= until_us)]
    moments = list(zip(trajectories.time_us[at].tolist(), is_away(at, box, scene).tolist(), strict=True))
    moments.append((_unseen_from(last_us, moments, first_us, scene), True))
    since_us: int | None = None
    for time_us, away in [*moments, (until_us, False)]:
        if away and since_us is None:
            since_us = time_us
        elif not away and since_us is not None:
            if np.diff(scene.recorded_us(np.array([since_us, time_us])))[0] >= scene.params.leave_s * 1e6:
                return since_us, time_us
            since_us = None
    return None


def _unseen_from(last_us: int, moments: Sequence[tuple[int, bool]], first_us: int, scene: Scene) -> int:
    """Returns since when an owner is out of view: who is at the thing as the recording pauses may stay there."""
    pauses_us = scene.pauses_us[np.abs(scene.pauses_us[:, 0] - last_us) <= PAUSED_US]
    if len(pauses_us) and moments and not moments[-1][1]:
        return int(pauses_us[0, 1])
    return max(last_us, first_us)


def is_away(at: Int64, box: Float64, scene: Scene) -> Bools:
    """Marks points of one person farther from a thing than ``away_m``."""
    if scene.on_ground:
        foot = np.array([[centre(box)[0], box[3]]])
        distance_m = np.hypot(*(scene.place_m[at] - scene.places_of(foot)).T)
        # No position at all: the person is above the horizon, or the op ``positions`` did not run.
        if np.isfinite(distance_m).any():
            return np.asarray(np.nan_to_num(distance_m, nan=np.inf) > scene.params.away_m)
    height_px = float(np.median(size(scene.box[at])[:, 1])) if len(at) else 0.0
    return np.asarray(gaps_px(scene.box[at], box) > scene.params.away_m / BODY_M * height_px)


def _with_continuations(track: int, box: Float64, scene: Scene) -> tuple[int, ...]:
    """Returns a track and those that continue it under other names, in order of time."""
    tracks = [track]
    while True:
        following = _continuation(tracks[-1], box, scene)
        if following is None or following in tracks:
            return tuple(tracks)
        tracks.append(following)


def _continuation(track: int, thing: Float64, scene: Scene) -> int | None:
    """Returns the track that continues another: it begins where and when that one ends, and lasts longer.

    At the edge of the view one person leaves as the next one comes in, so there only boxes that overlap will do.
    Nobody appears from nowhere in the middle of the view: a person who appears beside the thing, where its owner was
    lost, is the owner, for as long as an absence is too short to abandon it.
    """
    trajectories = scene.trajectories
    last = _last_point(track, scene)
    end_us, box = int(trajectories.time_us[last]), scene.box[last]
    lost = _is_lost_beside(last, thing, scene)
    wait_s = max(CONTINUE_S, scene.params.leave_s) if lost else CONTINUE_S
    passed_s = (scene.recorded_us(trajectories.time_us) - scene.recorded_us(np.array([end_us]))) / 1e6
    begins = np.flatnonzero(trajectories.first & scene.people & (passed_s >= -CONTINUE_S) & (passed_s <= wait_s))
    nearest: list[tuple[float, int]] = []
    for begin in begins.tolist():
        other = int(trajectories.track[begin])
        own = scene.points_of(other)
        if other == track or trajectories.time_us[own[-1]] <= end_us:
            continue
        meeting = scene.box[own[np.argmin(np.abs(trajectories.time_us[own] - end_us))]][None]
        gap_heights = float(gaps_px(meeting, box)[0] / (box[3] - box[1]))
        overlaps = iou_pairs(meeting, box[None])[0] >= CONTINUE_OVERLAP
        beside = gap_heights <= CONTINUE_HEIGHTS and not leaves_view(box, scene)
        if passed_s[begin] > CONTINUE_S:
            overlaps, beside = False, _is_lost_beside(begin, thing, scene)
        if overlaps or beside:
            nearest.append((gap_heights, other))
    return min(nearest)[1] if nearest else None


def _last_point(track: int, scene: Scene) -> int:
    return int(scene.bounds[track + 1]) - 1


def leaves_view(box: Float64, scene: Scene) -> bool:
    """Whether a box ``(4,)`` touches the edge of the view."""
    frame_px = np.array(scene.frame_px)
    edge = EDGE_SHARE * frame_px
    return bool((box[:2] <= edge).any() or (box[2:] >= frame_px - edge).any())


def _is_lost_beside(point: int, box: Float64, scene: Scene) -> bool:
    """Whether a track that ends (or begins) at a point does so near a thing, without passing the edge of the view."""
    if is_away(np.array([point]), box, scene)[0]:
        return False
    # A person at the lower edge of the view touches it all the time; one who passes an edge is cut by it.
    own = scene.points_of(int(scene.trajectories.track[point]))
    usual = np.median(size(scene.box[own]), axis=0)
    is_whole = bool((size(scene.box[point]) >= WHOLE_SHARE * usual).all())
    return is_whole or not leaves_view(scene.box[point], scene)
