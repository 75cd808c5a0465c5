"""Interactions of made-up people and bags, and the bag of the ABODA clip."""

import itertools
import json
from datetime import timedelta

import av
import numpy as np
import pytest
import shapely

from ops.background import Background, BackgroundParams
from ops.counts import Counts
from ops.detect import Detect, DetectParams
from ops.interactions import Interactions
from ops.link import Link, LinkParams
from ops.positions import Positions
from ops.rules.scene import InteractionsParams
from ops.track import Track, TrackParams
from schemas.op import DETECTOR, ModelRequest
from schemas.tables import TABLES
from schemas.values import CameraView, Feature, FeatureKind
from storage.weights.catalogue import ModelStore
from tests.ops.ground_scene import ORIGIN_M, SIZE_PX, join, make_points, make_view, project
from tests.support.fakes import START, FakeServices, make_batch, make_segment, make_unit

PLAIN = CameraView("cam1", "Camera 1", "Europe/Amsterdam", True)
SEGMENT = make_segment(duration_s=60, size_px=SIZE_PX)
NEXT = make_segment(1, 60, size_px=SIZE_PX)
BAG = (300.0, 280.0, 330.0, 300.0)


def run(points, view=PLAIN, segments=(SEGMENT,), features=(), regions=(), bags=(), **params):
    """Rows, with their evidence read."""
    unit = make_unit(segments, view, features, unit="day")
    inputs = {"track_points": points, "static_regions": still(*regions), "detections": bag_rows(*bags)}
    inputs |= Positions().run(unit, inputs, FakeServices())
    inputs |= Counts().run(unit, inputs, FakeServices())
    table = Interactions(InteractionsParams(**params)).run(unit, inputs, FakeServices())["interactions"]
    assert table.schema.equals(TABLES["interactions"].schema, check_metadata=True)
    rows = table.to_pylist()
    assert len({row["interaction_id"] for row in rows}) == len(rows)
    for row in rows:
        assert 0 <= row["score"] <= 1
        assert row["start_time"] <= row["end_time"]
        assert row["evidence"] == json.dumps(json.loads(row["evidence"]), sort_keys=True)
        row["evidence"] = json.loads(row["evidence"])
    return rows


def go(corners, times_s, track="a", segment=SEGMENT, fps=10, **more):
    """Somebody who is at pixels ``corners`` at ``times_s`` and walks straight in between."""
    at_s = np.arange(round(times_s[0] * fps), round(times_s[-1] * fps) + 1) / fps
    foot = np.column_stack([np.interp(at_s, times_s, [corner[axis] for corner in corners]) for axis in (0, 1)])
    return make_points(segment, at_s, foot, track, **more)


def on_ground(corners, times_s, track="a"):
    """The same in metres from the camera."""
    at_s = np.arange(round(times_s[0] * 10), round(times_s[-1] * 10) + 1) / 10
    places = np.column_stack([np.interp(at_s, times_s, [corner[axis] for corner in corners]) for axis in (0, 1)])
    return make_points(SEGMENT, at_s, project(ORIGIN_M + places), track)


def still(*regions):
    """``static_regions`` from ``(segment, number, first_s, last_s, box)``, seconds since ``START``."""
    columns = list(zip(*regions, strict=True)) if regions else [()] * 5
    segments, numbers, first_s, last_s, boxes = columns
    return TABLES["static_regions"].conform(
        {
            "camera": ["cam1"] * len(regions),
            "segment_id": [segment.segment_id for segment in segments],
            "region": list(numbers),
            "first_time": [START + timedelta(seconds=second) for second in first_s],
            "last_time": [START + timedelta(seconds=second) for second in last_s],
            **{name: [box[side] for box in boxes] for side, name in enumerate(("x1", "y1", "x2", "y2"))},
            "area_px": [(box[2] - box[0]) * (box[3] - box[1]) for box in boxes],
            "contrast": [40.0] * len(regions),
        }
    )


def bag_rows(*seconds, box=BAG, label="suitcase"):
    """``detections`` of a bag at the place of ``BAG``, one a second."""
    count = len(seconds)
    return TABLES["detections"].conform(
        {
            "camera": ["cam1"] * count,
            "segment_id": [SEGMENT.segment_id] * count,
            "time": [START + timedelta(seconds=second) for second in seconds],
            "pts": list(seconds),
            "detection": list(range(count)),
            "label": [label] * count,
            "confidence": [0.5] * count,
            **{name: [box[side]] * count for side, name in enumerate(("x1", "y1", "x2", "y2"))},
            "source": ["model"] * count,
        }
    )


def seconds_of(row):
    return [(row[name] - START).total_seconds() for name in ("start_time", "end_time")]


