"""``[[stereo]]`` in site.toml: two fixed cameras and a calibration, by numbers or by files."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.site import SiteConfig
from schemas.site_stereo import StereoConfig
from tests.schemas.test_site import LEAST

EYE = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
NUMBERS = {
    "image_size": [640, 480],
    "left_matrix": EYE,
    "right_matrix": EYE,
    "rotation": EYE,
    "translation": [-0.3, 0, 0],
}
CAMERAS = [{"id": "Left eye"}, {"id": "b"}, {"id": "c"}, {"id": "dome", "fixed": False}]


def pair(left: str = "Left eye", right: str = "b", **changes: Any) -> dict[str, Any]:
    return {"left": left, "right": right, **NUMBERS, **changes}


def test_cameras_may_be_named_as_in_paths_and_a_file_or_a_list_of_files() -> None:
    config = SiteConfig(**LEAST, cameras=CAMERAS, stereo=[pair()])
    assert config.stereo[0].left == config.cameras[0].id
    assert StereoConfig(left="a", right="b", calibration="a.yml").calibration == ("a.yml",)
    assert StereoConfig(left="a", right="b", calibration=["in.yml", "ex.yml"]).calibration == ("in.yml", "ex.yml")


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([pair("b", "b")], "stereo pair of b with itself"),
        ([pair("b", "lost")], "stereo pair b and lost: there is no camera 'lost' in"),
        ([pair("b", "c"), pair("c", "Left eye")], "c is in stereo pair b and c already"),
        ([pair("b", "dome")], "dome has fixed = false; a camera that moves loses its calibration"),
        ([pair(calibration="a.yml")], "has a calibration file and numbers of its own"),
        ([pair(rotation=None, right_matrix=None)], "lacks right_matrix, rotation: give the numbers"),
        ([pair(image_size=None)], "has no image_size"),
        ([pair(unit_m=0)], "greater than 0"),
        ([pair(rotation=[[1, 0], [0, 1]])], "stereo.0.rotation"),
    ],
)
def test_mistakes(pairs: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SiteConfig(**LEAST, cameras=CAMERAS, stereo=pairs)
