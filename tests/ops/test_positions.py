"""Positions of made-up walks whose place, speed and heading are known, and of PETS through the real detector."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyproj import Transformer
from scipy.optimize import linear_sum_assignment

from ops.boxes import iou_matrix
from ops.detect import Detect, DetectParams
from ops.ground.distortion import RadialDistortion
from ops.positions import Positions, PositionsParams
from schemas.op import DETECTOR, ModelRequest
from schemas.tables import TABLES
from schemas.values import CameraView, ControlPoint
from storage.weights.catalogue import ModelStore
from tests.ops.ground_scene import FOCAL_PX, ORIGIN_M, SIZE_PX, depth_m, join, make_points, make_view, project
from tests.support.fakes import START, FakeServices, make_batch, make_segment, make_unit

SEGMENT = make_segment(duration_s=30, size_px=SIZE_PX)


def positions(points, view=None, segments=(SEGMENT,), **params):
    unit = make_unit(segments, view or make_view(), unit="day")
    table = Positions(PositionsParams(**params)).run(unit, {"track_points": points}, FakeServices())["positions"]
    assert table.schema.equals(TABLES["positions"].schema, check_metadata=True)
    return table


def places(table):
    return np.column_stack([table["x_m"].to_numpy(), table["y_m"].to_numpy()])


def walk(times_s, velocity=(0.6, 0.8), begin=(-2.0, 6.0)):
    """A straight walk: places in the site's CRS."""
    return ORIGIN_M + np.array(begin) + np.array(velocity) * times_s[:, None]


def test_a_straight_walk_is_put_where_it_is_with_its_speed_and_heading():
    times_s = np.sort(np.random.default_rng(0).uniform(0, 5, 60))  # any frame rate
    table = positions(make_points(SEGMENT, times_s, project(walk(times_s))))
    assert np.abs(places(table) - walk(times_s)).max() < 0.03
    speed, heading = table["speed_m_s"].to_numpy(), table["heading_deg"].to_numpy()
    assert speed == pytest.approx(np.full(60, 1.0), abs=0.1)
    assert heading == pytest.approx(np.full(60, np.degrees(np.arctan2(0.6, 0.8))), abs=6)


@pytest.mark.parametrize(("velocity", "heading"), [((0, 1), 0), ((1, 0), 90), ((0, -1), 180), ((-1, 0), 270)])
def test_headings_go_clockwise_from_north(velocity, heading):
    times_s = np.arange(20) / 10
    table = positions(make_points(SEGMENT, times_s, project(walk(times_s, velocity, (0.0, 9.0)))))
    turned = (table["heading_deg"].to_numpy() - heading + 180) % 360 - 180
    assert np.abs(turned).max() < 3
    assert ((table["heading_deg"].to_numpy() >= 0) & (table["heading_deg"].to_numpy() < 360)).all()


def test_feet_are_where_they_are_whatever_the_lens_bends():
    lens = RadialDistortion(SIZE_PX, -0.12)
    view = make_view(((-3, 5), (3, 5), (-5, 14), (5, 14), (0, 9), (-2, 7), (2, 7), (0, 4.5), (-4, 10), (4, 10)))
    bent = lens.bend(np.array([(point.u_px, point.v_px) for point in view.control_points]))
    points = tuple(
        replace(point, u_px=u, v_px=v) for point, (u, v) in zip(view.control_points, bent.tolist(), strict=True)
    )
    times_s = np.arange(40) / 10
    truth = walk(times_s, (0.6, 0.3), (-2.0, 5.0))
    feet = make_points(SEGMENT, times_s, lens.bend(project(truth)))
    table = positions(feet, replace(view, control_points=points))
    assert np.abs(places(table) - truth).max() < 0.03
    assert table["speed_m_s"].to_numpy()[5:-5] == pytest.approx(np.full(30, np.hypot(0.6, 0.3)), abs=0.03)
    assert np.abs(places(positions(feet, view)) - truth).max() > 0.08, "without the lens they are elsewhere"


