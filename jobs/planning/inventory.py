"""The inventory: scans the archive, records its files and segments, and provides them to the planner.

Results outlive footage: a file that is gone keeps its rows and segments. A file whose content changed under the same
path is other footage: it supersedes the former, whose rows are no longer live.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from jobs.planning.fingerprint import digest
from jobs.planning.graph import UnitKey
from jobs.planning.ledger import Ledger
from schemas.errors import SiteError
from schemas.tables import TABLES
from schemas.values import DAY_UNIT, FOOTAGE_OP, SCAN_OP, Quarantined, Receipt
from storage.archive.listing import folder_of
from storage.archive.notices import emptied
from storage.archive.scan import QuarantinedFile, ScanResult, scan_archive
from storage.archive.segments import segments_from_tables
from storage.arrow_sql import connect_arrow
from storage.blobs import open_blobs
from storage.maintenance.tombstones import read_tombstones
from storage.site.file import SiteFiles
from storage.store.format import STORE_FILE
from storage.store.journal import Journal
from storage.store.live_rows import newest_receipts
from storage.store.scan_rows import SCAN_TABLES, read_scan_rows
from storage.store.store import Store

SCAN_VERSION = 1
"""Part of a scan's fingerprint: another version writes every camera-day again."""

# Rows that only one of two scans has, compared without a Python object per row.
_CHANGED = """
SELECT camera, footage_id FROM (FROM new EXCEPT ALL FROM old) UNION
SELECT camera, footage_id FROM (FROM old EXCEPT ALL FROM new)
"""


@dataclass(frozen=True)
class Inventory:
    """The files and segments of the archive.

    Attributes:
        footage, segments: rows of those tables, of all cameras and days.
        timeline: the segments in order of camera and time, for the planner.
        quarantined: files that cannot be used, or not as a whole.
        waiting: files that may still be written: a later scan reads them.
        notices: one line each about the archive as a whole.
        emptied: whether nothing is left in an archive in which the scan before found footage.
        previous: what the scan before recorded, if it was read.
        folders: right below the archive, in which the scan found files.
    """

    footage: pa.Table
    segments: pa.Table
    timeline: pa.Table
    quarantined: tuple[QuarantinedFile, ...] = ()
    previous: "Inventory | None" = None
    waiting: tuple[QuarantinedFile, ...] = ()
    notices: tuple[str, ...] = ()
    emptied: bool = False
    folders: frozenset[str] = frozenset()


def recorded_inventory(store: Store) -> Inventory:
    """Returns the archive as the last scan recorded it."""
    scans = newest_receipts(store.read_receipts([SCAN_OP]).rows)
    footage, segments = (read_scan_rows(store, name, scans) for name in SCAN_TABLES)
    return Inventory(footage, segments, segments_from_tables(footage, segments))


def scan_inventory(site: SiteFiles, store: Store, progress: Callable[[int, int], None] | None = None) -> Inventory:
    """Scans the archive. Writes nothing.

    Raises:
        SiteError: there is no archive, or two cameras would share a folder of the store.
    """
    known = recorded_inventory(store)
    found = scan_archive(open_blobs(site.archive), site.config, known.footage, datetime.now(UTC), progress)
    footage, segments = _with_missing_files(found, known)
    _require_folders_of_their_own(pc.unique(footage["camera"]).to_pylist(), store)
    gone = _emptied(found, known, site, store)
    timeline = segments_from_tables(footage, segments)
    notices = (*gone, *found.notices)
    folders = frozenset(map(folder_of, found.footage["path"].to_pylist())) - {""}
    return Inventory(footage, segments, timeline, found.quarantined, known, found.waiting, notices, bool(gone), folders)


def _require_folders_of_their_own(cameras: list[str], store: Store) -> None:
    """Makes sure that no two cameras share a folder of a store on a file system that ignores case.

    Raises:
        SiteError: two do.
    """
    by_name: dict[str, list[str]] = defaultdict(list)
    for camera in sorted(cameras):
        by_name[camera.casefold()].append(camera)
    alike = [names for names in by_name.values() if len(names) > 1]
    if alike and store.blobs.exists(STORE_FILE.upper()):
        raise SiteError(
            f"the cameras {' and '.join(alike[0])} differ only in case, which the file system of {store.blobs.url} "
            "ignores: rename one, or put the store elsewhere"
        )


def _emptied(found: ScanResult, known: Inventory, site: SiteFiles, store: Store) -> list[str]:
    """Returns a line if nothing is left of the footage that was known, except what a purge deleted."""
    if found.footage.num_rows or not known.footage.num_rows:
        return []
    purged = {stone.fingerprint for stone in read_tombstones(store) if stone.op == FOOTAGE_OP}
    paths = known.footage.filter(pc.invert(pc.is_in(known.footage["content_sha256"], pa.array(purged, pa.string()))))
    return emptied(paths.num_rows, site.archive)


def _with_missing_files(found: ScanResult, known: Inventory) -> tuple[pa.Table, pa.Table]:
    """Adds recorded files that are no longer in the archive, unless their path holds another file now."""
    there = (pc.is_in(known.footage[name], found.footage[name]) for name in ("path", "footage_id"))
    missing = known.footage.filter(pc.invert(pc.or_(*there)))["footage_id"]
    if not len(missing):
        return found.footage, found.segments
    footage, segments = (
        TABLES[name].conform(pa.concat_tables([new, old.filter(pc.is_in(old["footage_id"], missing))]))
        for name, new, old in (
            ("footage", found.footage, known.footage),
            ("segments", found.segments, known.segments),
        )
    )
    return footage, segments


