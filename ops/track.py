"""Op ``track``: follows people and things through a segment, and on into the first seconds of the next.

Frame by frame association is C-BIoU (Yang et al., WACV 2023) of the library `trackers
<https://github.com/roboflow/trackers>`_: it takes the time of each frame, so that any observed rate will do, imports
without torch and keeps no global counter of ids, all three unlike Ultralytics' ByteTrack, the peer of
``bench/identity.py``. It runs forwards and backwards, and where the two disagree, tracklets end: so hardly any holds
two people. They are joined again over the whole segment, by where they go and by the colours of clothes. What an online
tracker cannot know is refined as well: tracklets are split where a person would be faster than anybody, weak ends are
trimmed, gaps are filled, and what was never detected surely is dropped. Decisions 5 and 39.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ops.tracking.associate import associate_both_ways
from ops.tracking.clothes import split_where_clothes_change
from ops.tracking.detections import Detections, Tracklet
from ops.tracking.interpolate import Interpolated, interpolate
from ops.tracking.join import Join, join
from ops.tracking.jumps import split_jumps
from ops.tracking.merged_boxes import drop_merged
from ops.tracking.observations import Observations, kind_of, kinds_of, read_observations
from ops.tracking.refine import extend, filter_tracklets, trim
from ops.tracking.sides import split_out_of_view
from schemas.op import Neighbour, OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.tables import TABLES
from schemas.values import Float64, Int64, UnitContext


@dataclass(frozen=True)
class TrackParams:
    """Parameters of ``track``; all are times or shares, so that they hold at any frame rate and size."""

    strong_confidence: float = param(
        0.25, "confidence from which a detection may begin a track; weaker ones continue it"
    )
    sure_confidence: float = param(0.35, "a track begins and ends with a detection at least as confident as this")
    mean_confidence: float = param(0.35, "least mean confidence of a track's detections; other tracks are dropped")
    min_span_s: float = param(0.5, "least length of a track; shorter ones are dropped, seconds")
    max_gap_s: float = param(1.5, "longest time without a detection after which a track continues, seconds")
    alike_gap_s: float = param(
        4.0, "the same where the colours of clothes are known on both sides (op appearance), seconds"
    )
    duplicate_overlap: float = param(
        0.6, "overlap (IoU) above which the less confident of two detections of a frame is a duplicate"
    )
    extend_overlap: float = param(
        0.5, "least overlap (IoU) at which a sure detection beyond the end of a track joins it"
    )
    smooth_s: float = param(0.3, "standard deviation of the Gaussian that smooths boxes, seconds; 0: none")
    max_speed_heights_s: float = param(
        5.0, "people: speed that nobody reaches, body heights per second; a track that is faster is split"
    )
    overlap_s: float = param(
        4.0, "length of the next segment into which tracks are followed, to be linked there, seconds"
    )


@dataclass(frozen=True)
class _FilledTracklet:
    """A tracklet with a box on every frame from its first to its last detection, but where it was out of view.

    Attributes:
        filled: its frames and boxes.
        detected: ``(M,)`` row of the detection among the observations, -1 where the box is interpolated.
        link_probability: ``(M,)`` at the first detection after a join: that of the join; else NaN.
    """

    filled: Interpolated
    detected: Int64
    link_probability: Float64

    @property
    def frames(self) -> Int64:
        """Numbers of its frames."""
        return self.filled.frames

    @property
    def detections(self) -> Int64:
        """Rows of its detections among the observations."""
        return self.detected[self.detected >= 0]


class Track(TableOp):
    """Joins detections into tracklets."""

    spec = OpSpec(
        name="track",
        version=5,
        summary="Follows people and things through a segment and into the first seconds of the next.",
        scope=Scope.SEGMENT,
        reads=(
            Read("detections"),
            Read("observed_frames"),
            Read("appearances", required=False, build_if_missing=True),
            Read("detections", Neighbour.NEXT, required=False),
            Read("observed_frames", Neighbour.NEXT, required=False),
            Read("appearances", Neighbour.NEXT, required=False),
        ),
        writes=("tracklets", "tracklet_points"),
        params=TrackParams,
    )
    params: TrackParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:
        """Tracks each kind of thing separately: a car never becomes a person."""
        observed = read_observations(unit.segment, inputs, self.params.overlap_s)
        tracklets = [
            tracklet
            for rows in kinds_of(observed)
            for tracklet in self._follow(observed, rows)
            if observed.own[tracklet.frames[0]]  # what begins in the overlap is the next segment's
        ]
        tracklets.sort(key=lambda t: (int(t.frames[0]), *t.filled.boxes[0], observed.label[t.detections[0]]))
        services.count("tracklets", len(tracklets))
        return {
            "tracklets": _tracklet_table(unit, observed, tracklets),
            "tracklet_points": _point_table(unit, observed, tracklets),
        }

    def _follow(self, observed: Observations, rows: Int64) -> list[_FilledTracklet]:
        detections, rows = observed.detections(rows, self.params.duplicate_overlap)
        people = len(rows) > 0 and kind_of(str(observed.label[rows[0]])) == "person"
        tracklets, joins = self._tracklets(detections, people)
        return [self._fill(observed.size_px, detections, tracklet, rows, joins) for tracklet in tracklets]

    def _tracklets(self, detections: Detections, people: bool) -> tuple[list[Tracklet], list[Join]]:
        params = self.params
        tracklets = associate_both_ways(detections, params.strong_confidence, params.max_gap_s)
        # Before what refines: a join needs the true ends.
        if people:
            tracklets = split_jumps(detections, tracklets, params.max_speed_heights_s)
        tracklets = split_out_of_view(detections, tracklets)
        tracklets = split_where_clothes_change(detections, tracklets)
        tracklets, joins = join(detections, tracklets, params.max_gap_s, params.alike_gap_s)
        tracklets = trim(detections, tracklets, params.sure_confidence)
        tracklets = extend(detections, tracklets, params.sure_confidence, params.extend_overlap)
        tracklets, later_joins = join(detections, tracklets, params.max_gap_s, params.alike_gap_s)
        tracklets = drop_merged(detections, tracklets)
        return filter_tracklets(detections, tracklets, params.min_span_s, params.mean_confidence), joins + later_joins

    def _fill(
        self, size_px: tuple[int, int], detections: Detections, tracklet: Tracklet, rows: Int64, joins: list[Join]
    ) -> _FilledTracklet:
        filled = interpolate(detections, tracklet, self.params.smooth_s)
        # Smoothing may push a box over the edge of the frame.
        filled = filled._replace(boxes=np.clip(filled.boxes, 0, np.tile(size_px, 2)))
        at = np.searchsorted(filled.frames, detections.frame[tracklet])
        detected = np.full(len(filled.frames), -1, np.int64)
        detected[at] = rows[tracklet]
        probability = np.full(len(filled.frames), np.nan)
        member = dict(zip(tracklet.tolist(), at.tolist(), strict=True))
        for made in joins:
            if made.before in member and made.after in member:  # else its end was trimmed
                probability[member[made.after]] = made.probability
        return _FilledTracklet(filled, detected, probability)


def tracklet_id(segment_id: str, number: int) -> str:
    """Returns the id of a segment's tracklet ``number``, counted from 0 in order of appearance."""
    return f"{segment_id}-{number:03d}"


