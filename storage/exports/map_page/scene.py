"""Builds the scene that the map page draws: lists and numbers, in metres or centimetres from the scene's origin."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import Transformer

from schemas.values import Feature, FeatureKind
from storage.exports.map_page.references import draw_references
from storage.exports.map_page.trajectories import (
    Bounds,
    Point,
    density,
    encode,
    read_trajectories,
    thin,
    typical_bounds,
)
from storage.site.file import WGS84, SiteFiles

if TYPE_CHECKING:
    from pandas import DataFrame

MAX_ZONE_ROWS = 60
"""Most rows in the page's table of zones."""


def build_scene(
    site: SiteFiles, features: Sequence[Feature], cameras: pa.Table, positions: pa.Table, max_tracks: int
) -> dict[str, Any]:
    """Returns everything that is drawn, ready for JSON; ``map.js`` reads it."""
    trajectories = read_trajectories(positions)
    on_map = [feature for feature in features if feature.space == "map"]
    references = [feature for feature in on_map if feature.kind is FeatureKind.REFERENCE]
    features = [feature for feature in on_map if feature.kind is not FeatureKind.REFERENCE]
    typical = typical_bounds(trajectories)
    # Streets may be those of a whole city: they set the extent only where there is nothing else.
    bounds = _bounds(features, cameras, typical) or _bounds(references, cameras, typical)
    corners = np.reshape(bounds or (0.0, 0.0, 100.0, 100.0), (2, 2))
    west, south = np.floor(corners[0]).tolist()
    origin = (west, south)
    start_us = 0 if trajectories.empty else int(trajectories["time_us"].min())
    drawn, step_s = thin(trajectories, max_tracks)
    return {
        "empty": bounds is None,
        "timezone": site.config.timezone,
        "origin": origin,
        "extent": (corners - origin).round(2).ravel().tolist(),
        "lonlat": _lonlat(site.config.crs, bounds, origin) if bounds else None,
        "start_ms": start_us // 1000,
        "step_s": step_s,
        "of_tracks": int(trajectories["number"].max()) + 1 if len(trajectories) else 0,
        "of_points": len(trajectories),
        "points": len(drawn),
        "features": [_feature(feature, origin) for feature in features],
        "references": draw_references(references, bounds, origin) if bounds else [],
        "cameras": _cameras(cameras, trajectories, origin),
        "tracks": encode(drawn, origin, start_us),
        "density": density(trajectories, typical, origin) if typical else None,
    }


def zone_rows(counts: pa.Table) -> list[dict[str, Any]]:
    """Returns each zone's occupancy over the observed time, sorted by time spent inside, most first."""
    counts = counts.append_column("present_s", pc.multiply(counts["mean_count"], counts["observed_s"]))
    sums = [("present_s", "sum"), ("observed_s", "sum"), ("dwell_s", "sum"), ("max_count", "max")]
    rows = counts.group_by(["zone", "camera", "label"], use_threads=False).aggregate(sums).to_pylist()
    rows = [row for row in rows if row["max_count_max"]]
    rows.sort(key=lambda row: (-row["dwell_s_sum"], row["zone"], row["camera"], row["label"]))
    for row in rows:
        row["mean"] = row["present_s_sum"] / max(row["observed_s_sum"], 1e-9)
        row["inside"] = timedelta(seconds=round(row["dwell_s_sum"]))
    return rows


def placed_cameras(cameras: pa.Table) -> dict[str, Point]:
    """Returns east and north of each camera whose position is known."""
    rows = zip(*(cameras[name].to_pylist() for name in ("camera", "x_m", "y_m")), strict=True)
    return {camera: (x, y) for camera, x, y in rows if x is not None and y is not None}


def _bounds(features: Sequence[Feature], cameras: pa.Table, typical: Bounds | None) -> Bounds | None:
    """Returns the initial extent of the map; None if there is nothing to show."""
    boxes: list[Bounds] = [feature.geometry.bounds for feature in features]
    boxes += [(x, y, x, y) for x, y in placed_cameras(cameras).values()]
    boxes += [typical] if typical else []
    if not boxes:
        return None
    wests, souths, easts, norths = zip(*boxes, strict=True)
    return min(wests), min(souths), max(easts), max(norths)


def _lonlat(crs: str, bounds: Bounds, origin: Point) -> dict[str, Any] | None:
    """Fits second-order polynomials for longitude and latitude around the map; None where the CRS is not defined.

    The page works offline and has no PROJ; the polynomials err by millimetres over a site of some kilometres. Their
    variables u and v run from -1 to 1 over ``half`` metres.
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


def _feature(feature: Feature, origin: Point) -> dict[str, Any]:
    """Returns a zone's rings or a line's parts as flat lists of centimetres, and the corner for a zone's name."""
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


def _cameras(cameras: pa.Table, trajectories: "DataFrame", origin: Point) -> list[dict[str, Any]]:
    """Returns the cameras by id, each with the convex hull of its positions."""
    placed = placed_cameras(cameras)
    names = dict(zip(cameras["camera"].to_pylist(), cameras["name"].to_pylist(), strict=True))
    listed = []
    for camera in sorted(names.keys() | set(trajectories["camera"].unique())):
        points = trajectories.loc[trajectories["camera"] == camera, ["x_m", "y_m"]].to_numpy()
        hull = shapely.MultiPoint(points).convex_hull
        listed.append(
            {
                "id": camera,
                "name": names.get(camera) or camera,
                "place": _centimetres(placed[camera], origin) if camera in placed else None,
                "hull": _centimetres(shapely.get_coordinates(hull), origin) if hull.area > 0 else [],
            }
        )
    return listed


def _centimetres(points_m: Any, origin: Point) -> list[int]:
    flat: list[int] = np.rint((np.asarray(points_m) - origin) * 100).astype(np.int64).ravel().tolist()
    return flat
