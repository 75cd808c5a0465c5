"""``site.toml`` is checked where it can be checked: names, times, control points, references."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

import schemas.site
import schemas.site_limits
import schemas.site_section
import schemas.site_stereo
import schemas.site_views
from schemas.camera_ids import camera_id, is_camera_id
from schemas.site import SiteConfig
from schemas.values import ControlPoint

LEAST = {"name": "Station", "crs": "EPSG:28992", "timezone": "Europe/Amsterdam"}
POINTS = tuple(
    {"u": u, "v": v, "x": x, "y": y} for u, v, x, y in ((0, 0, 1, 2), (9, 0, 3, 2), (9, 9, 3, 4), (0, 9, 1, 4))
)


def test_the_least_site_has_defaults_for_everything_else() -> None:
    config = SiteConfig(**LEAST)
    assert (config.archive, config.store, config.segment_s, config.cameras) == ("archive", "store", 300.0, ())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"timezone": "Europe/Atlantis"}, "unknown time zone 'Europe/Atlantis'"),
        ({"timezone": "../etc/passwd"}, "unknown time zone"),
        ({"pattern": "%Y"}, "pattern must have {camera}"),
        ({"segment_s": 0.5}, "greater than or equal to 1"),
        ({"segment_s": float("inf")}, "finite number"),
        ({"archives": "x"}, "Extra inputs are not permitted"),
        ({"cameras": [{"id": "a"}, {"id": "a"}]}, "camera 'a' is defined twice"),
        ({"layers": [{"name": "z", "file": "f"}] * 2}, "layer 'z' is defined twice"),
        ({"layers": [{"name": "z", "file": "f", "space": "pixel", "camera": "b"}]}, "there is no camera 'b'"),
        ({"cameras": [{"id": "a", "timezone": "nowhere"}]}, "unknown time zone 'nowhere'"),
        ({"cameras": [{"id": "a/b"}]}, "should match pattern"),
        ({"cameras": [{"id": "a", "control_points": POINTS[:1], "image_size": [10, 10]}]}, "2 place it on the map"),
        ({"cameras": [{"id": "a", "control_points": POINTS}]}, "no image_size"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as raised:
        SiteConfig(**{**LEAST, **change})
    assert message in str(raised.value)


def test_a_configured_camera_keeps_its_own_clock_points_and_place() -> None:
    camera = {"id": "a", "timezone": "UTC", "fixed": False, "position": [1, 2], "image_size": [10, 10]}
    config = SiteConfig(**LEAST, cameras=[{**camera, "control_points": POINTS}])
    view = config.camera_view("a")
    assert (view.name, view.timezone, view.fixed, view.image_size_px) == ("a", "UTC", False, (10, 10))
    assert view.position_m == (1.0, 2.0, None)
    assert view.calibrated
    assert view.control_points[1] == ControlPoint(9, 0, 3, 2)


def test_a_position_may_have_a_height() -> None:
    config = SiteConfig(**LEAST, cameras=[{"id": "a", "position": [1, 2, 3.5]}])
    assert config.camera_view("a").position_m == (1.0, 2.0, 3.5)


def test_privacy_masks_are_polygons_in_pixels_that_may_reach_beyond_the_picture() -> None:
    polygons = [[[0, 0], [9.5, 0], [9, 9]], [[-20, 3], [4, 1e9], [700, 5], [1, 1]]]
    view = SiteConfig(**LEAST, cameras=[{"id": "a", "privacy_masks": polygons}]).camera_view("a")
    assert view.privacy_masks == (((0, 0), (9.5, 0), (9, 9)), ((-20, 3), (4, 1e9), (700, 5), (1, 1)))
    assert SiteConfig(**LEAST).camera_view("a").privacy_masks == ()


def test_a_camera_that_the_site_does_not_name_is_fixed_and_uncalibrated() -> None:
    view = SiteConfig(**LEAST).camera_view("door")
    assert (view.camera, view.name, view.timezone) == ("door", "door", "Europe/Amsterdam")
    assert view.fixed
    assert not view.calibrated


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("cam1", True),
        ("Gate_3.north-1", True),
        ("", False),
        (".hidden", False),
        ("a b", False),
        ("a" * 65, False),
        ("a/..", False),
        ("é", True),
        ("e\u0301", False),
        ("正門", True),
        ("द्वार", True),
        ("門" * 41, False),
        ("Cam-1~e93e1ab9", True),
        ("~e93e1ab9", False),
        ("Cam~1", False),
        ("-gate", False),
        ("a\n", False),
    ],
)
def test_camera_ids_can_be_folder_names(text: str, good: bool) -> None:
    assert is_camera_id(text) is good


NAMES = ["正門", "裏口", "Büro", "Böro", "Cam 1", "Cam-1", "Cam_1", "Cam  1", "Въезд", "Выход", "-Cam-1", ".Cam-1"]
NAMES += ["Cam 1.", "Cam/1", "a" * 64, "a" * 65, "a" * 66, "門" * 60, "門" * 61, "cam-1", "CAM-1", "☃", "☂", " ", "  "]


def test_every_name_is_a_camera_of_its_own() -> None:
    ids = [camera_id(name) for name in NAMES]
    assert len(set(ids)) == len(NAMES)
    assert all(map(is_camera_id, ids))
    assert ids[:6] == ["正門", "裏口", "Büro", "Böro", camera_id("Cam 1"), "Cam-1"]
    assert camera_id("Cam 1").startswith("Cam-1~")


def test_a_name_is_the_same_in_any_normal_form() -> None:
    assert camera_id("Bu\u0308ro") == "Büro"


@given(st.text())
def test_the_id_of_any_name_is_an_id(text: str) -> None:
    assert is_camera_id(camera_id(text))
    assert camera_id(camera_id(text)) == camera_id(text)


def test_site_toml_may_name_a_camera_as_its_folder_is_called() -> None:
    layer = {"name": "z", "file": "f", "space": "pixel", "camera": "Cam 1"}
    config = SiteConfig(**LEAST, cameras=[{"id": "Cam 1", "fixed": False}, {"id": "Cam-1"}], layers=[layer])
    assert config.layers[0].camera == config.cameras[0].id == camera_id("Cam 1")
    view = config.camera_view(camera_id("Cam 1"))
    assert (view.name, view.fixed) == ("Cam 1", False)
    assert config.camera_view("Cam-1").fixed


MODELS = [
    kind
    for module in (schemas.site, schemas.site_limits, schemas.site_section, schemas.site_stereo, schemas.site_views)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind.__module__ == module.__name__
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_is_described_and_nothing_can_be_changed(model: type[BaseModel]) -> None:
    assert (model.model_config["extra"], model.model_config["frozen"]) == ("forbid", True)
    for name, key in model.model_fields.items():
        assert key.description, f"{model.__name__}.{name} has no description"
