"""Pixels are never taken for places on the map."""

import pytest

from schemas.site_views import LayerConfig
from storage.site.pixel_crs import MIXED, coordinates_of, pixel_crs

MAP = LayerConfig(name="zones", file="zones.geojson")
MARKS, OTHERS = (
    LayerConfig(name=name, file="marks.geojson", space="pixel", camera=name) for name in ("marks", "others")
)


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        ([], None),
        ([MAP], None),
        ([MARKS], "pixels of marks"),
        ([MARKS, MARKS], "pixels of marks"),
        ([MARKS, OTHERS], MIXED),
        ([MAP, MARKS], MIXED),
    ],
)
def test_coordinates_have_one_name_or_are_mixed(layers, name):
    assert coordinates_of(layers) == name


def test_pixels_are_an_engineering_crs():
    crs = pixel_crs("pixels of marks")
    assert crs.is_engineering and crs.name == "pixels of marks" and crs.area_of_use is None
    assert [axis.name for axis in crs.axis_info] == ["U", "V"]
    assert pixel_crs().is_engineering
    assert pixel_crs("EPSG:28992") is None and pixel_crs(MIXED) is None
