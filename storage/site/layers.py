"""Reads GIS layers: polygons become zones, lines become counting lines, in the site's CRS or in a camera's pixels.

Reference layers count nothing: their features are read for queries only, and may have any geometry.
``storage/site/layer_files.py`` reads the formats, ``storage/site/layer_shapes.py`` checks and repairs the geometries.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import shapely

from schemas.errors import SiteError
from schemas.site_views import LayerConfig
from schemas.values import Bools, Feature, FeatureKind
from storage.site.file import SiteFiles, layer_path
from storage.site.layer_files import Shapes, read_layer_file
from storage.site.layer_shapes import KINDS, are_invalid, repaired, to_site, usable

_RESERVED = "view"  # the whole frame in the table ``counts``
_NAMED = 5
"""Features that a notice names; a layer may have thousands."""


class Layer(NamedTuple):
    """One layer as its file has it now.

    Attributes:
        attributes: all columns of the file but the geometry.
        notices: one line each about what a user should know: what was repaired, what has no geometry.
    """

    features: list[Feature]
    attributes: pa.Table
    notices: tuple[str, ...]


def load_features(site: SiteFiles) -> tuple[Feature, ...]:
    """Returns the zones and lines of all layers that count: see ``read_counting_layers``."""
    return read_counting_layers(site)[0]


def read_counting_layers(site: SiteFiles) -> tuple[tuple[Feature, ...], tuple[str, ...]]:
    """Returns the zones and lines of all layers that count, in the order of ``site.toml`` and of each file; notices.

    Map layers are reprojected from their own CRS to the site's: x east, y north, metres, whatever axis order their
    CRS names. Pixel layers keep their coordinates (u to the right, v downwards), whatever CRS the file claims.

    Raises:
        SiteError: a file is missing, unreadable or empty, has no CRS or one that does not cover the site; a feature
            has no geometry, is neither polygon nor line, or has the id of another one.
    """
    features: dict[str, Feature] = {}
    notices: list[str] = []
    for number, layer in enumerate(site.config.layers):
        path = layer_path(site, number)
        if layer.role == "reference":
            continue  # often the largest file: commands that count do not read it
        read = _read(site, layer, path, [layer.id_field])
        notices += read.notices
        for feature in read.features:
            other = features.setdefault(feature.feature_id, feature)
            if other is not feature:
                raise SiteError(
                    f"{site.root / layer.file}: id {feature.feature_id!r} occurs twice (in the layers {other.layer} "
                    f"and {layer.name}); tables name features by it: make the values of {layer.id_field!r} differ"
                )
    return tuple(features.values()), tuple(notices)


def load_references(site: SiteFiles) -> tuple[Feature, ...]:
    """Returns the features of all reference layers on the map; errors as of ``load_features``."""
    layers = enumerate(site.config.layers)
    wanted = [(layer, number) for number, layer in layers if layer.role == "reference" and layer.space == "map"]
    paths = [(layer, layer_path(site, number)) for layer, number in wanted]
    return tuple(feature for layer, path in paths for feature in _read(site, layer, path, [layer.id_field]).features)


def load_named_features(site: SiteFiles, names: Sequence[str]) -> tuple[Feature, ...]:
    """Returns the features of layers of any role, in the order of ``site.toml``; errors as of ``load_features``."""
    layers = [(layer, layer_path(site, number)) for number, layer in enumerate(site.config.layers)]
    return tuple(
        feature
        for layer, path in layers
        if layer.name in names
        for feature in _read(site, layer, path, [layer.id_field]).features
    )


def load_layer(site: SiteFiles, number: int) -> Layer:
    """Returns one layer, with the attributes of its features.

    Args:
        site: the site.
        number: which layer, in the order of ``site.toml``.

    Raises:
        SiteError: the file is missing, unreadable or empty, or a feature of a layer that counts is not usable.
    """
    return _read(site, site.config.layers[number], layer_path(site, number), None)


def _read(site: SiteFiles, layer: LayerConfig, path: Path, columns: Sequence[str] | None) -> Layer:
    file = read_layer_file(path, layer.name, columns)
    on_map = layer.space == "map"
    shapes = shapely.force_2d(file.shapes)
    shapes = to_site(shapes, file.crs, site.config.crs, path) if on_map else shapes
    named = layer.id_field in file.attributes.column_names
    written = file.attributes[layer.id_field].to_pylist() if named else [None] * len(shapes)
    ids = [_feature_id(value, number) for number, value in enumerate(written)]
    crossed = are_invalid(shapes)
    if layer.role == "reference":
        shapes, kinds = _any_shapes(shapes, crossed), [FeatureKind.REFERENCE] * len(ids)
    else:
        shapes = _usable_shapes(shapes, ids, path)
        kinds = [KINDS[shape.geom_type] for shape in shapes]
    storey = layer.storey if on_map else site.config.camera_view(layer.camera or "").storey
    features = [
        Feature(each, layer.name, kind, layer.space, layer.camera, shape, storey)
        for each, kind, shape in zip(ids, kinds, shapes, strict=True)
    ]
    return Layer(features, file.attributes, _notices(layer, ids, shapes, crossed))


def _any_shapes(shapes: Shapes, crossed: Bools) -> Shapes:
    """Returns the geometries ``(N,)`` of a reference layer: polygons repaired, an empty one for none."""
    kept = shapes.copy()
    kept[crossed] = [repaired(shape) for shape in shapes[crossed]]
    kept[shapely.is_missing(shapes)] = shapely.GeometryCollection()
    return kept


def _usable_shapes(shapes: Shapes, ids: Sequence[str], path: Path) -> Shapes:
    """Returns the geometries ``(N,)`` of a layer that counts."""
    kept = np.empty(len(shapes), dtype=object)
    for number, (feature_id, shape) in enumerate(zip(ids, shapes, strict=True)):
        where = f"{path}: feature {feature_id!r}"
        if feature_id == _RESERVED:
            raise SiteError(f"{where}: this id is taken, it means the whole view in the table counts; choose another")
        kept[number] = usable(shape, where)
    return kept


def _notices(layer: LayerConfig, ids: Sequence[str], shapes: Shapes, crossed: Bools) -> tuple[str, ...]:
    notices = []
    fixed = [ids[number] for number in np.flatnonzero(crossed).tolist()]
    if fixed:
        these = "crosses itself and was" if len(fixed) == 1 else "cross themselves and were"
        notices.append(f"layer {layer.name}: {_several(fixed)} {these} repaired; look at it on the map page")
    empty = [ids[number] for number in np.flatnonzero(shapely.is_empty(shapes)).tolist()]
    if empty:
        notices.append(f"layer {layer.name}: {_several(empty)} {'has' if len(empty) == 1 else 'have'} no geometry")
    twice = [] if layer.role == "count" else _repeated(ids)
    if twice:
        notices.append(
            f"layer {layer.name}: {_several(twice)} {'occurs' if len(twice) == 1 else 'occur'} more than once: a join "
            "by feature_id gives a row for each; id_field names another property"
        )
    return tuple(notices)


def _repeated(ids: Sequence[str]) -> list[str]:
    names, counts = np.unique(np.array(ids, dtype=object), return_counts=True)
    return [str(name) for name in names[counts > 1]]


def _several(ids: Sequence[str]) -> str:
    """Returns how many features there are, with the ids of the first."""
    if len(ids) == 1:
        return f"feature {ids[0]}"
    more = ", …" if len(ids) > _NAMED else ""
    return f"{len(ids)} features ({', '.join(ids[:_NAMED])}{more})"


def _feature_id(written: Any, number: int) -> str:
    """Returns an id as text: 7 for 7.0, since GIS files turn integers into reals; the index if there is none."""
    if written is None or written == "" or (isinstance(written, float) and math.isnan(written)):
        return str(number)
    if isinstance(written, float) and written.is_integer():
        return str(int(written))
    return str(written)
