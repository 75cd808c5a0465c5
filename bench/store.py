"""Measures the store at the scale of years: planning, opening, querying and committing, beside DuckDB on bare files.

    python -m bench.store [--segments 100000] [--cameras 200] [--days 365] [--json] [--folder DIR]

Writes synthetic rows through the store's own writers, commits every unit of every op of the site, and measures. The
peer, in the same run, is ``read_parquet`` of the whole glob, before compaction. ``--folder`` holds the store: memory
(/dev/shm) by default, so that the disk is not measured; commits are measured on the disk of temporary files. With
--json one JSON object goes to stdout.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from jobs.commands.plan import plan_run
from jobs.commands.results import query
from jobs.planning.configure import configure_site
from jobs.planning.graph import Selection, Unit
from jobs.planning.inventory import Inventory, recorded_inventory, scan_inventory, write_inventory
from jobs.planning.ledger import Ledger
from jobs.planning.plan import Plan, make_plan
from jobs.planning.unit_states import UnitStates
from jobs.site import Site, open_site
from schemas.tables import TABLES
from schemas.values import Receipt
from storage.archive.footage import segment_rows, segments_of_footage
from storage.archive.segments import segments_from_tables
from storage.maintenance.compaction import compact
from storage.store.receipts import RECEIPT_SCHEMA
from storage.store.store import Store
from storage.video.cutting import CUTTING_VERSION
from storage.video.source import DECODING_VERSION

FIRST_DAY = date(2025, 11, 1)
ZONE = ZoneInfo("Europe/Amsterdam")
SEGMENT_S = 300
DETECTIONS, TRACKS, HOURS = 40, 2, 24
REPEATS = 3
COMMITTED_SEGMENTS = 100
WORKERS = 2

Figures = dict[str, Any]

TYPICAL: Figures = {
    "size_bytes": 1,
    "mtime_ns": 0,
    "start_source": "name",
    "duration_s": float(SEGMENT_S),
    "frames": SEGMENT_S * 10,
    "codec": "h264",
    "width": 768,
    "height": 432,
    "rotation_deg": 0,
    "pixel_aspect_num": 1,
    "pixel_aspect_den": 1,
    "raw_fps_num": None,
    "raw_fps_den": None,
    "fps_num": 10,
    "fps_den": 1,
    "variable_fps": False,
    "time_base_num": 1,
    "time_base_den": 90_000,
    "has_audio": False,
    "lost_s": 0.0,
    "recorded_s": float(SEGMENT_S),
    "overlap_s": 0.0,
    "start_pts": 0,
    "decoding_version": DECODING_VERSION,
    "cutting_version": CUTTING_VERSION,
    "segment_s": float(SEGMENT_S),
    "cuts": json.dumps([[0, SEGMENT_S * 90_000, SEGMENT_S * 10]]),
}
"""Columns that all footage has in common."""


def main() -> None:
    """Builds a store, measures it and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=100_000)
    parser.add_argument("--cameras", type=int, default=200)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm") if Path("/dev/shm").is_dir() else None)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder, tempfile.TemporaryDirectory() as disk:
        figures = measure(Path(folder), Path(disk), arguments.segments, arguments.cameras, arguments.days)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<24} {value}")


