"""Gathers what the map page draws: plain lists and numbers, in metres or centimetres from the scene's origin."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import Transformer

from schemas.values import Feature, FeatureKind
from storage.exports.map_page.walks import Bounds, Place, density, encode, read_walks, thin, usual_bounds
from storage.site.file import WGS84, SiteFiles

if TYPE_CHECKING:
    from pandas import DataFrame

MAX_ZONE_ROWS = 60


def build_scene(
    site: SiteFiles, features: Sequence[Feature], cameras: pa.Table, positions: pa.Table, max_tracks: int
) -> dict[str, Any]:
    """Everything that is drawn, ready for JSON; ``map.js`` reads it."""
    walks = read_walks(positions)
    features = [feature for feature in features if feature.space == "map"]
    usual = usual_bounds(walks)
    bounds = _bounds(features, cameras, usual)
    corners = np.reshape(bounds or (0.0, 0.0, 100.0, 100.0), (2, 2))
    west, south = np.floor(corners[0]).tolist()
    origin = (west, south)
    start_us = 0 if walks.empty else int(walks["time_us"].min())
    drawn, step_s = thin(walks, max_tracks)
    return {
        "empty": bounds is None,
        "timezone": site.config.timezone,
        "origin": origin,
        "extent": (corners - origin).round(2).ravel().tolist(),
        "lonlat": _lonlat(site.config.crs, bounds, origin) if bounds else None,
        "start_ms": start_us // 1000,
        "step_s": step_s,
        "of_tracks": int(walks["number"].max()) + 1 if len(walks) else 0,
        "of_points": len(walks),
        "points": len(drawn),
        "features": [_feature(feature, origin) for feature in features],
        "cameras": _cameras(cameras, walks, origin),
        "tracks": encode(drawn, origin, start_us),
        "density": density(walks, usual, origin) if usual else None,
    }


def zone_rows(counts: pa.Table) -> list[dict[str, Any]]:
    """How full each zone was over the time that was observed; those with the most time spent inside first."""
    counts = counts.append_column("present_s", pc.multiply(counts["mean_count"], counts["observed_s"]))
    sums = [("present_s", "sum"), ("observed_s", "sum"), ("dwell_s", "sum"), ("max_count", "max")]
    rows = counts.group_by(["zone", "camera", "label"], use_threads=False).aggregate(sums).to_pylist()
    rows = [row for row in rows if row["max_count_max"]]
    rows.sort(key=lambda row: (-row["dwell_s_sum"], row["zone"], row["camera"], row["label"]))
    for row in rows:
        row["mean"] = row["present_s_sum"] / max(row["observed_s_sum"], 1e-9)
        row["inside"] = timedelta(seconds=round(row["dwell_s_sum"]))
    return rows


def placed_cameras(cameras: pa.Table) -> dict[str, Place]:
    """East and north of each camera whose position is known."""
    rows = zip(*(cameras[name].to_pylist() for name in ("camera", "x_m", "y_m")), strict=True)
    return {camera: (x, y) for camera, x, y in rows if x is not None and y is not None}


def _bounds(features: Sequence[Feature], cameras: pa.Table, usual: Bounds | None) -> Bounds | None:
    """What the map shows at first; None if there is nothing to show."""
    boxes: list[Bounds] = [feature.geometry.bounds for feature in features]
    boxes += [(x, y, x, y) for x, y in placed_cameras(cameras).values()]
    boxes += [usual] if usual else []
    if not boxes:
        return None
    wests, souths, easts, norths = zip(*boxes, strict=True)
    return min(wests), min(souths), max(easts), max(norths)


def _lonlat(crs: str, bounds: Bounds, origin: Place) -> dict[str, Any] | None:
    """Second-order polynomials for longitude and latitude around the map; None where the CRS is not defined.

    They err by millimetres over a site of some kilometres; u and v run from -1 to 1 over ``half`` metres.
    """
    west, south, east, north = bounds
    middle = np.array([(west + east) / 2, (south + north) / 2])
    half = max(east - west, north - south, 100.0)
    u, v = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5)))
    to_lonlat = Transformer.from_crs(crs, WGS84, always_xy=True)
    lonlat = np.column_stack(to_lonlat.transform(middle[0] + u * half, middle[1] + v * half))
    if not np.isfinite(lonlat).all():
        return None
    terms = np.column_stack([np.ones_like(u), u, v, u * u, u * v, v * v])
    lon, lat = np.linalg.lstsq(terms, lonlat, rcond=None)[0].T.tolist()
    x, y = (middle - origin).tolist()
    return {"x": x, "y": y, "half": half, "lon": lon, "lat": lat}


def _feature(feature: Feature, origin: Place) -> dict[str, Any]:
    """Rings of a zone or parts of a line as flat lists of centimetres, and the corner that a zone's name stands at."""
    parts: list[Any] = list(shapely.get_parts(feature.geometry))
    if feature.kind is FeatureKind.ZONE:
        parts = [ring for part in parts for ring in shapely.get_rings(part)]
    west, _, _, north = feature.geometry.bounds
    return {
        "id": feature.feature_id,
        "kind": str(feature.kind),
        "parts": [_centimetres(shapely.get_coordinates(part), origin) for part in parts],
        "corner": _centimetres((west, north), origin),
    }


def _cameras(cameras: pa.Table, walks: "DataFrame", origin: Place) -> list[dict[str, Any]]:
    """Cameras in order of their id, with the hull of where their positions are."""
    places = placed_cameras(cameras)
    names = dict(zip(cameras["camera"].to_pylist(), cameras["name"].to_pylist(), strict=True))
    listed = []
    for camera in sorted(names.keys() | set(walks["camera"].unique())):
        seen = walks.loc[walks["camera"] == camera, ["x_m", "y_m"]].to_numpy()
        hull = shapely.MultiPoint(seen).convex_hull
        listed.append(
            {
                "id": camera,
                "name": names.get(camera) or camera,
                "place": _centimetres(places[camera], origin) if camera in places else None,
                "hull": _centimetres(shapely.get_coordinates(hull), origin) if hull.area > 0 else [],
            }
        )
    return listed


def _centimetres(places_m: Any, origin: Place) -> list[int]:
    flat: list[int] = np.rint((np.asarray(places_m) - origin) * 100).astype(np.int64).ravel().tolist()
    return flat
