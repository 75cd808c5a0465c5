"""Differences of two small stores made by hand: rows, counts and tracks."""

import json
from datetime import UTC, date, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.commands.diff import compare, diff_runs
from jobs.commands.run import run_site
from jobs.site import open_site
from schemas.tables import TABLES
from tests.jobs.commands.reprocessing import HERE, TRACKS, run_ids

DAY = date(2026, 3, 2)
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
BOX = (0.0, 0.0, 10.0, 20.0)


def receipt(op, unit, fingerprint, *tables, camera="cam1", current=True):
    files = json.dumps({table: f"{table}/{unit}-{fingerprint}.parquet" for table in tables})
    return {
        "op": op,
        "version": 1,
        "camera": camera,
        "date": DAY.isoformat(),
        "unit": unit,
        "fingerprint": fingerprint,
        "committed": START,
        "run_id": "r",
        "wall_s": 0.0,
        "media_s": 0.0,
        "rows": 0,
        "files": files,
        "current": current,
    }


def point(track, frame, box=BOX, camera="cam1"):
    x1, y1, x2, y2 = box
    return {
        "camera": camera,
        "track_id": track,
        "time": START + timedelta(seconds=frame),
        "pts": frame,
        "segment_id": "s",
        "label": "person",
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "confidence": 0.9,
        "state": "observed",
    }


def observed(*frames, camera="cam1"):
    return [
        {
            "camera": camera,
            "segment_id": "s",
            "time": START + timedelta(seconds=frame),
            "pts": frame,
            "detections": 1,
        }
        for frame in frames
    ]


def count(zone, tracks, camera="cam1"):
    return {
        "camera": camera,
        "zone": zone,
        "label": "person",
        "bin_start": START,
        "bin_s": 60.0,
        "observed_s": 60.0,
        "mean_count": 0.5,
        "max_count": 1,
        "distinct_tracks": tracks,
        "dwell_s": 30.0,
    }


def store(receipts, **tables):
    """A connection as storage gives it: a view a table that receipts of these tests name, with the date of the unit."""
    connection = duckdb.connect(":memory:")
    for name in ("receipts", "observed_frames", "track_points", "counts"):
        spec, rows = TABLES[name], receipts if name == "receipts" else tables.get(name, [])
        table = spec.conform({column.name: [row.get(column.name) for row in rows] for column in spec.columns})
        if "date" not in table.column_names:
            table = table.append_column("date", pa.array([DAY] * len(rows), pa.date32()))
        connection.register("given", table)
        connection.execute(f'CREATE TABLE "{name}" AS FROM given')
        connection.unregister("given")
    return connection


def test_the_same_receipts_are_no_difference_and_no_rows_are_read():
    seen = [receipt("link", "day", "f1", "track_points")]
    # Rows that no receipt says have changed are not compared, whatever they are.
    found = compare(store(seen), store(seen, track_points=[point("t", 0)]))
    assert found.is_empty and found.tables == found.tracks == found.counts == ()


def test_rows_are_compared_by_content_where_a_unit_changed():
    a = store([receipt("link", "day", "f1", "track_points")], track_points=[point("t", 0), point("t", 1)])
    b = store(
        [receipt("link", "day", "f2", "track_points")],
        track_points=[point("t", 0), point("t", 1, (0.0, 0.0, 10.0, 21.0)), point("t", 2)],
    )
    (change,) = compare(a, b).tables
    assert (change.table, change.camera_days, change.rows_a, change.rows_b) == ("track_points", 1, 2, 3)
    assert (change.lost, change.gained) == (1, 2)
    (back,) = compare(b, a).tables
    assert (back.lost, back.gained) == (2, 1)


def test_a_version_that_readers_no_longer_see_is_not_part_of_the_difference():
    old = receipt("link", "day", "f1", "track_points", current=False)
    new = receipt("link", "day", "f2", "track_points")
    assert compare(store([old, new]), store([new])).is_empty


def test_a_unit_computed_again_with_the_same_rows_counts_as_a_unit_only():
    rows = [point("t", 0)]
    a = store([receipt("link", "day", "f1", "track_points")], track_points=rows, observed_frames=observed(0))
    b = store([receipt("link", "day", "f2", "track_points")], track_points=rows, observed_frames=observed(0))
    found = compare(a, b)
    assert found.units == 1 and not found.is_empty and found.tables == found.tracks == ()


def minutes(*rows):
    """Counts of one zone, minute after minute: dwell and the largest number at once."""
    return [
        count(zone, 1) | {"bin_start": START + timedelta(minutes=number), "dwell_s": dwell_s, "max_count": most}
        for number, (zone, dwell_s, most) in enumerate(rows)
    ]


def test_counts_are_compared_zone_by_zone_since_zones_overlap():
    view = minutes(("view", 60.0, 2), ("view", 30.0, 1))
    a = store([receipt("counts", "day", "f1", "counts")], counts=[*view, *minutes(("door", 0.0, 0), ("door", 30.0, 1))])
    b = store(
        [receipt("counts", "day", "f2", "counts")], counts=[*view, *minutes(("door", 12.0, 3), ("door", 30.0, 1))]
    )
    (change,) = compare(a, b).counts
    assert (change.camera, change.date, change.zone, change.label) == ("cam1", DAY, "door", "person")
    assert change.before == {"mean_count": 0.25, "max_count": 1, "dwell_s": 30.0}
    assert change.after == {"mean_count": 0.35, "max_count": 3, "dwell_s": 42.0}


