"""Sites with GIS layers, around Dam square in Amsterdam, for tests."""

import json
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import Polygon, box, mapping

from schemas.errors import SiteError
from storage.site.file import SiteFiles, load_site, write_new_site
from storage.site.layers import load_features

DAM_SQUARE_RD = (121390.0, 487335.0)


def square(size_m: float = 10.0, east_m: float = 0.0) -> Polygon:
    x, y = DAM_SQUARE_RD
    return box(x + east_m, y, x + east_m + size_m, y + size_m)


def to_lonlat(geometry: Any) -> Any:
    convert = Transformer.from_crs("EPSG:28992", "OGC:CRS84", always_xy=True)
    return shapely.transform(geometry, convert.transform, interleaved=False)


def collection(*features: tuple[dict[str, Any], Any], crs: str | None = None) -> dict[str, Any]:
    members = [
        {"type": "Feature", "properties": properties, "geometry": None if shape is None else mapping(shape)}
        for properties, shape in features
    ]
    document: dict[str, Any] = {"type": "FeatureCollection", "features": members}
    if crs:
        document["crs"] = {"type": "name", "properties": {"name": crs}}
    return document


def new_site(root: Path) -> Path:
    """A new site in the CRS of the Netherlands, without cameras and layers."""
    write_new_site(root, "Dam", "EPSG:28992", "Europe/Amsterdam")
    return root


def site_with(root: Path, *layers: str) -> SiteFiles:
    path = root / "site.toml"
    path.write_text(path.read_text() + "".join(f"\n[[layers]]\n{layer}\n" for layer in layers))
    return load_site(root)


def without_layers(root: Path) -> None:
    path = root / "site.toml"
    path.write_text(path.read_text().split("\n[[layers]]")[0])


def with_geojson(root: Path, document: object, extra: str = "") -> SiteFiles:
    text = document if isinstance(document, str) else json.dumps(document)
    (root / "layers/zones.geojson").write_text(text)
    return site_with(root, f'name = "zones"\nfile = "layers/zones.geojson"\n{extra}')


def error_of(site: SiteFiles) -> str:
    with pytest.raises(SiteError) as caught:
        load_features(site)
    message = str(caught.value)
    assert "\n" not in message
    return message


def with_frame(root: Path, shapes: list[Any], crs: str | None, suffix: str, **columns: list[Any]) -> SiteFiles:
    """A site with one layer of some shapes, in a file of any format."""
    frame = geopandas.GeoDataFrame(columns or {"id": [str(n) for n in range(len(shapes))]}, geometry=shapes, crs=crs)
    path = root / f"layers/a.{suffix}"
    if suffix == "parquet":
        frame.to_parquet(path, write_covering_bbox=True, schema_version="1.1.0")
    else:
        frame.to_file(path)
    return site_with(root, f'name = "a"\nfile = "layers/a.{suffix}"')
