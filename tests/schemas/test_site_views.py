"""Mistakes of cameras and layers are named."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.site import SiteConfig
from schemas.site_views import CameraConfig, LayerConfig

LEAST = {"name": "Station", "crs": "EPSG:28992", "timezone": "Europe/Amsterdam"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cameras": [{"id": "a", "privacy_masks": [[[0, 0], [9, 9]]]}]}, "camera a: privacy mask 1 has 2 points"),
        ({"cameras": [{"id": "a", "privacy_masks": [[[0, 0]] * 3, []]}]}, "camera a: privacy mask 2 has 0 points"),
        (
            {"cameras": [{"id": "a", "privacy_masks": [[[0, 0], [9, float("nan")], [9, 9]]]}]},
            "camera a: privacy mask 1 has a point [9.0, nan]",
        ),
        ({"cameras": [{"id": "a", "privacy_masks": [[[0, 0], [9, 0], [9, 9, 9]]]}]}, "at most 2 items"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as raised:
        SiteConfig(**{**LEAST, **change})
    assert message in str(raised.value)


@pytest.mark.parametrize(("space", "camera"), [("pixel", None), ("map", "a")])
def test_a_layer_has_a_camera_just_when_it_is_in_pixels(space: str, camera: str | None) -> None:
    with pytest.raises(ValidationError, match="set camera if, and only if, space = 'pixel'"):
        LayerConfig(name="z", file="f", space=space, camera=camera)  # type: ignore[arg-type]


def test_a_camera_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        CameraConfig(id="a").id = "b"  # type: ignore[misc]
