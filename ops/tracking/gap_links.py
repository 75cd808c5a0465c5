"""Links tracklets over short gaps in the recording, where no segment shows what the other one does.

Recorders lose a second or two between two files. What was in view before such a gap and what is in view after it are
joined by place, like tracklets within a segment. Where a segment follows without a gap, ``track`` has looked into it
and knows better.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import boxes_of, float_column, pairs_after, times_us
from ops.tracking.detections import Detections
from ops.tracking.join import cheapest_joins
from ops.tracking.join_costs import join_pairs
from ops.tracking.tracklet_links import Pair, TrackletLinks


def link_over_gaps(points: pa.Table, kinds: Mapping[str, str], links: TrackletLinks, max_gap_s: float) -> TrackletLinks:
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
    tails = np.flatnonzero([name not in links.following for name in names])
    heads = np.flatnonzero([name not in linked_after for name in names])
    before, after = pairs_after(end[tails], begin[heads], round(max_gap_s * 1e6))
    before, after = tails[before], heads[after]
    followed = set(zip(points["segment_id"].to_pylist(), points["frame_segment_id"].to_pylist(), strict=True))
    candidates = {
        (names[a], names[b])
        for a, b in zip(before.tolist(), after.tolist(), strict=True)
        if segments[a] != segments[b]
        and (segments[a], segments[b]) not in followed
        and kinds[names[a]] == kinds[names[b]]
    }
    return _linked(observed, candidates, links, max_gap_s) if candidates else links


def _linked(observed: pa.Table, candidates: set[Pair], links: TrackletLinks, max_gap_s: float) -> TrackletLinks:
    names = sorted({name for pair in candidates for name in pair})
    rows = observed.filter(pc.is_in(observed["tracklet_id"], pa.array(names, pa.string()))).sort_by("time")
    moments, frame = np.unique(times_us(rows), return_inverse=True)
    detections = Detections((moments - moments[0]) / 1e6, frame, boxes_of(rows), float_column(rows, "confidence"))
    owner = np.array(rows["tracklet_id"].to_pylist(), np.str_)
    pairs = join_pairs(detections, [np.flatnonzero(owner == name) for name in names], max_gap_s)
    ends = zip(pairs.before.tolist(), pairs.after.tolist(), strict=True)
    allowed = np.array([(names[before], names[after]) in candidates for before, after in ends], np.bool_)
    chosen = cheapest_joins(pairs.take(allowed & (pairs.cost < 0)), len(names))
    following = {names[before]: names[after] for before, after in chosen}
    probability = {names[before]: sure for (before, _), sure in chosen.items()}
    return TrackletLinks({**links.following, **following}, {**links.probability, **probability})
