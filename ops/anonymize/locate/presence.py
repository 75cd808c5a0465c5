"""Gathers where people and things that are to be covered are or may be, at any time of a segment.

It is the union of

- every track of a covered class: linear between its points, and between its end and a track that starts there later,
  for people who sat still;
- before its first and after its last point, for ``extend_s``, a growing box in which the person *may* be: it holds one
  who stops and one who walks on;
- on a fixed camera with a background, also the surroundings of its first and last box for ``linger_s``, since people do
  not vanish: they are hidden in part, or the detector errs;
- everybody whom a second detector, with other weights, found and the first did not (``second_look.py``);
- every detection of a covered class, however unsure, that belongs to no track: for half of the time to the observed
  frames before and after it, and, as one that may be there, for all of that time;
- the riders of two-wheelers, found or not; see ``riders``.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.anonymize.locate.occupants import OCCUPANTS, occupant_spans
from ops.anonymize.locate.riders import TWO_WHEELERS, rider_spans
from ops.anonymize.locate.second_look import (
    require_able_detector,
    require_second_look,
    second_look_of,
    second_look_spans,
)
from ops.anonymize.locate.spans import (
    Spans,
    Trajectory,
    detection_spans,
    join_spans,
    split_trajectories,
    trajectory_spans,
)
from ops.anonymize.params import PEOPLE, AnonymizeParams
from ops.arrays import boxes_of, times_us
from schemas.anonymity import TARGETS
from schemas.op import Tables
from schemas.values import UnitContext

VEHICLES = ("car", "bus", "truck")
"""Labels of vehicles that hide the people in them."""

BRIDGE_IOU = 0.3
"""Least intersection over union of two tracks' ends that are one person who sat still."""


@dataclass(frozen=True)
class Presence:
    """Everything that is to be covered in a segment.

    Attributes:
        people: of the targets ``person`` and ``head``; owners are indices into ``tracklets``.
        things: of all other targets.
        vehicles: cars, buses and trucks, whatever the targets.
        tracklets: ids of people's tracklets.
    """

    people: Spans
    things: Spans
    vehicles: Spans
    tracklets: tuple[str, ...]


def gather_presence(params: AnonymizeParams, unit: UnitContext, inputs: Tables, linger: bool) -> Presence:
    """Gathers what is to be covered from tracks and detections.

    Args:
        linger: also near the ends of tracks; only where a background shows whether a person is there.

    Raises:
        CoverageError: the detector is not able to see people, or alone where two are needed.
    """
    wanted = {target: TARGETS[target] for target in params.targets}
    people = {label for target, labels in wanted.items() if target in PEOPLE for label in labels}
    things = {label for target, labels in wanted.items() if target not in {*PEOPLE, OCCUPANTS} for label in labels}
    tracklets = inputs["tracklets"]
    ids = tracklets.filter(pc.is_in(tracklets["label"], pa.array(sorted(people), pa.string())))["tracklet_id"]
    found = _spans(params, unit, inputs, people, linger)
    if people:
        two_wheelers, loose = _tracked(params, unit, inputs, TWO_WHEELERS)
        found = join_spans([found, rider_spans(two_wheelers, loose, found, params, linger)])
        found = join_spans([found, _second_look(params, unit, inputs, found, vouched=linger)])
    vehicles = _spans(params, unit, inputs, VEHICLES, linger=False)
    with_windows = _spans(params, unit, inputs, wanted.get(OCCUPANTS, ()), linger=False)
    windows = occupant_spans(with_windows, params.occupant_min_height_px, unit.segment.height)
    return Presence(
        found,
        join_spans([_spans(params, unit, inputs, things, linger=False), windows]),
        vehicles,
        tuple(ids.to_pylist()),
    )


def _second_look(params: AnonymizeParams, unit: UnitContext, inputs: Tables, found: Spans, vouched: bool) -> Spans:
    """Builds the spans of people whom only the second detector found, if it looked.

    Args:
        found: where people are or may be by the first detector.
        vouched: a background shows whom both detectors missed.

    Raises:
        CoverageError: the first detector is not able to see people, or alone where two are needed.
    """
    look = second_look_of(inputs)
    by_network = bool(pc.all(pc.equal(inputs["observed_frames"]["source"], "model")).as_py())
    if by_network and not vouched and params.two_detectors:
        require_second_look(look, unit.segment)
    if look is None:
        return join_spans([])
    if by_network:
        require_able_detector(look, found, unit.segment)
    return second_look_spans(look, found, round(params.max_unobserved_s * 1e6))


def _spans(params: AnonymizeParams, unit: UnitContext, inputs: Tables, labels: Iterable[str], linger: bool) -> Spans:
    """Builds the spans of people or things of some labels."""
    trajectories, loose = _tracked(params, unit, inputs, labels)
    return join_spans([*trajectory_spans(trajectories, params, BRIDGE_IOU, linger), loose])


def _tracked(
    params: AnonymizeParams, unit: UnitContext, inputs: Tables, labels: Iterable[str]
) -> tuple[list[Trajectory], Spans]:
    """Returns the tracks of some labels, and the spans of their detections without a track."""
    wanted = pa.array(sorted(labels), pa.string())
    if not len(wanted):
        return [], join_spans([])
    tracklets = inputs["tracklets"]
    ids = tracklets.filter(pc.is_in(tracklets["label"], wanted))["tracklet_id"].combine_chunks()
    points = inputs["tracklet_points"]
    points = points.filter(pc.is_in(points["tracklet_id"], ids))
    codes = np.asarray(pc.index_in(points["tracklet_id"], ids)).astype(np.int64)
    trajectories = list(split_trajectories(codes, times_us(points), boxes_of(points)))
    # Segments overlap, and a track's points in another segment refer to that segment's detections.
    tracked = points.filter(pc.equal(points["frame_segment_id"], unit.segment.segment_id))["detection"]
    return trajectories, join_spans([*_untracked(params, inputs, wanted, tracked)])


def _untracked(params: AnonymizeParams, inputs: Tables, wanted: pa.Array, tracked: pa.ChunkedArray) -> Iterable[Spans]:
    """Builds the spans of detections that belong to no track, of this segment and of the next."""
    observed_us, hold_us = times_us(inputs["observed_frames"]), round(params.max_unobserved_s * 1e6)
    # A person first detected in the next segment was there at the end of this one, too.
    for key, known in (("detections", tracked), ("next.detections", pa.array([], pa.int32()))):
        if key in inputs:
            found = inputs[key]
            sure = pc.and_(
                pc.is_in(found["label"], wanted), pc.greater_equal(found["confidence"], params.min_confidence)
            )
            loose = found.filter(pc.and_(sure, pc.invert(pc.is_in(found["detection"], known))))
            yield detection_spans(times_us(loose), boxes_of(loose), observed_us, hold_us)
