"""Gives rows of zones and lines, such as those of `counts` and `flows`, the place of their feature, or their storey."""

import json
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import UserError
from schemas.values import Feature
from storage.exports.geometry_columns import GEOMETRY, geometry_column
from storage.site.pixel_crs import pixels_of

_KEYS = ("zone", "line", "feature")
"""Columns that name a feature, in `counts`, `flows`, `zone_events` and the views over them."""


def with_places(rows: pa.Table, load: Callable[[], Sequence[Feature]]) -> pa.Table:
    """Returns rows that name a zone or a line with its shape; rows with a position of their own as they are.

    A row of no feature, such as the zone ``view``, has no geometry; where all rows are such, they stay as they are.

    Args:
        rows: a query's result.
        load: returns the features of the site; it is called only if the rows need them.

    Raises:
        UserError: the rows name features of the map and in pixels, or in pixels of several cameras.
    """
    key = next((name for name in _KEYS if name in rows.column_names), None)
    if key is None or _has_position(rows) or not pa.types.is_string(rows.schema.field(key).type):
        return rows
    named = set(rows[key].unique().to_pylist())
    features = [feature for feature in load() if feature.feature_id in named]
    if not features and named:
        return rows
    spaces = sorted({pixels_of(feature.camera) if feature.space == "pixel" else "the map" for feature in features})
    if len(spaces) > 1:
        raise UserError(
            f"these rows have places in {' and '.join(spaces)}, which do not fit into one file: choose with "
            f"WHERE {key} IN (SELECT feature_id FROM features WHERE layer = '{features[0].layer}')"
        )
    metadata = {} if spaces in ([], ["the map"]) else _geoarrow(spaces[0])
    ids = pa.array([feature.feature_id for feature in features], pa.string())
    shapes = pa.array([feature.geometry.wkb for feature in features], pa.binary())
    places = shapes.take(pc.index_in(rows[key].combine_chunks(), ids))
    return rows.append_column(pa.field(GEOMETRY, pa.binary(), metadata=metadata), places)


def with_storeys(rows: pa.Table, storeys: Mapping[str, int]) -> pa.Table:
    """Returns rows of cameras on several storeys with a column ``storey``; other rows as they are.

    Args:
        rows: a query's result.
        storeys: the storey of each camera of the site that names one.
    """
    camera = "camera"
    known = pa.types.is_string(rows.schema.field(camera).type) if camera in rows.column_names else False
    if not known or "storey" in rows.column_names or not any(storeys.values()):
        return rows
    numbers = pc.index_in(rows[camera].combine_chunks(), pa.array(list(storeys), pa.string()))
    storey = pc.fill_null(pa.array(list(storeys.values()), pa.int32()).take(numbers), 0)
    return rows.append_column("storey", storey)


def _has_position(rows: pa.Table) -> bool:
    names = set(rows.column_names)
    return geometry_column(rows) is not None or {"x_m", "y_m"} <= names or {"lon", "lat"} <= names or GEOMETRY in names


def _geoarrow(coordinates: str) -> dict[str, str]:
    return {"ARROW:extension:name": "geoarrow.wkb", "ARROW:extension:metadata": json.dumps({"crs": coordinates})}