def write_inventory(inventory: Inventory, site: SiteFiles, store: Store, run_id: str, committed: datetime) -> int:
    """Commits what a scan found, one camera-day at a time; days without a change are not written again.

    Args:
        committed: the time of commit.

    Returns:
        The number of camera-days written.
    """
    changed = _changed_days(inventory, site)
    if not changed:
        return 0
    ledger = Ledger(store.read_receipts([SCAN_OP]).rows)
    rows = {
        "footage": _rows_by_day(inventory.footage, days := _days(inventory.footage, site)),
        "segments": _segments_by_day(inventory, days),
    }
    written = 0
    for camera, day in sorted(changed):
        tables = {
            name: table.take(pa.array(rows[name].get((camera, day), ()), pa.int64()))
            for name, table in (("footage", inventory.footage), ("segments", inventory.segments))
        }
        written += _write_day(tables, UnitKey(SCAN_OP, camera, day, DAY_UNIT), store, ledger, run_id, committed)
    return written


def _changed_days(inventory: Inventory, site: SiteFiles) -> set[tuple[str, str]]:
    """Returns the cameras and days whose rows differ from the scan before, including days that lost all footage."""
    if inventory.previous is None:
        return set(_rows_by_day(inventory.footage, _days(inventory.footage, site)))
    changed: set[tuple[str, str]] = set()
    for name in ("footage", "segments"):
        new, old = getattr(inventory, name), getattr(inventory.previous, name)
        if new.equals(old):  # SQL takes 0.05 s to find that nothing changed
            continue
        with connect_arrow() as con:
            con.register("new", new)
            con.register("old", old)
            changed.update(con.execute(_CHANGED).fetchall())
    if not changed:
        return set()
    return {
        (camera, day)
        for footage in (inventory.footage, inventory.previous.footage)
        for camera, footage_id, day in zip(
            footage["camera"].to_pylist(), footage["footage_id"].to_pylist(), _days(footage, site), strict=True
        )
        if (camera, footage_id) in changed
    }


def _days(footage: pa.Table, site: SiteFiles) -> list[str]:
    """Returns, by row, the local date of the first frame."""
    zones = {
        name: ZoneInfo(site.config.camera_view(name).timezone) for name in pc.unique(footage["camera"]).to_pylist()
    }
    return [
        start.astimezone(zones[camera]).date().isoformat()
        for camera, start in zip(footage["camera"].to_pylist(), footage["start_time"].to_pylist(), strict=True)
    ]


def _rows_by_day(footage: pa.Table, days: list[str]) -> dict[tuple[str, str], list[int]]:
    """Returns row numbers by camera and day."""
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, key in enumerate(zip(footage["camera"].to_pylist(), days, strict=True)):
        rows[key].append(number)
    return rows


def _segments_by_day(inventory: Inventory, days: list[str]) -> dict[tuple[str, str], list[int]]:
    """Returns row numbers of segments by camera and the day on which their footage begins.

    A file whose content lies at several paths belongs to one day: that of the file that was cut.
    """
    footage, segments = inventory.footage, inventory.segments
    day_of: dict[tuple[str, str], str] = {}
    columns = (footage[name].to_pylist() for name in ("camera", "footage_id", "cuts"))
    for camera, footage_id, cuts, day in zip(*columns, days, strict=True):
        if cuts is not None:
            day_of.setdefault((camera, footage_id), day)
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, key in enumerate(zip(segments["camera"].to_pylist(), segments["footage_id"].to_pylist(), strict=True)):
        rows[key[0], day_of[key]].append(number)
    return rows


def _write_day(
    tables: dict[str, pa.Table], key: UnitKey, store: Store, ledger: Ledger, run_id: str, committed: datetime
) -> bool:
    """Commits the rows of a camera-day; returns False if they are live already."""
    rows = {name: table.to_pylist() for name, table in tables.items()}
    fingerprint = digest([SCAN_VERSION, key.camera, key.date, rows])
    if ledger.newest_fingerprint(key) == fingerprint:
        return False
    former = ledger.receipt(key, fingerprint)
    if former:  # the day is again as an earlier scan found it, as after a file came back
        store.reaffirm(former, run_id, committed)
        return True
    written = {
        name: store.write_table(name, table, camera=key.camera, date=key.date, unit=key.unit, fingerprint=fingerprint)
        for name, table in tables.items()
        if table.num_rows
    }
    store.commit(
        Receipt(
            **key._asdict(),
            version=SCAN_VERSION,
            fingerprint=fingerprint,
            ingredients={},
            files={name: file for name, (file, _) in written.items()},
            sha256={name: sha256 for name, (_, sha256) in written.items()},
            committed=committed,
            run_id=run_id,
            wall_s=0.0,
            media_s=0.0,
            counters={"rows": sum(table.num_rows for table in tables.values())},
        )
    )
    return True


def write_quarantine(inventory: Inventory, journal: Journal, run_id: str) -> list[Quarantined]:
    """Records which files are quarantined, and releases those that are usable again."""
    entries = [
        Quarantined(op=SCAN_OP, kind="footage", time=datetime.now(UTC), run_id=run_id, **asdict(file))
        for file in inventory.quarantined
    ]
    now = {(entry.camera, entry.unit, entry.fingerprint) for entry in entries}
    known = {(e.camera, e.unit, e.fingerprint) for e in journal.read_quarantine().rows if e.op == SCAN_OP}
    for camera, unit, fingerprint in known - now:
        journal.release(SCAN_OP, camera, unit, fingerprint)
    for entry in entries:
        if (entry.camera, entry.unit, entry.fingerprint) not in known:
            journal.quarantine(entry)
    return entries
