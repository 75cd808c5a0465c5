"""Counts in areas: the whole site's visits and crossings, ways between zones, density, queues, and local hours."""

from datetime import UTC, date, datetime, timedelta

import pytest

from schemas.tables import TABLES
from storage.sql.connection import open_sql
from storage.store.store import Store
from tests.storage.rows import put
from tests.storage.sql_site import EAST_M, NORTH_M, make_site, rows_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # 13:00 in Amsterdam
DAY = date(2026, 3, 2)
NAMES = "site_visits, site_crossings, zone_moves, origin_destination, site_people_by_hour, crossings_by_hour, date"


@pytest.fixture
def site(tmp_path):
    return make_site(tmp_path)


@pytest.fixture
def store(site):
    return Store.create(site.store)


def after(seconds):
    return NOON + timedelta(seconds=seconds)


def fill(store, name, rows, day=DAY):
    """Commits rows, dictionaries with a camera; columns that they lack are null."""
    columns = TABLES[name].schema.names
    for camera in sorted({row["camera"] for row in rows}):
        own = [row for row in rows if row["camera"] == camera]
        table = TABLES[name].conform({column: [row.get(column) for row in own] for column in columns})
        put(store, name, table, camera=camera, date=str(day))


def stay(track, zone, start_s, end_s, camera="cam1", cut=(False, False), label="person"):
    times = {"start_time": after(start_s), "end_time": after(end_s), "dwell_s": float(end_s - start_s)}
    who = {"camera": camera, "zone": zone, "track_id": track, "label": label}
    return who | times | {"cut_start": cut[0], "cut_end": cut[1]}


def join(site_track, *tracks, start_s=0):
    """Rows of ``site_tracks``: tracks are pairs of camera and id."""
    return [
        {"camera": camera, "track_id": track, "site_track_id": site_track, "label": "person",
         "start_time": after(start_s), "end_time": NOON, "cameras": 2, "tracks": 2, "shared_s": 1.0,
         "clock_late_s": 0.0}
        for camera, track in tracks
    ]  # fmt: skip


def cross(track, time_s, direction, camera="cam1"):
    who = {"camera": camera, "track_id": track, "label": "person", "feature": "gate", "kind": "cross"}
    return who | {"time": after(time_s), "direction": direction}


def test_one_person_whom_two_cameras_see_visits_once(site, store):
    fill(
        store,
        "stays",
        [
            stay("a", "hall", 0, 60),
            stay("b", "hall", 1, 62, camera="cam2", cut=(False, True)),
            stay("a", "hall", 100, 110),
            stay("c", "hall", 30, 40),
            stay("a", "view", 0, 500),
        ],
    )
    fill(store, "site_tracks", join("a", ("cam1", "a"), ("cam2", "b")))
    with open_sql(store, site, query=NAMES) as con:
        found = "SELECT site_track_id, dwell_s, cut_start, cut_end, cameras FROM site_visits ORDER BY start_time"
        assert rows_of(con, found) == [
            ("a", 62.0, False, True, 2),
            ("c", 10.0, False, False, 1),
            ("a", 10.0, False, False, 1),
        ]
        hours = "SELECT zone, date, local_hour, people FROM site_people_by_hour"
        assert rows_of(con, hours) == [("hall", DAY, "2026-03-02T13:00:00+01:00", 2)]


def test_who_is_joined_to_others_on_the_next_day_visits_once_on_each(site, store):
    day_s = 12 * 3600
    fill(store, "stays", [stay("b", "hall", 5, 10)])
    fill(store, "stays", [stay("b", "hall", day_s, day_s + 9)], DAY + timedelta(1))
    fill(store, "site_tracks", join("a", ("cam1", "b")))
    fill(store, "site_tracks", join("b", ("cam1", "b"), start_s=day_s - 3600), DAY + timedelta(1))
    with open_sql(store, site, query=NAMES) as con:
        found = rows_of(con, "SELECT site_track_id, date FROM site_visits ORDER BY start_time")
    assert found == [("a", DAY), ("b", DAY + timedelta(1))]


def test_a_crossing_that_two_cameras_see_is_one_and_who_goes_back_crosses_again(site, store):
    fill(
        store,
        "zone_events",
        [
            cross("a", 0, "left_to_right"),
            cross("b", 0.4, "left_to_right", camera="cam2"),
            cross("a", 5, "right_to_left"),
            cross("a", 9, "left_to_right"),
            cross("c", 0.2, "left_to_right"),
        ],
    )
    fill(store, "site_tracks", join("a", ("cam1", "a"), ("cam2", "b")))
    with open_sql(store, site, query=NAMES) as con:
        found = "SELECT site_track_id, time, direction, cameras FROM site_crossings ORDER BY time"
        assert rows_of(con, found) == [
            ("a", after(0), "left_to_right", 2),
            ("c", after(0.2), "left_to_right", 1),
            ("a", after(5), "right_to_left", 1),
            ("a", after(9), "left_to_right", 1),
        ]


