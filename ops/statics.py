"""Op ``statics``: things that stay in their place, from when they came to when they went, however long that is.

Detectors miss a parked car for some looks, and look seldom at a picture that stays the same; tracks break there. A
background shows the car all night. So the backgrounds of a camera's day and of the day before are compared, place by
place, where something changed or was detected again and again. Nothing is decoded, and no detector looks.

Decision: docs/decisions/0044-things-at-rest.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from ops.arrays import BOX_COLUMNS, datetime_us, times_us
from ops.ground.places import known_ground
from ops.static_objects.choice import without_parts
from ops.static_objects.evidence import border_changes, region_changes, sightings
from ops.static_objects.places import places_of
from ops.static_objects.rows import StaticRows
from ops.static_objects.stays import PlaceStays, Stay
from ops.static_objects.tracks import TrackPoints
from ops.static_objects.views import SameView, SegmentSpan, same_views
from schemas.op import Neighbour, OpSpec, Read, Scope, Services, TableOp, Tables, param
from schemas.tables import TABLES
from schemas.values import UnitContext

BACKGROUND_COLUMNS = (
    *("segment_id", "segment_start", "segment_end", "width", "height"),
    *("small_png", "small_unknown_png", "samples", "steadied"),
)
MOTION_COLUMNS = ("segment_id", "views", "moves")
POINT_COLUMNS = ("segment_id", "track_id", "time", "label", *BOX_COLUMNS)


@dataclass(frozen=True)
class StaticsParams:
    """Parameters of ``statics``."""

    least_stay_s: float = param(10.0, "least time for which a thing stays in its place, seconds")
    min_share: float = param(0.0004, "least area of a thing that no detector names, as a share of the frame")
    max_share: float = param(0.05, "greatest area of a thing that no detector names, as a share of the frame")
    track_overlap: float = param(0.5, "least overlap (IoU) of a track's box with a thing that the track covers")


class Statics(TableOp):
    """Joins what segments found at one place into things that stay."""

    spec = OpSpec(
        name="statics",
        version=5,
        summary="Things that stay in their place, such as parked cars and left bags, from when they came to when "
        "they went.",
        scope=Scope.CAMERA_DAY,
        reads=(
            Read("backgrounds", columns=BACKGROUND_COLUMNS),
            Read("static_regions"),
            Read("static_detections"),
            Read("view_motion", columns=MOTION_COLUMNS, required=False),
            Read("track_points", columns=POINT_COLUMNS, required=False),
            Read("ground_models", required=False, build_if_missing=True),
            Read("backgrounds", Neighbour.PREVIOUS_DAY, columns=BACKGROUND_COLUMNS, required=False),
            Read("static_regions", Neighbour.PREVIOUS_DAY, required=False),
            Read("static_detections", Neighbour.PREVIOUS_DAY, required=False),
            Read("view_motion", Neighbour.PREVIOUS_DAY, columns=MOTION_COLUMNS, required=False),
        ),
        writes=("static_objects", "static_object_tracks"),
        params=StaticsParams,
        uses=("calibration",),
        memory_mb=3000,
    )
    params: StaticsParams

    def run(self, unit: UnitContext, inputs: Tables, services: Services) -> Tables:
        """Finds things over both days; those of this day get rows."""
        tables = _both_days(inputs)
        segments = _spans(unit, tables["backgrounds"])
        points = inputs.get("track_points", TABLES["track_points"].empty())
        rows = StaticRows(unit, segments, self.params.track_overlap, known_ground(unit.camera, inputs))
        for view in same_views(segments, tables["backgrounds"], tables["view_motion"]):
            living = TrackPoints.read(points, True, view, segments)
            others = TrackPoints.read(points, False, view, segments)
            for stay in self._stays(view, segments, tables):
                if stay.end.time_us > rows.first_us and not (stay.label is None and living.take(stay)):
                    rows.add(view, stay, others)
        services.count("static_objects", len(rows))
        return rows.tables()

    def _stays(self, view: SameView, segments: Sequence[SegmentSpan], tables: Tables) -> list[Stay]:
        changes, other_light = border_changes(view, self.params.min_share, self.params.max_share)
        changes += region_changes(view, segments, tables["static_regions"])
        seen = sightings(view, segments, tables["static_detections"])
        found = [
            stay
            for place in places_of(changes, seen)
            for stay in PlaceStays(view, segments, place, other_light).find()
            if stay.end.time_us - stay.start.time_us >= self.params.least_stay_s * 1e6
        ]
        # After short ones are gone: nothing is a part of what is no thing.
        return without_parts(found)


def _both_days(inputs: Tables) -> dict[str, pa.Table]:
    """Returns the tables of this day and of the day before as one each; a missing one counts as empty."""
    both: dict[str, list[pa.Table]] = {}
    for read in Statics.spec.reads:
        if read.table not in ("track_points", "ground_models"):
            table = inputs.get(read.key, TABLES[read.table].empty())
            table = table.select(list(read.columns or TABLES[read.table].schema.names)).replace_schema_metadata()
            both.setdefault(read.table, []).append(table)
    return {name: pa.concat_tables(parts) for name, parts in both.items()}


def _spans(unit: UnitContext, backgrounds: pa.Table) -> list[SegmentSpan]:
    """Returns the segments of both days by time; of the day before, those that have a background."""
    spans = {
        segment.segment_id: SegmentSpan(
            segment.segment_id,
            datetime_us(segment.start),
            datetime_us(segment.end),
            (segment.width, segment.height),
        )
        for segment in unit.segments
    }
    begins, ends = times_us(backgrounds, "segment_start"), times_us(backgrounds, "segment_end")
    for row, values in enumerate(backgrounds.select(["segment_id", "width", "height"]).to_pylist()):
        name = values["segment_id"]
        if name not in spans:
            spans[name] = SegmentSpan(name, int(begins[row]), int(ends[row]), (values["width"], values["height"]))
    return sorted(spans.values(), key=lambda span: (span.start_us, span.segment_id))
