"""Plans which footage files a purge deletes, and names those of which nobody ever made anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.commands.held import HeldCount, HeldTimes
from jobs.commands.purge_rules import RecordBuilders, Rules
from schemas.values import FOOTAGE_OP, SCAN_OP
from storage.blobs import Blobs
from storage.maintenance.retention import ArchiveFiles, KeptFile
from storage.maintenance.tombstones import PurgedUnit, read_tombstones
from storage.store.live_rows import newest_receipts
from storage.store.scan_rows import read_scan_rows
from storage.store.store import Store

_COLUMNS = ("camera", "footage_id", "path", "size_bytes", "mtime_ns", "content_sha256", "copy_of", "start_time")


@dataclass(frozen=True)
class UnprocessedFile:
    """A footage file that no op ever processed; ``date`` as in the purge's records."""

    camera: str
    date: str
    path: str


@dataclass(frozen=True)
class FootagePlan:
    """What a purge does with footage.

    Attributes:
        paths: files to delete.
        kept: files past their limit that stay, since they are not what the last scan found.
        days: camera and date of the footage that is left afterwards.
        unprocessed: those of the files to delete of which no op has made anything.
    """

    paths: tuple[str, ...] = ()
    kept: tuple[KeptFile, ...] = ()
    days: frozenset[tuple[str, str]] = frozenset()
    unprocessed: tuple[UnprocessedFile, ...] = ()


def plan_footage(
    store: Store,
    archive: Blobs,
    receipts: pa.Table,
    rules: Rules,
    held_times: HeldTimes,
    held: HeldCount,
    builders: RecordBuilders,
) -> FootagePlan:
    """Plans which footage to delete, and records it in ``builders``; counts in ``held`` what holds keep."""
    if rules.footage.days is None and rules.keeps_all_tables:
        return FootagePlan()
    scans = newest_receipts(receipts.filter(pc.equal(receipts["op"], SCAN_OP)))
    rows = read_scan_rows(store, "footage", scans).select(_COLUMNS).to_pylist()
    for row in rows:
        row["day"] = row["start_time"].astimezone(rules.zone(row["camera"])).date().isoformat()
    _date_copies(rows)
    files = ArchiveFiles(archive)
    past = []
    for row in rows:
        if row["day"] < rules.first_kept_date(rules.footage, row["camera"]):
            holds = held_times.of_footage(row)
            if not holds:
                past.append(row)
            elif files.has(row["path"]):
                held.add(row["camera"], row["day"], "footage", holds, (row["path"],))
    paths, kept = files.deletable(past)
    deleted = set(paths)
    to_delete = [row for row in past if row["path"] in deleted]
    for row in to_delete:
        builder = builders.of(row["camera"], row["day"], rules.footage)
        builder.units[PurgedUnit(FOOTAGE_OP, row["footage_id"], row["content_sha256"])] = None
        builder.files.add(row["path"])
        builder.size_bytes += row["size_bytes"]
    remaining = [row for row in rows if row["path"] not in deleted and files.has(row["path"])]
    days = frozenset((row["camera"], row["day"]) for row in remaining)
    return FootagePlan(tuple(paths), tuple(kept), days, tuple(_find_unprocessed(store, to_delete, receipts)))


def _find_unprocessed(store: Store, rows: Sequence[dict[str, Any]], receipts: pa.Table) -> list[UnprocessedFile]:
    """Returns those footage files, of rows of ``footage``, of which no op has made anything, purged or not."""
    if not rows:
        return []
    is_scan = pc.equal(receipts["op"], SCAN_OP)
    work = receipts.filter(pc.invert(is_scan)).select(["camera", "unit"]).to_pydict()
    done = {*zip(work["camera"], work["unit"], strict=True)}
    done |= {(each.camera, each.unit) for each in read_tombstones(store) if each.op not in (SCAN_OP, FOOTAGE_OP)}
    segments = read_scan_rows(store, "segments", receipts.filter(is_scan))
    columns = (segments[name].to_pylist() for name in ("camera", "segment_id", "footage_id"))
    done |= {(camera, footage) for camera, segment, footage in zip(*columns, strict=True) if (camera, segment) in done}
    left = [row for row in rows if (row["camera"], row["footage_id"]) not in done]
    return [UnprocessedFile(row["camera"], row["day"], row["path"]) for row in left]


def _date_copies(rows: Sequence[dict[str, Any]]) -> None:
    """Gives copies the day of the file that was processed: content is deleted wherever it lies."""
    days = {(row["camera"], row["path"]): row["day"] for row in rows}
    for row in rows:
        row["day"] = days.get((row["camera"], row["copy_of"]), row["day"])