# --- meets ---------------------------------------------------------------------------------------------------------


def test_two_who_stand_together_on_the_ground_meet_for_as_long_as_they_do():
    left = on_ground([(-6, 9), (-0.5, 9), (-0.5, 9), (-6, 9)], (0, 8, 18, 26), "left")
    right = on_ground([(6, 9), (0.5, 9), (0.5, 9), (6, 9)], (0, 8, 18, 26), "right")
    (row,) = run(join(right, left), make_view())
    assert (row["verb"], row["subject"], row["object"], row["object_kind"]) == ("meets", "left", "right", "track")
    assert seconds_of(row) == pytest.approx([8, 18], abs=1)
    assert row["evidence"]["mean_distance_m"] == pytest.approx(1.0, abs=0.1)
    assert row["evidence"]["lasting_s"] == pytest.approx(10, abs=1.5)


@pytest.mark.parametrize(
    "other",
    [
        on_ground([(6, 9), (-6, 9)], (0, 10), "b"),  # walks by
        on_ground([(2, 9), (2, 9)], (0, 10), "b"),  # stands too far off
        on_ground([(0.6, 9), (0.6, 9)], (0, 2), "b"),  # for too short a time
        on_ground([(0, 9), (0, 9)], (0, 10), "b"),  # the same person, found twice
        on_ground([(0.6, 9), (0.6, 9)], (30, 40), "b"),  # at another time
    ],
)
def test_who_only_comes_near_does_not_meet(other):
    assert run(join(on_ground([(0, 9), (0, 9)], (0, 10), "a"), other), make_view()) == []


def test_two_who_walk_side_by_side_are_together_and_only_people_meet():
    a, b = (on_ground([(shift - 4, 9), (shift + 4, 9)], (0, 8), name) for shift, name in ((0, "a"), (0.8, "b")))
    assert [row["verb"] for row in run(join(a, b), make_view())] == ["meets"]
    dog = b.set_column(b.column_names.index("label"), b.schema.field("label"), [["dog"] * b.num_rows])
    assert run(join(a, dog), make_view()) == []


def test_a_short_break_does_not_end_a_meeting_and_a_long_one_does():
    def rows(gap_s):
        away = on_ground([(3, 9), (3, 9)], (10.1, 10 + gap_s - 0.1), "b")
        parts = [on_ground([(0.6, 9)] * 2, times_s, "b") for times_s in ((0, 10), (10 + gap_s, 20 + gap_s))]
        return run(join(on_ground([(0, 9)] * 2, (0, 30), "a"), away, *parts), make_view(), meet_speed_m_s=9)

    assert len(rows(0.6)) == 1
    assert len(rows(5)) == 2


def test_without_calibration_people_meet_by_their_heights():
    a = go([(300, 200), (300, 200)], (0, 10), "a")
    near = go([(340, 205), (340, 205)], (0, 10), "b")
    (row,) = run(join(a, near))
    assert row["evidence"]["mean_distance_heights"] == pytest.approx(0.5, abs=0.05)
    assert run(join(a, go([(380, 205), (380, 205)], (0, 10), "b"))) == []
    assert run(join(a, go([(340, 205), (340, 205)], (0, 10), "b", height_px=120))) == []  # far behind a


# --- zones ---------------------------------------------------------------------------------------------------------


def test_zones_entered_and_left_are_interactions_and_lines_are_not():
    zone = Feature("hall", "layer", FeatureKind.ZONE, "pixel", "cam1", shapely.box(250, 100, 350, 300))
    line = Feature("seam", "layer", FeatureKind.LINE, "pixel", "cam1", shapely.LineString([(300, 0), (300, 400)]))
    entered, left = run(go([(150, 200), (450, 200)], (0, 15)), features=[zone, line])
    assert [(row["verb"], row["object"], row["object_kind"]) for row in (entered, left)] == [
        ("enters", "hall", "zone"),
        ("exits", "hall", "zone"),
    ]
    assert entered["start_time"] == entered["end_time"]
    assert left["evidence"]["dwell_s"] == pytest.approx(5, abs=0.3)
    assert entered["score"] == pytest.approx(0.8)


# --- abandons ------------------------------------------------------------------------------------------------------

OWNER = go([(20, 300), (290, 300), (290, 300), (20, 300), (2, 300)], (0, 8, 12, 20, 21), "owner")
LEFT_AT_S = 10.0
REGION = (SEGMENT, 0, LEFT_AT_S, 59.0, BAG)


def abandoned(points=OWNER, regions=(REGION,), **more):
    return [row for row in run(points, regions=regions, **more) if row["verb"] == "abandons"]


