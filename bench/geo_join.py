"""Measures joins of a year of positions with a thousand zones, and counting again after one zone was edited.

    python -m bench.geo_join [--positions 10000000] [--json] [--folder DIR]

Writes ten cameras of a year through the store's own writers: people who walk over the ground that each sees, with a
hundred zones there. ``join_s`` is a query that says for every position in which zones it is, ``geopandas_s`` the same
by geopandas from the same table. ``recount_year_s`` is `nightshift run` after one zone was moved, in one process. All
is measured-synthetic.
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from shapely.geometry import mapping

from bench.store import WORKERS, Figures, build_site, camera_plan, of_camera, say, seconds
from jobs.commands.results import query
from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection, Unit
from jobs.planning.inventory import Inventory, write_inventory
from jobs.planning.unit_states import UnitStates
from jobs.site import open_site
from schemas.tables import TABLES
from schemas.values import Receipt
from storage.archive.segments import segments_from_tables
from storage.maintenance.compaction import compact
from storage.store.store import Store

CAMERAS, DAYS, ZONES = 10, 365, 1000
POSITIONS = 10_000_000
FPS = 10
SECONDS = 25
"""Of a walk, across the ground that a camera sees."""

EAST_M, NORTH_M, APART_M, DEEP_M = 120_000.0, 480_000.0, 200.0, 40.0
UNUSED = (
    *("view_motion", "motion", "second_look", "background", "appearance", "statics", "local_positions", "site_tracks"),
    *("depth", "boxes3d", "relations", "interactions", "anonymize", "publish", "audit"),
)
"""Ops that counts do not read: without them the store is written sooner."""

JOIN = (
    "SELECT feature_id, count(*) AS positions FROM positions "
    "JOIN layer_zones ON ST_Intersects(geometry, ST_Point(x_m, y_m)) GROUP BY feature_id ORDER BY feature_id"
)


def main() -> None:
    """Builds a store, measures it and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--positions", type=int, default=POSITIONS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm") if Path("/dev/shm").is_dir() else None)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        figures = measure(Path(folder), arguments.positions)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<24} {value}")


def measure(root: Path, positions: int = POSITIONS, days: int = DAYS, zones: int = ZONES) -> Figures:
    """Builds the store below ``root`` and measures it."""
    cameras = [f"cam{number}" for number in range(CAMERAS)]
    inventory = build_site(root, cameras, days, CAMERAS * days)
    write_site(root, cameras, zones)
    opened = open_site(root)
    Store.create(opened.files.store)
    walks = max(1, round(positions / (CAMERAS * days * SECONDS * FPS)))
    say(f"{CAMERAS * days} camera-days with {walks} walks each")
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        work = partial(commit_camera, root, walks)
        pool.map(work, [of_camera(inventory, name) for name in cameras], chunksize=1)
    compact(opened.store)
    (rows,) = query(opened, "SELECT count(*) AS n FROM positions")["n"].to_pylist()
    say(f"{rows} positions")
    started = time.perf_counter()
    joined = query(opened, JOIN)
    join_s = seconds(started)
    by_geopandas, geopandas_s = peer(root)
    if joined.to_pylist() != by_geopandas:
        sys.exit("the query and geopandas count differently")
    say("one zone is moved")
    move_zone(root, "7")
    started = time.perf_counter()
    summary = run_site(opened, Selection(ops=("counts",)), RunOptions(workers=None))
    recount_s = seconds(started)
    return {
        "positions": rows,
        "zones": zones,
        "join_s": join_s,
        "geopandas_s": geopandas_s,
        "recount_year_s": recount_s,
        "recounted_units": len(summary.report.receipts),
        "recounted_of": CAMERAS * days,
    }


def peer(root: Path) -> tuple[list[Figures], float]:
    """Returns the positions in each zone by geopandas, and the seconds that it took."""
    import geopandas

    started = time.perf_counter()
    found = query(open_site(root), "SELECT x_m, y_m FROM positions")
    points = geopandas.GeoDataFrame(geometry=shapely.points(found["x_m"].to_numpy(), found["y_m"].to_numpy()))
    zones = geopandas.read_file(root / "zones.geojson").set_crs(None, allow_override=True)
    inside = geopandas.sjoin(points, zones, predicate="intersects").groupby("id").size()
    rows = [{"feature_id": name, "positions": int(count)} for name, count in sorted(inside.items())]
    return rows, seconds(started)


# The site


def write_site(root: Path, cameras: list[str], zones: int) -> None:
    """Adds control points to the cameras, and a layer of zones on the ground that they see."""
    text = f"skip_ops = {json.dumps(UNUSED)}\n{(root / 'site.toml').read_text()}"
    for number, camera in enumerate(cameras):
        x, y = corner(number)
        pixels = [(0, 479, 10, 0), (639, 479, 30, 0), (0, 100, 0, DEEP_M), (639, 100, 40, DEEP_M)]
        points = ", ".join(f"{{ u = {u}, v = {v}, x = {x + e}, y = {y + n} }}" for u, v, e, n in pixels)
        named = f'id = "{camera}"'
        text = text.replace(named, f"{named}\nimage_size = [640, 480]\ncontrol_points = [{points}]")
    (root / "site.toml").write_text(f'{text}[[layers]]\nname = "zones"\nfile = "zones.geojson"\n')
    random = np.random.default_rng(1)
    features = []
    for number in range(zones):
        x, y = corner(number % CAMERAS)
        centre = np.array([x + random.uniform(8, 32), y + random.uniform(2, DEEP_M - 2)])
        features.append(feature(str(number), centre, random))
    write_zones(root, features)


