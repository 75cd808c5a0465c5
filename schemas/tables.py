"""Every table of the store: one pyarrow schema each, with units, keys, sort order and privacy class.

``docs/tables.md`` is generated from this file. A column is added, never renamed; a change bumps ``version``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa


class Privacy(StrEnum):
    """Who may see a table's rows."""

    OPEN = "open"
    PSEUDONYMOUS = "pseudonymous"
    SENSITIVE = "sensitive"


@dataclass(frozen=True)
class TableSpec:
    """One table.

    Attributes:
        name: the table's name, in SQL and on disk.
        summary: one sentence for people.
        columns: pyarrow fields with ``meaning`` and ``unit`` in their metadata.
        key: columns that together name a row.
        order: columns that rows are sorted by within a file.
        privacy: who may see the rows.
        version: raised with every change of the columns.
    """

    name: str
    summary: str
    columns: tuple[pa.Field, ...]
    key: tuple[str, ...]
    order: tuple[str, ...]
    privacy: Privacy
    version: int = 1

    @property
    def schema(self) -> pa.Schema:
        """The pyarrow schema, with the table's name, version and privacy class as metadata."""
        metadata = {
            "nightshift.table": self.name,
            "nightshift.version": str(self.version),
            "nightshift.privacy": self.privacy,
        }
        return pa.schema(self.columns, metadata=metadata)

    def empty(self) -> pa.Table:
        """A table of no rows."""
        return self.schema.empty_table()

    def conform(self, columns: Mapping[str, Sequence[object] | pa.Array] | pa.Table) -> pa.Table:
        """Rows in this table's columns, types and sort order; a column left out is null.

        Args:
            columns: arrays or sequences by column name, all of one length, or a table.

        Raises:
            ValueError: a column is not of this table, is missing though it may not be null, or does not convert.
        """
        if isinstance(columns, pa.Table):
            columns = {name: columns[name] for name in columns.column_names}
        unknown = set(columns) - {field.name for field in self.columns}
        if unknown:
            raise ValueError(f"table {self.name} has no column {sorted(unknown)}")
        rows = max((len(values) for values in columns.values()), default=0)
        arrays = []
        for field in self.columns:
            values = columns.get(field.name)
            array = pa.nulls(rows, field.type) if values is None else _array(values, field.type)
            if not field.nullable and array.null_count:
                raise ValueError(f"{self.name}.{field.name} may not be null, {array.null_count} of {rows} rows are")
            arrays.append(array)
        table = pa.Table.from_arrays(arrays, schema=self.schema)
        return table.sort_by([(name, "ascending") for name in self.order]) if rows else table


def _array(values: object, kind: pa.DataType) -> pa.ChunkedArray | pa.Array:
    if isinstance(values, pa.ChunkedArray | pa.Array):
        return values.cast(kind)
    return pa.array(values, type=kind)


TIME = pa.timestamp("us", tz="UTC")


def _column(name: str, kind: pa.DataType, meaning: str, unit: str = "", null: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=null, metadata={"meaning": meaning, "unit": unit})


def _text(name: str, meaning: str, null: bool = False) -> pa.Field:
    return _column(name, pa.string(), meaning, null=null)


def _time(name: str, meaning: str, null: bool = False) -> pa.Field:
    return _column(name, TIME, meaning, "UTC", null)


def _real(name: str, meaning: str, unit: str = "", null: bool = False) -> pa.Field:
    return _column(name, pa.float64(), meaning, unit, null)


def _small(name: str, meaning: str, unit: str = "", null: bool = False) -> pa.Field:
    return _column(name, pa.float32(), meaning, unit, null)


def _whole(name: str, meaning: str, unit: str = "", null: bool = False) -> pa.Field:
    return _column(name, pa.int64(), meaning, unit, null)


def _truth(name: str, meaning: str) -> pa.Field:
    return _column(name, pa.bool_(), meaning)


CAMERA = _text("camera", "camera id, as in site.toml")
SEGMENT = _text("segment_id", "segment of footage that the row comes from")
FOOTAGE = _text("footage_id", "first 16 hex digits of the file's sha256: the footage's identity, whatever its path")
PTS = _whole("pts", "presentation timestamp in the stream's time base")
TRACK = _text("track_id", "one person or thing, across segment borders and midnight")
LABEL = _text("label", "class name: person, car, suitcase, ...")
STATE = _text("state", "'observed' by the detector, or 'interpolated' between two observations")
BOX = (
    _small("x1", "left edge of the box in the source frame", "px"),
    _small("y1", "top edge of the box in the source frame", "px"),
    _small("x2", "right edge of the box in the source frame, exclusive", "px"),
    _small("y2", "bottom edge of the box in the source frame, exclusive", "px"),
)

