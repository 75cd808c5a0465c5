from base64 import b64decode
from pathlib import Path

import cv2
import numpy as np
import pytest

from schemas.errors import SiteError
from storage.site.file import load_site, write_new_site
from storage.site.pictures import LONGEST_PX, load_pictures


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_new_site(tmp_path, "Dam", "EPSG:28992", "Europe/Amsterdam")
    return tmp_path


PICTURE = '\n[[pictures]]\nname = "plan"\nfile = "{file}"\n'
WORLD = "0.5\n0\n0\n-0.5\n121000.25\n486009.75\n"


def plan(root: Path, world: str | None = WORLD, size: tuple[int, int] = (20, 40), file: str = "plan.png") -> None:
    pixels = np.full((*size, 3), 255, np.uint8)
    pixels[: size[0] // 2, : size[1] // 2] = (0, 0, 255)
    cv2.imwrite(str(root / file), pixels)
    if world is not None:
        (root / "plan.pgw").write_text(world)
    site = root / "site.toml"
    site.write_text(site.read_text() + PICTURE.format(file=file))


def test_a_world_file_places_a_picture(root: Path) -> None:
    plan(root)
    (picture,) = load_pictures(load_site(root))
    assert picture.name == "plan"
    assert picture.bounds == pytest.approx((121000, 486000, 121020, 486010))
    assert picture.url.startswith("data:image/jpeg;base64,")


def test_a_turned_picture_lies_north_up_and_is_see_through_outside(root: Path) -> None:
    plan(root, "0\n0.5\n0.5\n0\n121000.25\n486000.25\n")
    (picture,) = load_pictures(load_site(root))
    assert picture.bounds == pytest.approx((121000, 486000, 121010, 486020))
    assert picture.url.startswith("data:image/")


def test_a_geotiff_in_another_crs_is_warped(root: Path) -> None:
    import rasterio
    from affine import Affine

    place = Affine(1e-5, 0, 5.0, 0, -5e-6, 52.0005)
    site = root / "site.toml"
    site.write_text(site.read_text() + PICTURE.format(file="aerial.tif"))
    with rasterio.open(
        root / "aerial.tif", "w", driver="GTiff", width=100, height=100, count=3, dtype="uint8", crs="EPSG:4326",
        transform=place,
    ) as target:  # fmt: skip
        target.write(np.full((3, 100, 100), 90, np.uint8))
    (picture,) = load_pictures(load_site(root))
    west, south, east, north = picture.bounds
    assert (east - west, north - south) == pytest.approx((69, 56), abs=3)
    assert picture.url.startswith("data:image/png;base64,"), "its edges are slanted in the site's CRS"


def test_a_large_picture_is_reduced(root: Path) -> None:
    plan(root, size=(100, 2 * LONGEST_PX))
    (picture,) = load_pictures(load_site(root))
    pixels = cv2.imdecode(np.frombuffer(b64decode(picture.url.split(",")[1]), np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape[1] == LONGEST_PX


@pytest.mark.parametrize(
    ("world", "file", "said"),
    [
        (None, "plan.png", "does not say where it lies; put a world file beside it .plan.pgw"),
        (WORLD, "absent.png", "there is no file"),
    ],
)
def test_a_picture_without_a_place_or_a_file_is_said(root: Path, world: str | None, file: str, said: str) -> None:
    plan(root, world)
    site = root / "site.toml"
    site.write_text(site.read_text().replace('file = "plan.png"', f'file = "{file}"'))
    with pytest.raises(SiteError, match=said):
        load_pictures(load_site(root))


def test_what_is_no_picture_is_said(root: Path) -> None:
    plan(root)
    (root / "plan.png").write_text("no picture")
    with pytest.raises(SiteError, match=r"plan.png cannot be read"):
        load_pictures(load_site(root))
