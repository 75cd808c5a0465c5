"""Relations of made-up people whose places and whose order before the lens are known."""

import numpy as np
import pyarrow as pa
import pytest

from ops.positions import Positions, PositionsParams
from ops.relations import Relations, RelationsParams
from schemas.tables import TABLES
from schemas.values import CameraView, ControlPoint, Float64
from tests.ops.ground_scene import (
    FOCAL_PX,
    ORIGIN_M,
    SIZE_PX,
    depth_m,
    join,
    local_inputs,
    make_points,
    make_view,
    project,
)
from tests.support.fakes import FakeServices, make_segment, make_unit

SEGMENT = make_segment(duration_s=30, size_px=SIZE_PX)
TIMES_S = np.arange(40) / 10


def person(track: str, begin: tuple[float, float], velocity: tuple[float, float] = (0, 0), label: str = "person"):
    """``track_points`` of somebody of 1.7 m, upright before the lens."""
    places = ORIGIN_M + np.array(begin) + np.array(velocity) * TIMES_S[:, None]
    height_px = float(FOCAL_PX * 1.6 / depth_m(places).mean())
    return make_points(SEGMENT, TIMES_S, project(places), track, height_px, label)


def relations(*points: pa.Table, view: CameraView | None = None, **params: object) -> pa.Table:
    unit = make_unit((SEGMENT,), view or make_view(), unit="day")
    given = join(*points)
    positions = Positions(PositionsParams()).run(unit, {"track_points": given}, FakeServices())["positions"]
    inputs = {"track_points": given, "positions": positions}
    table = Relations(RelationsParams(**params)).run(unit, inputs, FakeServices())["relations"]
    assert table.schema.equals(TABLES["relations"].schema, check_metadata=True)
    return table


def numbers(table: pa.Table, name: str) -> Float64:
    return np.asarray(table[name].cast(pa.float64()).to_numpy())


def test_two_who_walk_towards_each_other() -> None:
    table = relations(person("a", (-1.5, 9), (0.5, 0)), person("b", (1.5, 9), (-0.5, 0)))
    assert table.num_rows == 8, "two a second, for four seconds"
    time_s = np.arange(8) / 2
    assert numbers(table, "distance_m") == pytest.approx(np.abs(3 - time_s), abs=0.06)
    inner = slice(1, 5)
    assert numbers(table, "bearing_deg")[inner] == pytest.approx(np.full(4, 90), abs=4)
    assert numbers(table, "closing_speed_m_s")[inner] == pytest.approx(np.full(4, 1.0), abs=0.1)
    assert numbers(table, "time_to_collision_s")[inner] == pytest.approx(2.4 - time_s[inner], abs=0.3)
    assert set(table["track_a"].to_pylist()) == {"a"} and set(table["track_b"].to_pylist()) == {"b"}


def test_the_nearer_of_two_who_overlap_is_in_front_whatever_their_names() -> None:
    near, far = (0.0, 7.0), (0.1, 9.5)
    found = relations(person("a", near), person("b", far))
    assert set(found["in_front"].to_pylist()) == {"a"}
    assert numbers(found, "front_probability").min() > 0.8
    named = relations(person("b", near), person("a", far))
    assert set(named["in_front"].to_pylist()) == {"b"}
    assert numbers(named, "front_probability") == pytest.approx(1 - numbers(found, "front_probability"), abs=1e-5)
    assert numbers(named, "hidden_share") == pytest.approx(numbers(found, "hidden_share"))
    assert 0.2 < numbers(found, "hidden_share")[0] < 1
    assert (numbers(named, "bearing_deg") - numbers(found, "bearing_deg")) % 360 == pytest.approx(
        np.full(named.num_rows, 180), abs=1e-3
    )


