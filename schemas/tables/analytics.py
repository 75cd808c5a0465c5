"""Tables computed from tracks: positions, depth, zone events, counts, flows, interactions."""

import pyarrow as pa

from schemas.tables.columns import (
    BOX,
    CAMERA,
    LABEL,
    STATE,
    STAY,
    TRACK,
    column,
    float32,
    float64,
    int64,
    string,
    timestamp,
)
from schemas.tables.ground import DENSITY, MOVEMENT
from schemas.tables.spec import Privacy, TableSpec


def _known_by(what: str) -> pa.Field:
    return string(
        what.replace("time", "by"),
        f"how {what} is known: 'region' (a region of the picture changed), 'detections', 'border' (two segments "
        "differ) or 'unseen'",
    )


def _error(what: str) -> pa.Field:
    return float32(what.replace("time", "error_s"), f"how far off {what} may be; null if not known", "s", null=True)


ANALYTICS_TABLES = (
    TableSpec(
        "positions",
        "Ground positions of track points: the foot of the box, projected by the camera's homography.",
        (
            CAMERA,
            TRACK,
            timestamp("time", "time of the frame"),
            LABEL,
            float64("x_m", "east, in the site's CRS", "m"),
            float64("y_m", "north, in the site's CRS", "m"),
            float64("lon", "longitude, WGS 84", "deg"),
            float64("lat", "latitude, WGS 84", "deg"),
            *MOVEMENT,
            float32(
                "heading_deg",
                "direction of movement, clockwise from grid north; null for a standing person",
                "deg",
                null=True,
            ),
            DENSITY,
            STATE,
        ),
        ("camera", "track_id", "time"),
        ("time", "track_id"),
        Privacy.PSEUDONYMOUS,
        version=3,
    ),
    TableSpec(
        "site_tracks",
        "Which tracks of cameras that see the same ground are of one person or vehicle: a row per track and day.",
        (
            CAMERA,
            TRACK,
            string(
                "site_track_id",
                "id of one person or vehicle on the whole site: the first, in alphabetical order, of its tracks' ids",
            ),
            LABEL,
            timestamp("start_time", "first point of the track on this day"),
            timestamp("end_time", "last point of the track on this day"),
            column("cameras", pa.int32(), "cameras that see it on this day; 1 if only this one does, or can"),
            column("tracks", pa.int32(), "tracks of all cameras that are joined to it on this day, with this one"),
            float32("shared_s", "longest time that another of these tracks shares with this one", "s"),
            float32(
                "apart_m",
                "mean distance to the other tracks while they are seen together; null without such a time",
                "m",
                null=True,
            ),
            float32(
                "clock_late_s",
                "how much later the camera's clock is this day than that of the first camera, in alphabetical order, "
                "of those that see the same people; 0 if they show no difference",
                "s",
            ),
            float32(
                "link_probability",
                "probability that this track is of the same person as the others; null if there are none",
                "0..1",
                null=True,
            ),
        ),
        ("camera", "track_id", "start_time"),
        ("start_time", "track_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "depth",
        "Distance between the camera's lens and each track point on the ground plane.",
        (
            CAMERA,
            TRACK,
            timestamp("time", "time of the frame"),
            float32("distance_m", "straight-line distance from the lens to the foot point", "m"),
            float32("sigma_m", "standard deviation of distance_m", "m"),
            string("method", "'ground_plane', or 'model' where the feet are hidden: to the trunk, by a depth model"),
        ),
        ("camera", "track_id", "time"),
        ("time", "track_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "zone_events",
        "One row per zone entered or left and per line crossed.",
        (
            CAMERA,
            TRACK,
            LABEL,
            string("feature", "id of the zone or line in its layer"),
            string("kind", "'enter', 'exit' or 'cross'"),
            timestamp("time", "time of the event"),
            string(
                "direction",
                "direction of a crossing: 'left_to_right' or 'right_to_left', seen along the line's drawing direction",
                null=True,
            ),
            float64(
                "dwell_s",
                "for an exit, time since the entry, or since the track began inside; see `stays` for every stay",
                "s",
                null=True,
            ),
            float64(
                "x_m",
                "east, in the site's CRS; null for pixel features of an uncalibrated camera",
                "m",
                null=True,
            ),
            float64("y_m", "north, in the site's CRS", "m", null=True),
        ),
        ("camera", "track_id", "feature", "kind", "time"),
        ("time", "track_id", "feature", "kind"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "stays",
        "One row per stay of a track in a zone, also of those who begin inside or never leave. The zone 'view' is the "
        "whole frame. A stay that midnight cuts has a row on each day; the view `dwell` joins them.",
        (
            CAMERA,
            string("zone", "id of the zone, or 'view'"),
            TRACK,
            LABEL,
            *STAY,
        ),
        ("camera", "zone", "track_id", "start_time"),
        ("start_time", "zone", "track_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "counts",
        "People and objects in a zone per time bin. The zone 'view' is the whole frame.",
        (
            CAMERA,
            string("zone", "id of the zone, or 'view'"),
            LABEL,
            timestamp("bin_start", "start of the bin"),
            float64("bin_s", "length of the bin", "s"),
            float64(
                "observed_s", "length of the footage within the bin; tells an empty zone from missing footage", "s"
            ),
            float64("mean_count", "mean number present during the footage"),
            column("max_count", pa.int32(), "largest number present at the same time"),
            column(
                "distinct_tracks",
                pa.int32(),
                "number of tracks that were inside during the bin; who stays for two bins is in both, so do not add "
                "them up: see `people_by_hour`",
            ),
            float64("dwell_s", "total time inside during the bin, summed over tracks", "s"),
        ),
        ("camera", "zone", "label", "bin_start"),
        ("bin_start", "zone", "label"),
        Privacy.OPEN,
    ),
    TableSpec(
        "flows",
        "Crossings of a line per direction and time bin.",
        (
            CAMERA,
            string("line", "id of the line"),
            LABEL,
            timestamp("bin_start", "start of the bin"),
            float64("bin_s", "length of the bin", "s"),
            string("direction", "'left_to_right' or 'right_to_left', seen along the line's drawing direction"),
            column("crossings", pa.int32(), "number of crossings"),
        ),
        ("camera", "line", "label", "bin_start", "direction"),
        ("bin_start", "line", "label", "direction"),
        Privacy.OPEN,
    ),
    TableSpec(
        "static_objects",
        "Things that stay in their place, such as parked cars and left bags: one row per stay and day, whatever the "
        "number of tracks. People are none.",
        (
            CAMERA,
            string("static_id", "id of one stay, also across midnight"),
            string("label", "class name: car, suitcase, ...; null if no detector names it", null=True),
            timestamp("start_time", "when it came, or first time on this day at which it was there"),
            timestamp("end_time", "when it went, or last time on this day at which it was there"),
            timestamp("came_time", "when it came, maybe on the day before; null if that was not seen", null=True),
            _known_by("came_time"),
            _error("came_time"),
            timestamp("left_time", "when it went; null if that was not seen on this day", null=True),
            _known_by("left_time"),
            _error("left_time"),
            *BOX,
            float32("contrast", "mean grey difference to the view without it; null if never seen", "0..255", null=True),
            float32(
                "confidence",
                "of a thing with a label, mean score of the detector; else how much the place looks like a thing with "
                "it, against without it, by the edges along its outline and by its colours",
                "0..1",
            ),
            float32("verified", "share of the footage of its stay in which a comparison of pictures shows it", "0..1"),
            column("tracks", pa.int32(), "number of rows in static_object_tracks"),
            float64("x_m", "below its middle; east, in the site's CRS; null without control points", "m", null=True),
            float64("y_m", "north, in the site's CRS", "m", null=True),
        ),
        ("camera", "static_id", "start_time"),
        ("start_time", "static_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "static_object_tracks",
        "The tracks of things that stay: a parked car may have many, since detectors miss it now and then.",
        (
            CAMERA,
            string("static_id", "id in static_objects"),
            TRACK,
            timestamp("start_time", "first point of the track at the thing, on this day"),
            timestamp("end_time", "last point of the track at the thing, on this day"),
            float32("share", "share of the track's points of this day that are at the thing", "0..1"),
        ),
        ("camera", "static_id", "track_id", "start_time"),
        ("start_time", "static_id", "track_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "interactions",
        "Who did what with whom or what, from when to when: interactions of people with people, things and zones.",
        (
            CAMERA,
            string("interaction_id", "hash of verb, subject, object and start"),
            string("verb", "what the subject does: see docs/interactions.md"),
            string("subject", "track id"),
            string("subject_label", "class of the subject"),
            string("object", "track id, zone id, or static_id of static_objects; null for `runs`", null=True),
            string("object_kind", "'track', 'zone', 'static_object' or 'none'"),
            string("object_label", "class of the object; null if it has none, or no detector names it", null=True),
            timestamp("start_time", "start"),
            timestamp("end_time", "end; equal to start_time for a momentary interaction"),
            string("start_segment_id", "segment of start_pts; null if the subject is in no frame then", null=True),
            int64("start_pts", "frame at the start, in its stream's time base", null=True),
            string("end_segment_id", "segment of end_pts; null if the subject is in no frame then", null=True),
            int64("end_pts", "frame at the end, in its stream's time base", null=True),
            float64(
                "x_m",
                "where: of the thing, the people, or the border passed; east, in the site's CRS; null if the camera "
                "has no control points",
                "m",
                null=True,
            ),
            float64("y_m", "north, in the site's CRS", "m", null=True),
            float32("score", "confidence", "0..1"),
            string("evidence", "JSON: the measurements behind the row, with units in their names"),
            string("rule", "name and version of the rule or model that found it"),
        ),
        ("camera", "interaction_id"),
        ("start_time", "interaction_id"),
        Privacy.PSEUDONYMOUS,
        version=3,
    ),
)
