"""A site around a store, and ways to inspect queries, for tests of SQL."""

import json
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from shapely.geometry import box, mapping

from schemas.values import Receipt
from storage.site.file import SiteFiles, load_site
from storage.sql.query import run_query
from storage.store.store import Store
from tests.storage.rows import DATE, NOW, make_receipt

EAST_M, NORTH_M = 120_000, 480_000
"""Origin of the map zones: hall is a square of 2 m there, door one of 1 m, 5 m further."""

SITE = """
name = "test"
crs = "EPSG:28992"
timezone = "Europe/Amsterdam"
[[cameras]]
id = "cam1"
[[cameras]]
id = "cam2"
timezone = "America/New_York"
position = [120001, 480001]
[[layers]]
name = "zones"
file = "zones.geojson"
[[layers]]
name = "door-marks"
file = "marks.geojson"
space = "pixel"
camera = "cam1"
"""


def make_site(root: Path) -> SiteFiles:
    """Two cameras in two time zones, two zones on the map and one in pixels. Its store is ``root/store``."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "site.toml").write_text(SITE)
    _write_squares(root / "zones.geojson", {"hall": (0, 2), "door": (5, 6)}, EAST_M, NORTH_M)
    _write_squares(root / "marks.geojson", {"mat": (10, 20)}, 0, 0)
    return load_site(root)


def _write_squares(path: Path, squares: dict[str, tuple[int, int]], east: int, north: int) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {"id": name},
            "geometry": mapping(box(east + a, north + a, east + b, north + b)),
        }
        for name, (a, b) in squares.items()
    ]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::28992"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))


def print_of(*words: object) -> str:
    """A fingerprint."""
    return sha256(repr(words).encode()).hexdigest()


def commit(
    store: Store,
    name: str,
    rows: pa.Table,
    fingerprint: str,
    unit: str = "u1",
    camera: str = "cam1",
    date: str = DATE,
    committed: datetime = NOW,
    run_id: str = "run",
) -> Receipt:
    """Writes and commits rows of one unit, as work of a run."""
    file, _ = store.write_table(name, rows, camera=camera, date=date, unit=unit, fingerprint=fingerprint)
    files = {name: file} if file else {}
    return store.commit(replace(make_receipt(files, name, unit, fingerprint, camera, date, committed), run_id=run_id))


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[object, ...]]:
    """Rows of a query's result."""
    return [tuple(row.values()) for row in run_query(con, sql).to_pylist()]


def plan_of(con: duckdb.DuckDBPyConnection, query: str) -> str:
    """What EXPLAIN says of a query, without its frames."""
    ((_, plan),) = rows_of(con, f"EXPLAIN (FORMAT json) {query}")
    return str(plan)


def scans_of(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """The file scans of a query by EXPLAIN ANALYZE: files read, filters, ..."""
    ((_, plan),) = rows_of(con, f"EXPLAIN (ANALYZE, FORMAT json) {query}")
    found: list[dict[str, Any]] = []
    left = [json.loads(str(plan))]
    while left:
        node = left.pop()
        left += node["children"]
        if node.get("operator_name", "").strip() == "READ_PARQUET":
            found.append(node["extra_info"])
    return found


def files_read(con: duckdb.DuckDBPyConnection, query: str) -> int:
    """How many files a query opens to read rows."""
    return sum(int(scan["Total Files Read"]) for scan in scans_of(con, query))


def root_of(store: Store) -> Path:
    return Path(store.blobs.url)
