"""Writes OGC Moving Features JSON, https://docs.ogc.org/is/19-045r3/19-045r3.html: a moving point per track."""

import json
import warnings
from datetime import datetime
from pathlib import Path

from pyproj import CRS

from schemas.errors import UserError
from storage.exports.formats.layer import Layer
from storage.exports.geometries import reproject
from storage.exports.results import plain
from storage.site.file import WGS84

_TRACK, _TIME = "track_id", "time"
_PROPERTIES = ("camera", "label")
"""Columns that are the same for all points of a track."""
_SPEED = "speed_m_s"
_CRS = {"type": "Name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
_TIMES = {"type": "Name", "properties": {"name": "urn:ogc:data:time:iso8601"}}


def write_moving_features(layer: Layer, path: Path) -> None:
    """Writes the path of each track in longitude and latitude, with ISO 8601 times in UTC, and its speed.

    Tracks of one point are left out: that is no path, and movingpandas reads no file with one.

    Raises:
        UserError: the rows are no points of tracks.
    """
    missing = [name for name in (_TRACK, _TIME) if name not in layer.rows.column_names]
    if missing or layer.geometry_type not in ("Point", "Unknown") or layer.crs.is_engineering:
        raise UserError(
            "Moving Features are points of tracks on the map: export positions, or a query with track_id, time, x_m "
            "and y_m"
        )
    import geopandas  # with pandas, which no other format needs

    with warnings.catch_warnings():
        # It asks for Stone Soup, which only its smoothers need.
        warnings.filterwarnings("ignore", "Missing optional dependencies", UserWarning)
        from movingpandas import gdf_to_mf_json

    known = [name for name in (_TRACK, _TIME, *_PROPERTIES, _SPEED) if name in layer.rows.column_names]
    points = reproject(layer.geometries, layer.crs, CRS.from_user_input(WGS84))
    frame = geopandas.GeoDataFrame(layer.rows.select(known).to_pandas(), geometry=points, crs=WGS84)
    frame = frame[frame.geometry.notna() & frame[_TRACK].notna()].sort_values([_TRACK, _TIME], kind="stable")
    frame = frame[frame.groupby(_TRACK)[_TIME].transform("size") > 1]
    document = gdf_to_mf_json(
        frame,
        _TRACK,
        _TIME,
        temporal_columns=[_SPEED] if _SPEED in known else None,
        temporal_columns_static_fields={_SPEED: {"type": "Measure", "form": "MTS", "interpolation": "Linear"}},
        interpolation="Linear",
        datetime_encoder=_iso,
    )
    for feature in document["features"]:
        feature["id"] = feature["properties"][_TRACK]
        geometry = feature["temporalGeometry"]
        geometry["coordinates"] = [[round(x, 7), round(y, 7)] for x, y in geometry["coordinates"]]
    document |= {"crs": _CRS, "trs": _TIMES}
    path.write_text(json.dumps(plain(document), ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
