"""Counts, flows and zone events of made-up tracks, in the picture and on the map."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import shapely

from ops.counts import Counts, CountsParams
from ops.positions import Positions
from schemas.errors import SiteError
from schemas.tables import TABLES
from schemas.values import CameraView, Feature, FeatureKind
from tests.ops.ground_scene import ORIGIN_M, SIZE_PX, join, make_points, make_view, measured_ground, project, site
from tests.support.fakes import START, FakeServices, make_segment, make_unit

PLAIN = CameraView("cam1", "Camera 1", "Europe/Amsterdam", True)


def zone(geometry, name="z", space="pixel"):
    return Feature(name, "layer", FeatureKind.ZONE, space, "cam1" if space == "pixel" else None, geometry)


def line(*points, name="l", space="pixel"):
    geometry = shapely.LineString(points)
    return Feature(name, "layer", FeatureKind.LINE, space, "cam1" if space == "pixel" else None, geometry)


def run(points, features=(), segments=None, view=PLAIN, ground=None, **params):
    unit = make_unit(segments or [make_segment(duration_s=60, size_px=SIZE_PX)], view, features, unit="day")
    given = {"track_points": points} | ({} if ground is None else {"ground_models": ground})
    positions = Positions().run(unit, given, FakeServices())
    tables = Counts(CountsParams(**params)).run(unit, given | positions, FakeServices())
    for name, table in tables.items():
        assert table.schema.equals(TABLES[name].schema, check_metadata=True)
        keys = list(zip(*(table[column].to_pylist() for column in TABLES[name].key), strict=True))
        assert len(keys) == len(set(keys))
    return tables


def stand(segment, start_s, end_s, foot=(100.0, 200.0), track="a", fps=10, **more):
    """Somebody who stands still, seen on every frame from ``start_s`` until before ``end_s``."""
    times_s = np.arange(round(start_s * fps), round(end_s * fps)) / fps
    return make_points(segment, times_s, np.tile(np.array(foot, float), (len(times_s), 1)), track, **more)


def go(segment, corners, times_s, track="a", fps=10, **more):
    """Somebody who is at ``corners`` at ``times_s`` and planar_by_space straight in between."""
    at_s = np.arange(round(times_s[0] * fps), round(times_s[-1] * fps) + 1) / fps
    foot = np.column_stack([np.interp(at_s, times_s, [corner[axis] for corner in corners]) for axis in (0, 1)])
    return make_points(segment, at_s, foot, track, **more)


def rows(table, **equal):
    return [row for row in table.to_pylist() if all(row[name] == value for name, value in equal.items())]


def test_the_view_counts_who_is_there_by_bin():
    segment = make_segment(duration_s=120, size_px=SIZE_PX)
    points = join(stand(segment, 0, 30), stand(segment, 10, 90, (300, 300), "b"), stand(segment, 95, 100, track="c"))
    first, second = rows(run(points, segments=[segment])["counts"], zone="view", label="person")
    assert first["bin_start"] == START
    assert (first["bin_s"], first["observed_s"]) == (60, 60)
    assert first["dwell_s"] == pytest.approx(80)
    assert first["mean_count"] == pytest.approx(80 / 60)
    assert (first["max_count"], first["distinct_tracks"]) == (2, 2)
    assert second["dwell_s"] == pytest.approx(35)
    assert (second["max_count"], second["distinct_tracks"]) == (1, 2)


def test_bins_with_footage_have_a_row_though_nobody_came_and_others_have_none():
    early = make_segment(duration_s=60, size_px=SIZE_PX)
    late = make_segment(0, 90, size_px=SIZE_PX, start=START + timedelta(minutes=10))
    car = stand(early, 0, 5, label="car")
    counts = run(car, [zone(shapely.box(400, 0, 410, 10))], segments=[early, late])["counts"]
    minutes = [(row["bin_start"] - START).total_seconds() / 60 for row in rows(counts, zone="z", label="person")]
    assert minutes == [0, 10, 11]
    assert [row["observed_s"] for row in rows(counts, zone="z", label="person")] == [60, 60, 30]
    assert Counter((row["zone"], row["label"]) for row in counts.to_pylist()) == {
        (place, label): 3 for place in ("view", "z") for label in ("car", "person")
    }
    assert {row["mean_count"] for row in rows(counts, zone="z")} == {0.0}


def test_a_day_without_tracks_has_zeros_and_a_day_without_footage_nothing():
    nobody = TABLES["track_points"].empty()
    tables = run(nobody, [zone(shapely.box(0, 0, 10, 10)), line((0, 0), (9, 9))])
    assert [(row["zone"], row["mean_count"]) for row in tables["counts"].to_pylist()] == [("view", 0), ("z", 0)]
    assert [(row["direction"], row["crossings"]) for row in tables["flows"].to_pylist()] == [
        ("left_to_right", 0),
        ("right_to_left", 0),
    ]
    unit = make_unit([], PLAIN, unit="day")
    inputs = {"track_points": nobody, "positions": TABLES["positions"].empty()}
    assert all(table.num_rows == 0 for table in Counts().run(unit, inputs, FakeServices()).values())


def test_nobody_is_present_where_there_is_no_footage_nor_while_out_of_sight():
    first = make_segment(0, 20, size_px=SIZE_PX)
    second = make_segment(0, 20, size_px=SIZE_PX, start=START + timedelta(seconds=20.6))
    across = join(stand(first, 15, 20), stand(second, 20.6, 25))
    (row,) = rows(run(across, segments=[first, second])["counts"], zone="view")
    assert row["dwell_s"] == pytest.approx(5 + 4.4, abs=0.11)
    hidden = join(stand(first, 0, 5), stand(first, 10, 12))
    (row,) = rows(run(hidden, segments=[first])["counts"], zone="view")
    assert row["dwell_s"] == pytest.approx(7, abs=0.01)
    lone = stand(first, 3, 3.1)
    (row,) = rows(run(lone, segments=[first])["counts"], zone="view")
    assert (row["max_count"], row["distinct_tracks"]) == (1, 1)


def test_who_walks_through_a_zone_enters_and_leaves_it():
    segment = make_segment(duration_s=60, size_px=SIZE_PX)
    there = go(segment, [(50, 200), (350, 200)], (0, 30))  # 10 px a second
    tables = run(there, [zone(shapely.box(100, 150, 200, 250))])
    entered, left = tables["zone_events"].to_pylist()
    assert (entered["kind"], left["kind"], entered["dwell_s"]) == ("enter", "exit", None)
    assert (entered["time"] - START).total_seconds() == pytest.approx(5, abs=0.2)
    assert left["dwell_s"] == pytest.approx(10, abs=0.2)
    assert entered["x_m"] is None
    (row,) = rows(tables["counts"], zone="z")
    assert row["dwell_s"] == pytest.approx(10, abs=0.2)


def test_who_is_first_or_last_seen_within_a_zone_did_not_enter_or_leave_it():
    segment = make_segment(duration_s=60, size_px=SIZE_PX)
    out = go(segment, [(150, 200), (350, 200)], (0, 20), "out")
    into = go(segment, [(350, 200), (150, 200)], (0, 20), "into")
    events = run(join(out, into), [zone(shapely.box(100, 150, 200, 250))])["zone_events"]
    assert [(row["track_id"], row["kind"]) for row in events.to_pylist()] == [("out", "exit"), ("into", "enter")]


def test_every_stay_has_a_row_that_says_what_is_cut():
    segment = make_segment(duration_s=60, size_px=SIZE_PX)
    points = join(
        go(segment, [(50, 200), (350, 200)], (0, 30), "through"),
        go(segment, [(150, 200), (350, 200)], (0, 20), "out"),
        go(segment, [(350, 200), (150, 200)], (0, 20), "into"),
        stand(segment, 0, 12, (150, 200), "stays"),
        stand(segment, 0, 5, (160, 200), "hidden"),
        stand(segment, 10, 12, (160, 200), "hidden"),
    )
    tables = run(points, [zone(shapely.box(100, 150, 200, 250))])
    found = [
        (row["track_id"], round(row["dwell_s"]), row["cut_start"], row["cut_end"])
        for row in rows(tables["stays"], zone="z")
    ]
    assert sorted(found) == [
        ("hidden", 2, True, True),
        ("hidden", 5, True, True),
        ("into", 5, False, True),
        ("out", 5, True, False),
        ("stays", 12, True, True),
        ("through", 10, False, False),
    ]
    left = {row["track_id"]: row["dwell_s"] for row in rows(tables["zone_events"], kind="exit")}
    for row in rows(tables["stays"], zone="z", cut_end=False):
        assert row["dwell_s"] == pytest.approx(left[row["track_id"]])
    whole = rows(tables["stays"], zone="view")
    assert len(whole) == 6 and all(row["cut_start"] and row["cut_end"] for row in whole)


def test_a_line_in_the_picture_has_left_and_right_as_one_sees_them():
    segment = make_segment(duration_s=60, size_px=SIZE_PX)
    rightwards = go(segment, [(100, 200), (300, 200)], (0, 20), "r")
    upwards = line((200, 400), (200, 0))  # drawn from the bottom to the top of the picture: left is left
    tables = run(rightwards, [upwards])
    (event,) = tables["zone_events"].to_pylist()
    assert (event["kind"], event["direction"], event["dwell_s"]) == ("cross", "left_to_right", None)
    assert (event["time"] - START).total_seconds() == pytest.approx(10, abs=0.01)
    assert [(row["direction"], row["crossings"]) for row in tables["flows"].to_pylist()] == [
        ("left_to_right", 1),
        ("right_to_left", 0),
    ]


def test_a_line_and_a_zone_on_the_map_are_those_that_the_camera_sees():
    """East of a northward line is its right, on the map as in the picture of a camera that looks north."""
    segment = make_segment(duration_s=60, size_px=SIZE_PX)
    times_s = np.arange(80) / 10
    places = ORIGIN_M + np.column_stack([-2 + 0.5 * times_s, np.full(80, 8.0)])
    points = make_points(segment, times_s, project(places))
    seam = [project(np.array([site(0, north)]))[0] for north in (6, 12)]
    features = [
        line(site(0, 6), site(0, 12), name="map", space="map"),
        line(*seam, name="pixel"),
        zone(shapely.box(*site(-1, 7), *site(1, 9)), space="map"),
    ]
    tables = run(points, features, view=make_view())
    crossed = {row["feature"]: row for row in rows(tables["zone_events"], kind="cross")}
    for name in ("map", "pixel"):
        assert crossed[name]["direction"] == "left_to_right"
        assert (crossed[name]["time"] - START).total_seconds() == pytest.approx(4, abs=0.05)
        assert (crossed[name]["x_m"], crossed[name]["y_m"]) == pytest.approx(site(0, 8), abs=0.05)
    assert rows(tables["counts"], zone="z")[0]["dwell_s"] == pytest.approx(4, abs=0.2)


@pytest.mark.parametrize(("frame", "seen"), [("site", {"near", "mine"}), ("local", {"mine"})])
def test_a_camera_that_people_measure_counts_in_map_zones_once_it_is_on_the_map(frame, seen):
    """Zones are drawn in a picture twice as large as the frames in which people are measured."""
    ground = measured_ground(on_map=frame == "site")
    times_s = np.arange(80) / 10
    places = ORIGIN_M + np.column_stack([-2 + 0.5 * times_s, np.full(80, 8.0)])
    left, right = project(np.array([site(-1, 8), site(1, 8)]))
    features = [
        zone(shapely.box(*site(-1, 7), *site(1, 9)), "near", "map"),
        zone(shapely.box(*site(-1, -20), *site(1, -18)), "behind", "map"),
        zone(shapely.box(*2 * np.subtract(left, [0, 50]), *2 * np.add(right, [0, 50])), "mine"),
    ]
    segment = make_segment(duration_s=60, size_px=SIZE_PX)
    view = replace(PLAIN, image_size_px=(1280, 960))
    tables = run(make_points(segment, times_s, project(places)), features, view=view, ground=ground)
    assert {row["zone"] for row in rows(tables["counts"])} - {"view"} == seen
    for name in seen:
        assert rows(tables["counts"], zone=name)[0]["dwell_s"] == pytest.approx(4, abs=0.2)
    entered = rows(tables["zone_events"], feature="mine", kind="enter")[0]
    if frame == "local":
        assert entered["x_m"] is None and entered["y_m"] is None, "places are in the site's CRS, or not given"
    else:
        assert (entered["x_m"], entered["y_m"]) == pytest.approx(site(-1, 8), abs=0.1)


def test_pixel_zones_are_in_the_size_that_the_camera_was_calibrated_in():
    segment = make_segment(duration_s=60, size_px=(320, 240))
    there = stand(segment, 0, 10, (75, 100))
    tables = run(there, [zone(shapely.box(140, 190, 160, 210))], [segment], replace(PLAIN, image_size_px=SIZE_PX))
    assert rows(tables["counts"], zone="z")[0]["dwell_s"] == pytest.approx(10)


def test_features_count_together_as_each_alone():
    first, second = make_segment(duration_s=60, size_px=SIZE_PX), make_segment(0, 60, size_px=SIZE_PX)
    second = replace(second, start=START + timedelta(minutes=5), end=START + timedelta(minutes=6))
    across = go(first, [(50, 300), (550, 350), (60, 420)], (0, 20, 40))
    points = join(
        across, stand(second, 5, 9, (300, 400), "b", label="car"), go(second, [(500, 300), (90, 400)], (0, 9), "c")
    )
    view = make_view()
    unit = make_unit([first, second], view)
    on_ground = Positions().run(unit, {"track_points": points}, FakeServices())["positions"]
    x, y = (on_ground.filter(pc.equal(on_ground["track_id"], "a"))[name][40].as_py() for name in ("x_m", "y_m"))
    features = [
        zone(shapely.box(100, 250, 300, 450), "in_picture"),
        zone(shapely.Point(x, y).buffer(4), "on_map", "map"),
        line((320, 200), (320, 470), name="line_in_picture"),
        zone(shapely.Point(x, y).buffer(0.2), "small", "map"),
        line((x, y - 9), (x + 1, y + 9), name="line_on_map", space="map"),
        zone(shapely.box(580, 440, 630, 470), "corner"),
    ]
    together = run(points, features, [first, second], view)
    alone = [run(points, [feature], [first, second], view) for feature in features]
    for name, table in together.items():
        parts = [tables[name] for tables in alone]
        if "zone" in table.column_names:  # the whole view is in each of them
            parts = [parts[0], *(part.filter(pc.not_equal(part["zone"], "view")) for part in parts[1:])]
        assert table.equals(TABLES[name].conform(pa.concat_tables(parts)))
    assert {row["feature"] for row in together["zone_events"].to_pylist()} == {
        feature.feature_id for feature in features if feature.feature_id != "corner"
    }


def test_zones_that_this_camera_cannot_see_have_no_rows():
    segment = make_segment(duration_s=60, size_px=SIZE_PX)
    features = [
        zone(shapely.box(700, 0, 800, 50), "outside"),
        zone(shapely.box(*site(-1, -20), *site(1, -18)), "behind", "map"),
        line((700, 0), (800, 50), name="far"),
        replace(zone(shapely.box(0, 0, 9, 9), "anothers"), camera="cam2"),
        zone(shapely.box(10, 10, 10.5, 10.5), "tiny"),
        zone(shapely.Polygon([(0, 0), (50, 50), (50, 0), (0, 50)]), "bowtie"),
    ]
    tables = run(stand(segment, 0, 5), features, view=make_view())
    assert set(tables["counts"]["zone"].to_pylist()) == {"view", "tiny", "bowtie"}
    assert tables["flows"].num_rows == 0
    uncalibrated = run(stand(segment, 0, 5), features)
    assert set(uncalibrated["counts"]["zone"].to_pylist()) == {"view", "tiny", "bowtie"}


def test_a_zone_must_not_be_called_view():
    with pytest.raises(SiteError, match="'view'"):
        run(TABLES["track_points"].empty(), [zone(shapely.box(0, 0, 9, 9), "view")])


def test_a_bin_has_a_length():
    with pytest.raises(ValueError, match="bin_s"):
        CountsParams(bin_s=0)


@pytest.mark.parametrize(
    "start",
    [
        datetime(2026, 3, 28, 22, 58, 30, tzinfo=UTC),  # midnight in Amsterdam
        datetime(2026, 3, 29, 0, 58, 30, tzinfo=UTC),  # clocks go forward at 01:00 UTC
        datetime(2026, 10, 25, 0, 58, 30, tzinfo=UTC),  # and back
    ],
)
def test_midnight_and_summer_time_lose_and_double_nothing(start):
    segment = make_segment(0, 180, size_px=SIZE_PX, start=start)
    there = stand(segment, 0, 180, start=start)
    counted = rows(run(there, segments=[segment])["counts"], zone="view")
    assert [row["bin_start"] for row in counted] == [
        start - timedelta(seconds=30) + timedelta(minutes=n) for n in range(4)
    ]
    assert [row["observed_s"] for row in counted] == [30, 60, 60, 30]
    assert [row["dwell_s"] for row in counted] == pytest.approx([30, 60, 60, 30])
    assert {row["mean_count"] for row in counted} == {1.0}


def test_zones_of_one_pixel_on_each_other_and_in_nobodys_view():
    """Each is counted by itself; a day without anybody has zeros in those that are seen."""
    segment = make_segment(duration_s=60, size_px=SIZE_PX)
    features = [
        zone(shapely.box(100, 200, 101, 201), "pixel"),
        zone(shapely.box(90, 190, 110, 210), "around"),
        zone(shapely.box(95, 150, 200, 220), "across"),
        zone(shapely.box(-50, -50, -10, -10), "nowhere"),
    ]
    tables = run(stand(segment, 0, 30, (100.5, 200.5)), features)
    counted = {row["zone"]: row["dwell_s"] for row in rows(tables["counts"], label="person")}
    assert counted == pytest.approx({"pixel": 30, "around": 30, "across": 30, "view": 30})
    empty = run(TABLES["track_points"].empty(), features)
    assert {row["zone"]: row["mean_count"] for row in rows(empty["counts"])} == dict.fromkeys(counted, 0.0)
    assert empty["stays"].num_rows == empty["zone_events"].num_rows == 0


def test_exchanged_ids_on_a_line_are_no_crossings_of_the_day():
    segment = make_segment(duration_s=60, size_px=SIZE_PX)
    at_s = np.arange(200) / 10
    left, right = np.array([190.0, 200.0]), np.array([210.0, 200.0])
    flip = (np.arange(200) % 2)[:, None]
    one = make_points(segment, at_s, np.where(flip, left, right), "a")
    other = make_points(segment, at_s, np.where(flip, right, left), "b")
    flows = run(join(one, other), [line((200, 400), (200, 0))])["flows"]
    assert sum(flows["crossings"].to_pylist()) <= 2, "both end on the side on which they did not begin"
