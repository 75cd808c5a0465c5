"""Tables of things in real space: their boxes, and how they stand to each other."""

import pyarrow as pa

from schemas.tables.columns import BOX, CAMERA, LABEL, TRACK, column, float32, float64, string, timestamp
from schemas.tables.spec import Privacy, TableSpec

FRAME = string(
    "frame",
    "'site' (the site's CRS), or 'local' for a camera that nobody placed on the map: there east is to the right of the "
    "lens, and north is where the camera looks",
)

SPACE_TABLES = (
    TableSpec(
        "boxes3d",
        "The upright cuboid around each tracked thing, on the ground: in the site's CRS, and as KITTI has it.",
        (
            CAMERA,
            TRACK,
            timestamp("time", "time of the frame"),
            LABEL,
            FRAME,
            float64("x_m", "middle of the footprint, east", "m"),
            float64("y_m", "middle of the footprint, north", "m"),
            float32("var_x_m2", "variance of x_m", "m2"),
            float32("cov_xy_m2", "covariance of x_m and y_m", "m2"),
            float32("var_y_m2", "variance of y_m", "m2"),
            float32("heading_deg", "where it faces, clockwise from north; null if unknown", "deg", null=True),
            float32("heading_sigma_deg", "standard deviation of heading_deg; null if unknown", "deg", null=True),
            string(
                "heading_source",
                "how heading_deg is known: 'motion', 'last' or 'next' (it stands, and faces as it last moved or moves "
                "next), 'box' (it never moves, and the box tells, but not front from back) or 'none'",
            ),
            float32("height_m", "height; of one track always the same, as width and length are", "m"),
            float32("width_m", "width, across the heading", "m"),
            float32("length_m", "length, along the heading", "m"),
            float32("height_sigma_m", "standard deviation of height_m", "m"),
            float32("width_sigma_m", "standard deviation of width_m", "m"),
            float32("length_sigma_m", "standard deviation of length_m", "m"),
            float32("location_x_m", "KITTI's location, the middle of the lower face: to the right of the lens", "m"),
            float32("location_y_m", "below the lens", "m"),
            float32("location_z_m", "ahead of the lens, horizontally", "m"),
            float32("rotation_y", "KITTI's rotation about y; 0 faces to the picture's right, as where unknown", "rad"),
            float32("alpha", "KITTI's observation angle: rotation_y as it looks from the lens", "rad"),
            float32("truncated", "share of the cuboid's picture that is outside the frame", "0..1"),
            column("occluded", pa.int32(), "KITTI's: 0 visible, 1 partly hidden, 2 largely hidden, 3 unknown"),
            float32("hidden_share", "share of the box that boxes of nearer things cover", "0..1"),
            *BOX,
            float32("score", "mean confidence of the track's detections", "0..1"),
        ),
        ("camera", "track_id", "time"),
        ("time", "track_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "relations",
        "How two tracks that are near each other on the ground stand to each other: a row per pair and moment.",
        (
            CAMERA,
            timestamp("time", "time of the frame"),
            string("track_a", "the first of the two track ids, in alphabetical order"),
            string("track_b", "the other track id"),
            string("label_a", "class name of track_a"),
            string("label_b", "class name of track_b"),
            FRAME,
            float32("distance_m", "distance on the ground between the two", "m"),
            float32("distance_sigma_m", "standard deviation of distance_m", "m"),
            float32("bearing_deg", "direction from a to b, clockwise from north", "deg"),
            float32("bearing_sigma_deg", "standard deviation of bearing_deg, 180 at most", "deg"),
            float32(
                "closing_speed_m_s",
                "by how much the distance shrinks in a second; negative if they go apart; null if a speed is unknown",
                "m/s",
                null=True,
            ),
            float32("closing_speed_sigma_m_s", "standard deviation of closing_speed_m_s", "m/s", null=True),
            float32(
                "time_to_collision_s",
                "time until they touch, if both go on as they do; 0 if they touch already; null if they do not meet",
                "s",
                null=True,
            ),
            float32(
                "time_to_collision_sigma_s",
                "standard deviation of time_to_collision_s; null if they touch already",
                "s",
                null=True,
            ),
            float32(
                "front_probability",
                "probability that a is nearer to the lens than b; null if the place of the lens is unknown",
                "0..1",
                null=True,
            ),
            string(
                "in_front",
                "who is in front, 'a' or 'b': the nearer one of two whose boxes overlap; null if they do not, or if "
                "the distances from the lens do not tell",
                null=True,
            ),
            float32(
                "hidden_share", "share of the farther one's box that the nearer one's box covers", "0..1", null=True
            ),
        ),
        ("camera", "track_a", "track_b", "time"),
        ("time", "track_a", "track_b"),
        Privacy.PSEUDONYMOUS,
        version=2,
    ),
    TableSpec(
        "walking_groups",
        "Who walks together: a row for each person of a group.",
        (
            CAMERA,
            string("group_id", "id of the group: the first, in alphabetical order, of its tracks' ids"),
            TRACK,
            timestamp("start_time", "since when the track is beside another of its group"),
            timestamp("end_time", "until when"),
            column("members", pa.int32(), "number of tracks in the group"),
            float32("together_s", "longest time beside another of the group, pauses left out", "s"),
            float32("apart_m", "median distance to the nearest other of the group", "m"),
            float32("apart_sigma_m", "standard deviation of such a distance", "m"),
        ),
        ("camera", "track_id"),
        ("start_time", "track_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "position_features",
        "Which features of the layers that `[ops.position_features]` names each position is in or near: all areas that "
        "contain it; of a layer without such, the nearest feature.",
        (
            CAMERA,
            TRACK,
            timestamp("time", "time of the frame"),
            string("layer", "name of the layer"),
            string("feature_id", "id of the feature in its layer"),
            float64("distance_m", "distance to the feature; 0 within an area", "m"),
        ),
        ("camera", "track_id", "time", "layer", "feature_id"),
        ("time", "track_id", "layer", "feature_id"),
        Privacy.PSEUDONYMOUS,
    ),
)