def _tracklet_table(unit: UnitContext, observed: Observations, tracklets: list[_FilledTracklet]) -> pa.Table:
    segment_id = unit.segment.segment_id
    return TABLES["tracklets"].conform(
        {
            "camera": [unit.camera.camera] * len(tracklets),
            "segment_id": [segment_id] * len(tracklets),
            "tracklet_id": [tracklet_id(segment_id, number) for number in range(len(tracklets))],
            "label": [_main(observed.label[t.detections], observed.confidence[t.detections]) for t in tracklets],
            "start_time": [int(observed.time_us[t.frames[0]]) for t in tracklets],
            "end_time": [int(observed.time_us[t.frames[-1]]) for t in tracklets],
            "observed": [len(t.detections) for t in tracklets],
            "confidence": [float(observed.confidence[t.detections].mean()) for t in tracklets],
            "source": [_main(observed.source[t.detections], observed.confidence[t.detections]) for t in tracklets],
        }
    )


def _point_table(unit: UnitContext, observed: Observations, tracklets: list[_FilledTracklet]) -> pa.Table:
    if not tracklets:
        return TABLES["tracklet_points"].empty()
    segment_id = unit.segment.segment_id
    names = [tracklet_id(segment_id, number) for number in range(len(tracklets))]
    frames = np.concatenate([t.frames for t in tracklets])
    boxes = np.concatenate([t.filled.boxes for t in tracklets])
    detected = np.concatenate([t.detected for t in tracklets])
    is_interpolated = detected < 0
    columns: Mapping[str, object] = {
        "camera": [unit.camera.camera] * len(frames),
        "segment_id": [segment_id] * len(frames),
        "tracklet_id": np.repeat(names, [len(t.frames) for t in tracklets]),
        "time": observed.time_us[frames],
        "pts": observed.pts[frames],
        **{name: boxes[:, edge] for edge, name in enumerate(("x1", "y1", "x2", "y2"))},
        "confidence": pa.array(observed.confidence[detected], mask=is_interpolated),
        "state": np.where(is_interpolated, "interpolated", "observed"),
        "frame_segment_id": np.where(observed.own[frames], segment_id, observed.next_segment_id),
        "detection": pa.array(observed.detection[detected], mask=is_interpolated),
        "interpolation_sigma_px": np.concatenate([t.filled.sigma_px for t in tracklets]),
        "link_probability": pa.array(np.concatenate([t.link_probability for t in tracklets]), from_pandas=True),
    }
    return TABLES["tracklet_points"].conform(columns)


def _main(words: np.ndarray[tuple[int, ...], np.dtype[np.str_]], weight: Float64) -> str:
    """Returns the word with the largest total weight; of equals the first in the alphabet."""
    choices, place = np.unique(words, return_inverse=True)
    return str(choices[np.bincount(place, weights=weight).argmax()])