def test_ways_between_zones_without_site_tracks(site, store):
    fill(
        store,
        "stays",
        [
            stay("a", "door", 0, 5),
            stay("a", "hall", 8, 20),
            stay("a", "shop", 15, 40),  # zones overlap
            stay("b", "door", 0, 5),
            stay("b", "hall", 9, 30),
            stay("b", "door", 33, 40),
            stay("c", "hall", 0, 3),
            stay("car", "door", 0, 9, label="car"),
        ],
    )
    with open_sql(store, site, query=NAMES) as con:
        moves = "SELECT origin, destination, count(*) FROM zone_moves WHERE label = 'person' GROUP BY ALL ORDER BY ALL"
        assert rows_of(con, moves) == [("door", "hall", 2), ("hall", "door", 1), ("hall", "shop", 1)]
        times = "SELECT left_time, arrived_time FROM zone_moves WHERE destination = 'shop'"
        assert rows_of(con, times) == [(after(20), after(15))]
        trips = (
            "SELECT origin, destination, trips, median_s FROM origin_destination WHERE label = 'person' ORDER BY ALL"
        )
        assert rows_of(con, trips) == [("door", "door", 1, 40.0), ("door", "shop", 1, 40.0), ("hall", "hall", 1, 3.0)]


def count(zone, start_s, mean, most):
    return {
        "camera": "cam1", "zone": zone, "label": "person", "bin_start": after(start_s), "bin_s": 60.0,
        "observed_s": 60.0, "mean_count": mean, "max_count": most, "distinct_tracks": most, "dwell_s": mean * 60,
    }  # fmt: skip


def test_density_and_the_level_of_service(site, store):
    rows = [
        count("hall", 60 * n, mean, most) for n, (mean, most) in enumerate([(0.0, 0), (1.0, 2), (2.0, 4), (4.0, 9)])
    ]
    fill(store, "counts", [*rows, count("view", 0, 5.0, 5), count("mat", 0, 1.0, 1)])
    columns = "area_m2, density_per_m2, peak_density_per_m2, m2_per_person, level, peak_level"
    query = f"SELECT {columns} FROM zone_density ORDER BY bin_start"
    for known in (query, None):
        with open_sql(store, site, query=known) as con:
            assert rows_of(con, query) == [
                (4.0, 0.0, 0.0, None, "A", "A"),
                (4.0, 0.25, 0.5, 4.0, "A", "C"),
                (4.0, 0.5, 1.0, 2.0, "C", "D"),
                (4.0, 1.0, 2.25, 1.0, "D", "F"),
            ]


@pytest.mark.parametrize(
    ("day", "first", "expected"),
    [
        (
            date(2026, 10, 25),
            datetime(2026, 10, 25, 0, tzinfo=UTC),
            ["02:00:00+02:00", "02:00:00+01:00", "03:00:00+01:00"],
        ),
        (
            date(2026, 3, 29),
            datetime(2026, 3, 29, 0, tzinfo=UTC),
            ["01:00:00+01:00", "03:00:00+02:00", "04:00:00+02:00"],
        ),
    ],
)
def test_the_hour_that_comes_twice_is_there_twice_and_the_missing_one_never(site, store, day, first, expected):
    rows = [
        {"camera": "cam1", "line": "gate", "label": "person", "bin_start": first + timedelta(minutes=n), "bin_s": 60.0,
         "direction": "left_to_right", "crossings": 1}
        for n in range(180)
    ]  # fmt: skip
    fill(store, "flows", rows, day)
    with open_sql(store, site, query=NAMES) as con:
        found = rows_of(con, "SELECT date, local_hour, crossings FROM crossings_by_hour ORDER BY hour")
    assert found == [(day, f"{day}T{hour}", 60) for hour in expected]


def positions(track, *points):
    """Rows of (seconds, east, speed) in the square ``hall``."""
    return [
        {"camera": "cam1", "track_id": track, "time": after(at_s), "label": "person", "x_m": EAST_M + east,
         "y_m": NORTH_M + 0.5, "lon": 0.0, "lat": 0.0, "var_x_m2": 0.01, "cov_xy_m2": 0.0, "var_y_m2": 0.01,
         "speed_m_s": speed, "speed_sigma_m_s": 0.1, "heading_deg": None, "state": "observed"}
        for at_s, east, speed in points
    ]  # fmt: skip


def test_a_queue_is_who_stands_in_its_zone_and_has_no_length_while_nobody_looked(site, store):
    looks = [{"camera": "cam1", "segment_id": "s", "time": after(n), "pts": n, "detections": 0} for n in (0, 1, 2, 60)]
    fill(store, "observed_frames", looks)
    fill(store, "counts", [count("hall", 0, 1.0, 2)])
    fill(
        store,
        "positions",
        positions("a", (0, 0.1, 0.0), (1, 0.1, 0.1), (2, 0.2, 0.1))
        + positions("b", (0, 0.9, 1.4), (1, 0.9, 0.2), (2, 0.9, 0.2))
        + positions("c", (1, 1.5, 0.0)),
    )
    fill(store, "stays", [stay("a", "hall", 0, 3), stay("b", "hall", 0, 3), stay("c", "door", 0, 3)])
    query = "SELECT bin_start, mean_length, max_length FROM queue_length('hall')"
    for known in (query, None):
        with open_sql(store, site, query=known) as con:
            assert rows_of(con, query) == [(after(0), pytest.approx(5 / 3), 2), (after(60), 0.0, 0)]
            assert rows_of(con, query.replace("hall", "nowhere")) == []


def test_a_heat_map_has_the_time_spent_in_each_cell(site, store):
    rows = positions("a", (0, 0.1, 0.0), (1, 0.4, 0.1), (2, 0.6, 0.1), (30, 0.6, 0.1)) + positions("b", (0, 0.2, 0.0))
    fill(store, "positions", rows)
    query = "SELECT x_m - 120000, y_m - 480000, label, presence_s, tracks FROM heat_map(0.5)"
    with open_sql(store, site, query=query) as con:
        assert rows_of(con, query) == [(0.25, 0.75, "person", 2.0, 2), (0.75, 0.75, "person", 0.0, 1)]