def test_a_bag_whose_owner_walks_off_is_abandoned():
    (row,) = abandoned()
    assert (row["subject"], row["subject_label"]) == ("owner", "person")
    assert (row["object"], row["object_kind"]) == (f"{SEGMENT.segment_id}-r0", "static_region")
    start_s, end_s = seconds_of(row)
    assert 13 < start_s < 18  # he is 1.5 body heights off
    assert end_s == pytest.approx(59)
    assert row["evidence"]["box_px"] == list(BAG)
    assert row["evidence"]["first_time"].startswith("2026-03-02T22:00:10")
    assert row["evidence"]["owner_gap_widths"] == 0


def test_on_the_ground_away_is_metres():
    places = [(-4, 9), (-0.5, 9), (-0.5, 9), (-4, 9), (-4, 9)]
    owner = on_ground(places, (0, 8, 12, 20, 50), "owner")
    x, y = project(ORIGIN_M[None] + [0.0, 9.0])[0]
    region = (SEGMENT, 0, LEFT_AT_S, 59.0, (x - 10, y - 15, x + 10, y))
    (row,) = abandoned(owner, [region], view=make_view())
    assert seconds_of(row)[0] == pytest.approx(16.6, abs=0.5)  # 3.5 m in 8 s: 2.5 m off after 4.6 s
    assert abandoned(owner, [region], view=make_view(), away_m=5.0, leave_s=20.0) == []


@pytest.mark.parametrize(
    ("points", "region"),
    [
        (go([(20, 100), (600, 100)], (0, 20), "passer"), REGION),  # nobody was at it
        (go([(20, 300), (290, 300), (290, 300)], (0, 8, 59), "owner"), REGION),  # the owner stays
        (OWNER, (SEGMENT, 0, LEFT_AT_S, 22.0, BAG)),  # it is gone soon after
        (OWNER, (SEGMENT, 0, LEFT_AT_S, 59.0, (250.0, 150.0, 400.0, 300.0))),  # larger than the owner
        (go([(20, 300), (290, 300), (290, 300), (20, 300)], (30, 38, 42, 50), "late"), REGION),  # came long after
    ],
)
def test_what_is_not_abandoned(points, region):
    assert abandoned(points, [region]) == []


def test_an_owner_who_comes_back_in_time_has_not_abandoned_it():
    back = go([(20, 300), (290, 300), (290, 300), (100, 300), (290, 300), (290, 300)], (0, 8, 12, 16, 20, 59), "owner")
    assert abandoned(back) == []
    late = go([(20, 300), (290, 300), (290, 300), (20, 300), (20, 300), (290, 300)], (0, 8, 12, 20, 40, 48), "owner")
    (row,) = abandoned(late)
    assert 42 < seconds_of(row)[1] < 48


def test_a_person_who_stands_still_is_not_a_thing():
    sleeper = go([(315, 300), (315, 300)], (10, 59), "sleeper", height_px=60)
    box = (303.0, 240.0, 327.0, 300.0)
    assert abandoned(join(OWNER, sleeper), [(SEGMENT, 0, LEFT_AT_S, 59.0, box)]) == []


def test_an_owner_who_gets_another_track_is_the_same_owner():
    first = go([(20, 300), (290, 300), (290, 300)], (0, 8, 11), "a")
    second = go([(288, 298), (290, 300), (20, 300), (2, 300)], (11.5, 13, 21, 22), "b")
    (row,) = abandoned(join(first, second))
    assert (row["subject"], row["evidence"]["left_as_track"]) == ("a", "b")
    stays = go([(288, 298), (290, 300)], (11.5, 59), "b")
    assert abandoned(join(first, stays)) == []


def test_somebody_else_at_the_place_makes_the_owner_less_certain():
    other = go([(350, 300), (350, 300), (600, 300)], (8, 10, 20), "other")
    (alone,), (doubtful,) = abandoned(), abandoned(join(OWNER, other))
    assert doubtful["subject"] == "owner"
    assert doubtful["score"] < alone["score"]


def test_a_bag_seen_in_the_region_makes_it_surer_and_one_seen_before_makes_it_taken():
    (plain,), (sure,) = abandoned(), abandoned(bags=range(12, 30))
    assert sure["score"] > plain["score"]
    assert sure["evidence"]["bag_seen_s"] == 18
    assert abandoned(bags=range(6)) == []
    assert len(abandoned(bags=[*range(6), *range(15, 30)])) == 1


def test_a_thing_goes_on_over_a_segments_border_as_one():
    regions = [(SEGMENT, 0, 50.0, 59.5, BAG), (NEXT, 3, 60.0, 118.0, BAG)]
    late = go([(20, 300), (290, 300), (290, 300), (20, 300)], (40, 48, 52, 59), "owner")
    (row,) = abandoned(late, regions, segments=(SEGMENT, NEXT))
    assert row["object"] == f"{SEGMENT.segment_id}-r0"
    assert seconds_of(row)[1] == pytest.approx(118)


