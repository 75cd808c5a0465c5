"""Reads GIS layers: polygons become zones, lines become counting lines, in the site's CRS or in a camera's pixels.

Reference layers count nothing: their features are read for queries only, and may have any geometry.
Any format that GDAL reads; GeoJSON without a CRS is longitude and latitude (RFC 7946).
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import shapely
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from schemas.errors import SiteError
from schemas.site_views import LayerConfig
from schemas.values import Feature, FeatureKind
from storage.site.file import SITE_FILE, WGS84, SiteFiles, find_key_line

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

_KINDS = {
    "Polygon": FeatureKind.ZONE,
    "MultiPolygon": FeatureKind.ZONE,
    "LineString": FeatureKind.LINE,
    "MultiLineString": FeatureKind.LINE,
}
_GEOJSON = {".geojson", ".json"}
_RESERVED = "view"  # the whole frame in the table ``counts``


def load_features(site: SiteFiles) -> tuple[Feature, ...]:
    """Returns the zones and lines of all layers that count, in the order of ``site.toml`` and of each file.

    Map layers are reprojected from their own CRS to the site's: x east, y north, metres, whatever axis order their
    CRS names. Pixel layers keep their coordinates (u to the right, v downwards), whatever CRS the file claims.

    Raises:
        SiteError: a file is missing, unreadable or empty, has no CRS or one that does not cover the site; a feature
            has no geometry, is neither polygon nor line, or has the id of another one.
    """
    features: dict[str, Feature] = {}
    for number, layer in enumerate(site.config.layers):
        path = _path(site, number)
        if layer.role == "reference":
            continue  # often the largest file: commands that count do not read it
        for feature in _features(site, layer, path):
            other = features.setdefault(feature.feature_id, feature)
            if other is not feature:
                raise SiteError(
                    f"{site.root / layer.file}: id {feature.feature_id!r} occurs twice (in the layers {other.layer} "
                    f"and {layer.name}); tables name features by it: make the values of {layer.id_field!r} differ"
                )
    return tuple(features.values())


def load_references(site: SiteFiles) -> tuple[Feature, ...]:
    """Returns the features of all reference layers on the map; errors as of ``load_features``."""
    layers = enumerate(site.config.layers)
    wanted = [(layer, number) for number, layer in layers if layer.role == "reference" and layer.space == "map"]
    return tuple(feature for layer, number in wanted for feature in _features(site, layer, _path(site, number)))


def load_layer(site: SiteFiles, number: int) -> tuple[list[Feature], pa.Table]:
    """Returns the features of one layer, and their attributes: all columns of the file but the geometry.

    Args:
        site: the site.
        number: which layer, in the order of ``site.toml``.

    Raises:
        SiteError: the file is missing, unreadable or empty, or a feature of a layer that counts is not usable.
    """
    from pyogrio import read_arrow, read_info  # unlike a data frame, Arrow keeps whole numbers beside missing ones

    layer, path = site.config.layers[number], _path(site, number)
    features = _features(site, layer, path)
    inside = _inside(path, layer.name)
    # GDAL turns text into UTF-8 if the file names its encoding; named here as UTF-8, it would be taken as it is.
    written = read_info(path, layer=inside)["encoding"]
    encoding = None if written == "UTF-8" else written
    _, attributes = read_arrow(path, layer=inside, read_geometry=False, encoding=encoding)
    return features, attributes


def _path(site: SiteFiles, number: int) -> Path:
    layer = site.config.layers[number]
    path = site.root / layer.file
    if not path.is_file():
        line = find_key_line(site.root, ("layers", number, "file"))
        raise SiteError(
            f"{site.root / SITE_FILE}, line {line}: layer {layer.name}: there is no file {path}; "
            "correct the path (relative to the site's folder) or remove the layer"
        )
    return path


def _features(site: SiteFiles, layer: LayerConfig, path: Path) -> list[Feature]:
    frame = _read(path, layer.name)
    if layer.space == "map":
        frame = _to_site(frame, site.config.crs, path)
    ids = frame[layer.id_field].tolist() if layer.id_field in frame.columns else [None] * len(frame)
    features = []
    for index, (written, geometry) in enumerate(zip(ids, frame.geometry, strict=True)):
        feature_id = _feature_id(written, index)
        if layer.role == "reference":
            shape = shapely.force_2d(geometry) if geometry is not None else shapely.GeometryCollection()
            features.append(Feature(feature_id, layer.name, FeatureKind.REFERENCE, layer.space, layer.camera, shape))
            continue
        where = f"{path}: feature {feature_id!r}"
        if feature_id == _RESERVED:
            raise SiteError(f"{where}: this id is taken, it means the whole view in the table counts; choose another")
        shape = _usable(geometry, where)
        features.append(Feature(feature_id, layer.name, _KINDS[shape.geom_type], layer.space, layer.camera, shape))
    return features


def _read(path: Path, name: str) -> "GeoDataFrame":
    """Returns the features of a file, unchanged."""
    import geopandas
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, GeometryError

    try:
        frame = geopandas.read_file(path, layer=_inside(path, name))
    except (DataSourceError, DataLayerError, FeatureError, GeometryError, shapely.GEOSException, UnicodeError) as error:
        reason = " ".join(str(error).split())
        raise SiteError(f"layer {name}: {path} cannot be read as a GIS layer: {reason}") from error
    if not isinstance(frame, geopandas.GeoDataFrame):
        raise SiteError(f"layer {name}: {path} has no geometry; a layer needs polygons or lines")
    if frame.empty:
        raise SiteError(f"layer {name}: {path} has no features; draw a polygon or a line, or remove the layer")
    return frame


def _inside(path: Path, name: str) -> str | int:
    """Returns which of a file's layers to read: the only one, or the namesake."""
    from pyogrio import list_layers

    inside = [str(layer) for layer, _ in list_layers(path)]
    if len(inside) > 1 and name not in inside:
        raise SiteError(f"{path} holds the layers {', '.join(inside)}: name the layer like the one to use")
    return name if len(inside) > 1 else 0


