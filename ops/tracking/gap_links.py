"""Links tracklets over short gaps in the recording, where no segment shows what the other one does.

Recorders lose a second or two between two files. What was in view before such a gap and what is in view after it are
joined by place, like tracklets within a segment.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import boxes_of, float_column, times_us
from ops.tracking.detections import Detections
from ops.tracking.join import cheapest_joins
from ops.tracking.join_costs import join_pairs
from ops.tracking.tracklet_links import TrackletLinks
from schemas.values import Int64


def link_over_gaps(points: pa.Table, kinds: dict[str, str], links: TrackletLinks, max_gap_s: float) -> TrackletLinks:
    """Returns links with those over gaps in addition.

    Args:
        points: rows of ``tracklet_points``, in any order.
        kinds: kind of thing by tracklet id; only equal kinds are linked.
        links: what is linked already: such ends are taken.
        max_gap_s: longest gap, seconds.
    """
    observed = points.filter(points["detection"].is_valid())
    spans = observed.group_by(["tracklet_id", "segment_id"], use_threads=False).aggregate(
        [("time", "min"), ("time", "max")]
    )
    spans = spans.sort_by("tracklet_id")
    names = spans["tracklet_id"].to_pylist()
    segments = np.array(spans["segment_id"].to_pylist(), np.str_)
    begin, end = (spans[f"time_{side}"].cast(pa.int64()).to_numpy() for side in ("min", "max"))
    linked_after = set(links.following.values())
    tails = np.array([name not in links.following for name in names], np.bool_)
    heads = np.array([name not in linked_after for name in names], np.bool_)
    before, after = _near(begin, end, tails, heads, round(max_gap_s * 1e6))
    apart = segments[before] != segments[after]
    wanted = sorted({names[row] for row in (*before[apart], *after[apart])})
    for kind in sorted({kinds[name] for name in wanted}):
        mine = [name for name in wanted if kinds[name] == kind]
        links = _linked(observed, mine, links, max_gap_s)
    return links


def _near(begin: Int64, end: Int64, tails: np.ndarray, heads: np.ndarray, most_us: int) -> tuple[Int64, Int64]:
    """Returns pairs of rows of which one begins at most ``most_us`` after the other ended."""
    order = np.flatnonzero(heads)[np.argsort(begin[heads], kind="stable")]
    before = np.flatnonzero(tails)
    low = np.searchsorted(begin[order], end[before], side="right")
    high = np.searchsorted(begin[order], end[before] + most_us, side="right")
    found = [(row, head) for row, a, b in zip(before, low, high, strict=True) for head in order[a:b]]
    pairs = np.array(found, np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _linked(observed: pa.Table, names: list[str], links: TrackletLinks, max_gap_s: float) -> TrackletLinks:
    rows = observed.filter(pc.is_in(observed["tracklet_id"], pa.array(names, pa.string()))).sort_by("time")
    time_us = times_us(rows)
    moments, frame = np.unique(time_us, return_inverse=True)
    detections = Detections((moments - moments[0]) / 1e6, frame, boxes_of(rows), float_column(rows, "confidence"))
    owner = np.array(rows["tracklet_id"].to_pylist(), np.str_)
    tracklets = [np.flatnonzero(owner == name) for name in names]
    segment = [rows["segment_id"][int(tracklet[0])].as_py() for tracklet in tracklets]
    pairs = join_pairs(detections, tracklets, max_gap_s)
    taken = set(links.following.values())
    free = [
        names[before] not in links.following and names[after] not in taken and segment[before] != segment[after]
        for before, after in zip(pairs.before.tolist(), pairs.after.tolist(), strict=True)
    ]
    chosen = cheapest_joins(pairs.take((pairs.cost < 0) & np.array(free, np.bool_)), len(tracklets))
    following = {names[before]: names[after] for before, after in chosen}
    probability = {names[before]: sure for (before, _), sure in chosen.items()}
    return TrackletLinks({**links.following, **following}, {**links.probability, **probability})
