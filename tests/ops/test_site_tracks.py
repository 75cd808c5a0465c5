"""Tracks of two cameras of one floor, made up and of real walkers."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pytest

from bench.site_tracks import Figures, score
from bench.site_walkers import CameraErrors, film_walks
from ops.site_tracks import SiteTracks
from schemas.tables import TABLES, TIME
from tests.ops.ground_scene import make_view
from tests.support.fakes import FakeServices, make_segment, make_unit

SEGMENT = make_segment(duration_s=30)
EPOCH_US = 1_772_488_800_000_000


@dataclass(frozen=True)
class Stroll:
    """A track: where a camera sees it, ten times a second."""

    camera: str
    track: str
    begin_s: float
    end_s: float
    north_m: float
    label: str = "person"

    def positions(self) -> pa.Table:
        times_s = np.arange(self.begin_s, self.end_s + 0.01, 0.1)
        return positions_of(self.camera, self.track, times_s, times_s * 1.2, times_s * 0 + self.north_m, self.label)

    def row(self) -> dict[str, object]:
        times = [EPOCH_US + round(each * 1e6) for each in (self.begin_s, self.end_s)]
        return track_row(self.camera, self.track, *times, self.label)


def positions_of(camera, track, times_s, x_m, y_m, label="person") -> pa.Table:
    count = len(times_s)
    return TABLES["positions"].conform(
        {
            "camera": [camera] * count,
            "track_id": [track] * count,
            "time": pa.array(EPOCH_US + np.round(times_s * 1e6).astype(np.int64)).cast(TIME),
            "label": [label] * count,
            "x_m": 121000.0 + x_m,
            "y_m": 486000.0 + y_m,
            "lon": [5.0] * count,
            "lat": [52.0] * count,
            "var_x_m2": [0.02] * count,
            "cov_xy_m2": [0.0] * count,
            "var_y_m2": [0.02] * count,
            "state": ["observed"] * count,
        }
    )


def track_row(camera, track, start_us, end_us, label="person") -> dict[str, object]:
    own = {"camera": camera, "track_id": track, "label": label, "start_time": start_us, "end_time": end_us}
    return own | {"points": 1, "observed": 1, "tracklets": 1, "confidence": 0.9, "source": "model"}


def site_tracks(camera, walks, others=True, shuffle=None):
    """Rows of a camera's unit, and what it counted."""
    unit = make_unit([SEGMENT], replace(make_view(), camera=camera), unit="day")
    own = [walk for walk in walks if walk.camera == camera]
    tables = [[walk.positions() for walk in walks if (walk.camera == camera) == mine] for mine in (True, False)]
    here, there = (pa.concat_tables([TABLES["positions"].empty(), *each]) for each in tables)
    if shuffle is not None:
        here, there = (each.take(pa.array(shuffle.permutation(len(each)))) for each in (here, there))
    inputs = {"tracks": rows_of([walk.row() for walk in own]), "positions": here}
    services = FakeServices()
    table = SiteTracks().run(unit, inputs | ({"others.positions": there} if others else {}), services)["site_tracks"]
    assert table.schema.equals(TABLES["site_tracks"].schema, check_metadata=True)
    return table.to_pylist(), services.counters["joined_tracks"]


def rows_of(rows) -> pa.Table:
    columns = {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
    for name in ("start_time", "end_time") if rows else ():
        columns[name] = pa.array(columns[name]).cast(TIME)
    return TABLES["tracks"].conform(columns) if rows else TABLES["tracks"].empty()


STROLLS = [
    Stroll("hall", "h1", 0, 9, 0.0),
    Stroll("gate", "g1", 2, 12, 0.1),
    Stroll("gate", "g2", 2, 12, 6.0),
    Stroll("hall", "h2", 14, 20, 0.0),
]


def test_both_cameras_say_the_same_people_whatever_the_order_of_rows():
    hall, joined = site_tracks("hall", STROLLS, shuffle=np.random.default_rng(1))
    gate, _ = site_tracks("gate", STROLLS)
    assert {row["track_id"]: row["site_track_id"] for row in hall + gate} == {
        "h1": "g1",
        "g1": "g1",
        "g2": "g2",
        "h2": "h2",
    }
    assert joined == 1
    (first,) = [row for row in hall if row["track_id"] == "h1"]
    assert (first["cameras"], first["tracks"], first["camera"]) == (2, 2, "hall")
    assert first["shared_s"] == pytest.approx(7.5, abs=0.51) and first["apart_m"] == pytest.approx(0.1, abs=0.01)
    assert 0.95 < first["link_probability"] <= 1
    (alone,) = [row for row in hall if row["track_id"] == "h2"]
    assert (alone["cameras"], alone["tracks"], alone["shared_s"]) == (1, 1, 0.0)
    assert alone["apart_m"] is alone["link_probability"] is None


def test_a_camera_alone_and_one_without_positions_give_each_track_itself():
    rows, joined = site_tracks("hall", STROLLS, others=False)
    assert [row["site_track_id"] for row in rows] == ["h1", "h2"] and joined == 0
    tracks = rows_of([walk.row() for walk in STROLLS if walk.camera == "hall"])
    inputs = {"tracks": tracks, "positions": TABLES["positions"].empty(), "others.positions": STROLLS[1].positions()}
    unit = make_unit([SEGMENT], replace(make_view(), camera="hall", control_points=()), unit="day")
    table = SiteTracks().run(unit, inputs, FakeServices())["site_tracks"]
    assert table["site_track_id"].to_pylist() == ["h1", "h2"]


def test_the_same_file_on_two_cameras_gives_tracks_of_one_id_which_stay_apart_by_camera():
    hall = [Stroll("hall", "t1", 0, 9, 0.0), Stroll("hall", "t2", 0, 9, 8.0)]
    gate = [replace(each, camera="gate") for each in hall]
    rows, joined = site_tracks("hall", [*hall, *gate])
    assert joined == 2
    assert [(row["site_track_id"], row["cameras"], row["tracks"]) for row in rows] == [("t1", 2, 2), ("t2", 2, 2)]
    apart = [replace(each, north_m=each.north_m + 40) for each in gate]
    rows, joined = site_tracks("hall", [*hall, *apart])
    assert joined == 0 and [row["cameras"] for row in rows] == [1, 1]


def test_nobody_gives_no_rows_and_a_car_is_not_a_person():
    rows, _ = site_tracks("hall", STROLLS[1:3])
    assert rows == []
    rows, joined = site_tracks("hall", [STROLLS[0], replace(STROLLS[1], label="car")])
    assert joined == 0
    rows, joined = site_tracks("hall", [replace(STROLLS[0], label="car"), replace(STROLLS[1], label="truck")])
    assert joined == 1, "detectors take a van for either"


@pytest.mark.assets
@pytest.mark.parametrize(("walks", "least"), [("eth", 0.9), ("students", 0.8)])
def test_real_walkers_seen_by_two_cameras_with_errors(assets, walks, least):
    """One sparse and one crowded place; see ``bench.site_tracks`` for the rest."""
    figures = Figures()
    score(film_walks(walks, CameraErrors(), seed=0), figures)
    assert figures.ours.f1 >= least, figures.ours
    assert figures.ours.f1 > figures.peer.f1, figures.peer