def test_a_thing_that_no_change_is_seen_of_in_the_next_segment_is_still_there():
    late = go([(20, 300), (290, 300), (290, 300), (20, 300)], (40, 48, 52, 59), "owner")
    (row,) = abandoned(late, [(SEGMENT, 0, 50.0, 59.5, BAG)], segments=(SEGMENT, NEXT))
    assert seconds_of(row)[1] == pytest.approx(120)
    assert abandoned(late, [(SEGMENT, 0, 50.0, 59.5, BAG)]) == []


def test_a_thing_taken_in_the_next_segment_is_not_left_again():
    first, second = (
        go([(20, 300), (290, 300), (290, 300), (20, 300), (2, 300)], times_s, name)
        for times_s, name in (((30, 38, 42, 50, 51), "owner"), ((70, 78, 82, 90, 91), "thief"))
    )
    regions = [(SEGMENT, 0, 40.0, 59.5, BAG), (NEXT, 0, 80.0, 119.0, BAG)]
    (row,) = abandoned(join(first, second), regions, segments=(SEGMENT, NEXT))
    assert row["subject"] == "owner"
    assert seconds_of(row)[1] == pytest.approx(80)


def test_boxes_are_scaled_to_the_size_of_the_calibration():
    half = make_segment(duration_s=60, size_px=(320, 240))
    owner = go(
        [(10, 150), (145, 150), (145, 150), (10, 150), (1, 150)], (0, 8, 12, 20, 21), "owner", half, height_px=40
    )
    small = tuple(side / 2 for side in BAG)
    view = CameraView("cam1", "", "UTC", True, image_size_px=SIZE_PX)
    (row,) = abandoned(owner, [(half, 0, LEFT_AT_S, 59.0, small)], segments=[half], view=view)
    assert row["evidence"]["box_px"] == list(BAG)


# --- the op --------------------------------------------------------------------------------------------------------


def test_nothing_in_gives_nothing_out_and_lacking_tables_are_empty():
    op, nobody = Interactions(), TABLES["track_points"].empty()
    unit = make_unit([SEGMENT], PLAIN, unit="day")
    assert op.run(unit, {"track_points": nobody}, FakeServices())["interactions"].num_rows == 0
    assert (
        op.run(make_unit([], PLAIN, unit="day"), {"track_points": nobody}, FakeServices())["interactions"].num_rows == 0
    )
    assert (
        op.run(unit, {"track_points": OWNER, "static_regions": still(REGION)}, FakeServices())["interactions"].num_rows
        == 1
    )


def test_the_order_of_the_rows_that_come_in_changes_nothing():
    shuffled = OWNER.take(np.random.default_rng(0).permutation(OWNER.num_rows))
    assert abandoned(shuffled) == abandoned()


@pytest.mark.slow
@pytest.mark.assets
def test_the_bag_of_the_aboda_clip_is_found(assets):
    """The man puts it down about 13 s after the start and is out of view at about 22 s."""
    fps, step = 29.97, 6
    segment = make_segment(duration_s=1169 / fps, fps=fps / step, size_px=(720, 480))
    unit, services = make_unit([segment]), FakeServices()
    detect, background = Detect(DetectParams()), Background(BackgroundParams())
    weights = ModelStore(assets / "weights").resolve(ModelRequest("yolo11n_int8_openvino_model", "detect"))
    detect.open({DETECTOR: weights}, 1)
    sessions = [op.start(unit, {}, services) for op in (detect, background)]
    with av.open(str(assets / "video/aboda_video4.avi")) as clip:
        for number, image in enumerate(itertools.islice(clip.decode(video=0), 0, None, step)):
            batch = make_batch(image.to_ndarray(format="bgr24")[None], segment, number, fps / step)
            sessions[0].feed(batch)
            if number % 2 == 0:
                sessions[1].feed(batch)
    tables = dict(sessions[0].finish({}))
    tables |= sessions[1].finish(tables)
    detect.close()
    day = make_unit([segment], unit="day")
    tables |= Track(TrackParams()).run(unit, tables, services)
    tables |= Link(LinkParams()).run(day, tables, services)
    rows = Interactions().run(day, tables, services)["interactions"].to_pylist()
    (row,) = [row for row in rows if row["verb"] == "abandons"]
    box = json.loads(row["evidence"])["box_px"]
    assert shapely.box(*box).intersection(shapely.box(450, 367, 503, 415)).area > 0.5 * shapely.box(*box).area
    assert 18 < seconds_of(row)[0] < 24
    assert seconds_of(row)[1] > 35