def corner(camera: int) -> tuple[float, float]:
    """Returns the corner of the ground that a camera sees: cameras look north, next to each other."""
    return EAST_M + camera * APART_M, NORTH_M


def feature(name: str, centre: np.ndarray[Any, Any], random: np.random.Generator) -> Figures:
    """Returns a zone of eight corners around a place."""
    angle = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    reach = random.uniform(1, 3, 8)
    corners = centre + np.stack([np.cos(angle), np.sin(angle)], axis=1) * reach[:, None]
    return {"type": "Feature", "properties": {"id": name}, "geometry": mapping(shapely.Polygon(corners))}


def write_zones(root: Path, features: list[Figures]) -> None:
    """Writes the layer, in the site's CRS."""
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::28992"}}
    (root / "zones.geojson").write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))


def move_zone(root: Path, name: str) -> None:
    """Moves a zone by a metre."""
    features = json.loads((root / "zones.geojson").read_text())["features"]
    (moved,) = [each for each in features if each["properties"]["id"] == name]
    shape = shapely.geometry.shape(moved["geometry"])
    moved["geometry"] = mapping(shapely.transform(shape, lambda points: points + 1.0))
    write_zones(root, features)


# Rows


def commit_camera(root: Path, walks: int, tables: tuple[pa.Table, pa.Table]) -> None:
    """Writes and commits a camera's scan and every unit, as workers do."""
    opened = open_site(root)
    inventory = Inventory(*tables, segments_from_tables(*tables))
    write_inventory(inventory, opened.files, opened.store, "bench", datetime.now(UTC))
    plan = camera_plan(opened, tables)
    states = UnitStates(plan)
    random = np.random.default_rng(int(tables[0]["camera"][0].as_py().removeprefix("cam")))
    places = {key.date: random.uniform(size=(walks, 4)) for key in plan.units}
    for unit in plan.units.values():
        commit_unit(opened.store, states, unit, places[unit.key.date])


def commit_unit(store: Store, states: UnitStates, unit: Unit, places: np.ndarray[Any, Any]) -> None:
    """Writes a unit's rows and commits it."""
    key, fingerprint = unit.key, states.fingerprint(unit.key)
    place = {"camera": key.camera, "date": key.date, "unit": key.unit, "fingerprint": fingerprint}
    written = {name: store.write_table(name, rows, **place) for name, rows in rows_of(unit, places)}
    receipt = Receipt(
        op=key.op,
        version=1,
        ingredients=states.ingredients(key),
        files={name: file for name, (file, _) in written.items() if file},
        sha256={name: sha256 for name, (file, sha256) in written.items() if file},
        committed=datetime.now(UTC),
        run_id="bench",
        wall_s=1.0,
        media_s=unit.media_s,
        **place,  # type: ignore[arg-type]  # four texts
    )
    store.commit(replace(receipt, counters={"rows": len(places)}))


def rows_of(unit: Unit, places: np.ndarray[Any, Any]) -> Iterator[tuple[str, pa.Table]]:
    """Returns the rows of one camera-day that positions and counts need."""
    if unit.key.op not in ("link", "positions"):
        return
    steps = np.arange(SECONDS * FPS) / (SECONDS * FPS)
    start, end = places[:, None, :2], places[:, None, 2:]
    share = (start + steps[None, :, None] * (end - start)).reshape(-1, 2)
    x, y = corner(int(unit.key.camera.removeprefix("cam")))
    count, walks = len(share), len(places)
    began_s = np.linspace(0, 300 - SECONDS - 1, walks)
    offset_s = (began_s[:, None] + np.arange(SECONDS * FPS) / FPS).ravel()
    time_of = unit.segments[0].start
    shared = {
        "camera": [unit.key.camera] * count,
        "track_id": np.repeat([f"{unit.key.date}-{n:03d}" for n in range(walks)], SECONDS * FPS),
        "time": [time_of + timedelta(seconds=float(s)) for s in offset_s],
        "label": ["person"] * count,
        "state": ["observed"] * count,
    }
    if unit.key.op == "link":
        u, v = 320 + 200 * (share[:, 0] - 0.5), 150 + 300 * share[:, 1]
        box = {"x1": u - 10, "y1": v - 60, "x2": u + 10, "y2": v}
        own = {"segment_id": [unit.segments[0].segment_id] * count, "pts": (offset_s * 90_000).astype(np.int64)}
        yield "track_points", conform("track_points", count, shared | box | own)
        return
    at = {"x_m": x + 8 + 24 * share[:, 0], "y_m": y + 2 + (DEEP_M - 4) * share[:, 1]}
    yield "positions", conform("positions", count, shared | at)


def conform(name: str, count: int, columns: Figures) -> pa.Table:
    """Returns rows of a table; numbers that nothing reads are 0."""
    rest = {
        field.name: pa.nulls(count, field.type) if field.nullable else np.zeros(count)
        for field in TABLES[name].columns
        if field.name not in columns
    }
    return TABLES[name].conform(columns | rest)


if __name__ == "__main__":
    main()
