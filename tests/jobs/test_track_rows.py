"""Tracks are numbered through the day; boxes come with the time of each frame, and say whether they are guesses."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest

from jobs import track_rows
from jobs.commands.excerpts import PublishedTime
from jobs.track_rows import NumberedTrack, read_boxes, read_tracks
from storage.sql.tracks import create_track_macros

CAMERA = "hall"
ZONE = ZoneInfo("Europe/Amsterdam")


def test_tracks_are_numbered_through_the_day_on_which_the_clip_begins() -> None:
    """Whatever the clip shows of it; those of the day before have no number that another one has."""
    midnight = datetime(2026, 3, 2, tzinfo=ZONE)
    starts = {"before": -90, "last": -5, "first": 5, "long": 10, "later": 3000}
    rows = [
        (CAMERA, name, "person", midnight + timedelta(seconds=at), midnight + timedelta(seconds=at + 60))
        for name, at in starts.items()
    ]
    # Two rows of one track: one a day.
    rows[3] = (*rows[3][:4], midnight + timedelta(hours=24))
    rows += [(CAMERA, "long", "person", midnight + timedelta(hours=24), midnight + timedelta(hours=24.1))]
    with closing(duckdb.connect()) as connection:
        connection.execute(
            "CREATE TABLE tracks (camera TEXT, track_id TEXT, label TEXT, start_time TIMESTAMPTZ, end_time TIMESTAMPTZ)"
        )
        connection.executemany("INSERT INTO tracks VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("ALTER TABLE tracks ADD COLUMN date DATE")
        connection.execute("UPDATE tracks SET date = (start_time AT TIME ZONE 'Europe/Amsterdam')::DATE")

        def numbers(start: float, end: float) -> dict[str, int]:
            span = (midnight + timedelta(seconds=start), midnight + timedelta(seconds=end))
            found = PublishedTime(CAMERA, *span, ({"start_time": span[0], "end_time": span[1]},))
            tracks = read_tracks(connection, found, (), (), ZONE.key)
            return {name: track.number for name, track in tracks.items()}

        assert numbers(0, 8) == {"last": 0, "first": 1}
        assert numbers(3000, 3001) == {"long": 2, "later": 3}
        assert numbers(66, 86_400) == {"long": 2, "later": 3}
        assert numbers(-60, 20) == {"before": 1, "last": 2, "first": 3, "long": 4}, "it begins the day before"


NOON = datetime(2026, 3, 2, 12, tzinfo=ZONE)
NOON_US = round(NOON.timestamp()) * 1_000_000


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A track of one second, detected twice a second, and another one."""
    with closing(duckdb.connect()) as opened:
        opened.execute(
            "CREATE TABLE track_points (camera TEXT, track_id TEXT, label TEXT, segment_id TEXT, time TIMESTAMPTZ, "
            "x1 FLOAT, y1 FLOAT, x2 FLOAT, y2 FLOAT, confidence FLOAT, state TEXT, link_probability FLOAT)"
        )
        for second, state in ((0.0, "observed"), (0.5, "interpolated"), (1.0, "observed")):
            at = NOON + timedelta(seconds=second)
            box = (100 * second, 10, 100 * second + 20, 60)
            opened.execute(
                "INSERT INTO track_points VALUES ('hall', 'a', 'person', 's', ?, ?, ?, ?, ?, 0.5, ?, NULL)",
                (at, *box, state),
            )
        opened.execute("INSERT INTO track_points SELECT * REPLACE ('b' AS track_id) FROM track_points")
        create_track_macros(opened)
        yield opened


@pytest.mark.parametrize("window", [3, 500])
def test_boxes_of_every_frame_say_whether_a_detection_is_near(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(track_rows, "_WINDOW_FRAMES", window)
    times_us = [NOON_US + 40_000 * number for number in range(-2, 28)]
    tracks = {"a": NumberedTrack(7, "a", "person", NOON, NOON)}
    found = list(read_boxes(connection, CAMERA, times_us, tracks))
    assert [time_us for time_us, _ in found] == times_us
    for time_us, drawn in found:
        second = (time_us - NOON_US) / 1e6
        if not 0 <= second <= 1:
            assert len(drawn.numbers) == 0
            continue
        assert drawn.numbers.tolist() == [7] and drawn.labels == ["person"]
        assert drawn.boxes[0] == pytest.approx([100 * second, 10, 100 * second + 20, 60], abs=0.01)
        assert drawn.is_sure.tolist() == [second <= 0.2 or second >= 0.8], second
        assert drawn.feet[0] == pytest.approx([100 * second + 10, 60], abs=0.01)
