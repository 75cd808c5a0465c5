"""Positions, and reading the GIS files that are made of them, for tests."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import geopandas
import pyarrow as pa
from pyproj import Transformer

from schemas.tables import TABLES

RD = "EPSG:28992"


START = datetime(2026, 3, 2, 22, 0, 0, 123456, tzinfo=UTC)


def positions(tracks: dict[str, list[tuple[float, float]]]) -> pa.Table:
    """Rows of the table positions, one second apart, longitude and latitude as PROJ has them."""
    to_lonlat = Transformer.from_crs(RD, "OGC:CRS84", always_xy=True)
    rows = [
        (track, START + timedelta(seconds=number), x, y, *to_lonlat.transform(x, y))
        for track, points in tracks.items()
        for number, (x, y) in enumerate(points)
    ]
    track_ids, times, x_m, y_m, lon, lat = map(list, zip(*rows, strict=True))
    count = len(rows)
    return TABLES["positions"].conform(
        {
            "camera": ["gate"] * count,
            "track_id": track_ids,
            "time": times,
            "label": ["person"] * count,
            "x_m": x_m,
            "y_m": y_m,
            "lon": lon,
            "lat": lat,
            "var_x_m2": [0.01] * count,
            "cov_xy_m2": [0.0] * count,
            "var_y_m2": [0.01] * count,
            "state": ["observed"] * count,
        }
    )


def read(path: Path) -> geopandas.GeoDataFrame:
    if path.suffix == ".parquet":
        return geopandas.read_parquet(path)
    return geopandas.read_file(path, layer=path.stem) if path.suffix == ".gpkg" else geopandas.read_file(path)
