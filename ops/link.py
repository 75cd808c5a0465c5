"""Op ``link``: joins the tracklets of a camera's day, and of the day before, into tracks with lasting ids.

The op ``track`` follows everything a few seconds into the next segment, on the very detections that the next segment's
tracklets are made of. So two tracklets are one track if they share detections there; without shared detections, if
their boxes overlap. A track has the id of its first tracklet, so the same footage gives the same id in whatever order
its segments are processed. Over a short gap in the recording, tracks go on by place; a longer one ends them.

Where a camera with four control points shows that a person jumps faster than anybody can move, the track has passed to
another person. It ends there, and what follows is a track of its own, named after its first point: ``TRACKLET-PTS``.
A ground that people measure comes too late for that: op ``ground`` reads these tracks.

Only the day before is read: a thing in view for more than a whole day gets a new id at the second midnight.

Decision: docs/decisions/0001-detect-once-link-by-shared-rows.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import BOX_COLUMNS
from ops.ground.homography import GroundPlane
from ops.ground.jumps import cut_at_jumps
from ops.ground.movement import MovementParams
from ops.ground.places import known_ground
from ops.tracking.gap_links import link_over_gaps
from ops.tracking.hidden_links import link_hidden
from ops.tracking.observations import kind_of
from ops.tracking.tracklet_links import TrackletLinks, link_tracklets
from schemas.op import Neighbour, OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.tables import TABLES
from schemas.values import UnitContext


@dataclass(frozen=True)
class LinkParams(MovementParams):
    """Parameters of ``link``."""

    min_shared: float = param(0.3, "least share of common detections in the overlap at which two tracklets are linked")
    min_iou: float = param(0.5, "without common detections: least mean overlap (IoU) of boxes at which they are linked")
    max_gap_s: float = param(1.5, "longest gap in the recording over which tracks go on, by place, seconds")
    hidden_s: float = param(
        15.0, "longest time that a person stands behind another and is the same one afterwards, seconds; 0: never"
    )
    jump_s: float = param(0.4, "time to each side over which jumps to another person are looked for, seconds")


class Link(TableOp):
    """Joins tracklets into tracks."""

    spec = OpSpec(
        name="link",
        version=8,
        summary="Links tracklets across segment borders and midnight into tracks with lasting ids.",
        scope=Scope.CAMERA_DAY,
        reads=(
            Read("tracklets"),
            Read("tracklet_points"),
            Read("tracklets", Neighbour.PREVIOUS_DAY, required=False),
            Read("tracklet_points", Neighbour.PREVIOUS_DAY, required=False),
        ),
        writes=("tracks", "track_points"),
        params=LinkParams,
        uses=("calibration",),
    )
    params: LinkParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:
        """Links, then writes what is on this day's segments; the overlap into tomorrow is tomorrow's."""
        tracklets = _with_day_before(inputs, "tracklets")
        points = _with_day_before(inputs, "tracklet_points")
        kinds = {
            name: kind_of(label)
            for name, label in zip(tracklets["tracklet_id"].to_pylist(), tracklets["label"].to_pylist(), strict=True)
        }
        links = link_tracklets(points, kinds, self.params.min_shared, self.params.min_iou)
        links = link_over_gaps(points, kinds, links, self.params.max_gap_s)
        links, hidden = link_hidden(points, kinds, links, self.params.hidden_s)
        points = TABLES["tracklet_points"].conform(pa.concat_tables([points, hidden.select(points.column_names)]))
        rows = _rows_of_day(points, links, [segment.segment_id for segment in unit.segments])
        rows = _with_tracks(rows, links, _track_labels(tracklets, links))
        services.count("links", len(links.following))
        ground = known_ground(unit.camera, inputs)
        if ground is not None:
            rows = self._cut_at_jumps(unit, rows, points, links, ground.plane)
        return _tables(unit, tracklets, rows)

    def _cut_at_jumps(
        self, unit: UnitContext, rows: pa.Table, points: pa.Table, links: TrackletLinks, plane: GroundPlane
    ) -> pa.Table:
        """Returns the rows of the day, those beyond a jump with a track id of their own."""
        if not len(rows):
            return rows
        # A track of the day before may have jumped before midnight: its later part goes on under that part's id.
        before = points.filter(_before_midnight(points, rows, links, unit))
        before_ids = before["frame_segment_id"].unique().to_pylist()
        before = _with_tracks(_rows_of_day(before, links, before_ids), links, _labels_of(rows))
        # The segments of the day before are not this unit's; the camera's frames are taken to have kept their size.
        segments = [*unit.segments, *(replace(unit.segments[0], segment_id=name) for name in before_ids)]
        both = pa.concat_tables([rows, before])
        names = cut_at_jumps(both, unit.camera, plane, segments, self.params, self.params.jump_s)
        return _renamed(both, names).slice(0, len(rows))


def _with_day_before(inputs: Tables, name: str) -> pa.Table:
    """Returns a table of both days in its own sort order, whatever the order of the input rows."""
    parts = [inputs[name]]
    if f"previous_day.{name}" in inputs:
        parts.append(inputs[f"previous_day.{name}"])
    return TABLES[name].conform(pa.concat_tables([part.select(TABLES[name].schema.names) for part in parts]))


def _rows_of_day(points: pa.Table, links: TrackletLinks, segment_ids: list[str]) -> pa.Table:
    """Returns points on the frames of these segments, each track at each time once.

    A tracklet's own points all count. Of those in the overlap, the next segment's tracklet has its own; they count
    only until it begins (which may take a while, until a sure detection) or, without one, until the last detection that
    no tracklet of the next segment has.
    """
    points = points.filter(pc.is_in(points["frame_segment_id"], pa.array(segment_ids, pa.string())))
    own = pc.equal(points["segment_id"], points["frame_segment_id"])
    core, overlap = points.filter(own), points.filter(pc.invert(own))
    return pa.concat_tables([core, overlap.filter(_bridges(overlap, core, links))])


def _bridges(overlap: pa.Table, core: pa.Table, links: TrackletLinks) -> pa.Array:
    """Marks the points of the overlap that their tracks need."""
    taken = set(zip(*_lists(core, "frame_segment_id", "detection"), strict=True))
    firsts = core.group_by("tracklet_id").aggregate([("time", "min")])
    begin = dict(zip(*_lists(firsts, "tracklet_id", "time_min"), strict=True))
    names, times, segments, detections = _lists(overlap, "tracklet_id", "time", "frame_segment_id", "detection")
    # What a tracklet of the next segment has detected is that tracklet's own point there.
    free = [
        detection is not None and (segment, detection) not in taken
        for segment, detection in zip(segments, detections, strict=True)
    ]
    last_free: dict[str, int] = {}
    for name, time, is_free in zip(names, times, free, strict=True):
        if is_free:
            last_free[name] = max(time, last_free.get(name, time))
    needed = []
    for name, time, detection, is_free in zip(names, times, detections, free, strict=True):
        after = links.following.get(name)
        needed_still = time < begin[after] if after in begin else time <= last_free.get(name, -1)
        needed.append(needed_still and (detection is None or is_free))
    return pa.array(needed, pa.bool_())


def _lists(table: pa.Table, *columns: str) -> list[list[Any]]:
    """Returns columns as lists, times as whole microseconds: Python's datetimes are slow."""
    arrays = (table[name] for name in columns)
    return [(a.cast(pa.int64()) if pa.types.is_timestamp(a.type) else a).to_pylist() for a in arrays]