def test_feet_behind_somebody_are_where_the_own_height_says():
    """A box that ends where a nearer person begins is a third too short for 1.5 s."""
    times_s = np.arange(60) / 10
    truth = walk(times_s, (0.5, 0.0), (-1.5, 9.0))
    feet = project(truth)
    behind = (times_s > 2) & (times_s < 3.5)
    nearer = project(walk(times_s, (0.5, 0.0), (-1.5, 8.0)))
    front = make_points(SEGMENT, times_s[behind], nearer[behind], "b", height_px=160.0)

    def worst(shown, height_px):
        walker = make_points(SEGMENT, times_s, shown, "a", height_px=height_px)
        rows = positions(join(walker, front)).filter(pc.field("track_id") == "a")
        return np.abs(places(rows) - truth)[behind].max(), rows

    cut = np.where(behind, 40.0, 0.0)
    off, rows = worst(feet - np.column_stack([np.zeros(60), cut]), 120.0 - cut)
    assert off < 0.1
    spread = rows["var_y_m2"].to_numpy()
    assert spread[behind].min() > 4 * spread[~behind].max(), "and they are less sure"
    whole, same = worst(feet, 120.0)
    assert whole < 0.03 and same["var_y_m2"].to_numpy().max() == pytest.approx(spread[~behind].max(), rel=0.2)


