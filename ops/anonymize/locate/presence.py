"""Where those who are to be covered are or may be, at any time of a segment.

It is the union of

- every track of a covered class: straight lines between its points, and between two tracks of which one starts where
  the other ended, for somebody who sat still;
- before its first and after its last point, for ``extend_s``, a growing box in which somebody *may* be: it holds one who
  stands still and one who walks on;
- on a fixed camera with a background, also around its first and last box for ``linger_s``, since people do not vanish: they
  are hidden in part, or the detector errs;
- every detection of a covered class, however unsure, that no track holds: half of the way to the frames looked at
  before and after, and, as one that may be there, all of the way.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.anonymize.locate.spans import (
    Spans,
    bridge_spans,
    detection_spans,
    join_spans,
    lingering_spans,
    split_trajectories,
    track_spans,
)
from ops.anonymize.params import PEOPLE, AnonymizeParams
from schemas.anonymity import TARGETS
from schemas.op import Tables
from schemas.values import Float64, Int64, UnitContext

BOX = ("x1", "y1", "x2", "y2")
BRIDGE_IOU = 0.3


@dataclass(frozen=True)
class Presence:
    """Who and what is to be covered in a segment.

    Attributes:
        people: of the targets ``person`` and ``head``; owners are indices into ``tracklets``.
        things: of all other targets.
        tracklets: ids of people's tracks.
    """

    people: Spans
    things: Spans
    tracklets: tuple[str, ...]


def gather_presence(params: AnonymizeParams, unit: UnitContext, inputs: Tables, linger: bool) -> Presence:
    """Gathers who is to be covered from tracks and detections.

    Args:
        linger: also near the ends of tracks; only where a background can tell whether somebody is there.
    """
    wanted = {target: TARGETS[target] for target in params.targets}
    people = {label for target, labels in wanted.items() if target in PEOPLE for label in labels}
    things = {label for labels in wanted.values() for label in labels} - people
    tracklets = inputs["tracklets"]
    ids = tracklets.filter(pc.is_in(tracklets["label"], pa.array(sorted(people), pa.string())))["tracklet_id"]
    return Presence(
        _spans(params, unit, inputs, people, linger),
        _spans(params, unit, inputs, things, linger=False),
        tuple(ids.to_pylist()),
    )


def _spans(params: AnonymizeParams, unit: UnitContext, inputs: Tables, labels: Iterable[str], linger: bool) -> Spans:
    """Where things of some labels are."""
    wanted = pa.array(sorted(labels), pa.string())
    if not len(wanted):
        return join_spans([])
    tracklets = inputs["tracklets"]
    ids = tracklets.filter(pc.is_in(tracklets["label"], wanted))["tracklet_id"].combine_chunks()
    points = inputs["tracklet_points"]
    points = points.filter(pc.is_in(points["tracklet_id"], ids))
    codes = np.asarray(pc.index_in(points["tracklet_id"], ids)).astype(np.int64)
    paths = list(split_trajectories(codes, times_us(points), _boxes(points)))

    growth = (params.pad_share, params.pad_px)
    filled = [track_spans(path, round(params.extend_s * 1e6), *growth) for path in paths]
    if linger:
        filled += [lingering_spans(path, round(params.linger_s * 1e6), *growth) for path in paths]
    bridges = bridge_spans(paths, round(params.bridge_s * 1e6), BRIDGE_IOU)
    held = points.filter(pc.equal(points["frame_segment_id"], unit.segment.segment_id))["detection"]
    return join_spans([*filled, bridges, *_loose(params, inputs, wanted, held)])


def _loose(params: AnonymizeParams, inputs: Tables, wanted: pa.Array, held: pa.ChunkedArray) -> Iterable[Spans]:
    """Detections that no track holds, of this segment and of the next."""
    observed_us, hold_us = times_us(inputs["observed_frames"]), round(params.max_unobserved_s * 1e6)
    for key, known in (("detections", held), ("next.detections", pa.array([], pa.int32()))):
        if key in inputs:
            found = inputs[key]
            sure = pc.and_(
                pc.is_in(found["label"], wanted), pc.greater_equal(found["confidence"], params.min_confidence)
            )
            loose = found.filter(pc.and_(sure, pc.invert(pc.is_in(found["detection"], known))))
            yield detection_spans(times_us(loose), _boxes(loose), observed_us, hold_us)


def times_us(table: pa.Table) -> Int64:
    """The column ``time`` as microseconds since 1970."""
    return np.asarray(table["time"].cast(pa.int64()).to_numpy(), np.int64)


def _boxes(table: pa.Table) -> Float64:
    return np.stack([table[name].to_numpy().astype(np.float64) for name in BOX], axis=1)
