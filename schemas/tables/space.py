"""Tables of things in real space: how they stand to each other."""

from schemas.tables.columns import CAMERA, float32, string, timestamp
from schemas.tables.spec import Privacy, TableSpec

SPACE_TABLES = (
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
            float32("distance_m", "distance on the ground between the two", "m"),
            float32("distance_sigma_m", "standard deviation of distance_m", "m"),
            float32("bearing_deg", "direction from a to b, clockwise from grid north", "deg"),
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
    ),
)
