"""Creates the SQL functions that join points with a layer: the areas that contain one, and the feature nearest to it.

Both look the layer's features up in an R-tree, so that millions of points take seconds
(docs/decisions/0063-layers-in-the-store.md).
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import pyarrow as pa
from duckdb.func import ARROW
from duckdb.sqltypes import DOUBLE, VARCHAR

from storage.sql.text import quote_text

if TYPE_CHECKING:
    import shapely

    from storage.site.layer_files import Shapes

NEAREST, AREAS_AT = "nearest", "areas_at"
PLACE_FUNCTIONS = (NEAREST, AREAS_AT)

_NEAREST_TYPE = "STRUCT(feature_id VARCHAR, distance_m DOUBLE)"
_NEAREST_ARROW = pa.struct([("feature_id", pa.string()), ("distance_m", pa.float64())])


class _Index(NamedTuple):
    """The features of a layer, to be looked up by place."""

    ids: pa.Array
    shapes: "Shapes"
    tree: "shapely.STRtree"


def create_place_functions(con: duckdb.DuckDBPyConnection, layers: Mapping[str, Callable[[], pa.Table]]) -> None:
    """Creates ``nearest(x, y, layer)`` and ``areas_at(x, y, layer)``.

    ``nearest`` gives the id and the distance, in metres, of the feature that is nearest to a point, 0 within an area;
    of equally near ones the first of the layer; both are null where the layer has no geometry. ``areas_at`` gives the
    ids of all polygons that contain a point, their borders included, in the order of the layer.

    Args:
        con: the connection.
        layers: of each layer on the map, what returns its rows, with columns ``feature_id`` and ``wkt``.
    """

    @cache
    def index(layer: str) -> _Index:
        import numpy as np
        import shapely

        rows = layers[layer]()
        shapes = np.array(shapely.from_wkt(rows["wkt"].to_numpy(zero_copy_only=False)), dtype=object)
        shapely.prepare(shapes)
        return _Index(rows["feature_id"].combine_chunks(), shapes, shapely.STRtree(shapes))

    def nearest(x: pa.ChunkedArray, y: pa.ChunkedArray, layer: pa.ChunkedArray) -> Any:
        return _by_layer(x, y, layer, _NEAREST_ARROW, lambda name, xs, ys: _nearest(index(name), xs, ys))

    def areas_at(x: pa.ChunkedArray, y: pa.ChunkedArray, layer: pa.ChunkedArray) -> Any:
        return _by_layer(x, y, layer, pa.list_(pa.string()), lambda name, xs, ys: _areas_at(index(name), xs, ys))

    areas = duckdb.list_type("VARCHAR")
    con.create_function(f"_{NEAREST}", nearest, [DOUBLE, DOUBLE, VARCHAR], duckdb.type(_NEAREST_TYPE), type=ARROW)
    con.create_function(f"_{AREAS_AT}", areas_at, [DOUBLE, DOUBLE, VARCHAR], areas, type=ARROW)
    known = ", ".join(map(quote_text, layers)) or "''"
    there = quote_text(f": there are {', '.join(layers) or 'none'}")
    for name in PLACE_FUNCTIONS:
        con.execute(
            f"CREATE MACRO {name}(x, y, in_layer) AS CASE WHEN in_layer IN ({known}) THEN _{name}(x, y, in_layer) "
            f"ELSE error('no layer ' || in_layer || ' on the map' || {there}) END"
        )


def _by_layer(
    x: pa.ChunkedArray,
    y: pa.ChunkedArray,
    layer: pa.ChunkedArray,
    kind: pa.DataType,
    find: Callable[[str, pa.ChunkedArray, pa.ChunkedArray], pa.Array],
) -> pa.Array:
    """Returns what ``find`` gives for each layer's points ``(N,)``; nearly always they are all of one layer."""
    import pyarrow.compute as pc

    names = layer.unique().to_pylist()
    if len(names) == 1:
        return find(names[0], x, y)
    found, rows = [pa.array([], kind)], [pa.array([], pa.int64())]
    for name in names:
        mine = pc.indices_nonzero(pc.equal(layer, name)).cast(pa.int64())
        rows.append(mine)
        found.append(find(name, x.take(mine), y.take(mine)))
    return pa.concat_arrays(found).take(pc.array_sort_indices(pa.concat_arrays(rows)))


def _nearest(index: _Index, x: pa.ChunkedArray, y: pa.ChunkedArray) -> pa.Array:
    import numpy as np
    import shapely

    points = shapely.points(x.to_numpy(), y.to_numpy())
    (point, shape), distance = index.tree.query_nearest(points, return_distance=True)
    # Of equally near ones the first: lexsort, then the first of each point.
    order = np.lexsort((shape, point))
    point, first = np.unique(point[order], return_index=True)
    best = order[first]
    number, away_m = np.full(len(points), -1), np.full(len(points), np.nan)
    number[point], away_m[point] = shape[best], distance[best]
    missing = number < 0
    ids = index.ids.take(pa.array(number, mask=missing))
    parts = [ids, pa.array(away_m, mask=missing)]
    return pa.StructArray.from_arrays(parts, fields=list(_NEAREST_ARROW))


def _areas_at(index: _Index, x: pa.ChunkedArray, y: pa.ChunkedArray) -> pa.Array:
    import numpy as np
    import shapely

    east, north = x.to_numpy(), y.to_numpy()
    point, shape = index.tree.query(shapely.points(east, north))
    polygons = shapely.get_dimensions(index.shapes[shape]) == 2
    point, shape = point[polygons], shape[polygons]
    # With the prepared polygon on the left, each test is a look-up, however many corners it has.
    within = shapely.intersects_xy(index.shapes[shape], east[point], north[point])
    point, shape = point[within], shape[within]
    order = np.lexsort((shape, point))
    starts = np.searchsorted(point[order], np.arange(len(east) + 1))
    ids = index.ids.take(pa.array(shape[order]))
    return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), ids)
