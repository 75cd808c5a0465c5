"""Stores to compact, and views of them to compare before and after."""

from collections.abc import Callable
from datetime import timedelta

from schemas.tables import TABLES
from schemas.values import Receipt, UnitFile
from storage.store.snapshot import Snapshot
from storage.store.store import Store
from tests.storage.rows import NOW, make_rows, print_of, put, put_all, receipts_of
from tests.storage.watched import Contents, at_rest, contents, rows_in

HOUR = timedelta(hours=1)
PAST = ("2026-02-27", "2026-02-28")
TODAY = "2026-03-02"
MANY = 200
"""More operations than a compaction of the small store has."""

Again = Callable[[], Store]


def fill(store: Store, units: str = "ab", days: tuple[str, ...] = (*PAST, TODAY), version: int = 0) -> list[Receipt]:
    """Two cameras, some days, some units a day, of an op with two tables; a version is as many hours after NOW."""
    return [
        put_all(
            store,
            "detect",
            {
                "detections": make_rows("detections", 3 + version, camera, 100 * number),
                "observed_frames": make_rows("observed_frames", 2, camera, 100 * number),
            },
            unit,
            print_of(camera, day, unit, version),
            camera,
            day,
            NOW + version * HOUR,
            f"run-{version}",
        )
        for camera in ("cam1", "cam2")
        for day in days
        for number, unit in enumerate(units)
    ]


def rows_of_units(store: Store, table: str = "detections") -> dict[str, object]:
    """Rows of each committed unit, as an op that works on them is given them."""
    return {
        receipt.fingerprint: store.read_tables(table, [UnitFile(receipt.files[table], receipt.unit_tag)]).to_pydict()
        for receipt in receipts_of(store)
        if table in receipt.files
    }


def every_moment(store: Store) -> list[Contents]:
    """What readers see now, and as of each time that something was committed."""
    moments = sorted(set(store.read_receipts().rows["committed"].to_pylist()))
    return [contents(store), *(contents(store, until) for until in moments)]


def live_names(store: Store, table: str = "detections") -> list[str]:
    """What readers read, with the random part of names left out."""
    snapshot = Snapshot(store)
    assert all(not files.partial for files in snapshot.files.values())
    return [name.rpartition("-")[0] for name in snapshot.files[table].whole]


def tags_at_rest(store: Store) -> set[str]:
    """The units that any file of a table has rows of."""
    return {row["_unit"] for name in at_rest(store) if name.partition("/")[0] in TABLES for row in rows_in(store, name)}


def put_unit(store: Store, unit: str, day: str = "2026-03-02", version: int = 0, run_id: str = "") -> Receipt:
    """A unit whose rows tell units and versions apart."""
    first = 100 * int(unit.strip("abcdefghijklmnopqrstuvwxyz-") or ord(unit)) + 10 * version
    return put(
        store,
        "counts",
        make_rows("counts", 2 + version, first=first),
        unit,
        print_of(day, unit, version),
        date=day,
        committed=NOW + version * HOUR,
        run_id=run_id or f"run-{version}",
    )


def moments(store: Store) -> list[Contents]:
    """What readers see now, and as of the first run."""
    return [contents(store), contents(store, NOW)]
