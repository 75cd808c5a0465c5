"""Reads pictures of the ground, such as floor plans and aerial photographs, with the place that each has on the map."""

import math
import warnings
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from schemas.errors import SiteError
from schemas.site_views import PictureConfig
from schemas.values import Uint8
from storage.site.file import SITE_FILE, SiteFiles, find_key_line

LONGEST_PX = 2400
"""Longest side of a picture on a page; larger ones are reduced."""
LARGEST_PX = 4e8
"""Pixels of the largest picture that is read."""
_QUALITY = 82


@dataclass(frozen=True)
class Picture:
    """A picture that lies on the map, north up.

    Attributes:
        name: of its section in site.toml.
        bounds: west, south, east and north of its edges, in the site's CRS.
        url: the picture itself, as a data URL.
    """

    name: str
    bounds: tuple[float, float, float, float]
    url: str


def load_pictures(site: SiteFiles) -> tuple[Picture, ...]:
    """Reads the pictures of site.toml, in its order, and turns each to the site's CRS.

    A world file (``plan.pgw`` beside ``plan.png``) or the file itself (GeoTIFF) gives the place. Without a CRS of its
    own a picture has the site's.

    Raises:
        SiteError: a file is missing or no picture, is too large, or does not say where it lies.
    """
    return tuple(_load(site, number, picture) for number, picture in enumerate(site.config.pictures))


def _load(site: SiteFiles, number: int, config: PictureConfig) -> Picture:
    import rasterio  # takes half a second, which only pages with pictures need
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    path = site.root / config.file
    if not path.is_file():
        line = find_key_line(site.root, ("pictures", number, "file"))
        raise SiteError(f"{site.root / SITE_FILE}, line {line}: picture {config.name}: there is no file {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # said below, with what to do
            warnings.simplefilter("ignore", PendingDeprecationWarning)  # rasterio 1.4 of the affine package
            with rasterio.open(path) as source:
                if source.transform.is_identity:
                    raise SiteError(
                        f"picture {config.name}: {path} does not say where it lies; put a world file beside it "
                        f"({_world_file(path)}: six lines, metres per pixel and the place of the upper left pixel)"
                    )
                if source.width * source.height > LARGEST_PX:
                    raise SiteError(
                        f"picture {config.name}: {path} has more than {LARGEST_PX / 1e6:.0f} million pixels"
                    )
                pixels, bounds = _north_up(source, site.config.crs)
    except (RasterioError, ValueError) as error:
        raise SiteError(f"picture {config.name}: {path} cannot be read: {' '.join(str(error).split())}") from error
    return Picture(config.name, bounds, _data_url(pixels))


def _north_up(source: Any, crs: str) -> tuple[Uint8, tuple[float, float, float, float]]:
    """Returns ``(H, W, 4)`` RGBA, reduced, and the bounds in the site's CRS."""
    from rasterio.enums import ColorInterp, Resampling
    from rasterio.transform import from_bounds
    from rasterio.vrt import WarpedVRT
    from rasterio.warp import calculate_default_transform, transform_bounds

    own = source.crs or crs
    _, width, height = calculate_default_transform(own, crs, source.width, source.height, *_corners(source))
    bounds = transform_bounds(own, crs, *_corners(source))
    if not all(map(math.isfinite, bounds)):
        raise ValueError(f"it lies where {crs} is not defined")
    shrink = min(1.0, LONGEST_PX / max(width, height))
    width, height = max(1, round(width * shrink)), max(1, round(height * shrink))
    palette = source.colormap(1) if source.colorinterp[0] == ColorInterp.palette else None
    way = Resampling.nearest if palette else Resampling.average if shrink < 1 else Resampling.bilinear
    place = from_bounds(*bounds, width, height)
    with WarpedVRT(
        source, src_crs=own, crs=crs, transform=place, width=width, height=height, resampling=way, add_alpha=True
    ) as warped:
        bands = warped.read()
    if palette:
        colours = np.array([palette.get(index, (0, 0, 0, 255)) for index in range(256)], np.uint8)
        colour = colours[bands[0]]
        colour[..., 3] = np.minimum(colour[..., 3], bands[-1])
        return colour, bounds
    if bands.dtype != np.uint8:
        raise ValueError(f"it has {bands.dtype} values; save it with 8 bits a colour")
    shown = bands[:3] if len(bands) >= 4 else np.repeat(bands[:1], 3, axis=0)
    return np.moveaxis(np.concatenate([shown, bands[-1:]]), 0, -1), bounds


def _corners(source: Any) -> tuple[float, float, float, float]:
    """Returns west, south, east and north of a picture that may be turned."""
    from rasterio.transform import array_bounds

    west, south, east, north = array_bounds(source.height, source.width, source.transform)
    return min(west, east), min(south, north), max(west, east), max(south, north)


def _data_url(pixels: Uint8) -> str:
    """Returns a JPEG where the picture is opaque, else a PNG."""
    opaque = bool((pixels[..., 3] == 255).all())
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGR if opaque else cv2.COLOR_RGBA2BGRA)
    suffix, kind, options = (".jpg", "jpeg", [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]) if opaque else (".png", "png", [])
    _, encoded = cv2.imencode(suffix, bgr, options)
    return f"data:image/{kind};base64,{b64encode(encoded.tobytes()).decode('ascii')}"


def _world_file(path: Path) -> str:
    suffix = path.suffix.lstrip(".") or "w"
    return path.with_suffix(f".{suffix[0]}{suffix[-1]}w").name
