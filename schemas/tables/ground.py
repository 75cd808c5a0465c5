"""Tables of the ground as cameras see it: models of it, the floor in depth maps, positions without a survey."""

import pyarrow as pa

from schemas.tables.columns import CAMERA, LABEL, STATE, TRACK, boolean, column, float32, float64, string, timestamp
from schemas.tables.spec import Privacy, TableSpec

MOVEMENT = (
    float32("var_x_m2", "variance of x_m", "m2"),
    float32("cov_xy_m2", "covariance of x_m and y_m", "m2"),
    float32("var_y_m2", "variance of y_m", "m2"),
    float32(
        "speed_m_s",
        "ground speed; null for a lone point, and where a person would be faster than anybody",
        "m/s",
        null=True,
    ),
    float32("speed_sigma_m_s", "standard deviation of speed_m_s", "m/s", null=True),
)
"""How sure a position is, and how fast it moves."""

DENSITY = float32(
    "px_per_m",
    "pixels of the frame that show a metre of an upright person here; null in rows of older versions",
    "px/m",
    null=True,
)
"""How large a person appears: IEC 62676-4 names bands of it."""

START = timestamp("start_time", "start of the camera's first footage of the day")

GROUND_TABLES = (
    TableSpec(
        "ground_models",
        "What control points, people and depth each say of a camera's ground, and what they say together: a row each.",
        (
            CAMERA,
            START,
            string(
                "source",
                "'control_points', 'people', 'depth', or 'fused': people and depth together, with control points that "
                "place them or that they make surer",
            ),
            boolean("used", "whether positions come from this row; false for all rows where nothing is known"),
            string(
                "frame",
                "'site' (the site's CRS) or 'local': origin on the ground below the lens, x to the right, y ahead",
                null=True,
            ),
            column("width", pa.int32(), "width of the pictures whose pixels it takes", "px"),
            column("height", pa.int32(), "height of these pictures", "px"),
            float64("focal_px", "focal length", "px", null=True),
            float64("tilt_deg", "how far the camera looks below the horizontal", "deg", null=True),
            float64("roll_deg", "how far the picture's right side dips below the horizontal", "deg", null=True),
            float64("height_m", "height of the lens above the ground", "m", null=True),
            float64("focal_sigma_px", "standard deviation of focal_px", "px", null=True),
            float64("tilt_sigma_deg", "standard deviation of tilt_deg", "deg", null=True),
            float64("roll_sigma_deg", "standard deviation of roll_deg", "deg", null=True),
            float64("height_sigma_m", "standard deviation of height_m", "m", null=True),
            float64(
                "sigma_share",
                "standard deviation of places on the visible ground by their distance from the lens, median",
                null=True,
            ),
            column("people", pa.int32(), "boxes of people behind it"),
            float64(
                "residual_px", "of people: median distance of heads from where the model has them", "px", null=True
            ),
            float64(
                "residual_m", "of control points: median distance from the projection of their pixels", "m", null=True
            ),
            string(
                "point_residuals",
                "JSON: distance of each control point from the projection of its pixel, metres, in site.toml's order",
                null=True,
            ),
            string(
                "wrong_points",
                "JSON: numbers of control points that contradict the others and are left out; the first one is 1",
                null=True,
            ),
            string(
                "image_from_ground",
                "JSON: homography from metres around the origin to pixels, straight ones if there is a distortion, 9 "
                "numbers by row",
                null=True,
            ),
            string(
                "ground_covariance",
                "JSON: covariance of its inverse's elements, 81 numbers by row; 100 with distortion as the last",
                null=True,
            ),
            float64(
                "distortion",
                "lambda of the lens: what is r half diagonals from the frame's middle is at r / (1 + lambda r^2) in a "
                "straight picture; negative: barrel; null where control points show none",
                null=True,
            ),
            float64("distortion_sigma", "standard deviation of distortion", null=True),
            float64(
                "origin_x_m", "origin of the homography: east, in the site's CRS; 0 in a local frame", "m", null=True
            ),
            float64("origin_y_m", "north, in the site's CRS; 0 in a local frame", "m", null=True),
            float64(
                "heading_deg",
                "where the camera looks, clockwise from grid north; null in a local frame",
                "deg",
                null=True,
            ),
            float64(
                "scale",
                "if two or three control points place the camera: distances on the map by those measured without",
                null=True,
            ),
            float64("scale_sigma", "standard deviation of scale", null=True),
            float64(
                "disagreement_m",
                "median distance of places on the visible ground from those of the used row, laid on each other",
                "m",
                null=True,
            ),
            column("agrees", pa.bool_(), "whether it agrees with the used row within the errors of both", null=True),
            string("reason", "why it is absent, or not part of what is used; null if it is", null=True),
        ),
        ("camera", "start_time", "source"),
        ("start_time", "source"),
        Privacy.OPEN,
        version=2,
    ),
    TableSpec(
        "floors",
        "The floor in the depth map of each view of a camera's day.",
        (
            CAMERA,
            START,
            column("view", pa.int32(), "number of the view within the day, as in depth_maps"),
            float64("up_x", "up, in camera coordinates (x right, y down, z ahead)", null=True),
            float64("up_y", "up, in camera coordinates", null=True),
            float64("up_z", "up, in camera coordinates", null=True),
            float64("height_m", "height of the lens above the floor", "m", null=True),
            float64("height_sigma_m", "standard deviation of height_m", "m", null=True),
            float64("tilt_deg", "how far the camera looks below the horizontal", "deg", null=True),
            float64("roll_deg", "how far the picture's right side dips below the horizontal", "deg", null=True),
            float64("inlier_share", "share of the map's points that are on the plane", "0..1", null=True),
            float64("scale", "s of an affine or relative map (docs/depth.md); 1 for a metric one", null=True),
            float64("shift", "t of an affine or relative map; 0 for a metric one", null=True),
            string(
                "scale_source",
                "what fixes the scale: 'metric' (the model), 'control_points', 'people', 'height' or 'focal_length'",
                null=True,
            ),
            column("mask_png", pa.binary(), "1-bit mask as PNG of the floor, in the background's size", null=True),
            string("reason", "why no floor is known; null if one is", null=True),
        ),
        ("camera", "start_time", "view"),
        ("start_time", "view"),
        Privacy.SENSITIVE,
    ),
    TableSpec(
        "local_positions",
        "Ground positions of track points of cameras that nobody surveyed: metres around the ground below the lens.",
        (
            CAMERA,
            TRACK,
            timestamp("time", "time of the frame"),
            LABEL,
            float64("x_m", "to the right of the camera", "m"),
            float64("y_m", "ahead of the camera", "m"),
            *MOVEMENT,
            float32(
                "heading_deg",
                "direction of movement, clockwise from where the camera looks; null for a standing person",
                "deg",
                null=True,
            ),
            DENSITY,
            STATE,
        ),
        ("camera", "track_id", "time"),
        ("time", "track_id"),
        Privacy.PSEUDONYMOUS,
        version=2,
    ),
)
