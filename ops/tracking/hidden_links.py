"""Links tracklets of people who stood behind somebody else, longer than ``track`` waits for them.

Who talks to somebody, or queues, may be hidden by that person for many seconds. The tracklet ends as it slips behind a
box, and another begins in the same place as it comes out. Between segments, ``track`` would have to look far ahead;
here all tracklets of the day are known. The place says it: two boxes of one size that overlap by half, and nearly
always in between, another tracklet's box over at least half of that place.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ops.arrays import BOX_COLUMNS, boxes_of, times_us
from ops.boxes import iou_pairs
from ops.tracking.interpolate import WANDER
from ops.tracking.tracklet_links import TrackletLinks
from schemas.tables import TABLES
from schemas.values import Bools, Float64, Int64

SAME_PLACE = 0.5
"""Least overlap (IoU) of the last box before and the first box after."""

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
    """First and last observed box of each tracklet, by name in alphabetical order."""

    names: list[str]
    first_us: Int64
    last_us: Int64
    first_box: Float64
    last_box: Float64


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
    free_tail = np.array([name not in links.following for name in ends.names], np.bool_)
    free_head = np.array([name not in linked_after for name in ends.names], np.bool_)
    time_us, box = times_us(points), boxes_of(points)
    owner = np.searchsorted(np.array(ends.names), np.array(points["tracklet_id"].to_pylist(), np.str_))
    following, filled = {}, []
    taken: set[int] = set()
    for before, after in _candidates(ends, free_tail, free_head, kinds, most_s):
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
    names = np.array(observed["tracklet_id"].to_pylist(), np.str_)
    order = np.argsort(names, kind="stable")
    found, first = np.unique(names[order], return_index=True)
    last = np.append(first[1:], len(order)) - 1
    times, boxes = times_us(observed)[order], boxes_of(observed)[order]
    return _Ends(found.tolist(), times[first], times[last[: len(first)]], boxes[first], boxes[last[: len(first)]])


def _candidates(
    ends: _Ends, free_tail: Bools, free_head: Bools, kinds: Mapping[str, str], most_s: float
) -> list[tuple[int, int]]:
    """Returns pairs that fit in time, place, height and kind, those of the best place first."""
    heads = np.flatnonzero(free_head)[np.argsort(ends.first_us[free_head], kind="stable")]
    found = []
    for before in np.flatnonzero(free_tail):
        end_us = ends.last_us[before]
        low, high = np.searchsorted(ends.first_us[heads], [end_us + 1, end_us + round(most_s * 1e6) + 1])
        after = heads[low:high]
        tail: Float64 = np.repeat(ends.last_box[before][None], len(after), axis=0)
        head_box: Float64 = ends.first_box[after]
        fit = iou_pairs(tail, head_box)
        ratio = np.log((head_box[:, 3] - head_box[:, 1]) / (tail[:, 3] - tail[:, 1]))
        fits = (fit >= SAME_PLACE) & (np.abs(ratio) <= np.log(SAME_HEIGHT))
        found += [
            (-float(overlap), int(before), int(head))
            for overlap, head in zip(fit[fits], after[fits], strict=True)
            if kinds[ends.names[before]] == kinds[ends.names[head]] == "person"
        ]
    return [(before, after) for _, before, after in sorted(found)]


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
    place = _between(ends, before, after, time_us)
    low, high = np.maximum(place[:, :2], box[:, :2]), np.minimum(place[:, 2:], box[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1) / np.maximum((place[:, 2:] - place[:, :2]).prod(axis=1), 1e-9)
    hidden = np.maximum.reduceat(shared, first)
    return first if (hidden >= HIDDEN).mean() >= NEARLY_ALWAYS else None


def _between(ends: _Ends, before: int, after: int, time_us: Int64) -> Float64:
    """Returns the boxes ``(N, 4)`` on the straight line from the last box before to the first one after."""
    share = (time_us - ends.last_us[before]) / max(int(ends.first_us[after] - ends.last_us[before]), 1)
    return np.asarray(ends.last_box[before] + share[:, None] * (ends.first_box[after] - ends.last_box[before]))


def _rows(points: pa.Table, rows: Int64, ends: _Ends, before: int, after: int) -> pa.Table:
    """Returns interpolated points on the frames of these rows, of the tracklet before."""
    frames = points.take(pa.array(rows))
    time_us = times_us(frames)
    boxes = _between(ends, before, after, time_us)
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