def _with_tracks(rows: pa.Table, links: TrackletLinks, labels: Mapping[str, str]) -> pa.Table:
    """Returns tracklet points as points of their tracks: ``segment_id`` is that of the frame."""
    track_ids = [links.first(name) for name in rows["tracklet_id"].to_pylist()]
    own = ("camera", "tracklet_id", "time", "pts", "confidence", "state", "interpolation_sigma_px", *BOX_COLUMNS)
    return pa.table(
        {
            **{name: rows[name] for name in own},
            "link_probability": _link_probabilities(rows, links),
            "segment_id": rows["frame_segment_id"],
            "track_id": pa.array(track_ids, pa.string()),
            "label": pa.array([labels[track] for track in track_ids], pa.string()),
        }
    )


def _link_probabilities(rows: pa.Table, links: TrackletLinks) -> pa.Array:
    """Returns ``link_probability``, with that of the link to the tracklet before at the first point of a tracklet."""
    probabilities = rows["link_probability"].to_pylist()
    first: dict[str, tuple[int, int]] = {}
    for row, (name, time) in enumerate(zip(*_lists(rows, "tracklet_id", "time"), strict=True)):
        if name in links.probability_before:
            first[name] = min(first.get(name, (time, row)), (time, row))
    for name, (_, row) in first.items():
        probabilities[row] = links.probability_before[name]
    return pa.array(probabilities, pa.float32())


