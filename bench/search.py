"""Measures a search for changes over a camera's year: `nightshift search`, on a made-up store.

    python -m bench.search [--days 365] [--segment-s 300] [--json] [--folder DIR]

Writes a camera's segments, and rows of `motion` in a tenth of all seconds, through the store's own writers, compacts
the store as a site does, and runs the command in a process of its own: `search_year_s` is its wall time for one zone,
`search_view_s` for the whole view, both the median of three. ``--folder`` holds the store: memory (/dev/shm) by
default.
With --json one JSON object goes to stdout.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.store import FIRST_DAY, REPEATS, TYPICAL, ZONE, Figures, columns_of, median_s, say, seconds
from jobs.planning.configure import configure_site
from jobs.planning.graph import Selection, Unit
from jobs.planning.inventory import Inventory, write_inventory
from jobs.planning.ledger import Ledger
from jobs.planning.plan import make_plan
from jobs.planning.unit_states import UnitStates
from jobs.site import open_site
from schemas.tables import TABLES
from schemas.tables.motion import TILE_GRID, pack_tiles
from schemas.values import Receipt
from storage.archive.footage import segment_rows, segments_of_footage
from storage.archive.segments import segments_from_tables
from storage.maintenance.compaction import compact
from storage.store.receipts import RECEIPT_SCHEMA
from storage.store.snapshot import take_snapshot
from storage.store.store import Store

CAMERA = "gate"
SHARE = 0.1
"""Share of all seconds in which something changes."""

WALK_S = 20
"""Seconds that somebody takes to cross the view."""

FRAME_PX = (768, 432)
DOOR_PX = ((320, 216), (416, 216), (416, 324), (320, 324))
"""The zone that is searched: 4 x 5 tiles."""

Row = tuple[datetime, bytes]


def main() -> None:
    """Builds a store, searches it and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--segment-s", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm") if Path("/dev/shm").is_dir() else None)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        figures = measure(Path(folder), arguments.days, arguments.segment_s)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<24} {value}")


def measure(root: Path, days: int, segment_s: int, repeats: int = REPEATS) -> Figures:
    """Builds the store below ``root`` and measures searches of it."""
    started = time.perf_counter()
    rows = build(root, days, segment_s)
    built_s = seconds(started)
    say(f"{rows} rows in {built_s} s; compaction")
    store = open_site(root).store
    compact(store)
    live = take_snapshot(store).files["motion"]
    names = (*live.whole, *live.partial)
    size = sum((root / "store" / name).stat().st_size for name in names)
    say("searches")
    last = FIRST_DAY + timedelta(days - 1)
    week = ["--since", f"{last - timedelta(6)}", "--until", f"{last}"]
    answers: dict[str, Figures] = {}

    def timed(name: str, *more: str) -> float:
        return median_s(lambda: answers.update({name: search(root, *more)}), repeats)

    return {
        "days": days,
        "rows": rows,
        "files": len(names),
        "mb": round(size / 1e6, 1),
        "search_year_s": timed("zone", "--zone", "door"),
        "search_view_s": timed("view"),
        "search_week_s": timed("week", "--zone", "door", *week),
        "intervals_zone": len(answers["zone"]["intervals"]),
        "intervals_view": len(answers["view"]["intervals"]),
        "built_s": built_s,
    }


def search(root: Path, *more: str) -> Figures:
    """Runs the command and returns its answer."""
    command = [sys.executable, "-m", "cli.main", "search", "--camera", CAMERA, "--site", str(root), "--json", *more]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env={**os.environ})
    answer: Figures = json.loads(done.stdout)
    return answer


def build(root: Path, days: int, segment_s: int) -> int:
    """Writes site, zone, scan and changes; returns the number of rows of ``motion``."""
    write_site(root, segment_s)
    opened = open_site(root)
    store = Store.create(opened.files.store)
    inventory = made_up_inventory(days, segment_s)
    write_inventory(inventory, opened.files, store, "bench", datetime.now(UTC))
    nothing = Ledger(RECEIPT_SCHEMA.empty_table())
    plan = make_plan(configure_site(opened.files), inventory.timeline, nothing, Selection(ops=("motion",)))
    states, walks, rows = UnitStates(plan), Walks(), 0
    for unit in plan.units.values():
        seen = list(walks.within(unit.segments[0].start, segment_s))
        commit(store, states, unit, motion_rows(unit.segments[0].segment_id, seen))
        rows += len(seen)
    return rows


