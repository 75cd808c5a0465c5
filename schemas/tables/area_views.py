"""Views of counts in areas: the site's visits and crossings, ways between zones, density, crossings by hour."""

import pyarrow as pa

from schemas.tables.columns import LABEL, STAY, column, float64, int64, string, timestamp
from schemas.tables.spec import Privacy, TableSpec

_SITE_TRACK = string("site_track_id", "id of one person or vehicle on the whole site, as in `site_tracks`")
_FIRST = string("camera", "the first camera that sees it; local times are this camera's")
_LOCAL = " by the camera's clock, with its offset from UTC"


def _date(meaning: str) -> pa.Field:
    return column("date", pa.date32(), meaning)


AREA_VIEWS = (
    TableSpec(
        "site_visits",
        "Visits of one person or vehicle to a zone, by whatever camera: stays of all its tracks, joined where they "
        "overlap or follow within two seconds.",
        (
            _FIRST,
            string("zone", "id of the zone; 'view' is left out"),
            _SITE_TRACK,
            LABEL,
            _date("local date of start_time"),
            *STAY,
            int64("cameras", "number of cameras that see it"),
        ),
        ("zone", "site_track_id", "start_time"),
        ("start_time", "zone", "site_track_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "site_crossings",
        "Crossings of a line on the whole site: one that two cameras see is one.",
        (
            _FIRST,
            string("line", "id of the line"),
            _SITE_TRACK,
            LABEL,
            _date("local date of time"),
            timestamp("time", "time of the crossing, as the first camera has it"),
            string("direction", "'left_to_right' or 'right_to_left', seen along the line's drawing direction"),
            int64("cameras", "number of cameras that see it"),
        ),
        ("line", "site_track_id", "direction", "time"),
        ("time", "line", "site_track_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "zone_moves",
        "From zone to zone: the next visit of one person or vehicle to another zone.",
        (
            _SITE_TRACK,
            LABEL,
            _date("local date of left_time"),
            string("origin", "id of the zone that it was in"),
            string("destination", "id of the zone that it is in next"),
            timestamp("left_time", "end of the visit to the origin"),
            timestamp("arrived_time", "start of the visit to the destination; before left_time where zones overlap"),
        ),
        ("site_track_id", "left_time", "origin", "destination"),
        ("left_time", "site_track_id"),
        Privacy.PSEUDONYMOUS,
    ),
    TableSpec(
        "origin_destination",
        "From the first zone of a person or vehicle on a day to its last: how many, and how long it takes them.",
        (
            _date("local date of the first visit"),
            LABEL,
            string("origin", "id of the first zone"),
            string("destination", "id of the last zone; that of the origin where it visits no other or comes back"),
            int64("trips", "number of people or vehicles, each once a day"),
            float64("median_s", "median time from the start of the first visit to the end of the last", "s"),
        ),
        ("date", "label", "origin", "destination"),
        ("date", "label", "origin"),
        Privacy.OPEN,
    ),
    TableSpec(
        "site_people_by_hour",
        "People in a zone per local hour on the whole site: one whom two cameras see is one. Hours with nobody have no "
        "row.",
        (
            string("zone", "id of the zone; zones may overlap, so do not add them up"),
            _date("local date of the hour"),
            string("local_hour", f"start of the hour{_LOCAL}"),
            timestamp("hour", "start of the hour"),
            int64("people", "number of people, each once"),
        ),
        ("zone", "hour", "local_hour"),
        ("hour", "zone"),
        Privacy.OPEN,
    ),
    TableSpec(
        "crossings_by_hour",
        "Crossings of a line per local hour. Hours with footage and no crossing have a row.",
        (
            string("camera", "camera id, as in site.toml"),
            string("line", "id of the line"),
            LABEL,
            _date("local date of the hour"),
            string("local_hour", f"start of the hour{_LOCAL}"),
            timestamp("hour", "start of the hour"),
            string("direction", "'left_to_right' or 'right_to_left', seen along the line's drawing direction"),
            int64("crossings", "number of crossings"),
        ),
        ("camera", "line", "label", "hour", "direction"),
        ("hour", "line", "label", "direction"),
        Privacy.OPEN,
    ),
    TableSpec(
        "zone_density",
        "Pedestrian density of each zone on the map per time bin, with Fruin's level of service for walkways.",
        (
            string("camera", "camera id, as in site.toml"),
            string("zone", "id of the zone"),
            _date("local date of the bin"),
            string("local_start", f"start of the bin{_LOCAL}"),
            timestamp("bin_start", "start of the bin"),
            float64("area_m2", "area of the zone; of all of it, though the camera may see a part", "m2"),
            float64("observed_s", "length of the footage within the bin", "s"),
            float64("density_per_m2", "mean number of people over the area", "1/m2"),
            float64("peak_density_per_m2", "largest number of people over the area", "1/m2"),
            float64("m2_per_person", "area over the mean number; null if nobody came", "m2", null=True),
            string("level", "level of service of the mean, 'A' (free) to 'F' (crush), Fruin 1971"),
            string("peak_level", "level of service at the largest number"),
        ),
        ("camera", "zone", "bin_start"),
        ("bin_start", "zone"),
        Privacy.OPEN,
    ),
)