def test_who_is_beside_or_as_far_away_is_not_in_front() -> None:
    beside = relations(person("a", (-1.5, 7)), person("b", (1.5, 9.5)))
    assert set(beside["in_front"].to_pylist()) == {None} and not numbers(beside, "hidden_share").any()
    close = relations(person("a", (0.0, 9.0)), person("b", (0.3, 9.05)))
    assert set(close["in_front"].to_pylist()) == {None}, "five centimetres are within the error"
    assert numbers(close, "hidden_share").min() > 0
    assert numbers(close, "front_probability") == pytest.approx(np.full(close.num_rows, 0.5), abs=0.2)


def test_who_is_far_or_of_another_class_is_not_compared() -> None:
    far = person("a", (-3, 6)), person("b", (3, 13))
    assert relations(*far).num_rows == 0
    assert relations(*far, reach_m=20.0).num_rows == 8
    bag = person("a", (0, 8)), person("b", (1, 8), label="suitcase")
    assert relations(*bag).num_rows == 0
    assert relations(*bag, labels=("person", "suitcase")).num_rows == 8


def test_a_crowd_has_a_bounded_number_of_rows() -> None:
    random = np.random.default_rng(4)
    crowd = [person(f"p{i:02}", (x, y)) for i, (x, y) in enumerate(random.uniform((-2, 7), (2, 11), (30, 2)))]
    table = relations(*crowd, neighbours=3)
    assert table.num_rows <= 30 * 3 * 8


def test_an_uncalibrated_camera_has_none_and_one_that_looks_straight_down_tells_no_order() -> None:
    points = person("a", (0, 7)), person("b", (0.1, 9.5))
    assert relations(*points, view=CameraView("cam1", "Camera 1", "Europe/Amsterdam", True)).num_rows == 0
    corners = ((0, 0, -4, 3), (640, 0, 4, 3), (640, 480, 4, -3), (0, 480, -4, -3))
    down = CameraView("cam1", "", "UTC", True, tuple(ControlPoint(*map(float, c)) for c in corners), SIZE_PX)
    table = relations(*points, view=down)
    assert table.num_rows == 8
    for name in ("front_probability", "in_front", "hidden_share"):
        assert table[name].null_count == 8


def test_a_camera_that_nobody_placed_on_the_map_has_relations_of_its_own_frame() -> None:
    """On the ground of ``ground_models``: the same distances and order; it looks north, so bearings agree, too."""
    points = join(person("a", (0, 7), (0.3, 0)), person("b", (0.1, 9.5), (0.3, 0)))
    bare, inputs = local_inputs(points)
    unit = make_unit((SEGMENT,), bare, unit="day")
    table = Relations().run(unit, inputs, FakeServices())["relations"]
    surveyed = relations(points)
    assert set(table["frame"].to_pylist()) == {"local"} and set(surveyed["frame"].to_pylist()) == {"site"}
    assert table["in_front"].to_pylist() == surveyed["in_front"].to_pylist() == ["a"] * 8
    for name in ("distance_m", "bearing_deg", "front_probability", "hidden_share"):
        difference = numbers(table, name) - numbers(surveyed, name)
        assert np.abs((difference + 180) % 360 - 180).max() < 0.02, name


def test_who_walks_side_by_side_is_a_group_and_who_comes_towards_them_is_not() -> None:
    walk = (0.9, 0.0)
    points = person("b", (-1.5, 8), walk), person("a", (-1.4, 8.8), walk), person("c", (1.5, 9.6), (-0.9, 0))
    unit = make_unit((SEGMENT,), make_view(), unit="day")
    positions = Positions().run(unit, {"track_points": join(*points)}, FakeServices())["positions"]
    inputs = {"track_points": join(*points), "positions": positions}
    table = Relations().run(unit, inputs, FakeServices())["walking_groups"]
    assert table.schema.equals(TABLES["walking_groups"].schema, check_metadata=True)
    assert table.select(["group_id", "track_id", "members"]).to_pylist() == [
        {"group_id": "a", "track_id": "a", "members": 2},
        {"group_id": "a", "track_id": "b", "members": 2},
    ]
    assert numbers(table, "apart_m") == pytest.approx(np.full(2, np.hypot(0.1, 0.8)), abs=0.05)
    assert numbers(table, "together_s") == pytest.approx(np.full(2, 4.0))
