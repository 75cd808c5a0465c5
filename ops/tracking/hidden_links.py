"""Links tracklets of people who stood behind somebody else, longer than ``track`` waits for them.

Who talks to somebody, or queues, may be hidden by that person for many seconds. The tracklet ends as it slips behind a
box, and another begins in the same place as it comes out. Between segments, ``track`` would have to look far ahead;
here all tracklets of the day are known. The place says it: carried on a little by their own movement, into the hiding
place and back out of it, the two boxes are of one size and overlap by half, and nearly always in between, another
tracklet's box covers at least half of that place.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ops.arrays import BOX_COLUMNS, boxes_of, encode_column, pairs_after, times_us
from ops.boxes import centre, iou_pairs
from ops.tracking.interpolate import WANDER
from ops.tracking.tracklet_links import TrackletLinks
from schemas.tables import TABLES
from schemas.values import Float64, Int64

INTO_S = 0.3
"""Time for which a person walks on out of sight, and walks before being seen again, seconds."""

MOVEMENT_US = 500_000
"""Time at a tracklet's end over which its movement is measured."""

SAME_PLACE = 0.5
"""Least overlap (IoU) of the boxes before and after, both in the hiding place."""

SAME_HEIGHT = 1.2
"""Largest ratio of their heights."""

HIDDEN = 0.5
"""Least share of the place between the two that another tracklet's box covers."""

NEARLY_ALWAYS = 0.8
"""Least share of the frames in which it does: somebody is half in view while stepping behind another."""

MOST_STEP_S = 1.0
"""Longest time without a frame that shows who hides the place, seconds."""

PROBABILITY = 0.8
"""That such a link is right: a guess, since the footage with truth has too few of them to count."""


class _Ends(NamedTuple):
    """First and last observed box of each tracklet, by name in alphabetical order, and its movement there, px/s."""

    names: list[str]
    first_us: Int64
    last_us: Int64
    first_box: Float64
    last_box: Float64
    first_move: Float64
    last_move: Float64

    def inner_boxes(self, before: Int64, after: Int64) -> tuple[Float64, Float64]:
        """Returns the boxes ``(P, 4)`` in the hiding place, as one tracklet enters it and the other leaves it."""
        walked_s = np.minimum(INTO_S, (self.first_us[after] - self.last_us[before]) / 3e6)[:, None]
        into, out = self.last_move[before] * walked_s, self.first_move[after] * walked_s
        return self.last_box[before] + np.tile(into, 2), self.first_box[after] - np.tile(out, 2)

    def path(self, before: int, after: int, time_us: Int64) -> Float64:
        """Returns the boxes ``(N, 4)`` at times between two tracklets: in, at rest, and out."""
        entered, left = self.inner_boxes(np.array([before]), np.array([after]))
        begin_us, end_us = int(self.last_us[before]), int(self.first_us[after])
        walked_us = min(INTO_S * 1e6, (end_us - begin_us) / 3)
        at_us = [begin_us, begin_us + walked_us, end_us - walked_us, end_us]
        knots = np.stack([self.last_box[before], entered[0], left[0], self.first_box[after]])
        return np.stack([np.interp(time_us, at_us, edge) for edge in knots.T], axis=1)


def link_hidden(
    points: pa.Table, kinds: Mapping[str, str], links: TrackletLinks, most_s: float
) -> tuple[TrackletLinks, pa.Table]:
    """Returns links with those behind others in addition, and the rows of ``tracklet_points`` in between.

    Args:
        points: rows of ``tracklet_points``, in any order.
        kinds: kind of thing by tracklet id; only equal kinds are linked.
        links: what is linked already: such ends are taken.
        most_s: longest time that somebody is hidden, seconds.
    """
    points = points.sort_by([("time", "ascending"), ("tracklet_id", "ascending")])
    ends = _ends(points)
    if len(ends.names) < 3:
        return links, points.slice(0, 0)
    linked_after = set(links.following.values())
    tails = np.flatnonzero([name not in links.following for name in ends.names])
    heads = np.flatnonzero([name not in linked_after for name in ends.names])
    time_us, box = times_us(points), boxes_of(points)
    owner = np.searchsorted(np.array(ends.names), np.array(points["tracklet_id"].to_pylist(), np.str_))
    following, filled = {}, []
    taken: set[int] = set()
    for before, after in _candidates(ends, tails, heads, kinds, most_s):
        if before in taken or len(ends.names) + after in taken:
            continue
        low = np.searchsorted(time_us, ends.last_us[before], side="right")
        rows = np.arange(low, np.searchsorted(time_us, ends.first_us[after]))
        rows = rows[(owner[rows] != before) & (owner[rows] != after)]
        frames = _hidden_frames(ends, before, after, time_us[rows], box[rows])
        if frames is None:
            continue
        taken |= {before, len(ends.names) + after}
        following[ends.names[before]] = ends.names[after]
        filled.append(_rows(points, rows[frames], ends, before, after))
    probability = dict.fromkeys(following, PROBABILITY)
    merged = TrackletLinks({**links.following, **following}, {**links.probability, **probability})
    return merged, pa.concat_tables([points.slice(0, 0), *filled])


