"""Op ``link``: joins the tracklets of a camera's day, and of the day before, into tracks with lasting ids.

The op ``track`` follows everything a few seconds into the next segment, on the very detections that the next segment's
tracklets are made of. So two tracklets are one track if they share detections there; without shared detections, if
their boxes overlap. A track has the id of its first tracklet, so the same footage gives the same id in whatever order
its segments are processed. A gap in the recording ends every track.

Only the day before is read: a thing in view for more than a whole day gets a new id at the second midnight.

Decision: docs/decisions/0001-detect-once-link-by-shared-rows.md.
"""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ops.tracking.observations import kind_of
from ops.tracking.tracklet_links import TrackletLinks, link_tracklets
from schemas.op import Neighbour, OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.tables import TABLES
from schemas.values import UnitContext


@dataclass(frozen=True)
class LinkParams:
    """Parameters of ``link``."""

    min_shared: float = param(0.3, "least share of common detections in the overlap at which two tracklets are linked")
    min_iou: float = param(0.5, "without common detections: least mean overlap (IoU) of boxes at which they are linked")


class Link(TableOp):
    """Joins tracklets into tracks."""

    spec = OpSpec(
        name="link",
        version=1,
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
        rows = _rows_of_day(points, links, [segment.segment_id for segment in unit.segments])
        services.count("links", len(links.following))
        return _tables(unit, tracklets, rows, links)


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


def _tables(unit: UnitContext, tracklets: pa.Table, rows: pa.Table, links: TrackletLinks) -> Tables:
    """Returns tracks and their points, from tracklet points without duplicates."""
    labels = _track_labels(tracklets, links)
    names = rows["tracklet_id"].to_pylist()
    track_ids = [links.first(name) for name in names]
    points = TABLES["track_points"].conform(
        {
            **{name: rows[name] for name in ("camera", "time", "pts", "x1", "y1", "x2", "y2", "confidence", "state")},
            "track_id": track_ids,
            "segment_id": rows["frame_segment_id"],
            "label": [labels[track] for track in track_ids],
        }
    )
    parts: dict[str, set[str]] = {}
    for track, name in zip(track_ids, names, strict=True):
        parts.setdefault(track, set()).add(name)
    return {"tracks": _tracks(unit, tracklets, points, parts), "track_points": points}


def _track_labels(tracklets: pa.Table, links: TrackletLinks) -> dict[str, str]:
    """Returns each track's label: that of most of its detections; of equals the first in the alphabet."""
    weight: dict[str, dict[str, int]] = {}
    for name, label, observed in zip(*_lists(tracklets, "tracklet_id", "label", "observed"), strict=True):
        labels = weight.setdefault(links.first(name), {})
        labels[label] = labels.get(label, 0) + observed
    return {track: min(labels, key=lambda label: (-labels[label], label)) for track, labels in weight.items()}


def _tracks(unit: UnitContext, tracklets: pa.Table, points: pa.Table, parts: dict[str, set[str]]) -> pa.Table:
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
            "source": [source[track] for track in track_ids],
        }
    )
