"""Taking stock: scan the archive, write down what is there, and say which segments there are.

Results outlive footage: a file that is gone keeps its rows and its segments. A file whose content changed under the
same path is other footage: the former is superseded, and readers no longer see its rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from jobs.fingerprint import digest
from jobs.graph import UnitKey
from jobs.ledger import Ledger
from schemas.tables import TABLES
from schemas.values import DAY_UNIT, SCAN_OP, Quarantined, Receipt, Segment
from storage.archive import ScanResult, SetAside, scan_archive, segments_from_tables
from storage.journal import Journal
from storage.receipts import current
from storage.site_file import Site
from storage.store import Store

SCAN_VERSION = 1


@dataclass(frozen=True)
class Stock:
    """The archive as it is known.

    Attributes:
        footage, segments: rows of those tables, of all cameras and days.
        plan: the segments, as values.
        set_aside: files that cannot be used, or not whole.
    """

    footage: pa.Table
    segments: pa.Table
    plan: tuple[Segment, ...]
    set_aside: tuple[SetAside, ...] = ()


def known_stock(store: Store) -> Stock:
    """The archive as the last scan wrote it down."""
    receipts = current(store.receipts([SCAN_OP]))
    footage, segments = (
        store.read_tables(name, [receipt.files[name] for receipt in receipts if name in receipt.files])
        for name in ("footage", "segments")
    )
    return Stock(footage, segments, segments_from_tables(footage, segments))


def take_stock(site: Site, store: Store, progress: Callable[[int, int], None] | None = None) -> Stock:
    """Scans the archive, with nothing written.

    Raises:
        SiteError: there is no archive.
    """
    known = known_stock(store)
    found = scan_archive(site.archive, site.config, known.footage, datetime.now(UTC), progress)
    footage, segments = _with_the_gone(found, known)
    return Stock(footage, segments, segments_from_tables(footage, segments), found.set_aside)


def _with_the_gone(found: ScanResult, known: Stock) -> tuple[pa.Table, pa.Table]:
    """Adds what was known of files that are no longer there, unless their path holds something else now."""
    paths = set(found.footage["path"].to_pylist())
    contents = set(found.footage["footage_id"].to_pylist())
    rows = known.footage.select(["path", "footage_id"]).to_pylist()
    gone = {row["footage_id"] for row in rows if row["path"] not in paths and row["footage_id"] not in contents}
    if not gone:
        return found.footage, found.segments
    keep = pa.array(sorted(gone))
    footage, segments = (
        TABLES[name].conform(pa.concat_tables([new, old.filter(pc.is_in(old["footage_id"], keep))]))
        for name, new, old in (
            ("footage", found.footage, known.footage),
            ("segments", found.segments, known.segments),
        )
    )
    return footage, segments


def write_stock(stock: Stock, site: Site, store: Store, run_id: str) -> int:
    """Commits what a scan found, a camera-day at a time; what has not changed is not written again.

    Returns:
        how many camera-days were written.
    """
    receipts = store.receipts([SCAN_OP])
    ledger = Ledger(receipts, ())
    days = _days(stock.footage, site)
    for receipt in receipts:
        days.setdefault((receipt.camera, receipt.date), [])  # a day whose footage was all superseded
    written = 0
    for (camera, day), members in sorted(days.items()):
        tables = {
            "footage": stock.footage.filter(_among(stock.footage, camera, members)),
            "segments": stock.segments.filter(_among(stock.segments, camera, members)),
        }
        written += _write_day(tables, UnitKey(SCAN_OP, camera, day, DAY_UNIT), store, ledger, run_id)
    return written


def _days(footage: pa.Table, site: Site) -> dict[tuple[str, str], list[str]]:
    """Footage ids by camera and local date of the first frame."""
    days: dict[tuple[str, str], list[str]] = {}
    for row in footage.select(["camera", "footage_id", "start_time"]).to_pylist():
        zone = ZoneInfo(site.config.camera_view(row["camera"]).timezone)
        day = row["start_time"].astimezone(zone).date().isoformat()
        days.setdefault((row["camera"], day), []).append(row["footage_id"])
    return days


def _among(table: pa.Table, camera: str, footage_ids: list[str]) -> pa.ChunkedArray:
    ids = pa.array(sorted(set(footage_ids)), pa.string())
    return pc.and_(pc.equal(table["camera"], camera), pc.is_in(table["footage_id"], ids))


def _write_day(tables: dict[str, pa.Table], key: UnitKey, store: Store, ledger: Ledger, run_id: str) -> bool:
    fingerprint = digest([SCAN_VERSION, {name: table.to_pylist() for name, table in tables.items()}])
    newest = ledger.newest(key)
    if newest and newest.fingerprint == fingerprint:
        return False
    former = ledger.receipt(key, fingerprint)
    if former:
        store.reaffirm(former, run_id)
        return True
    files = {
        name: store.write_table(name, table, camera=key.camera, date=key.date, unit=key.unit, fingerprint=fingerprint)
        for name, table in tables.items()
        if table.num_rows
    }
    store.commit(
        Receipt(
            op=SCAN_OP,
            version=SCAN_VERSION,
            camera=key.camera,
            date=key.date,
            unit=key.unit,
            fingerprint=fingerprint,
            ingredients={},
            files=files,
            committed=datetime.now(UTC),
            run_id=run_id,
            wall_s=0.0,
            media_s=0.0,
            counters={"rows": sum(table.num_rows for table in tables.values())},
        )
    )
    return True


def write_set_aside(stock: Stock, journal: Journal, run_id: str) -> list[Quarantined]:
    """Writes down which files are set aside, and lets go of those that are no longer."""
    entries = [
        Quarantined(
            op=SCAN_OP,
            camera=item.camera,
            date=item.date,
            unit=item.unit,
            fingerprint=item.fingerprint,
            kind="footage",
            reason=item.reason,
            detail=item.detail,
            path=item.path,
            time=datetime.now(UTC),
            run_id=run_id,
        )
        for item in stock.set_aside
    ]
    now = {(entry.camera, entry.unit, entry.fingerprint) for entry in entries}
    known = {(e.camera, e.unit, e.fingerprint) for e in journal.quarantined() if e.op == SCAN_OP}
    for camera, unit, fingerprint in known - now:
        journal.release(SCAN_OP, camera, unit, fingerprint)
    for entry in entries:
        if (entry.camera, entry.unit, entry.fingerprint) not in known:
            journal.set_aside(entry)
    return entries
