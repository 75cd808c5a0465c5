"""A small store with every kind of file, and a night that makes what is missing, always with the same content."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.tables import TABLES
from schemas.values import SCAN_OP
from storage.store.layout import part_file, video_file
from storage.store.store import Store
from tests.storage.rows import NOW, make_rows, print_of, put_all, receipts_of, segment_rows

CAMERAS = ("gate", "hall")
DATES = ("2026-01-30", "2026-01-31", "2026-03-02", "2026-03-03")
FOOTAGE = ("f1", "f2")
_MTIME_NS = 1_772_000_000_123_456_789

Identity = tuple[str, str, str, str, str]


def night(store: Store, dates: Sequence[str] = DATES, at: datetime = NOW) -> int:
    """Commits the units that are missing; returns their number."""
    done = {(receipt.op, receipt.camera, receipt.date, receipt.unit) for receipt in receipts_of(store)}
    worked = 0
    for number, (op, camera, date, unit) in enumerate(units()):
        if date in dates and (op, camera, date, unit) not in done:
            _DO[op](store, camera, date, unit, at + timedelta(seconds=number))
            worked += 1
    return worked


def units() -> Iterator[tuple[str, str, str, str]]:
    """Yields every unit, after those that it reads."""
    for camera in CAMERAS:
        for date in DATES:
            yield "scan", camera, date, "day"
            for op in ("detect", "anonymize", "publish"):
                for footage in FOOTAGE:
                    yield op, camera, date, footage_id(camera, date, footage)


def footage_id(camera: str, date: str, footage: str) -> str:
    """Returns the id of footage, which is also that of its only segment."""
    return f"{camera}-{date}-{footage}"


def contents(store: Store) -> dict[Identity, Any]:
    """Returns all rows, and the bytes of published video, by unit and table; without the random names of parts."""
    found: dict[Identity, Any] = {}
    for receipt in receipts_of(store):
        tables = {}
        for name, file in receipt.files.items():
            rows = store.read_units(name, file, TABLES[name].schema.names, [receipt.unit_tag])
            if name == "anonymized":
                tables["video"] = [store.blobs.read(path) for path in rows["path"].to_pylist()]
            columns = [column for column in rows.column_names if column != "path" or name == "anonymized"]
            tables[name] = rows.select(columns).to_pylist()
        found[receipt.op, receipt.camera, receipt.date, receipt.unit, receipt.fingerprint] = tables
    return found


def number_of(*parts: str) -> int:
    """Returns a number that differs between units."""
    return int(print_of(*parts)[:4], 16)


def fill_archive(archive: Path) -> None:
    """Writes the footage that the scans list."""
    for camera in CAMERAS:
        for date in DATES:
            for footage in FOOTAGE:
                path = archive / footage_path(camera, date, footage)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(_film(camera, date, footage))
                os.utime(path, ns=(_MTIME_NS, _MTIME_NS))


def footage_path(camera: str, date: str, footage: str) -> str:
    """Returns the path of footage, relative to the archive."""
    return f"{camera}/{date}/{footage}.mp4"


def _film(camera: str, date: str, footage: str) -> bytes:
    return f"film of {camera} {date} {footage}".encode()


def _scan(store: Store, camera: str, date: str, unit: str, at: datetime) -> None:
    segments = segment_rows([footage_id(camera, date, footage) for footage in FOOTAGE], camera, date)
    footage = make_rows("footage", len(FOOTAGE), camera)
    films = [_film(camera, date, each) for each in FOOTAGE]
    values: dict[str, list[object]] = {
        "footage_id": [footage_id(camera, date, each) for each in FOOTAGE],
        "path": [footage_path(camera, date, each) for each in FOOTAGE],
        "size_bytes": [len(film) for film in films],
        "mtime_ns": [_MTIME_NS] * len(FOOTAGE),
        "content_sha256": [sha256(film).hexdigest() for film in films],
        "start_time": [datetime.fromisoformat(f"{date}T12:00:00+00:00")] * len(FOOTAGE),
    }
    tables = {"segments": segments, "footage": _with_values(footage, values)}
    put_all(store, SCAN_OP, tables, unit, camera=camera, date=date, committed=at)


def _detect(store: Store, camera: str, date: str, unit: str, at: datetime) -> None:
    names = ("detections", "observed_frames")
    tables = {name: make_rows(name, 4, camera, number_of(camera, date, unit)) for name in names}
    put_all(store, "detect", tables, unit, camera=camera, date=date, committed=at)


def _anonymize(store: Store, camera: str, date: str, unit: str, at: datetime) -> None:
    part = part_file(camera, date, unit, print_of("anonymize", camera, date, unit))
    content = f"part of {camera} {date} {unit}".encode()
    store.blobs.write(part, content)
    rows = {"anonymized_segments": _video_row("anonymized_segments", camera, date, unit, part, content)}
    put_all(store, "anonymize", rows, unit, camera=camera, date=date, committed=at)


def _publish(store: Store, camera: str, date: str, unit: str, at: datetime) -> None:
    made = [
        receipt for receipt in receipts_of(store, ["anonymize"]) if (receipt.camera, receipt.date) == (camera, date)
    ]
    (receipt,) = [receipt for receipt in made if receipt.unit == unit]
    rows = store.read_units("anonymized_segments", receipt.files["anonymized_segments"], ["path"], [receipt.unit_tag])
    (part,) = rows["path"].to_pylist()
    content = b"joined " + store.blobs.read(part)
    video = video_file(camera, date, unit)
    store.blobs.write(video, content)
    table = {"anonymized": _video_row("anonymized", camera, date, unit, video, content)}
    put_all(store, "publish", table, unit, camera=camera, date=date, committed=at)
    store.blobs.delete([part])


def _video_row(table: str, camera: str, date: str, unit: str, path: str, content: bytes) -> pa.Table:
    rows = make_rows(table, 1, camera, number_of(camera, date, unit))
    facts = {"path": path, "sha256": sha256(content).hexdigest(), "size_bytes": len(content), "footage_id": unit}
    return _with_values(rows, {name: [value] for name, value in facts.items()})


def _with_values(rows: pa.Table, values: Mapping[str, Sequence[object]]) -> pa.Table:
    for name, column in values.items():
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(name), pa.array(column, rows.schema.field(name).type))
    return rows


_DO = {"scan": _scan, "detect": _detect, "anonymize": _anonymize, "publish": _publish}
