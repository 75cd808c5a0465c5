"""Two cameras that nobody surveyed: people who walk there give distances, and with two points each, common people."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ops.depth import Depth
from ops.ground.pinhole import PinholeGround
from ops.ground_models import Ground
from ops.positions import Positions
from ops.site_tracks import SiteTracks
from schemas.op import Tables
from schemas.tables import TABLES
from schemas.values import CameraView, ControlPoint, Float64
from tests.ops.ground.simulated import film_track_points
from tests.ops.ground_scene import ORIGIN_M
from tests.support.fakes import START, FakeServices, make_segment, make_unit

LENS = PinholeGround((1280, 720), 1100.0, np.radians(18), 0.0, 5.0)
SEGMENT = make_segment(duration_s=300, size_px=LENS.size_px)
PEOPLE = 70
LENSES_M = {"west": np.array([-14.0, 0.0]), "south": np.array([0.0, -14.0])}
HEADINGS = {"west": np.radians(90), "south": 0.0}
"""Both look at the origin, from two sides."""


def turn(camera: str) -> Float64:
    """From east and north to right and ahead."""
    sine, cosine = np.sin(HEADINGS[camera]), np.cos(HEADINGS[camera])
    return np.array([[cosine, -sine], [sine, cosine]])


def local(camera: str, places_m: Float64) -> Float64:
    return np.asarray((places_m - LENSES_M[camera]) @ turn(camera).T)


@pytest.fixture(scope="module")
def films() -> dict[str, pa.Table]:
    """``track_points`` of each camera: people cross the place before both."""
    random = np.random.default_rng(5)
    paths, statures = {}, {}
    for number in range(PEOPLE):
        angle, speed = random.uniform(0, 2 * np.pi), 1.3 * np.exp(random.normal(0, 0.2))
        way = np.array([np.sin(angle), np.cos(angle)]) * speed
        paths[f"t{number:02d}"] = random.uniform(-5, 5, 2) + (np.arange(24)[:, None] / 2 - 6) * way
        statures[f"t{number:02d}"] = random.normal(1.70, 0.09)
    found = {}
    for seed, camera in enumerate(LENSES_M):
        ours = {name: local(camera, places) for name, places in paths.items()}
        points = film_track_points(LENS, SEGMENT, ours, statures, seed)
        names = pa.array([f"{camera}-{name}" for name in points["track_id"].to_pylist()])
        ids = {"camera": pa.array([camera] * len(points)), "track_id": names}
        found[camera] = TABLES["track_points"].conform({name: points[name] for name in points.column_names} | ids)
    return found


def view_of(camera: str, *places_m: tuple[float, float]) -> CameraView:
    """The camera, with control points at places east and north of the origin."""
    places = np.array(places_m).reshape(-1, 2)
    pixels = LENS.project(np.column_stack([local(camera, places), np.zeros(len(places))]))
    control = [ControlPoint(*pixel, *place) for pixel, place in zip(pixels, (places + ORIGIN_M), strict=True)]
    return CameraView(camera, camera, "UTC", True, tuple(control), LENS.size_px)


def run(view: CameraView, points: pa.Table) -> Tables:
    unit = make_unit((SEGMENT,), view, unit="day")
    inputs = {"track_points": points}
    inputs |= Ground().run(unit, inputs, FakeServices())
    inputs |= Positions().run(unit, inputs, FakeServices())
    return inputs | Depth().run(unit, inputs, FakeServices())


def test_people_alone_give_distances_from_the_lens(films: dict[str, pa.Table]) -> None:
    view = replace(view_of("west"), image_size_px=None)
    tables = run(view, films["west"])
    assert tables["positions"].num_rows == 0 and tables["depth"].num_rows > 500
    points = {(row["track_id"], row["time"]): row for row in films["west"].to_pylist()}
    rows = [
        points[key] for key in zip(*(tables["depth"][name].to_pylist() for name in ("track_id", "time")), strict=True)
    ]
    feet = np.array([((row["x1"] + row["x2"]) / 2, row["y2"]) for row in rows])
    ahead_m = LENS.ground_depth_m(feet)
    true_m = ahead_m * np.hypot(1, np.linalg.norm(feet - np.array(LENS.size_px) / 2, axis=1) / LENS.focal_px)
    off = tables["depth"]["distance_m"].to_numpy() - true_m
    assert np.median(np.abs(off) / true_m) < 0.08
    assert (np.abs(off) < 2 * tables["depth"]["sigma_m"].to_numpy()).mean() > 0.9


def test_two_points_each_make_people_of_two_cameras_the_same(films: dict[str, pa.Table]) -> None:
    places = ((-3.0, -2.0), (4.0, 3.0))
    views = {camera: view_of(camera, *places) for camera in films}
    positions = {camera: run(views[camera], points)["positions"] for camera, points in films.items()}
    names = sorted(set(films["west"]["track_id"].to_pylist()))
    tracks = pa.table({"track_id": names, "label": ["person"] * len(names), "start_time": [START] * len(names)})
    tracks = tracks.append_column("end_time", tracks["start_time"])
    unit = make_unit((SEGMENT,), views["west"], unit="day")
    inputs = {"tracks": tracks, "positions": positions["west"], "others.positions": positions["south"]}
    table = SiteTracks().run(unit, inputs, FakeServices())["site_tracks"]
    joined = table.filter(pc.greater(table["cameras"], 1)).to_pylist()
    assert len(joined) > 0.8 * PEOPLE
    for row in joined:
        assert row["site_track_id"] == row["track_id"].replace("west", "south"), "the first name of the same person"