def measure(root: Path, disk: Path, segments: int, cameras: int, days: int) -> Figures:
    """Builds the store below ``root`` and measures it."""
    names = [f"cam{number:04d}" for number in range(cameras)]
    say("site and footage")
    inventory = build_site(root, names, days, segments)
    opened = open_site(root)
    say(f"{len(inventory.timeline)} segments: rows and receipts")
    started = time.perf_counter()
    Store.create(opened.files.store)
    with multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        units = sum(pool.imap_unordered(partial(commit_camera, root), (of_camera(inventory, name) for name in names)))
    built_s = time.perf_counter() - started
    camera, day = names[cameras // 2], (FIRST_DAY + timedelta(days // 2)).isoformat()
    figures: Figures = {"segments": len(inventory.timeline), "units": units, "cameras": cameras, "days": days}
    say("the bare files")
    figures |= measure_glob(opened.store, camera, day)
    figures["open_query_loose_s"] = median_s(lambda: open_and_count(opened, camera, day), 1)
    say("compaction")
    started = time.perf_counter()
    done = compact(opened.store)
    figures |= {"compact_s": seconds(started), "files_before": done.merged, "files_after": done.written}
    say("queries")
    figures["open_query_s"] = median_s(lambda: open_and_count(opened, camera, day))
    figures["year_hourly_s"] = median_s(lambda: open_and_count_hours(opened, camera))
    say("plan")
    figures |= measure_plan(opened)
    say("commits")
    figures |= measure_commits(disk, opened, inventory)
    figures["built_s"] = round(built_s, 1)
    figures["ratio_open_query"] = round(figures["glob_query_s"] / figures["open_query_s"], 1)
    figures["ratio_year_hourly"] = round(figures["glob_year_hourly_s"] / figures["year_hourly_s"], 1)
    return figures


def say(text: str) -> None:
    """Prints progress to stderr."""
    print(f"... {text}", file=sys.stderr, flush=True)


def seconds(started: float) -> float:
    """Returns the seconds since a time."""
    return round(time.perf_counter() - started, 3)


def median_s(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """Returns the median time of several calls, seconds."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return round(statistics.median(times), 3)


# Measurements

ONE_DAY = "SELECT count(*), min(time), max(time) FROM {source} WHERE camera = '{camera}' AND date = '{day}'"
YEAR_HOURLY = "SELECT date_trunc('hour', time) AS hour, count(*) FROM {source} WHERE camera = '{camera}' GROUP BY hour"


def open_and_count(opened: Site, camera: str, day: str) -> int:
    """Opens the store and counts a camera-day's detections."""
    found = query(opened, ONE_DAY.format(source="detections", camera=camera, day=day))
    return int(found.column(0)[0].as_py())


def open_and_count_hours(opened: Site, camera: str) -> int:
    """Opens the store and counts a camera's detections by the hour, over all days."""
    return int(query(opened, YEAR_HOURLY.format(source="detections", camera=camera)).num_rows)


def measure_glob(store: Store, camera: str, day: str) -> Figures:
    """Runs the same queries on every matching file, with DuckDB's own partitions."""
    source = (
        f"read_parquet('{store.blobs.url}/detections/**/*.parquet', hive_partitioning = true, "
        "hive_types = {'camera': VARCHAR, 'date': DATE})"
    )
    with duckdb.connect() as con:
        one_day = partial(con.execute, ONE_DAY.format(source=source, camera=camera, day=day))
        hours = partial(con.execute, YEAR_HOURLY.format(source=source, camera=camera))
        return {
            "glob_query_s": median_s(lambda: one_day().to_arrow_table(), 1),
            "glob_year_hourly_s": median_s(lambda: hours().to_arrow_table(), 1),
        }


def measure_plan(opened: Site) -> Figures:
    """Measures a plan in which every unit is done: from the recorded scan, and with a new scan of the archive."""
    plans: list[Plan] = []

    def plan_known() -> None:
        plans.append(plan_run(opened, Selection(), recorded_inventory(opened.store)))

    plan_s = median_s(plan_known)
    if plans[-1].to_do:
        sys.exit(f"{len(plans[-1].to_do)} units are not done: {plans[-1].reasons()}")
    return {"plan_s": plan_s, "scan_s": median_s(lambda: scan_inventory(opened.files, opened.store), 1)}


def measure_commits(disk: Path, opened: Site, inventory: Inventory) -> Figures:
    """Measures the time per segment to write and commit the rows of all its ops, on a disk."""
    store = Store.create(disk / "store")
    plan = camera_plan(opened, of_camera(inventory, inventory.timeline["camera"][0].as_py()))
    units = list(plan.units.values())[: COMMITTED_SEGMENTS * len(plan.ready.ops)]
    segments = {segment.segment_id for unit in units for segment in unit.segments}
    started = time.perf_counter()
    states = UnitStates(plan)
    for unit in units:
        commit_unit(store, states, unit)
    wall_s = time.perf_counter() - started
    return {
        "commit_ms": round(1000 * wall_s / len(segments), 2),
        "commit_unit_ms": round(1000 * wall_s / len(units), 2),
    }


# Building the store


def build_site(root: Path, cameras: Sequence[str], days: int, segments: int) -> Inventory:
    """Writes site.toml and an archive of one-byte files, and returns the inventory that a scan would give."""
    blocks = "\n".join(f'[[cameras]]\nid = "{camera}"' for camera in cameras)
    (root / "site.toml").write_text(
        f'name = "years"\ncrs = "EPSG:28992"\ntimezone = "{ZONE}"\nsegment_s = {SEGMENT_S}\n{blocks}\n'
    )
    footage: list[Figures] = []
    for camera in cameras:
        (root / "archive" / camera).mkdir(parents=True)
        for number in range(segments // len(cameras)):
            start = segment_start(number, segments // len(cameras), days)
            file = root / "archive" / camera / f"{start:%Y-%m-%dT%H-%M-%S}.mp4"
            file.write_bytes(b"0")
            os.utime(file, ns=(0, 0))
            footage.append(footage_row(camera, f"{len(footage):016x}", f"{camera}/{file.name}", start))
    cuts = segment_rows(segment for row in footage for segment in segments_of_footage(row, str(ZONE)))
    tables = TABLES["footage"].conform(columns_of(footage)), cuts
    return Inventory(*tables, segments_from_tables(*tables))


def segment_start(number: int, count: int, days: int) -> datetime:
    """Returns the local start of a camera's segment; segments are spread over the days, several on some."""
    day, nth = number * days // count, number - -(-(number * days // count) * count // days)
    return datetime.combine(FIRST_DAY + timedelta(day), datetime.min.time()) + timedelta(hours=8 + nth)


def footage_row(camera: str, footage_id: str, path: str, start: datetime) -> Figures:
    """Returns a row of ``footage``."""
    named = {"camera": camera, "footage_id": footage_id, "path": path, "content_sha256": footage_id * 4}
    return TYPICAL | named | {"start_time": start.replace(tzinfo=ZONE).astimezone(UTC)}


def columns_of(rows: list[Figures]) -> dict[str, list[Any]]:
    """Converts rows to columns."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def of_camera(inventory: Inventory, camera: str) -> tuple[pa.Table, pa.Table]:
    """Returns the rows of ``footage`` and ``segments`` of one camera."""
    footage, segments = (
        table.filter(pc.equal(table["camera"], camera)) for table in (inventory.footage, inventory.segments)
    )
    return footage, segments


def camera_plan(opened: Site, tables: tuple[pa.Table, pa.Table]) -> Plan:
    """Plans all units of a camera, with none done."""
    nothing = Ledger(RECEIPT_SCHEMA.empty_table())
    return make_plan(configure_site(opened.files), segments_from_tables(*tables), nothing, Selection())


def commit_camera(root: Path, tables: tuple[pa.Table, pa.Table]) -> int:
    """Writes and commits a camera's scan and every unit; returns the number of units."""
    opened = open_site(root)
    inventory = Inventory(*tables, segments_from_tables(*tables))
    write_inventory(inventory, opened.files, opened.store, "bench", datetime.now(UTC))
    plan = camera_plan(opened, tables)
    states = UnitStates(plan)
    for unit in plan.units.values():
        commit_unit(opened.store, states, unit)
    return len(plan.units)


def commit_unit(store: Store, states: UnitStates, unit: Unit) -> None:
    """Writes a unit's rows and commits it, as a worker does."""
    key, fingerprint = unit.key, states.fingerprint(unit.key)
    place = {"camera": key.camera, "date": key.date, "unit": key.unit, "fingerprint": fingerprint}
    written = {name: store.write_table(name, rows, **place) for name, rows in rows_of(unit)}
    store.commit(
        Receipt(
            op=key.op,
            version=1,
            ingredients=states.ingredients(key),
            files={name: file for name, (file, _) in written.items()},
            sha256={name: sha256 for name, (_, sha256) in written.items()},
            committed=datetime.now(UTC),
            run_id="bench",
            wall_s=1.0,
            media_s=unit.media_s,
            counters={"rows": DETECTIONS if written else 0},
            **place,  # type: ignore[arg-type]  # four texts
        )
    )


def rows_of(unit: Unit) -> Iterator[tuple[str, pa.Table]]:
    """Returns synthetic rows of the ops that an hourly count needs; the other ops write none."""
    if unit.key.op == "detect":
        yield "detections", filled("detections", unit, DETECTIONS)
    elif unit.key.op == "link":
        yield "tracks", filled("tracks", unit, TRACKS)
    elif unit.key.op == "counts":
        yield "counts", filled("counts", unit, HOURS)


def filled(name: str, unit: Unit, count: int) -> pa.Table:
    """Returns rows of a table: the unit's camera, rising times, varied numbers and texts."""
    spec = TABLES[name]
    start = unit.segments[0].start
    columns: dict[str, Any] = {}
    for field in spec.columns:
        if field.name == "camera":
            columns[field.name] = [unit.key.camera] * count
        elif pa.types.is_timestamp(field.type):
            columns[field.name] = [start + timedelta(seconds=SEGMENT_S * n / count) for n in range(count)]
        elif pa.types.is_string(field.type):
            columns[field.name] = [f"{unit.key.unit}-{n}" for n in range(count)]
        elif pa.types.is_boolean(field.type):
            columns[field.name] = [n % 2 == 0 for n in range(count)]
        else:
            columns[field.name] = [n % 100 for n in range(count)]
    return spec.conform(columns)


if __name__ == "__main__":
    main()
