"""Views that answer what is asked most, computed from the tables when a query reads them."""

from collections.abc import Mapping

import pyarrow as pa

from schemas.tables.area_views import AREA_VIEWS
from schemas.tables.columns import CAMERA, LABEL, STAY, TRACK, column, float64, int64, string, timestamp
from schemas.tables.spec import Privacy, TableSpec

_ZONE = string("zone", "id of the zone, or 'view' for the whole frame; zones may overlap, so do not add them up")
_PEOPLE = (
    int64("people", "number of people's tracks that were inside, each once"),
    column("max_count", pa.int32(), "largest number present at the same time"),
    float64("observed_s", "length of the footage that was looked at; tells nobody from no footage", "s"),
)
_LOCAL = " by the camera's clock, with its offset from UTC"


def _date(meaning: str) -> pa.Field:
    return column("date", pa.date32(), meaning)


VIEWS: Mapping[str, TableSpec] = {
    spec.name: spec
    for spec in (
        TableSpec(
            "people_by_hour",
            "People in a zone per local hour, each track once. Hours with footage and nobody have a row.",
            (
                CAMERA,
                _ZONE,
                _date("local date of the hour"),
                string("local_hour", f"start of the hour{_LOCAL}"),
                timestamp("hour", "start of the hour"),
                *_PEOPLE,
            ),
            ("camera", "zone", "hour"),
            ("hour", "zone"),
            Privacy.OPEN,
        ),
        TableSpec(
            "people_by_day",
            "People in a zone per local day, each track once. Days with footage and nobody have a row.",
            (CAMERA, _ZONE, _date("local date"), *_PEOPLE),
            ("camera", "zone", "date"),
            ("date", "zone"),
            Privacy.OPEN,
        ),
        TableSpec(
            "dwell",
            "One row per stay of a track in a zone, as in `stays`, but whole across midnight.",
            (
                CAMERA,
                _ZONE,
                TRACK,
                LABEL,
                _date("local date of start_time"),
                string("local_start", f"start_time{_LOCAL}"),
                *STAY,
            ),
            ("camera", "zone", "track_id", "start_time"),
            ("start_time", "zone", "track_id"),
            Privacy.PSEUDONYMOUS,
        ),
        TableSpec(
            "calibrated_interactions",
            "Interactions with their score as reviews calibrate it; without reviews it is the score itself.",
            (
                CAMERA,
                string("interaction_id", "id in interactions"),
                string("verb", "what the subject does"),
                string("subject", "track id"),
                string("object", "track id, zone id or static_id; null where the verb has none", null=True),
                _date("local date of start_time"),
                timestamp("start_time", "start"),
                timestamp("end_time", "end"),
                string("rule", "name and version of the rule or model that found it"),
                column("score", pa.float32(), "confidence, as in interactions", "0..1"),
                float64("calibrated_score", "share of such rows that are right, as reviews say", "0..1"),
                int64("answers", "number of reviews of this verb and rule that say right or wrong"),
            ),
            ("camera", "interaction_id"),
            ("start_time", "interaction_id"),
            Privacy.PSEUDONYMOUS,
        ),
        TableSpec(
            "coverage",
            "What is known of a camera's day: one row per local day from its first footage to its last.",
            (
                CAMERA,
                _date("local date"),
                float64("recorded_s", "length of the footage, overlaps once", "s"),
                float64("looked_at_s", "length of the footage in which `detect` looked for people", "s"),
                float64("lost_s", "length of what cannot be decoded, of the files that begin on this day", "s"),
                int64("quarantined", "files and units of this day in quarantine"),
                int64("gaps", "number of gaps of more than a second between files, on this day"),
                float64("gap_s", "length of these gaps on this day", "s"),
            ),
            ("camera", "date"),
            ("date", "camera"),
            Privacy.OPEN,
        ),
        *AREA_VIEWS,
    )
}
"""All views by name."""