def test_pixels_per_metre_are_those_of_the_frame_whatever_its_size():
    times_s = np.arange(3) / 10
    truth = walk(times_s, (0, 0), (0.0, 6.0))
    whole = positions(make_points(SEGMENT, times_s, project(truth)))
    assert whole["px_per_m"].to_numpy() == pytest.approx(FOCAL_PX / depth_m(truth), rel=1e-3)
    small = make_segment(duration_s=30, size_px=(SIZE_PX[0] // 2, SIZE_PX[1] // 2))
    half = positions(make_points(small, times_s, project(truth) / 2), segments=(small,))
    assert half["px_per_m"].to_numpy() == pytest.approx(whole["px_per_m"].to_numpy() / 2, rel=1e-3)


def test_who_stands_has_a_speed_but_no_heading_and_a_lone_point_has_neither():
    times_s = np.arange(20) / 10
    foot = project(walk(times_s, (0, 0)))
    table = positions(join(make_points(SEGMENT, times_s, foot, "a"), make_points(SEGMENT, times_s[:1], foot[:1], "b")))
    standing = table.filter(np.array(table["track_id"].to_pylist()) == "a")
    assert standing["speed_m_s"].to_numpy() == pytest.approx(np.zeros(20), abs=0.05)
    assert standing["heading_deg"].null_count == 20
    lone = table.filter(np.array(table["track_id"].to_pylist()) == "b").to_pylist()
    assert [(row["speed_m_s"], row["heading_deg"]) for row in lone] == [(None, None)]


def speeds(table):
    return [table[name].to_numpy().astype(float) for name in ("speed_m_s", "speed_sigma_m_s")]


def test_the_sigma_of_a_speed_covers_its_error():
    """Errors of boxes that are alike for half a second, as a detector's are, and as large as sigma_v_share says."""
    times_s = np.arange(280) / 10
    rng = np.random.default_rng(7)
    off = []
    for _ in range(20):
        noise = np.repeat(rng.normal(size=(56, 2)), 5, axis=0) * 0.05 * 80
        table = positions(make_points(SEGMENT, times_s, project(walk(times_s, (0.1, 0.2))) + noise))
        speed, sigma = speeds(table)
        off.append((speed - np.hypot(0.1, 0.2)) / sigma)
    share = np.mean(np.abs(np.concatenate(off)) < 2)
    assert 0.9 < share < 0.999, "neither too sure nor useless"


def test_who_is_faster_than_anybody_has_no_speed():
    times_s = np.arange(20) / 10
    sure = {"sigma_u_share": 0.005, "sigma_v_share": 0.005}
    points = make_points(SEGMENT, times_s, project(walk(times_s, (0.0, 6.0), (0.0, 5.0))))
    table = positions(points, max_speed_m_s=3.0, **sure)
    assert set(table["speed_m_s"].to_pylist()) == set(table["heading_deg"].to_pylist()) == {None}
    running = positions(make_points(SEGMENT, times_s, project(walk(times_s, (0.0, 4.0), (0.0, 5.0)))))
    assert np.median(speeds(running)[0]) == pytest.approx(4.0, abs=0.4), "runners are people"


def test_smoothing_lessens_jitter_and_the_covariance_covers_it():
    times_s = np.arange(280) / 10
    truth = walk(times_s, (0.1, 0.2))
    noise = np.random.default_rng(3).normal(size=(280, 2)) * 0.04 * 80
    points = make_points(SEGMENT, times_s, project(truth) + noise)
    raw, smooth = (places(positions(points, smooth_s=window_s)) - truth for window_s in (0.001, 0.5))
    assert np.hypot(*smooth.T).mean() < 0.6 * np.hypot(*raw.T).mean()
    table = positions(points)
    spread = np.stack([table[name].to_numpy() for name in ("var_x_m2", "cov_xy_m2", "cov_xy_m2", "var_y_m2")], axis=1)
    share = np.einsum("ni,nij,nj->n", raw, np.linalg.inv(spread.reshape(-1, 2, 2).astype(float)), raw)
    assert 0.9 < np.mean(share < 5.99) < 0.99  # 95 % of a 2-d Gaussian


def test_longitude_and_latitude_go_with_the_sites_crs():
    times_s = np.array([0.0])
    table = positions(make_points(SEGMENT, times_s, project(walk(times_s))))
    back = Transformer.from_crs("EPSG:4326", "EPSG:28992", always_xy=True)
    there = np.column_stack(back.transform(table["lon"].to_numpy(), table["lat"].to_numpy()))
    assert np.abs(there - places(table)).max() < 0.01
    assert 4 < table["lon"][0].as_py() < 6
    assert 51 < table["lat"][0].as_py() < 54


def test_points_near_and_above_the_horizon_are_left_out():
    times_s = np.arange(3) / 10
    horizon_v = SIZE_PX[1] / 2 - 600 * np.tan(np.radians(30))
    feet = np.array([[320.0, horizon_v - 5]] * 3)
    near = np.array([[320.0, horizon_v + 3]] * 3)
    low = np.array([[320.0, 300.0]] * 3)
    table = positions(join(*(make_points(SEGMENT, times_s, f, n) for f, n in ((feet, "a"), (near, "b"), (low, "c")))))
    assert table["track_id"].to_pylist() == ["c"] * 3


def test_feet_below_the_frame_and_guessed_boxes_are_less_certain():
    times_s = np.array([0.0])
    inside, cut = np.array([[320.0, 470.0]]), np.array([[320.0, 479.5]])
    seen, hidden, guessed = (
        positions(make_points(SEGMENT, times_s, foot, state=[state]))["var_y_m2"][0].as_py()
        for foot, state in ((inside, "observed"), (cut, "observed"), (inside, "interpolated"))
    )
    assert hidden > 10 * seen
    assert 3 * seen < guessed < 4 * seen, "twice as unsure, but for the calibration"


def test_a_person_who_leaves_over_the_lower_edge_walks_straight_on():
    """Boxes end at the edge: feet taken there would slide along it, and seem the surer the less of them is seen."""
    times_s = np.arange(30) / 10
    true_m = walk(times_s, velocity=(0.4, -1.2), begin=(-1.0, 5.5))
    foot = project(true_m)
    whole_px = 120.0
    cut = foot[:, 1] > SIZE_PX[1]
    seen_px = np.where(cut, SIZE_PX[1] - foot[:, 1] + whole_px, whole_px)
    kept = seen_px > 30
    shown = np.column_stack([foot[:, 0], np.minimum(foot[:, 1], SIZE_PX[1])])
    table = positions(make_points(SEGMENT, times_s[kept], shown[kept], height_px=seen_px[kept]))
    assert 5 < cut[kept].sum() < kept.sum() - 5
    assert np.linalg.norm(places(table) - true_m[kept], axis=1).max() < 0.1
    sigma_m = np.sqrt(table["var_y_m2"].to_numpy())[cut[kept]]
    assert sigma_m.min() > 3 * np.sqrt(table["var_y_m2"][0].as_py())


def test_frames_of_another_size_than_the_calibration_are_scaled():
    times_s = np.arange(20) / 10
    foot = project(walk(times_s))
    small = make_segment(index=1, duration_s=30, size_px=(320, 240))
    halved = make_points(small, times_s, foot / 2, "b", height_px=40)
    table = positions(join(make_points(SEGMENT, times_s, foot, "a"), halved), segments=(SEGMENT, small))
    of = np.array(table["track_id"].to_pylist())
    for name in ("x_m", "y_m", "var_x_m2", "speed_m_s"):
        column = table[name].to_numpy()
        assert column[of == "a"] == pytest.approx(column[of == "b"], rel=1e-4)


def test_uncalibrated_cameras_empty_days_and_other_labels_give_no_rows():
    times_s = np.arange(3) / 10
    points = make_points(SEGMENT, times_s, project(walk(times_s)))
    assert positions(points, CameraView("cam1", "", "UTC", True)).num_rows == 0
    assert positions(points.slice(0, 0)).num_rows == 0
    assert positions(points.slice(0, 0), segments=()).num_rows == 0
    assert positions(points, labels=("car",)).num_rows == 0


def test_a_row_of_a_segment_that_is_not_of_the_day_is_a_bug():
    times_s = np.arange(3) / 10
    with pytest.raises(ValueError, match="segments that are not of this unit"):
        positions(make_points(SEGMENT, times_s, project(walk(times_s))), segments=(make_segment(7),))


PETS_FPS, PETS_FRAMES = 7, 30


@pytest.fixture(scope="module")
def pets(assets: Path):
    """Control points, and the truth: frame, person, box in pixels of the clip, place in metres."""
    written = json.loads((assets / "gt/PETS09-S2L1/ground_control_points.json").read_text())
    shift = written["local_to_map"]
    control = tuple(
        ControlPoint(p["u_px"], p["v_px"], p["x_m"] + shift["x0_m"], p["y_m"] + shift["y0_m"])
        for p in written["points"]
    )
    rows = np.loadtxt(assets / "gt/PETS09-S2L1/gt.txt", delimiter=",")
    rows = rows[(rows[:, 6] > 0) & (rows[:, 0] <= PETS_FRAMES)]
    box = np.hstack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]) * 0.625
    place = rows[:, 7:9] + [shift["x0_m"], shift["y0_m"]]
    view = CameraView("cam1", "", "UTC", True, control, tuple(written["image_size_px"]))
    return view, rows[:, 0].astype(int) - 1, rows[:, 1].astype(int), box, place


