"""Links tracklets of neighbouring segments into tracks.

Decision: docs/decisions/0001-detect-once-link-by-shared-rows.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import BOX_COLUMNS, boxes_of, float_columns, times_us
from ops.boxes import iou_pairs
from ops.tracking.certainty import overlap_probability
from schemas.values import Int64

Pair = tuple[str, str]
"""Ids of a tracklet and of one in the following segment."""


@dataclass(frozen=True)
class TrackletLinks:
    """Links from tracklets to those that continue them.

    Attributes:
        following: the id of the next segment's tracklet, by tracklet id; one to one.
        probability: that the link to the next is right, 0..1, by tracklet id.
    """

    following: Mapping[str, str]
    probability: Mapping[str, float]

    @cached_property
    def probability_before(self) -> dict[str, float]:
        """The probability of the link to the tracklet before, by tracklet id."""
        return {after: self.probability[before] for before, after in self.following.items()}

    @cached_property
    def _firsts(self) -> dict[str, str]:
        firsts: dict[str, str] = {}
        for head in sorted(set(self.following) - set(self.following.values())):
            name: str | None = head
            while name is not None:
                firsts[name] = head
                name = self.following.get(name)
        return firsts

    def first(self, tracklet_id: str) -> str:
        """Returns the id of the first tracklet of a tracklet's track: the track's id."""
        return self._firsts.get(tracklet_id, tracklet_id)


def link_tracklets(points: pa.Table, kinds: Mapping[str, str], min_shared: float, min_iou: float) -> TrackletLinks:
    """Links the tracklets that points belong to.

    Args:
        points: rows of ``tracklet_points``, in any order.
        kinds: kind of thing by tracklet id; only equal kinds are linked.
        min_shared: least share of detections in common, of the one that has fewer in the overlap.
        min_iou: least mean overlap of boxes for tracklets that have no detection in common.
    """
    own = pc.equal(points["segment_id"], points["frame_segment_id"])
    overlap = points.filter(pc.invert(own))
    core = points.filter(pc.and_(own, pc.is_in(points["frame_segment_id"], overlap["frame_segment_id"].unique())))
    shares = _alike(_shared_detections(overlap, core), kinds)
    following = _one_to_one(shares, min_shared)
    left_over = {
        pair: score
        for pair, score in _alike(_mean_iou(overlap, core), kinds).items()
        if pair[0] not in following and pair[1] not in following.values()
    }
    by_place = _one_to_one(left_over, min_iou)
    scores = shares | left_over
    following |= by_place
    return TrackletLinks(following, {pair[0]: overlap_probability(scores[pair]) for pair in following.items()})


def _alike(scores: dict[Pair, float], kinds: Mapping[str, str]) -> dict[Pair, float]:
    return {pair: score for pair, score in scores.items() if kinds[pair[0]] == kinds[pair[1]]}


def _met(overlap: pa.Table, core: pa.Table, keys: list[str], columns: list[str]) -> pa.Table:
    """Joins rows of the overlap to the next segment's own rows with the same keys, whose columns end in ``_next``."""
    wanted = [*keys, "tracklet_id", *columns]
    met = overlap.select(wanted).join(
        core.select(wanted), keys=keys, join_type="inner", right_suffix="_next", use_threads=False
    )
    return met.sort_by([(name, "ascending") for name in ("tracklet_id", "tracklet_id_next", *keys)])


def _shared_detections(overlap: pa.Table, core: pa.Table) -> dict[Pair, float]:
    """Returns by pair the shared detections, as a share of those of the tracklet that has fewer while both last."""
    overlap, core = overlap.filter(overlap["detection"].is_valid()), core.filter(core["detection"].is_valid())
    met = _met(overlap, core, ["frame_segment_id", "detection"], [])
    shared = met.group_by(["tracklet_id", "tracklet_id_next"]).aggregate([([], "count_all")])
    times_before, times_after = _times_by_tracklet(overlap), _times_by_tracklet(core)
    shares = {}
    for before, after, count in zip(*(shared[name].to_pylist() for name in shared.column_names), strict=True):
        first, last = times_after[after].min(), times_before[before].max()
        fewer = min(np.sum(times_before[before] >= first), np.sum(times_after[after] <= last))
        shares[before, after] = count / max(int(fewer), 1)
    return shares


def _times_by_tracklet(points: pa.Table) -> dict[str, Int64]:
    names = np.array(points["tracklet_id"].to_pylist(), np.str_)
    times = times_us(points)
    order = np.argsort(names, kind="stable")
    found, first = np.unique(names[order], return_index=True)
    return dict(zip(found.tolist(), np.split(times[order], first[1:]), strict=False))


def _mean_iou(overlap: pa.Table, core: pa.Table) -> dict[Pair, float]:
    """Returns by pair the mean overlap of boxes at common times."""
    met = _met(overlap, core, ["frame_segment_id", "time"], list(BOX_COLUMNS))
    fit = iou_pairs(boxes_of(met), float_columns(met, [f"{edge}_next" for edge in BOX_COLUMNS]))
    fits: dict[Pair, list[float]] = {}
    for before, after, value in zip(
        met["tracklet_id"].to_pylist(), met["tracklet_id_next"].to_pylist(), fit.tolist(), strict=True
    ):
        fits.setdefault((before, after), []).append(value)
    return {pair: float(np.mean(values)) for pair, values in fits.items()}


def _one_to_one(scores: dict[Pair, float], least: float) -> dict[str, str]:
    """Returns the pairs of highest total score, no tracklet twice (Hungarian), none below ``least``."""
    chosen = {pair: score for pair, score in scores.items() if score >= least}
    before = {name: row for row, name in enumerate(sorted({pair[0] for pair in chosen}))}
    after = {name: column for column, name in enumerate(sorted({pair[1] for pair in chosen}))}
    score = np.zeros((len(before), len(after)))
    for (a, b), value in chosen.items():
        score[before[a], after[b]] = value
    names_before, names_after = list(before), list(after)
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(score, maximize=True)
    return {names_before[a]: names_after[b] for a, b in zip(rows, columns, strict=True) if score[a, b] > 0}
