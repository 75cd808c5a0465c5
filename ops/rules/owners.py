"""Who left a thing, and when that one was away from it."""

from dataclasses import dataclass

import numpy as np

from ops.boxes import gaps_px, iou_pairs
from ops.ground import ground_plane, to_ground
from ops.rules.scene import Scene
from schemas.values import Float64, Int64

HEIR_S, HEIR_HEIGHTS, HEIR_OVERLAP = 2.0, 0.5, 0.3
"""A track that begins so soon after another ends, and so near or overlapping so much (IoU), is the same person."""

EDGE_SHARE = 0.02
"""Boxes this near to the frame's edge, as a share of its size, are leaving the view."""

LOST_CERTAINTY = 0.6
"""An owner whose track ends beside the thing, in the middle of the view, may only have been lost from sight."""


@dataclass(frozen=True)
class Owner:
    """Who was at a place when a thing appeared there.

    Attributes:
        chain: numbers of the tracks that are this person, in order of time.
        gap_widths: how near, in widths of the person's box; 0 when touching.
        certainty: 0..1, less when others were there too, or when the person was lost from sight beside the thing.
    """

    chain: tuple[int, ...]
    gap_widths: float
    certainty: float


def find_owner(box: Float64, first_us: int, scene: Scene) -> Owner | None:
    """Who was longest and nearest at a thing while it appeared; None if nobody was, or none as large as the thing."""
    params, trajectories = scene.params, scene.trajectories
    time_us = trajectories.time_us
    around = scene.people & (time_us >= first_us - params.owner_before_s * 1e6)
    at = np.flatnonzero(around & (time_us <= first_us + params.owner_after_s * 1e6))
    gap_widths = gaps_px(scene.box[at], box) / np.maximum(scene.box[at, 2] - scene.box[at, 0], 1.0)
    near = gap_widths <= params.owner_widths
    if not near.any():
        return None
    closeness = 1 - 0.9 * gap_widths[near] / max(params.owner_widths, 1e-9)
    stays = np.bincount(trajectories.track[at[near]], weights=closeness)  # the longer and the nearer
    track = int(stays.argmax())
    sizes = np.median(scene.box[trajectories.track == track, 2:] - scene.box[trajectories.track == track, :2], axis=0)
    if np.prod(box[2:] - box[:2]) > np.prod(sizes) or box[3] - box[1] > sizes[1]:
        return None
    chain = _with_heirs(track, scene)
    others = sum(float(stay) for number, stay in enumerate(stays) if number not in chain)
    least = float(gap_widths[near & (trajectories.track[at] == track)].min())
    certainty = float(stays[track]) / (float(stays[track]) + others) / (1 + least)
    if _lost_beside(chain[-1], box, scene):
        certainty *= LOST_CERTAINTY
    return Owner(chain, least, certainty)


def time_away(owner: Owner, box: Float64, first_us: int, until_us: int, scene: Scene) -> tuple[int, int] | None:
    """The first stretch of at least ``leave_s`` during which the owner was away or out of view and the thing stayed."""
    trajectories = scene.trajectories
    at = np.concatenate([np.flatnonzero(trajectories.track == track) for track in owner.chain])
    at = at[np.argsort(trajectories.time_us[at], kind="stable")]
    last_us = int(trajectories.time_us[at[-1]])
    at = at[(trajectories.time_us[at] >= first_us) & (trajectories.time_us[at] <= until_us)]
    moments = [
        (int(time), bool(off)) for time, off in zip(trajectories.time_us[at], _is_away(at, box, scene), strict=True)
    ]
    moments.append((max(last_us, first_us), True))  # out of view from then on
    since_us: int | None = None
    for time_us, off in [*moments, (until_us, False)]:
        if off and since_us is None:
            since_us = time_us
        elif not off and since_us is not None:
            if time_us - since_us >= scene.params.leave_s * 1e6:
                return since_us, time_us
            since_us = None
    return None


def _is_away(at: Int64, box: Float64, scene: Scene) -> list[bool]:
    """Which points of an owner are farther from the thing than ``away_m``; uncalibrated: than ``away_heights``."""
    if not len(at):
        return []
    plane = ground_plane(scene.unit.camera)
    if plane is not None:
        foot = np.array([[(box[0] + box[2]) / 2, box[3]]])
        distance_m = np.hypot(*(scene.place_m[at] - to_ground(plane, foot)).T)
        if np.isfinite(distance_m).any():
            away: list[bool] = (np.nan_to_num(distance_m, nan=np.inf) > scene.params.away_m).tolist()
            return away
    height_px = float(np.median(scene.box[at, 3] - scene.box[at, 1]))
    away = (gaps_px(scene.box[at], box) > scene.params.away_heights * height_px).tolist()
    return away


def _with_heirs(track: int, scene: Scene) -> tuple[int, ...]:
    """A track and those that carry it on under other names."""
    chain = [track]
    while True:
        heir = _heir(chain[-1], scene)
        if heir is None or heir in chain:
            return tuple(chain)
        chain.append(heir)


def _heir(track: int, scene: Scene) -> int | None:
    """The track that another goes on as: it began as that one ended, where it ended, and lasts longer.

    At the edge of the view, where one person leaves as the next one comes in, only boxes that overlap will do.
    """
    trajectories = scene.trajectories
    last = int(np.flatnonzero(trajectories.track == track)[-1])
    end_us, box = trajectories.time_us[last], scene.box[last]
    begins = np.flatnonzero(trajectories.first & scene.people & (np.abs(trajectories.time_us - end_us) <= HEIR_S * 1e6))
    nearest: list[tuple[float, int]] = []
    for heir in trajectories.track[begins].tolist():
        own = np.flatnonzero(trajectories.track == heir)
        if heir == track or trajectories.time_us[own[-1]] <= end_us:
            continue
        meeting = scene.box[own[np.argmin(np.abs(trajectories.time_us[own] - end_us))]][None]
        gap_heights = float(gaps_px(meeting, box)[0] / (box[3] - box[1]))
        overlaps = iou_pairs(meeting, box[None])[0] >= HEIR_OVERLAP
        if overlaps or (gap_heights <= HEIR_HEIGHTS and not _leaves_view(box, scene)):
            nearest.append((gap_heights, heir))
    return min(nearest)[1] if nearest else None


def _leaves_view(box: Float64, scene: Scene) -> bool:
    size = np.array(scene.frame_px)
    edge = EDGE_SHARE * size
    return bool((box[:2] <= edge).any() or (box[2:] >= size - edge).any())


def _lost_beside(track: int, box: Float64, scene: Scene) -> bool:
    """Whether a track ends near a thing, away from the frame's edge, without having left first."""
    last = np.flatnonzero(scene.trajectories.track == track)[-1:]
    return not _leaves_view(scene.box[last[0]], scene) and not any(_is_away(last, box, scene))