@pytest.mark.slow
@pytest.mark.assets
def test_the_detectors_boxes_on_pets_stand_within_half_a_metre(assets: Path, pets):
    view, frame, person, box, place = pets
    segment = make_segment(duration_s=PETS_FRAMES / PETS_FPS, fps=PETS_FPS, size_px=view.image_size_px)
    found = detections(assets, segment)
    frame_of = np.round((found["time"].cast("int64").to_numpy() - START.timestamp() * 1e6) * PETS_FPS / 1e6)
    found_box = np.column_stack([found[name].to_numpy() for name in ("x1", "y1", "x2", "y2")]).astype(float)
    matched = []
    for number in range(PETS_FRAMES):
        true, seen = np.flatnonzero(frame == number), np.flatnonzero(frame_of == number)
        overlap = iou_matrix(box[true], found_box[seen])
        pairs = zip(*linear_sum_assignment(-overlap), strict=True)
        matched += [(true[i], seen[j]) for i, j in pairs if overlap[i, j] >= 0.5]
    true, seen = np.array(matched).T
    assert len(true) > 0.8 * len(frame)
    order = np.lexsort((frame[true], person[true]))
    true, seen = true[order], seen[order]
    tracks = [
        boxes(segment, frame[true[one]] / PETS_FPS, found_box[seen[one]], f"{number:03d}")
        for number in np.unique(person[true])
        for one in [person[true] == number]
    ]
    table = positions(join(*tracks), view, (segment,)).sort_by([("track_id", "ascending"), ("time", "ascending")])
    error_m = np.hypot(*(places(table) - place[true]).T)
    assert np.median(error_m) < 0.25
    assert np.percentile(error_m, 90) < 0.5


def detections(assets, segment):
    """People that the INT8 detector finds in the first frames of the clip."""
    detect = Detect(DetectParams())
    weights = ModelStore(assets / "weights").resolve(ModelRequest("yolo11n_int8_openvino_model", "detect"))
    detect.open({DETECTOR: weights}, 1)
    session = detect.start(make_unit([segment]), {}, FakeServices())
    with av.open(str(assets / "video/pets09_s2l1_480x360.mp4")) as clip:
        for number, image in enumerate(itertools.islice(clip.decode(video=0), PETS_FRAMES)):
            frames = image.to_ndarray(format="bgr24")[None]
            session.feed(make_batch(frames, segment, number, PETS_FPS))
    table = session.finish({})["detections"]
    detect.close()
    sure = pc.and_(pc.equal(table["label"], "person"), pc.greater(table["confidence"], 0.25))
    return table.filter(sure)


def boxes(segment, times_s, box, track):
    """``track_points`` of boxes as they are."""
    points = make_points(segment, times_s, box[:, 2:], track)
    for column, name in enumerate(("x1", "y1", "x2", "y2")):
        points = points.set_column(
            points.column_names.index(name), points.schema.field(name), pa.array(box[:, column], pa.float32())
        )
    return points
