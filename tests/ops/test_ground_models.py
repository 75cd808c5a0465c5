"""The op ``ground`` on simulated people, and positions of cameras that nobody surveyed, or that two points place."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ops.depth_models.kinds import MetricDepth
from ops.depth_models.rows import pack_depth
from ops.ground.ground_model import lay_on
from ops.ground.pinhole import PinholeGround
from ops.ground.places import known_ground
from ops.ground.project import to_ground
from ops.ground.rows import plane_of, used_row
from ops.ground.sources import SURER
from ops.ground_models import Ground
from ops.local_positions import LocalPositions
from ops.positions import Positions
from schemas.tables import TABLES
from schemas.values import CameraView, ControlPoint, Float64
from tests.ops.ground.simulated import Crowd, simulate_track_points
from tests.support.fakes import FakeServices, make_segment, make_unit

CAMERA = PinholeGround((1280, 720), 1100.0, np.radians(18), np.radians(1.5), 5.0)
SEGMENT = make_segment(duration_s=300, size_px=CAMERA.size_px)
VIEW = CameraView("cam1", "Camera 1", "Europe/Amsterdam", fixed=True, image_size_px=CAMERA.size_px)
LENS_M = np.array([121000.0, 486000.0])
HEADING = np.radians(60)
"""The camera looks so far to the east of north."""


@pytest.fixture(scope="module")
def points() -> pa.Table:
    """People who walk before the camera."""
    return simulate_track_points(CAMERA, SEGMENT, Crowd(tracks=60))


def on_map(local_m: Float64) -> Float64:
    right = np.array([np.cos(HEADING), -np.sin(HEADING)])
    ahead = np.array([np.sin(HEADING), np.cos(HEADING)])
    return np.asarray(LENS_M + local_m[:, :1] * right + local_m[:, 1:] * ahead)


def surveyed(*local_m: tuple[float, float], stretched: float = 1.0) -> CameraView:
    """The view with control points at these places before the camera."""
    local = np.array(local_m)
    pixels = CAMERA.project(np.column_stack([local, np.zeros(len(local))]))
    places = on_map(local * stretched)
    found = [ControlPoint(u, v, x, y) for (u, v), (x, y) in zip(pixels.tolist(), places.tolist(), strict=True)]
    return replace(VIEW, control_points=tuple(found))


def measure(points: pa.Table, view: CameraView) -> tuple[pa.Table, dict[str, dict[str, Any]]]:
    unit = make_unit((SEGMENT,), view, unit="day")
    table = Ground().run(unit, {"track_points": points}, FakeServices())["ground_models"]
    return table, {row["source"]: row for row in table.to_pylist()}


def locate(op: Positions | LocalPositions, points: pa.Table, view: CameraView, models: pa.Table) -> pa.Table:
    unit = make_unit((SEGMENT,), view, unit="day")
    (table,) = op.run(unit, {"track_points": points, "ground_models": models}, FakeServices()).values()
    return table


def places(table: pa.Table) -> Float64:
    return np.column_stack([table["x_m"].to_numpy(), table["y_m"].to_numpy()])


def true_places(points: pa.Table, table: pa.Table) -> Float64:
    """Where the feet of the points in a table of positions really are, before the camera."""
    kept = {(row["track_id"], row["time"]): row for row in points.to_pylist()}
    rows = [kept[key] for key in zip(table["track_id"].to_pylist(), table["time"].to_pylist(), strict=True)]
    feet = np.array([((row["x1"] + row["x2"]) / 2, row["y2"]) for row in rows])
    return to_ground(CAMERA.ground_plane("cam1"), feet)


def test_without_a_survey_people_give_local_positions_in_metres(points: pa.Table) -> None:
    models, rows = measure(points, replace(VIEW, image_size_px=None))
    assert [name for name, row in rows.items() if row["used"]] == ["fused"]
    assert rows["people"]["people"] > 200 and rows["people"]["reason"] is None
    assert (rows["control_points"]["reason"], rows["depth"]["reason"]) == ("no control points", "no depth map")
    for name, true in (("focal", 1100.0), ("height", 5.0)):
        unit = "px" if name == "focal" else "m"
        assert abs(rows["fused"][f"{name}_{unit}"] - true) < 3 * rows["fused"][f"{name}_sigma_{unit}"]
    table = locate(LocalPositions(), points, VIEW, models)
    assert locate(Positions(), points, VIEW, models).num_rows == 0
    truth = true_places(points, table)
    assert table.num_rows > 500
    assert np.median(np.linalg.norm(lay_on(places(table), truth) - truth, axis=1)) < 0.5


def test_two_points_place_the_camera_on_the_map(points: pa.Table) -> None:
    view = surveyed((-3.0, 10.0), (4.0, 22.0))
    models, rows = measure(points, view)
    fused = rows["fused"]
    assert fused["used"] and fused["frame"] == "site" and fused["reason"] is None
    assert abs(fused["scale"] - 1) < 3 * fused["scale_sigma"] < 0.5
    assert fused["heading_deg"] == pytest.approx(60, abs=4)
    table = locate(Positions(), points, view, models)
    assert locate(LocalPositions(), points, view, models).num_rows == 0
    truth = on_map(true_places(points, table))
    off = places(table) - truth
    assert np.median(np.linalg.norm(off, axis=1)) < 0.6
    spread = np.array(
        [[table[f"{a}_m2"].to_numpy() for a in row] for row in (("var_x", "cov_xy"), ("cov_xy", "var_y"))]
    )
    distance2 = np.einsum("in,nij,jn->n", off.T, np.linalg.inv(spread.transpose(2, 0, 1)), off.T)
    assert (distance2 < 9.21).mean() > 0.9, "the covariance says how unsure positions are"


def test_points_whose_distance_contradicts_peoples_stature_set_the_scale_and_say_so(points: pa.Table) -> None:
    view = surveyed((-3.0, 10.0), (4.0, 14.0), stretched=2.0)
    fused = measure(points, view)[1]["fused"]
    assert fused["scale"] == pytest.approx(2.0, rel=0.15)
    assert fused["height_m"] == pytest.approx(10.0, rel=0.2), "a survey is surer of a scale than people"
    assert "times as far apart on the map" in fused["reason"]


def test_a_known_height_fixes_the_scale(points: pa.Table) -> None:
    rows = measure(points, replace(VIEW, position_m=(0.0, 0.0, 5.0)))[1]
    assert rows["fused"]["height_m"] == pytest.approx(5.0, rel=0.03)
    assert rows["fused"]["height_sigma_m"] < rows["people"]["height_sigma_m"] / 2
    wrong = measure(points, replace(VIEW, position_m=(0.0, 0.0, 12.0)))[1]["fused"]
    assert wrong["height_m"] == pytest.approx(12.0) and "12 m of height" in wrong["reason"]


def test_four_points_are_used_and_the_others_are_held_against_them(points: pa.Table) -> None:
    view = surveyed((-3.0, 10.0), (3.0, 9.0), (4.0, 22.0), (-5.0, 24.0), (0.0, 14.0))
    models, rows = measure(points, view)
    assert rows["control_points"]["used"] and not rows["fused"]["used"]
    assert rows["control_points"]["height_m"] == pytest.approx(5.0, rel=0.01)
    assert rows["control_points"]["tilt_deg"] == pytest.approx(18, abs=0.2)
    assert rows["fused"]["agrees"] and 0 < rows["fused"]["disagreement_m"] < 1
    with_models = locate(Positions(), points, view, models)
    assert with_models.equals(locate(Positions(), points, view, models.schema.empty_table()))


NEAR = ((-1.5, 9.0), (1.5, 9.2), (-1.8, 12.0), (1.6, 12.2))
"""Four points so near to each other that clicks of two pixels leave the far ground open."""


def clicked(view: CameraView, seed: int = 3) -> CameraView:
    """The view with control points that somebody read a little wrong."""
    off = np.random.default_rng(seed).normal(0, 2.0, (len(view.control_points), 2)).tolist()
    moved = zip(view.control_points, off, strict=True)
    return replace(view, control_points=tuple(replace(p, u_px=p.u_px + u, v_px=p.v_px + v) for p, (u, v) in moved))


def test_points_near_each_other_are_made_surer_by_people_who_agree_with_them(points: pa.Table) -> None:
    view = clicked(surveyed(*NEAR))
    models, rows = measure(points, view)
    assert rows["fused"]["used"] and rows["fused"]["frame"] == "site" and rows["control_points"]["agrees"]
    assert rows["fused"]["sigma_share"] * SURER <= rows["control_points"]["sigma_share"]
    off_m = []
    for inputs in (models, models.schema.empty_table()):
        table = locate(Positions(), points, view, inputs)
        off_m.append(np.linalg.norm(places(table) - on_map(true_places(points, table)), axis=1))
    of_all, alone = (np.quantile(each, 0.9) for each in off_m)
    assert of_all < 0.6 and of_all < alone / 2


def test_clicks_that_show_no_perspective_are_as_unsure_as_can_be(points: pa.Table) -> None:
    """Four points far away are nearly a parallelogram in the picture; as one, they fix no camera."""
    view = surveyed((-0.7, 20.0), (0.9, 20.0), (-0.7, 22.5), (0.9, 22.5))
    first, second, third, fourth = (np.array([p.u_px, p.v_px]) for p in view.control_points)
    off = (first + fourth - second - third) / 4
    signs = (-1, 1, 1, -1)
    control = [
        replace(p, u_px=p.u_px + s * off[0], v_px=p.v_px + s * off[1])
        for p, s in zip(view.control_points, signs, strict=True)
    ]
    rows = measure(points, replace(view, control_points=tuple(control)))[1]
    assert rows["control_points"]["sigma_share"] is None and "perspective" in rows["control_points"]["reason"]
    assert rows["fused"]["used"] and rows["fused"]["frame"] == "site"
    assert rows["fused"]["height_m"] == pytest.approx(5.0, rel=0.1)


def test_points_near_each_other_that_people_contradict_are_used_with_a_warning(points: pa.Table) -> None:
    rows = measure(points, surveyed(*NEAR, stretched=2.0))[1]
    assert rows["control_points"]["used"] and rows["fused"]["frame"] == "local"
    assert rows["fused"]["agrees"] is False


def test_a_camera_that_was_surveyed_since_takes_its_control_points(points: pa.Table) -> None:
    """A program may read yesterday's rows with today's ``site.toml``."""
    before = measure(points, VIEW)[0]
    ground = known_ground(surveyed(*NEAR), {"ground_models": before})
    assert ground is not None and ground.on_map and not ground.measured


def depth_maps(stretched: float = 1.0) -> pa.Table:
    """The true depth of the ground, metric; a network may be wrong by one factor."""
    u, v = np.meshgrid(np.arange(320) + 0.5, np.arange(180) + 0.5)
    depth = CAMERA.ground_depth_m(np.column_stack([u.ravel(), v.ravel()]) * 4).reshape(180, 320)
    near = np.where(depth < 60, depth, np.nan) * stretched
    row = {
        "camera": "cam1",
        "view": 0,
        "segment_id": SEGMENT.segment_id,
        "start_time": SEGMENT.start,
        "end_time": SEGMENT.end,
        "source_width": 1280,
        "source_height": 720,
        "focal_px": 1100.0,
        "model": "m",
        **pack_depth(MetricDepth(near.astype(np.float32)), 640),
    }
    return TABLES["depth_maps"].conform({name: [value] for name, value in row.items()})


def test_metric_depth_is_fused_with_people_unless_they_contradict_each_other(points: pa.Table) -> None:
    unit = make_unit((SEGMENT,), VIEW, unit="day")

    def run(maps: pa.Table) -> tuple[dict[str, dict[str, Any]], pa.Table]:
        found = Ground().run(unit, {"track_points": points, "depth_maps": maps}, FakeServices())
        return {row["source"]: row for row in found["ground_models"].to_pylist()}, found["floors"]

    rows, floors = run(depth_maps())
    assert floors.num_rows == 1 and floors["scale_source"].to_pylist() == ["metric"]
    assert rows["depth"]["reason"] is None and rows["depth"]["height_m"] == pytest.approx(5.0, rel=0.02)
    for name in ("focal_sigma_px", "height_sigma_m", "tilt_sigma_deg"):
        assert rows["fused"][name] < min(rows["people"][name], rows["depth"][name])
    assert abs(rows["fused"]["focal_px"] - 1100) < 2 * rows["fused"]["focal_sigma_px"]
    wrong, _ = run(depth_maps(stretched=2.5))
    left_out = [name for name, row in wrong.items() if row["reason"] == "it disagrees with the surer source"]
    assert len(left_out) == 1 and wrong[left_out[0]]["agrees"] is False
    (kept,) = {"people", "depth"} - set(left_out)
    assert wrong["fused"]["height_m"] == pytest.approx(wrong[kept]["height_m"])


def test_whole_days_of_nobody_of_one_who_stands_and_of_a_moving_camera_say_why(points: pa.Table) -> None:
    models, rows = measure(points.slice(0, 0), VIEW)
    assert used_row(models) is None and "0 boxes of 0 people" in rows["people"]["reason"]
    assert locate(LocalPositions(), points, VIEW, models).num_rows == 0
    still = simulate_track_points(CAMERA, SEGMENT, Crowd(tracks=4, moves=False))
    assert "who walk in full view" in measure(still, VIEW)[1]["people"]["reason"]
    assert "fixed = false" in measure(points, replace(VIEW, fixed=False))[1]["people"]["reason"]


def test_a_point_above_the_horizon_or_two_at_one_place_leave_the_camera_off_the_map(points: pa.Table) -> None:
    sky = replace(VIEW, control_points=(ControlPoint(600, 5, *LENS_M), ControlPoint(600, 600, *(LENS_M + 9))))
    fused = measure(points, sky)[1]["fused"]
    assert fused["frame"] == "local" and "control point 1 is above the horizon" in fused["reason"]
    near = surveyed((0.0, 12.0), (0.0, 12.2))
    assert "too close to each other" in measure(points, near)[1]["fused"]["reason"]


def test_the_plane_of_a_row_is_the_one_that_was_measured(points: pa.Table) -> None:
    models, rows = measure(points, surveyed((-3.0, 10.0), (4.0, 22.0)))
    plane = plane_of(rows["fused"])
    assert plane.size_px == CAMERA.size_px and plane.matrix_covariance is not None
    assert np.linalg.eigvalsh(plane.matrix_covariance)[0] > -1e-9 * np.trace(plane.matrix_covariance)
    assert measure(points, surveyed((-3.0, 10.0), (4.0, 22.0)))[0].equals(models), "the same rows give the same bytes"