def write_site(root: Path, segment_s: int) -> None:
    """Writes a site of one camera with one zone in pixels."""
    corners = [list(corner) for corner in (*DOOR_PX, DOOR_PX[0])]
    door = {"type": "Feature", "properties": {"id": "door"}, "geometry": {"type": "Polygon", "coordinates": [corners]}}
    (root / "door.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [door]}))
    (root / "archive" / CAMERA).mkdir(parents=True)
    (root / "site.toml").write_text(
        f'name = "year"\ncrs = "EPSG:28992"\ntimezone = "{ZONE}"\nsegment_s = {segment_s}\n'
        f'[[cameras]]\nid = "{CAMERA}"\nimage_size = [{FRAME_PX[0]}, {FRAME_PX[1]}]\n'
        f'[[layers]]\nname = "doors"\nfile = "door.geojson"\nspace = "pixel"\ncamera = "{CAMERA}"\n'
    )


def made_up_inventory(days: int, segment_s: int) -> Inventory:
    """Returns what a scan would find: files without a gap, each a segment."""
    start = datetime.combine(FIRST_DAY, datetime.min.time(), ZONE).astimezone(UTC)
    footage = []
    for number in range(days * 86_400 // segment_s):
        footage_id = f"{number:016x}"
        row = {"camera": CAMERA, "footage_id": footage_id, "path": f"{CAMERA}/{number}.mp4"}
        cuts = json.dumps([[0, segment_s * 90_000, segment_s * 10]])
        length = {"duration_s": float(segment_s), "frames": segment_s * 10, "segment_s": float(segment_s), "cuts": cuts}
        times = {"start_time": start + timedelta(seconds=number * segment_s), "content_sha256": footage_id * 4}
        footage.append(TYPICAL | row | length | times)
    tables = (
        TABLES["footage"].conform(columns_of(footage)),
        segment_rows(segment for row in footage for segment in segments_of_footage(row, str(ZONE))),
    )
    return Inventory(*tables, segments_from_tables(*tables))


class Walks:
    """People who cross the view one after the other, in a tenth of the time."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(1)
        self._tiles = [_walker(column, row) for row in range(TILE_GRID[1]) for column in range(TILE_GRID[0])]

    def within(self, start: datetime, length_s: int) -> Iterator[Row]:
        """Yields the seconds of a segment in which something changes, and its tiles."""
        second = int(self._random.geometric(SHARE / WALK_S))
        while second < length_s:
            row = int(self._random.integers(2, TILE_GRID[1] - 2))
            for step in range(min(WALK_S, length_s - second)):
                yield start + timedelta(seconds=second + step), self._tiles[row * TILE_GRID[0] + step]
            second += WALK_S + int(self._random.geometric(SHARE / (1 - SHARE) / WALK_S))


def _walker(column: int, row: int) -> bytes:
    tiles = np.zeros(TILE_GRID[::-1], np.bool_)
    tiles[max(row - 2, 0) : row + 3, max(column - 1, 0) : column + 2] = True
    return pack_tiles(tiles)


def motion_rows(segment_id: str, seen: Sequence[Row]) -> pa.Table:
    """Returns rows of ``motion``."""
    return TABLES["motion"].conform(
        {
            "camera": [CAMERA] * len(seen),
            "segment_id": [segment_id] * len(seen),
            "time": [time for time, _ in seen],
            "kind": ["motion"] * len(seen),
            "tiles": [tiles for _, tiles in seen],
            "share": [0.02] * len(seen),
        }
    )


def commit(store: Store, states: UnitStates, unit: Unit, rows: pa.Table) -> None:
    """Writes a unit's rows and commits it, as a worker does."""
    key, fingerprint = unit.key, states.fingerprint(unit.key)
    place = {"camera": key.camera, "date": key.date, "unit": key.unit, "fingerprint": fingerprint}
    file, sha256 = store.write_table("motion", rows, **place)
    store.commit(
        Receipt(
            op=key.op,
            version=1,
            ingredients=states.ingredients(key),
            files={"motion": file} if file else {},
            sha256={"motion": sha256} if file else {},
            committed=datetime.now(UTC),
            run_id="bench",
            wall_s=1.0,
            media_s=unit.media_s,
            counters={"rows": rows.num_rows},
            **place,  # type: ignore[arg-type]  # four texts
        )
    )


if __name__ == "__main__":
    main()
