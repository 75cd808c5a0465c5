"""Creates the site's zones and lines as tables with geometry, and the macros of places."""

import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from schemas.errors import NightshiftError
from schemas.site_views import LayerConfig
from schemas.values import Feature
from storage.site.pixel_crs import coordinates_of
from storage.sql.lazy import INTERNAL, create_lazy
from storage.sql.places import create_place_functions
from storage.sql.text import quote_name, quote_text

SPATIAL_PACKAGE = "duckdb_extension_spatial"
ADVICE = f"install the package duckdb-extension-spatial {duckdb.__version__}"

_GEOMETRY = re.compile(r"\bst_|in_zone|place_of|distance_to_m|features|layer_|geom", re.IGNORECASE)

_TEXTS = ("feature_id", "layer", "kind", "space", "camera")
_FEATURES = pa.schema([*((name, pa.string()) for name in _TEXTS), ("storey", pa.int32()), ("wkt", pa.string())])

FEATURE_COLUMNS = tuple(_FEATURES.names)
"""Columns of the rows of any layer; its attributes follow."""


def load_spatial(con: duckdb.DuckDBPyConnection) -> bool:
    """Loads the spatial extension from its Python package; ``LOAD`` by path needs no network and no home folder.

    Returns:
        Whether there is one for this version of DuckDB.
    """
    package = importlib.util.find_spec(SPATIAL_PACKAGE)
    folders = list(package.submodule_search_locations or ()) if package else []
    for folder in folders:
        file = Path(folder, "extensions", f"v{duckdb.__version__}", "spatial.duckdb_extension")
        try:
            con.execute(f"LOAD {quote_text(file)}")
        except duckdb.Error:
            continue
        return True
    return False


def mentions_geometry(sql: str) -> bool:
    """Returns whether a query may need the spatial extension; loading it takes most of the time of opening."""
    return _GEOMETRY.search(sql) is not None


def spatial_available(con: duckdb.DuckDBPyConnection) -> bool:
    """Returns whether spatial functions (``ST_...``, ``in_zone``) work in this connection."""
    # duckdb_extensions() reads the home folder, which a locked connection may not.
    found = con.execute(
        "SELECT count(*) FROM duckdb_functions() WHERE lower(function_name) = 'st_intersects'"
    ).fetchone()
    return bool(found and found[0])


def create_layers(
    con: duckdb.DuckDBPyConnection,
    features: Callable[[], pa.Table],
    layers: Mapping[LayerConfig, Callable[[], pa.Table]],
    has_spatial: bool,
) -> None:
    """Creates ``features``, a view ``layer_NAME`` for each layer, and the macros of places.

    ``in_zone(x, y, zone)`` tells whether a point is in a zone, ``place_of(zone)`` is the geometry of a zone or a line,
    ``distance_to_m(x, y, feature)`` the distance to one, and ``map_distance_m(x1, y1, x2, y2)`` that of two points. For
    ``nearest`` and ``areas_at`` see ``storage.sql.places``.

    Args:
        con: the connection.
        features: returns the rows, as ``features_table`` does.
        layers: of each of the site's layers, what returns its rows, as ``layer_table`` does.
        has_spatial: without it ``geometry`` is WKT, and ``in_zone`` raises an error that says what to install.
    """
    counting = [layer for layer in layers if layer.role == "count"]
    create_lazy(con, "features", _FEATURES, features, internal=True)
    _create_features(con, "features", coordinates_of(counting), has_spatial)
    for layer, rows in layers.items():
        name = layer_view(layer)
        create_lazy(con, name, _schema_of(rows), rows, internal=True)
        _create_features(con, name, coordinates_of([layer]), has_spatial)
    con.execute(
        "CREATE MACRO place_of(feature) AS (SELECT any_value(_geometry) "
        "FROM features AS _places(_id, _layer, _kind, _space, _camera, _storey, _geometry) WHERE _id = feature)"
    )
    on_map = {layer.name: rows for layer, rows in layers.items() if layer.space == "map"}
    create_place_functions(con, on_map)
    con.execute("CREATE MACRO map_distance_m(x1, y1, x2, y2) AS sqrt((x2 - x1) ** 2 + (y2 - y1) ** 2)")
    if has_spatial:
        # The columns are renamed so that an argument with a column's name refers to the caller's column.
        con.execute(
            "CREATE MACRO in_zone(x, y, zone) AS ST_Intersects(ST_Point(x, y), ("
            "SELECT if(count(*) = 0, error('no zone ' || zone || ': see the table features'), ST_Union_Agg(_geometry)) "
            "FROM features AS _zones(_id, _layer, _kind, _space, _camera, _storey, _geometry) "
            "WHERE _id = zone AND _kind = 'zone'))"
        )
        con.execute(
            "CREATE MACRO distance_to_m(x, y, feature) AS ST_Distance(ST_Point(x, y), ("
            "SELECT if(count(*) = 0, error('no zone or line ' || feature || ': see the table features'), "
            "any_value(_geometry)) FROM features AS _places(_id, _layer, _kind, _space, _camera, _storey, _geometry) "
            "WHERE _id = feature))"
        )
    else:
        needed = f"needs the spatial extension: {ADVICE}"
        con.execute(f"CREATE MACRO distance_to_m(x, y, feature) AS error('distance_to_m {needed}')")
        con.execute(f"CREATE MACRO in_zone(x, y, zone) AS error('in_zone {needed}')")


def layer_view(layer: LayerConfig) -> str:
    """Returns the name of a layer's view."""
    return f"layer_{layer.name}"


def _schema_of(layer: Callable[[], pa.Table]) -> pa.Schema:
    try:
        return layer().schema
    except NightshiftError:
        return _FEATURES  # a query that reads the layer raises the error


def _create_features(con: duckdb.DuckDBPyConnection, name: str, coordinates: str | None, has_spatial: bool) -> None:
    geometry = "ST_GeomFromText(wkt)" if has_spatial else "wkt"
    if has_spatial and coordinates is not None:
        geometry = f"ST_SetCRS({geometry}, {quote_text(coordinates)})"
    rows = f"SELECT * EXCLUDE (wkt), {geometry} AS geometry FROM {INTERNAL}.{quote_name(name)}"
    con.execute(f"CREATE VIEW {quote_name(name)} AS {rows}")


def features_table(features: Sequence[Feature]) -> pa.Table:
    """Returns zones and lines as rows, with their geometry as WKT."""
    rows = [(f.feature_id, f.layer, str(f.kind), f.space, f.camera, f.storey, f.geometry.wkt) for f in features]
    return pa.table(
        [pa.array([row[number] for row in rows], field.type) for number, field in enumerate(_FEATURES)],
        schema=_FEATURES,
    )


def layer_table(features: Sequence[Feature], attributes: pa.Table) -> pa.Table:
    """Returns the features of one layer as rows, with their attributes; a name that is taken gets a number."""
    from storage.exports.gis_columns import free_name  # GIS libraries, which most queries do not need

    rows = features_table(features)
    taken = [*rows.column_names, "geometry"]
    for name, column in zip(attributes.column_names, attributes.columns, strict=True):
        clashes = name.lower() in {each.lower() for each in taken}
        free = free_name(name, [*taken, *attributes.column_names]) if clashes else name
        taken.append(free)
        rows = rows.append_column(free, column)
    return rows
