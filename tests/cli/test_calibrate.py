"""`nightshift calibrate` on a store whose grounds were measured from simulated people."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from jobs.commands.calibrate import measured_warnings
from jobs.site import open_site
from ops.ground.distortion import RadialDistortion
from ops.ground.picture import GREY, TITLE_PX
from ops.ground_models import Ground
from schemas.tables import TABLES
from schemas.values import CameraView
from storage.store.store import Store
from tests.conftest import Nightshift
from tests.ops.ground.simulated import Crowd, simulate_track_points
from tests.ops.test_ground_models import CAMERA, SEGMENT, VIEW, clicked, surveyed
from tests.storage.rows import make_rows, put_all
from tests.storage.sql_site import make_site
from tests.support.fakes import FakeServices, make_unit


@pytest.fixture(scope="module")
def points():
    return simulate_track_points(CAMERA, SEGMENT, Crowd(tracks=40))


def site_of(root: Path, points, view: CameraView, date: str = "2026-03-02") -> Path:
    made = make_site(root)
    tables = Ground().run(make_unit((SEGMENT,), view, unit="day"), {"track_points": points}, FakeServices())
    store = Store.open(made.store) if (root / "store").exists() else Store.create(made.store)
    put_all(store, "ground", dict(tables), date=date)
    return root


def test_all_sources_are_shown_with_their_errors_and_which_is_used(
    nightshift: Nightshift, tmp_path: Path, points
) -> None:
    root = site_of(tmp_path, points, VIEW)
    said = nightshift("calibrate", "cam1", "--site", root)
    assert said.code == 0 and not said.err
    first, _, *lines = said.out.splitlines()
    assert first.startswith("cam1 on 2026-03-02: positions are by the fused ground, in the camera's own frame")
    assert [line.split()[0] for line in lines] == ["control_points", "people", "depth", "fused"]
    assert "±" in lines[1] and "no depth map" in lines[2] and lines[3].rstrip().endswith("used")
    shown = nightshift("calibrate", "cam1", "--site", root, "--date", "2026-03-02", "--json").json
    assert (shown["used"], shown["frame"], shown["warnings"]) == ("fused", "local", [])
    assert "image_from_ground" not in shown["sources"][0]


def test_a_survey_that_contradicts_people_is_warned_of(nightshift: Nightshift, tmp_path: Path, points) -> None:
    wide = surveyed((-3.0, 10.0), (3.0, 9.0), (4.0, 22.0), (-5.0, 24.0), (0.0, 14.0), stretched=1.6)
    said = nightshift("calibrate", "cam1", "--site", site_of(tmp_path, points, wide))
    assert said.code == 0
    assert "people and control points contradict each other: " in said.err and "m in the median" in said.err


def test_points_that_leave_much_open_are_warned_of_by_calibrate_and_run(
    nightshift: Nightshift, tmp_path: Path, points
) -> None:
    """Points far away and near each other are so unsure that nothing contradicts them; nobody makes them surer here."""
    far_away = ((-1.5, 12.0), (1.5, 12.2), (-1.8, 14.0), (1.6, 14.2))
    root = site_of(tmp_path, points.slice(0, 0), clicked(surveyed(*far_away)))
    said = nightshift("calibrate", "cam1", "--site", root)
    expected = "control points leave places unsure by "
    assert said.code == 0 and expected in said.err and "add points far from each other" in said.err
    (line,) = measured_warnings(open_site(root), [("cam1", "2026-03-01"), ("cam1", "2026-03-02")])
    assert line.startswith("ground of cam1 on 2026-03-02: " + expected)


def test_a_lens_is_shown(nightshift: Nightshift, tmp_path: Path, points) -> None:
    places = [(east, north) for north in (7.0, 11.0, 18.0) for east in (-0.35 * north, 0.0, 0.35 * north)]
    view = surveyed(*places)
    lens = RadialDistortion(view.image_size_px, -0.1)
    bent = lens.bend(np.array([(point.u_px, point.v_px) for point in view.control_points])).tolist()
    bent_points = tuple(replace(each, u_px=u, v_px=v) for each, (u, v) in zip(view.control_points, bent, strict=True))
    root = site_of(tmp_path, points, replace(view, control_points=bent_points))
    said = nightshift("calibrate", "cam1", "--site", root)
    assert "positions are by control points" in said.out
    shown = " ".join(said.out.split())
    assert "the lens bends the picture (control_points): its corners are" in shown
    assert "px towards the middle, lambda -0." in shown and "±" in shown
    survey = nightshift("calibrate", "cam1", "--site", root, "--json").json["sources"][0]
    assert survey["distortion"] == pytest.approx(-0.1, abs=0.01) and 0 < survey["distortion_sigma"] < 0.04


def test_two_points_that_contradict_people_are_warned_of(nightshift: Nightshift, tmp_path: Path, points) -> None:
    far = surveyed((-3.0, 10.0), (4.0, 14.0), stretched=2.0)
    said = nightshift("calibrate", "cam1", "--site", site_of(tmp_path, points, far))
    assert said.code == 0 and "times as far apart on the map" in said.err


def test_where_nothing_is_known_the_reasons_are_shown_and_the_exit_code_is_1(
    nightshift: Nightshift, tmp_path: Path, points
) -> None:
    root = site_of(tmp_path, points.slice(0, 0), VIEW)
    said = nightshift("calibrate", "cam1", "--site", root)
    assert said.code == 1
    assert "0 boxes of 0 people" in said.out and "nothing is known of the ground of cam1" in said.err


def test_the_newest_day_is_shown_unless_one_is_asked_for(nightshift: Nightshift, tmp_path: Path, points) -> None:
    root = site_of(tmp_path, points, VIEW)
    site_of(tmp_path, points, replace(VIEW, fixed=False), date="2026-03-03")
    assert nightshift("calibrate", "cam1", "--site", root).code == 1
    assert nightshift("calibrate", "cam1", "--site", root, "--date", "2026-03-02").code == 0


def test_the_picture_covers_where_somebody_may_be_and_is_private(
    nightshift: Nightshift, tmp_path: Path, points
) -> None:
    root, target = site_of(tmp_path / "site", points, VIEW), tmp_path / "ground.png"
    said = nightshift("calibrate", "cam1", "--site", root, "--picture", target)
    assert said.code == 2 and "--ops background" in said.err and not target.exists()
    put_all(Store.open(str(root / "store")), "background", {"backgrounds": background_rows()})
    said = nightshift("calibrate", "cam1", "--site", root, "--picture", target)
    assert said.code == 0 and "only you can read it" in said.out
    assert target.stat().st_mode & 0o077 == 0
    drawn = cv2.imread(str(target))
    middle = drawn[TITLE_PX + 180, 320]
    assert tuple(middle) == GREY, "the doubtful pixels of the background are covered"
    wrong = nightshift("calibrate", "cam1", "--site", root, "--picture", tmp_path / "ground.jpg")
    assert wrong.code == 2 and "ends in .png" in wrong.err


def background_rows() -> pa.Table:
    """A white background that may show somebody in its middle."""
    white = np.full((720, 1280, 3), 255, np.uint8)
    doubtful = np.zeros((720, 1280), np.uint8)
    doubtful[300:420, 600:680] = 255
    white_png, none_png, doubtful_png = (
        cv2.imencode(".png", each)[1].tobytes() for each in (white, np.zeros_like(doubtful), doubtful)
    )
    row = make_rows("backgrounds", 1).to_pylist()[0] | {
        "width": 1280,
        "height": 720,
        "png": white_png,
        "unknown_png": none_png,
        "doubtful_png": doubtful_png,
    }
    return TABLES["backgrounds"].conform({name: [value] for name, value in row.items()})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("cam9",), "there is no camera 'cam9'"),
        (("cam2",), "nothing was measured of the ground of cam2: run `nightshift run --camera cam2 --ops ground`"),
        (("cam1", "--date", "2026-04-01"), "nothing was measured of the ground of cam1 on 2026-04-01"),
        (("cam1", "--date", "soon"), "not a day"),
    ],
)
def test_what_is_not_there_is_one_line(nightshift: Nightshift, tmp_path: Path, points, arguments, says: str) -> None:
    said = nightshift("calibrate", *arguments, "--site", site_of(tmp_path, points.slice(0, 0), VIEW))
    assert said.code == 2 and says in said.err and said.err.count("\n") == 1


def test_each_control_point_is_shown_and_a_wrong_one_is_named(nightshift: Nightshift, tmp_path: Path, points) -> None:
    good = surveyed((-3.0, 10.0), (3.0, 9.0), (4.0, 22.0), (-5.0, 24.0), (0.0, 14.0), (2.0, 18.0), (-3.0, 17.0))
    wrong = list(good.control_points)
    wrong[5] = replace(wrong[5], x_m=wrong[5].x_m + 4.0)
    view = replace(good, control_points=tuple(wrong))
    said = nightshift("calibrate", "cam1", "--site", site_of(tmp_path, points, view))
    assert "control points, metres off (control_points): 1: 0.0" in said.out
    assert "control point 6 is 4." in said.err and "is left out; check its u, v, x, y" in said.err