def test_counts_that_are_gone_are_0_after():
    a = store([receipt("counts", "day", "f1", "counts")], counts=[count("door", 1)])
    (change,) = compare(a, store([receipt("counts", "day", "f2")])).counts
    assert change.after == dict.fromkeys(change.after, 0.0)


def test_many_camera_days_are_read_in_batches(monkeypatch):
    monkeypatch.setattr("jobs.commands.diff.DAYS_PER_BATCH", 2)
    cameras = [f"cam{number}" for number in range(5)]
    a = store([receipt("counts", "day", "f1", "counts", camera=camera) for camera in cameras])
    b = store(
        [receipt("counts", "day", "f2", "counts", camera=camera) for camera in cameras],
        counts=[count("door", 1, camera) for camera in cameras],
    )
    found = compare(a, b)
    assert [change.camera for change in found.counts] == cameras
    assert (found.tables[0].camera_days, found.tables[0].gained) == (5, 5)


def tracks(before, after, observed_a=None, observed_b=None):
    """The one camera-day's difference of two lists of points."""
    a = store(
        [receipt("link", "day", "f1", "track_points")],
        track_points=before,
        observed_frames=observed(*(range(10) if observed_a is None else observed_a)),
    )
    b = store(
        [receipt("link", "day", "f2", "track_points")],
        track_points=after,
        observed_frames=observed(*(range(10) if observed_b is None else observed_b)),
    )
    return compare(a, b).tracks


FAR = (100.0, 0.0, 110.0, 20.0)


def walk(track, frames, box=BOX):
    return [point(track, frame, box) for frame in frames]


def test_tracks_are_matched_by_their_boxes_not_by_their_ids():
    before = [*walk("1", range(10)), *walk("2", range(10), FAR)]
    assert tracks(before, [*walk("2", range(10)), *walk("1", range(10), FAR)]) == ()


def test_a_track_that_only_one_version_has_is_lost_or_gained():
    (change,) = tracks(walk("old", range(10)), walk("new", range(10), FAR))
    assert (change.tracks_a, change.tracks_b, change.lost, change.gained) == (1, 1, ("old",), ("new",))


def test_half_of_the_shorter_track_is_enough_and_less_is_not():
    assert tracks(walk("1", range(10)), [*walk("9", range(2)), *walk("9", (2, 3), FAR)]) == ()
    (change,) = tracks(walk("1", range(10)), [*walk("9", range(2)), *walk("9", (2, 3, 4), FAR)])
    assert change.lost == ("1",) and change.gained == ("9",)


def test_a_track_in_two_pieces_is_neither_lost_nor_gained():
    (change,) = tracks(walk("1", range(10)), [*walk("8", range(5)), *walk("9", range(5, 10))])
    assert (change.tracks_a, change.tracks_b, change.lost, change.gained) == (1, 2, (), ())


def test_only_frames_that_both_observed_count():
    assert tracks(walk("1", range(10)), walk("9", (0, 5)), observed_b=(0, 5)) == ()


def test_a_track_on_no_common_frame_is_not_counted_as_lost():
    (change,) = tracks(walk("1", (1, 3)), walk("9", (0, 2)), observed_a=(1, 3), observed_b=(0, 2))
    assert change.lost == change.gained == () and change.not_comparable == 2


def box_at(x):
    return (float(x), 0.0, float(x) + 10.0, 20.0)


PATHS = st.lists(
    st.tuples(st.integers(0, 40), st.lists(st.integers(0, 9), min_size=1, max_size=10, unique=True)), max_size=5
)


def compared(before, after):
    return tracks(
        *(
            [point(str(number), frame, box_at(x)) for number, (x, frames) in enumerate(paths) for frame in frames]
            for paths in (before, after)
        )
    )


@settings(max_examples=5)
@given(paths=PATHS)
def test_nothing_is_lost_against_itself(paths):
    assert all(change.lost == change.gained == () for change in compared(paths, paths))


@pytest.mark.slow
@settings(max_examples=5)
@given(before=PATHS, after=PATHS)
def test_what_one_way_loses_the_other_way_gains(before, after):
    there, back = compared(before, after), compared(after, before)
    assert [(c.lost, c.gained) for c in there] == [(c.gained, c.lost) for c in back]
    for change in there:
        assert len(change.lost) <= change.tracks_a and len(change.gained) <= change.tracks_b


@pytest.mark.parametrize(("shift", "same"), [(0.0, True), (3.3, True), (3.4, False), (10.0, False)])
def test_boxes_overlap_by_half_or_more(shift, same):
    x1, y1, x2, y2 = BOX
    moved = (x1 + shift, y1, x2 + shift, y2)
    assert (tracks(walk("1", range(4)), walk("2", range(4), moved)) == ()) is same


@pytest.mark.slow
def test_a_diff_of_two_runs_names_what_changed(changed_site):
    site = open_site(changed_site)
    run_site(site, TRACKS, HERE)
    first, second = run_ids(site)
    found = diff_runs(site, first, second)
    assert found.units and "tracklets" in {table.table for table in found.tables}
    assert "detections" not in {table.table for table in found.tables}
    back = diff_runs(site, second, first)
    assert [(t.table, t.lost, t.gained) for t in back.tables] == [(t.table, t.gained, t.lost) for t in found.tables]
    assert [(t.lost, t.gained) for t in back.tracks] == [(t.gained, t.lost) for t in found.tracks]
    assert diff_runs(site, first, first).is_empty