def _to_site(frame: "GeoDataFrame", crs: str, path: Path) -> "GeoDataFrame":
    """Reprojects to the site's CRS, and checks that the result is finite."""
    if frame.crs is None:
        if path.suffix.lower() not in _GEOJSON:
            raise SiteError(f"{path}: names no CRS (a shapefile needs its .prj beside it); save it again with its CRS")
        frame = frame.set_crs(WGS84)
    projected = frame.to_crs(CRS.from_user_input(crs))
    for number, geometry in enumerate(projected.geometry):
        if geometry is not None and not geometry.is_empty and not all(map(math.isfinite, geometry.bounds)):
            raise SiteError(
                f"{path}: feature number {number} lies outside of where {crs} is defined; either its coordinates "
                f"are not in {frame.crs.name}, as the file says, or the site's crs is wrong"
            )
    return projected


def _feature_id(written: Any, number: int) -> str:
    """Returns an id as text: 7 for 7.0, since GIS files turn integers into reals; the index if there is none."""
    if written is None or written == "" or (isinstance(written, float) and math.isnan(written)):
        return str(number)
    if isinstance(written, float) and written.is_integer():
        return str(int(written))
    return str(written)


def _usable(geometry: BaseGeometry | None, where: str) -> BaseGeometry:
    """Returns a valid polygon or line in two dimensions; parts of a multi-part one stay together."""
    if geometry is None or geometry.is_empty:
        raise SiteError(f"{where} has no geometry; draw it again or remove it")
    kind = _KINDS.get(geometry.geom_type)
    if kind is None:
        raise SiteError(f"{where} is a {geometry.geom_type}; a layer needs polygons (zones) or lines")
    flat = shapely.force_2d(geometry)
    if kind is FeatureKind.ZONE:
        return _repaired(flat, where)
    if flat.length == 0:
        raise SiteError(f"{where} is a line of no length; draw it again or remove it")
    return flat


def _repaired(geometry: BaseGeometry, where: str) -> BaseGeometry:
    """Returns a polygon made valid, without the lines and points that the repair may add."""
    if geometry.is_valid:
        return geometry
    whole = shapely.make_valid(geometry)
    polygons = [
        polygon
        for part in shapely.get_parts(whole)
        for polygon in shapely.get_parts(part)
        if polygon.geom_type == "Polygon"
    ]
    if not polygons:
        raise SiteError(f"{where} encloses nothing; draw it again or remove it")
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