def _labels_of(rows: pa.Table) -> dict[str, str]:
    return dict(zip(*_lists(rows, "track_id", "label"), strict=True))


def _renamed(rows: pa.Table, names: list[str]) -> pa.Table:
    """Returns rows with other track ids; the first point of a track that begins at a jump continues nothing."""
    first: dict[str, tuple[int, int]] = {}
    before, times = _lists(rows, "track_id", "time")
    for row, (old, name, time) in enumerate(zip(before, names, times, strict=True)):
        if old != name:
            first[name] = min(first.get(name, (time, row)), (time, row))
    probabilities = rows["link_probability"].to_pylist()
    for _, row in first.values():
        probabilities[row] = None
    columns = {name: rows[name] for name in rows.column_names}
    return pa.table(
        columns | {"track_id": pa.array(names, pa.string()), "link_probability": pa.array(probabilities, pa.float32())}
    )


def _before_midnight(points: pa.Table, rows: pa.Table, links: TrackletLinks, unit: UnitContext) -> pa.Array:
    """Marks the points of the day before of tracks that go on today."""
    today = pa.array([segment.segment_id for segment in unit.segments], pa.string())
    going_on = set(rows["track_id"].to_pylist())
    names = [name for name in points["tracklet_id"].unique().to_pylist() if links.first(name) in going_on]
    earlier = pc.invert(pc.is_in(points["frame_segment_id"], today))
    return pc.and_(earlier, pc.is_in(points["tracklet_id"], pa.array(names, pa.string())))


def _tables(unit: UnitContext, tracklets: pa.Table, rows: pa.Table) -> Tables:
    """Returns tracks and their points, from tracklet points without duplicates."""
    points = TABLES["track_points"].conform(rows.drop_columns("tracklet_id"))
    parts: dict[str, dict[str, None]] = {}  # tracklets of each track by time, each once
    for track, name in zip(*_lists(rows.sort_by("time"), "track_id", "tracklet_id"), strict=True):
        parts.setdefault(track, {})[name] = None
    return {"tracks": _tracks(unit, tracklets, points, parts), "track_points": points}


def _track_labels(tracklets: pa.Table, links: TrackletLinks) -> dict[str, str]:
    """Returns each track's label: that of most of its detections; of equals the first in the alphabet."""
    weight: dict[str, dict[str, int]] = {}
    for name, label, observed in zip(*_lists(tracklets, "tracklet_id", "label", "observed"), strict=True):
        labels = weight.setdefault(links.first(name), {})
        labels[label] = labels.get(label, 0) + observed
    return {track: min(labels, key=lambda label: (-labels[label], label)) for track, labels in weight.items()}


def _tracks(
    unit: UnitContext, tracklets: pa.Table, points: pa.Table, parts: Mapping[str, Mapping[str, None]]
) -> pa.Table:
    """Returns one row per track; ``parts`` are the tracklets that it is made of on this day."""
    # One thread: sums of floats depend on their order.
    tracks = points.group_by("track_id", use_threads=False).aggregate(
        [
            ("label", "min"),
            ("time", "min"),
            ("time", "max"),
            ("time", "count"),
            ("confidence", "count"),
            ("confidence", "mean"),
            ("link_probability", "product"),
        ]
    )
    source = dict(zip(*_lists(tracklets, "tracklet_id", "source"), strict=True))
    track_ids = tracks["track_id"].to_pylist()
    return TABLES["tracks"].conform(
        {
            "camera": [unit.camera.camera] * len(tracks),
            "track_id": track_ids,
            "label": tracks["label_min"],  # a track's points all have one
            "start_time": tracks["time_min"],
            "end_time": tracks["time_max"],
            "points": tracks["time_count"],
            "observed": tracks["confidence_count"],
            "tracklets": [len(parts[track]) for track in track_ids],
            "confidence": tracks["confidence_mean"],
            "link_probability": pc.coalesce(tracks["link_probability_product"], 1.0),
            # Its first tracklet's; a track that begins at a jump is not named after one.
            "source": [source.get(track) or source[next(iter(parts[track]))] for track in track_ids],
        }
    )