def _ends(points: pa.Table) -> _Ends:
    observed = points.filter(points["detection"].is_valid())
    names, owner = encode_column(observed, "tracklet_id")
    order = np.argsort(owner, kind="stable")
    owner, times, boxes = owner[order], times_us(observed)[order], boxes_of(observed)[order]
    first = np.searchsorted(owner, np.arange(len(names)))
    last = np.searchsorted(owner, np.arange(len(names)), side="right") - 1
    rows = [np.arange(a, b + 1) for a, b in zip(first, last, strict=True)]
    starts = [each[times[each] <= times[each[0]] + MOVEMENT_US] for each in rows]
    ends = [each[times[each] >= times[each[-1]] - MOVEMENT_US] for each in rows]
    moves = (np.array([_movement(times, boxes, each) for each in side]).reshape(-1, 2) for side in (starts, ends))
    return _Ends(list(names), times[first], times[last], boxes[first], boxes[last], *moves)


def _movement(time_us: Int64, boxes: Float64, rows: Int64) -> Float64:
    """Returns the mean movement of boxes' centres ``(2,)``, px/s; 0 for a single box."""
    passed_s = (time_us[rows[-1]] - time_us[rows[0]]) / 1e6
    moved = centre(boxes[rows[[-1]]])[0] - centre(boxes[rows[[0]]])[0]
    return np.asarray(moved / passed_s if passed_s else np.zeros(2))


def _candidates(
    ends: _Ends, tails: Int64, heads: Int64, kinds: Mapping[str, str], most_s: float
) -> list[tuple[int, int]]:
    """Returns pairs that fit in time, place, height and kind, those of the best place first."""
    before, after = pairs_after(ends.last_us[tails], ends.first_us[heads], round(most_s * 1e6))
    before, after = tails[before], heads[after]
    entered, left = ends.inner_boxes(before, after)
    fit = iou_pairs(entered, left)
    ratio = np.log((left[:, 3] - left[:, 1]) / (entered[:, 3] - entered[:, 1]))
    fits = (fit >= SAME_PLACE) & (np.abs(ratio) <= np.log(SAME_HEIGHT))
    pairs = zip(before[fits].tolist(), after[fits].tolist(), strict=True)
    people = [kinds[ends.names[one]] == kinds[ends.names[other]] == "person" for one, other in pairs]
    order = np.lexsort((after[fits][people], before[fits][people], -fit[fits][people]))
    return list(zip(before[fits][people][order].tolist(), after[fits][people][order].tolist(), strict=True))


def _hidden_frames(ends: _Ends, before: int, after: int, time_us: Int64, box: Float64) -> Int64 | None:
    """Returns one row per frame in between; None if nobody hides the place, or frames are missing.

    Args:
        ends: of the tracklets.
        before, after: numbers of the two.
        time_us, box: rows of all other tracklets in between, by time.
    """
    frames, first = np.unique(time_us, return_index=True)
    edges_us = np.concatenate([ends.last_us[[before]], frames, ends.first_us[[after]]])
    if not len(frames) or np.diff(edges_us).max() > MOST_STEP_S * 1e6:
        return None
    place = ends.path(before, after, time_us)
    low, high = np.maximum(place[:, :2], box[:, :2]), np.minimum(place[:, 2:], box[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1) / np.maximum((place[:, 2:] - place[:, :2]).prod(axis=1), 1e-9)
    hidden = np.maximum.reduceat(shared, first)
    return first if (hidden >= HIDDEN).mean() >= NEARLY_ALWAYS else None


def _rows(points: pa.Table, rows: Int64, ends: _Ends, before: int, after: int) -> pa.Table:
    """Returns interpolated points on the frames of these rows, of the tracklet before."""
    frames = points.take(pa.array(rows))
    time_us = times_us(frames)
    boxes = ends.path(before, after, time_us)
    since_s, until_s = (time_us - ends.last_us[before]) / 1e6, (ends.first_us[after] - time_us) / 1e6
    wander = WANDER * (boxes[:, 3] - boxes[:, 1]) * np.sqrt(since_s * until_s / np.maximum(since_s + until_s, 1e-9))
    count = len(frames)
    return TABLES["tracklet_points"].conform(
        {
            **{name: frames[name] for name in ("camera", "time", "pts", "frame_segment_id")},
            # As if they were the tracklet's own, also in the next segment, whose frames its overlap does not reach.
            "segment_id": frames["frame_segment_id"],
            "tracklet_id": [ends.names[before]] * count,
            **{name: boxes[:, edge] for edge, name in enumerate(BOX_COLUMNS)},
            "state": ["interpolated"] * count,
            "interpolation_sigma_px": wander,
        }
    )