_ALL = (
    TableSpec(
        "cameras",
        "The cameras of the site, as site.toml describes them now.",
        (
            CAMERA,
            _text("name", "name for people"),
            _text("timezone", "IANA time zone of the camera's clock"),
            _truth("fixed", "the view does not move, so a background plate can be made"),
            _truth("calibrated", "has ground control points, so positions on the map are made"),
            _real("x_m", "east, in the site's CRS", "m", null=True),
            _real("y_m", "north, in the site's CRS", "m", null=True),
            _real("lon", "longitude, WGS 84", "deg", null=True),
            _real("lat", "latitude, WGS 84", "deg", null=True),
            _real(
                "calibration_error_m",
                "median distance of the control points from their homography",
                "m",
                null=True,
            ),
        ),
        ("camera",),
        ("camera",),
        Privacy.OPEN,
    ),
    TableSpec(
        "footage",
        "One row a video file that scan found, readable or not.",
        (
            CAMERA,
            FOOTAGE,
            _text("path", "path below the archive when it was last scanned"),
            _whole("size_bytes", "size of the file", "bytes"),
            _whole("mtime_ns", "modification time of the file, nanoseconds since 1970", "ns"),
            _text("content_sha256", "sha256 of the whole file", null=True),
            _time("start_time", "time of the first frame"),
            _text("start_source", "where start_time comes from: 'name', 'container' or 'mtime'"),
            _text(
                "clock_note",
                "what is doubtful about the clock: 'ambiguous' or 'nonexistent' local time at a DST change",
                null=True,
            ),
            _real("duration_s", "from the first frame to the end of the last", "s"),
            _whole("frames", "video frames in the file, counted from its packets"),
            _text("codec", "FFmpeg's name of the codec", null=True),
            _column("width", pa.int32(), "width of the stored frame", "px"),
            _column("height", pa.int32(), "height of the stored frame", "px"),
            _column("rotation_deg", pa.int32(), "rotation that the container asks players for, clockwise", "deg"),
            _whole("fps_num", "average frame rate, numerator", "frames"),
            _whole("fps_den", "average frame rate, denominator", "s"),
            _truth("variable_fps", "frame distances differ by more than half a frame"),
            _whole("time_base_num", "seconds a PTS tick, numerator", "s"),
            _whole("time_base_den", "seconds a PTS tick, denominator"),
            _truth("has_audio", "the file has sound, which Nightshift never reads"),
            _text("damage", "null when sound, else a word of schemas.errors.DAMAGE_REASONS", null=True),
            _text("damage_detail", "what was seen, for people", null=True),
            _real("lost_s", "estimated length of the stretches that cannot be decoded", "s"),
            _whole("start_pts", "PTS of the first frame, whose time start_time is"),
            _time("container_time", "when the container says that it was made", null=True),
            _real("segment_s", "length of a segment that it was cut by", "s"),
            _text("cuts", "JSON: [start PTS, end PTS, frames] of each segment; null when unusable", null=True),
        ),
        ("camera", "footage_id", "path"),
        ("start_time", "path"),
        Privacy.OPEN,
    ),
    TableSpec(
        "segments",
        "Keyframe-aligned slices of footage: the unit of work.",
        (
            CAMERA,
            SEGMENT,
            FOOTAGE,
            _column("index", pa.int32(), "number of the segment within its footage, from 0"),
            _text("date", "local date at which it starts, in the camera's time zone"),
            _time("start_time", "time of its first frame"),
            _time("end_time", "time at which its last frame ends"),
            _whole("start_pts", "PTS of its first frame, a keyframe"),
            _whole("end_pts", "PTS at which it ends, exclusive"),
            _whole("frames", "video frames, counted from packets"),
        ),
        ("camera", "segment_id"),
        ("start_time",),
        Privacy.OPEN,
    ),
    TableSpec(
        "observed_frames",
        "One row a frame that the detector looked at, so that nothing seen and not looked differ.",
        (
            CAMERA,
            SEGMENT,
            _time("time", "time of the frame"),
            PTS,
            _column("detections", pa.int32(), "detections in it"),
        ),
        ("camera", "segment_id", "pts"),
        ("time", "pts"),
        Privacy.OPEN,
    ),
    TableSpec(
        "detections",
        "Boxes that the detector found, one row each.",
        (
            CAMERA,
            SEGMENT,
            _time("time", "time of the frame"),
            PTS,
            _column("detection", pa.int32(), "number of the detection within its segment, from 0"),
            LABEL,
            _small("confidence", "score of the detector", "0..1"),
            *BOX,
            _text("source", "'model', or 'motion' when no weights were at hand"),
        ),
        ("camera", "segment_id", "detection"),
        ("time", "detection"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "plates",
        "The clean background of a segment: each pixel's median over the times when no person covered it.",
        (
            CAMERA,
            SEGMENT,
            _column("width", pa.int32(), "width", "px"),
            _column("height", pa.int32(), "height", "px"),
            _column("png", pa.binary(), "the plate as PNG; colour order as PNG defines it (RGB)"),
            _column(
                "unknown_png",
                pa.binary(),
                "8-bit mask as PNG: 255 where a person covered every sample and the plate was filled in",
            ),
            _small("noise", "median absolute deviation of the samples from the plate, a grey level", "0..255"),
            _column("samples", pa.int32(), "frames that it was made of"),
            _small("unknown_share", "share of pixels that were never seen free of people", "0..1"),
        ),
        ("camera", "segment_id"),
        ("segment_id",),
        Privacy.SENSITIVE,
    ),
    TableSpec(
        "still_regions",
        "Regions of a fixed view that changed and then stayed: things left or taken.",
        (
            CAMERA,
            SEGMENT,
            _column("region", pa.int32(), "number of the region within its segment, from 0"),
            _time("first_time", "when it first looked as it does"),
            _time("last_time", "until when it stayed"),
            *BOX,
            _real("area_px", "area of the region", "px2"),
            _small("contrast", "mean grey difference to the background before it", "0..255"),
        ),
        ("camera", "segment_id", "region"),
        ("first_time", "region"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "tracklets",
        "Tracks within one segment, before they are linked across borders.",
        (
            CAMERA,
            SEGMENT,
            _text("tracklet_id", "segment id, then a number in order of appearance"),
            LABEL,
            _time("start_time", "first point"),
            _time("end_time", "last point, overlap included"),
            _column("observed", pa.int32(), "points that the detector saw"),
            _small("confidence", "mean confidence of the observed points", "0..1"),
            _text("source", "'model' or 'motion'"),
        ),
        ("camera", "tracklet_id"),
        ("start_time", "tracklet_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "tracklet_points",
        "Where each tracklet is, on every frame that was looked at, and on into the first seconds of the next segment.",
        (
            CAMERA,
            _text("segment_id", "segment that the tracklet belongs to"),
            _text("tracklet_id", "tracklet"),
            _time("time", "time of the frame"),
            PTS,
            *BOX,
            _small("confidence", "score of the detection; null when interpolated", "0..1", null=True),
            STATE,
            _text("seen_segment_id", "segment whose frame this is: the next one's in the overlap"),
            _column(
                "detection",
                pa.int32(),
                "detections.detection within seen_segment_id; null when interpolated",
                null=True,
            ),
        ),
        ("camera", "tracklet_id", "time"),
        ("tracklet_id", "time"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "tracks",
        "One row a person or thing followed by one camera, across segment borders.",
        (
            CAMERA,
            TRACK,
            LABEL,
            _time("start_time", "first point on this day"),
            _time("end_time", "last point on this day"),
            _column("points", pa.int32(), "rows in track_points"),
            _column("observed", pa.int32(), "of these, seen by the detector"),
            _column("tracklets", pa.int32(), "tracklets that were linked"),
            _small("confidence", "mean confidence of the observed points", "0..1"),
            _text("source", "'model' or 'motion'"),
        ),
        ("camera", "track_id", "start_time"),
        ("start_time", "track_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "track_points",
        "Where each track is, on every frame that was looked at.",
        (
            CAMERA,
            TRACK,
            _time("time", "time of the frame"),
            PTS,
            SEGMENT,
            LABEL,
            *BOX,
            _small("confidence", "score of the detection; null when interpolated", "0..1", null=True),
            STATE,
        ),
        ("camera", "track_id", "time"),
        ("time", "track_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "positions",
        "Track points on the ground: the foot of the box through the camera's homography.",
        (
            CAMERA,
            TRACK,
            _time("time", "time of the frame"),
            LABEL,
            _real("x_m", "east, in the site's CRS", "m"),
            _real("y_m", "north, in the site's CRS", "m"),
            _real("lon", "longitude, WGS 84", "deg"),
            _real("lat", "latitude, WGS 84", "deg"),
            _small("var_x_m2", "variance of x_m", "m2"),
            _small("cov_xy_m2", "covariance of x_m and y_m", "m2"),
            _small("var_y_m2", "variance of y_m", "m2"),
            _small("speed_m_s", "ground speed", "m/s", null=True),
            _small(
                "heading_deg",
                "direction of movement, clockwise from grid north; null when standing",
                "deg",
                null=True,
            ),
            STATE,
        ),
        ("camera", "track_id", "time"),
        ("time", "track_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "depth",
        "Distance from the camera's lens of each track point on the ground plane.",
        (
            CAMERA,
            TRACK,
            _time("time", "time of the frame"),
            _small("distance_m", "straight line from the lens to the foot point", "m"),
            _small("sigma_m", "standard deviation of distance_m", "m"),
            _text("method", "'ground_plane'"),
        ),
        ("camera", "track_id", "time"),
        ("time", "track_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "depth_maps",
        "Dense depth of a segment's clean plate, from a configured model.",
        (
            CAMERA,
            SEGMENT,
            _column("width", pa.int32(), "width of the map", "px"),
            _column("height", pa.int32(), "height of the map", "px"),
            _text("scale", "'metric' (distance in metres) or 'relative' (larger is nearer, no unit)"),
            _column(
                "values_f16",
                pa.binary(),
                "float16 little-endian, row by row, height x width, zlib-compressed",
                "m or none",
            ),
            _small("value_min", "smallest value", "m or none"),
            _small("value_max", "largest value", "m or none"),
            _text("model", "name of the model"),
        ),
        ("camera", "segment_id"),
        ("segment_id",),
        Privacy.SENSITIVE,
    ),
    TableSpec(
        "zone_events",
        "Zones entered and left, lines crossed: one row an event.",
        (
            CAMERA,
            TRACK,
            LABEL,
            _text("feature", "id of the zone or line in its layer"),
            _text("kind", "'enter', 'exit' or 'cross'"),
            _time("time", "when"),
            _text(
                "direction",
                "of a crossing: 'left_to_right' or 'right_to_left', seen along the line's drawing direction",
                null=True,
            ),
            _real("dwell_s", "of an exit: time spent inside", "s", null=True),
            _real(
                "x_m",
                "east, in the site's CRS; null for pixel features of an uncalibrated camera",
                "m",
                null=True,
            ),
            _real("y_m", "north, in the site's CRS", "m", null=True),
        ),
        ("camera", "track_id", "feature", "kind", "time"),
        ("time", "track_id", "feature", "kind"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "counts",
        "People and things in a zone, a time bin at a time. The zone 'view' is the whole frame.",
        (
            CAMERA,
            _text("zone", "id of the zone, or 'view'"),
            LABEL,
            _time("bin_start", "start of the bin"),
            _real("bin_s", "length of the bin", "s"),
            _real("observed_s", "footage within the bin: 0 rows and no footage differ", "s"),
            _real("mean_count", "mean number present while observed"),
            _column("max_count", pa.int32(), "largest number present at once"),
            _column("distinct_tracks", pa.int32(), "tracks that were inside at any time in the bin"),
            _real("dwell_s", "time inside within the bin, all tracks together", "s"),
        ),
        ("camera", "zone", "label", "bin_start"),
        ("bin_start", "zone", "label"),
        Privacy.OPEN,
    ),
    TableSpec(
        "flows",
        "Crossings of a line, by direction, a time bin at a time.",
        (
            CAMERA,
            _text("line", "id of the line"),
            LABEL,
            _time("bin_start", "start of the bin"),
            _real("bin_s", "length of the bin", "s"),
            _text("direction", "'left_to_right' or 'right_to_left', seen along the line's drawing direction"),
            _column("crossings", pa.int32(), "crossings in the bin"),
        ),
        ("camera", "line", "label", "bin_start", "direction"),
        ("bin_start", "line", "label", "direction"),
        Privacy.OPEN,
    ),
    TableSpec(
        "interactions",
        "Who did what with whom or what, from when to when.",
        (
            CAMERA,
            _text("interaction_id", "verb, subject, object and start, hashed"),
            _text("verb", "'meets', 'enters', 'exits', 'abandons'"),
            _text("subject", "track id"),
            _text("subject_label", "class of the subject"),
            _text("object", "track id, zone id, or segment and number of a still region"),
            _text("object_kind", "'track', 'zone' or 'still_region'"),
            _time("start_time", "start"),
            _time("end_time", "end; equal to start_time for an instant"),
            _small("score", "how sure", "0..1"),
            _text("evidence", "JSON: the measurements that the row rests on, with units in their names"),
        ),
        ("camera", "interaction_id"),
        ("start_time", "interaction_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "anonymized_segments",
        "Covered copies of segments, before they are joined to one file per footage.",
        (
            CAMERA,
            SEGMENT,
            FOOTAGE,
            _text("path", "path of the part below the store; removed once it is joined"),
            _whole("frames", "frames in it"),
            _whole("size_bytes", "size", "bytes"),
            _text("sha256", "sha256 of the part"),
            _text("mode", "'silhouette', 'solid' or 'pixelate'"),
            _whole("covered_frames", "frames with anything covered"),
            _real("covered_share", "mean share of the frame that is covered", "0..1"),
        ),
        ("camera", "segment_id"),
        ("segment_id",),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "anonymized",
        "Published anonymized video: one file per footage, complete or not at all.",
        (
            CAMERA,
            FOOTAGE,
            _text("path", "path below the store"),
            _time("start_time", "time of the first frame"),
            _time("end_time", "time at which the last frame ends"),
            _whole("frames", "frames in it"),
            _whole("size_bytes", "size", "bytes"),
            _text("sha256", "sha256 of the file"),
            _text("mode", "'silhouette', 'solid' or 'pixelate'"),
            _whole("covered_frames", "frames with anything covered"),
            _real("covered_share", "mean share of the frame that is covered", "0..1"),
        ),
        ("camera", "footage_id"),
        ("start_time", "footage_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "runs",
        "One row a run: what was asked, how it ended, and the work it did.",
        (
            _text("run_id", "start time and four random hex digits"),
            _time("started", "start"),
            _time("ended", "end; null while it runs, or if it was killed", null=True),
            _text(
                "state",
                "'running', 'done', 'partial' (something quarantined or failed), 'deadline', 'interrupted' or 'failed'",
            ),
            _text("selection", "JSON: cameras, dates and ops asked for"),
            _text("version", "version of Nightshift"),
            _whole("units_planned", "units of work planned"),
            _whole("units_done", "units committed"),
            _whole("units_quarantined", "units put in quarantine"),
            _real("media_s", "length of the footage worked on", "s"),
            _real("wall_s", "time it took", "s", null=True),
            _whole("frames_decoded", "frames decoded, every pass counted"),
            _whole("detector_calls", "images that the detector was given"),
            _text("stage_s", "JSON: seconds spent by stage (decode, each op, commit), all workers together"),
        ),
        ("run_id",),
        ("started",),
        Privacy.OPEN,
    ),
    TableSpec(
        "receipts",
        "One row a committed unit of work, with what made it.",
        (
            _text("op", "op"),
            _column("version", pa.int32(), "version of the op"),
            CAMERA,
            _text("date", "local date at which the unit starts"),
            _text("unit", "segment id, footage id, or 'day'"),
            _text("fingerprint", "hash of everything that went into the unit"),
            _time("committed", "when"),
            _text("run_id", "run that committed it"),
            _real("wall_s", "time it took", "s"),
            _real("media_s", "length of the footage behind it", "s"),
            _whole("rows", "rows written, all tables together"),
            _text("files", "JSON: files by table, below the store"),
            _truth("current", "the newest of its unit: the one that readers see"),
        ),
        ("op", "camera", "date", "unit", "fingerprint"),
        ("committed", "op", "unit"),
        Privacy.OPEN,
    ),
    TableSpec(
        "quarantine",
        "What could not be processed, and why.",
        (
            _text("op", "op that failed, or 'scan'"),
            CAMERA,
            _text("date", "local date", null=True),
            _text("unit", "segment id, footage id, path or 'day'"),
            _text("fingerprint", "of the unit as it failed"),
            _text("kind", "'footage' (damaged), 'coverage' (not vouched for), 'bug' or 'upstream'"),
            _text("reason", "a word of schemas.errors.DAMAGE_REASONS, or the name of the exception"),
            _text("detail", "what was seen, for people"),
            _text("path", "file below the archive, if one is to blame", null=True),
            _time("time", "when it was put here"),
            _text("run_id", "run that put it here"),
        ),
        ("op", "camera", "unit", "fingerprint"),
        ("time", "op", "unit"),
        Privacy.OPEN,
    ),
)

TABLES: Mapping[str, TableSpec] = {spec.name: spec for spec in _ALL}
"""Every table by name, in the order of the pipeline."""
