"""The store: tables as Parquet files that exist for readers only once a receipt names them."""

import json
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import SiteError, TransientError
from schemas.tables import TABLES
from schemas.values import UNIT_TAG_DIGITS, Receipt, UnitFile
from storage.blobs import Blobs, open_blobs
from storage.files import safe_name, sha256_file
from storage.store.manifest import Manifest, month_of
from storage.store.parquet import checked_rows, first_line, in_columns, marked, read_units, unreadable, write_units
from storage.store.receipts import (
    RECEIPT_SCHEMA,
    RECEIPT_SUFFIX,
    RECEIPTS_FOLDER,
    format_of,
    from_json,
    receipt_of,
    receipt_path,
    receipts_of,
    receipts_to_arrow,
    to_json,
)

PRINT_DIGITS = 12
"""Digits of a fingerprint in the name of a file; the receipt has all of them."""

STORE_FILE = "_store.json"
FORMAT = 2
"""Version of the store's layout. 1 had no manifest and no marks on rows."""

PARTS_FOLDER = "_parts"
VIDEO_FOLDER = "anonymized"
VIDEO_SUFFIX = ".mp4"
_TRIES = 5
_LOOKS = 8  # receipts of which some may be torn


class Store:
    """A store below a folder, or below a prefix of an object store.

    ::

        _store.json                                      versions of the layout and of the tables
        TABLE/camera=ID/date=YYYY-MM-DD/UNIT-FINGERPRINT-NONCE.parquet
        TABLE/camera=ID/month=YYYY-MM/month-NONCE.parquet  merged, see storage/maintenance/compaction.py
        anonymized/camera=ID/date=YYYY-MM-DD/NAME.mp4    published video
        _parts/camera=ID/date=YYYY-MM-DD/...mp4          covered segments, until they are joined
        _receipts/OP/CAMERA/DATE/UNIT-FINGERPRINT.json   what is committed since the last compaction
        _manifest/                                       what was committed before, see storage/store/manifest.py
        _runs/, _quarantine/                             see storage/store/journal.py

    Attributes:
        problems: of the last reading of receipts, one line each receipt file that could not be read.
    """

    def __init__(self, blobs: Blobs) -> None:
        self.blobs = blobs
        self.manifest = Manifest(blobs)
        self.problems: tuple[str, ...] = ()

    @classmethod
    def create(cls, location: str | Path) -> "Store":
        """A store to write to, made if it is not there.

        Raises:
            SiteError: it cannot be made or written, is not a folder, or was written by a newer Nightshift.
        """
        store = cls.open(location)
        store.blobs.check_writable()
        versions = {"format": FORMAT, "tables": {name: spec.version for name, spec in TABLES.items()}}
        if store._versions() != versions:
            store.blobs.write(STORE_FILE, json.dumps(versions, indent=1, sort_keys=True).encode())
        return store

    @classmethod
    def open(cls, location: str | Path) -> "Store":
        """A store to read from, which may be read-only, or empty.

        Raises:
            SiteError: it is not a folder, or was written by another version of Nightshift.
        """
        store = cls(open_blobs(location))
        _check_versions(store._versions(), store.blobs.url)
        return store

    def _versions(self) -> Mapping[str, Any]:
        try:
            return _versions_in(self.blobs.read(STORE_FILE))
        except FileNotFoundError:
            # The first layout did not say what it was, but in its receipts.
            return {"format": 1} if any(map(self._is_of_first_layout, islice(self._receipt_files(), _LOOKS))) else {}
        except ValueError as error:
            raise SiteError(f"{self.blobs.url}/{STORE_FILE} is torn: {error}; remove it and run again") from error

    def _is_of_first_layout(self, receipt: str) -> bool:
        try:
            return format_of(self.blobs.read(receipt)) == 1
        except FileNotFoundError:
            return False  # compacted while this one looked: that is a newer layout

    # Tables

    def write_table(
        self, name: str, table: pa.Table, *, camera: str, date: str, unit: str, fingerprint: str
    ) -> tuple[str, str]:
        """Writes rows of one unit to a new file, which nobody reads until ``commit`` of a receipt that names it.

        Args:
            name: name of the table.
            table: its rows, in the columns and types of ``TABLES[name]``.
            date: local date at which the unit starts, ``YYYY-MM-DD``.
            unit: segment id, footage id, ``day``, or a path.

        Returns:
            The file's name below the store, and its sha256; two empty texts, and no file, when there are no rows.

        Raises:
            ValueError: the table's columns or types are wrong, or it has rows of another camera.
            StoreFull: no space is left.
        """
        spec = TABLES[name]
        rows = checked_rows(spec, table, camera)
        if not rows.num_rows:
            return "", ""
        file = f"{_folder(name, camera, date)}/{_unique_name(unit, fingerprint, '.parquet')}"
        with self.blobs.create(file) as path:
            write_units(path, spec, [marked(rows, spec, fingerprint[:UNIT_TAG_DIGITS], date)])
            return file, sha256_file(path)

    def read_tables(self, name: str, files: Sequence[UnitFile], columns: Sequence[str] = ()) -> pa.Table:
        """Rows of several units, in the table's sort order.

        Args:
            files: where the units' rows stand; those with an empty name are skipped.
            columns: the columns wanted, all if empty.

        Raises:
            NightshiftError: a file is missing or torn.
        """
        spec = TABLES[name]
        wanted = list(columns) or [field.name for field in spec.columns]
        order = [(column, "ascending") for column in spec.order]
        # Rows are sorted by columns that may not be asked for.
        needed = list(dict.fromkeys([*wanted, *spec.order]))
        marks: dict[str, set[str]] = {}
        for file, mark in files:
            if file:
                marks.setdefault(file, set()).add(mark)
        parts = [in_columns(self.read_units(name, file, needed, marks[file]), spec, needed) for file in marks]
        if not parts:
            return spec.empty().select(wanted)
        table = pa.concat_tables(parts)
        units = sum(map(len, marks.values()))
        return (table if units == 1 else table.sort_by(order)).select(wanted)

    def read_units(self, table: str, file: str, columns: Sequence[str], marks: Collection[str] | None) -> pa.Table:
        """Some columns of one file's rows as they stand in it, of these units or of all.

        Raises:
            NightshiftError: the file is missing or torn.
        """
        try:
            with self.blobs.open(file) as handle:
                return read_units(handle, columns, marks)
        except (OSError, pa.ArrowException) as error:
            raise unreadable(TABLES[table], f"{self.blobs.url}/{file}", error) from error

    # Receipts

    def commit(self, receipt: Receipt) -> Receipt:
        """Makes a unit's files visible, all at once, unless the same work is committed already.

        Returns:
            The receipt that stands. If it is another worker's, the files that only ``receipt`` named are removed.

        Raises:
            StoreFull: no space is left; nothing is committed.
        """
        name = receipt_path(receipt)
        for _ in range(_TRIES):
            if self.blobs.put_if_absent(name, to_json(receipt)):
                return receipt
            try:
                winner = from_json(self.blobs.read(name))
            except FileNotFoundError:
                continue  # compacted while this one looked
            except ValueError:
                # Torn: it stands for nothing, and may not be removed, for another worker may be about to do the same.
                name = receipt_path(receipt, again=True)
                continue
            self.blobs.delete(set(receipt.files.values()) - set(winner.files.values()) - {""})
            return winner
        raise TransientError(f"{self.blobs.url}/{name} changes again and again while it is committed")

    def reaffirm(self, receipt: Receipt, run_id: str, committed: datetime | None = None) -> Receipt:
        """Makes a committed unit the newest again, as when a changed parameter is set back: its files are still good.

        Returns:
            A second receipt of the same work, by ``run_id``; the first stays, for ``AS OF``.

        Raises:
            StoreFull: no space is left.
        """
        again = replace(receipt, committed=committed or datetime.now(UTC), run_id=run_id)
        self.blobs.put_if_absent(receipt_path(again, again=True), to_json(again))
        return again

    def committed(self, op: str, camera: str, date: str, unit: str, fingerprint: str) -> Receipt | None:
        """The receipt of exactly this work; None if it is not committed.

        Raises:
            NightshiftError: the manifest cannot be read.
        """
        asked = Receipt(op, 0, camera, date, unit, fingerprint, {}, {}, datetime.now(UTC), "", 0.0, 0.0)
        try:
            return from_json(self.blobs.read(receipt_path(asked)))
        except (FileNotFoundError, ValueError):
            pass  # not there, or torn, which is as good as not there: then the manifest may have it
        found = self.manifest.receipts(self.manifest.head(), months=[month_of(date)])
        found = found.filter(pc.equal(found["fingerprint"], fingerprint))
        same = [row for row in found.to_pylist() if (row["camera"], row["unit"], row["op"]) == (camera, unit, op)]
        return receipt_of(same[0]) if same else None

    def receipts_arrow(self, ops: Collection[str] | None = None) -> pa.Table:
        """Every receipt, of these ops or of all, as rows of ``RECEIPT_SCHEMA``: the manifest's, then the loose ones.

        What cannot be read stands in ``problems``. Work that was committed twice, or said to hold again, has a row each
        time, all with the same files.
        """
        loose = receipts_to_arrow(self.loose_receipts(ops).values())
        kept = self.manifest.receipts(self.manifest.head())  # after the loose ones: see storage/store/manifest.py
        if ops is not None:
            kept = kept.filter(pc.is_in(kept["op"], pa.array(sorted(ops), pa.string())))
        return joined(kept, loose)

    def receipts(self, ops: Collection[str] | None = None) -> list[Receipt]:
        """Every receipt, as values, ordered by op, camera, date and unit: for a store of days, not of years."""
        found = receipts_of(self.receipts_arrow(ops))
        return sorted(found, key=lambda each: (each.op, each.camera, each.date, each.unit, each.committed))

    def loose_receipts(self, ops: Collection[str] | None = None) -> dict[str, Receipt]:
        """Receipts that are not in the manifest yet, by file; what cannot be read stands in ``problems``."""
        found: dict[str, Receipt] = {}
        problems = []
        folders = [f"/{safe_name(op)}" for op in sorted(set(ops))] if ops is not None else [""]
        for folder in folders:
            for name in self._receipt_files(folder):
                try:
                    found[name] = from_json(self.blobs.read(name))
                except FileNotFoundError:
                    continue  # compacted while this one looked
                except (OSError, ValueError) as error:
                    problems.append(f"receipt {name}: {first_line(error)}; ignored, its unit runs again")
        self.problems = tuple(problems)
        return found

    def has_loose_receipts(self) -> bool:
        """Whether there are receipts that are not in the manifest, or not only there; nothing is read."""
        return next(self._receipt_files(), None) is not None

    def _receipt_files(self, folder: str = "") -> Iterator[str]:
        blobs = self.blobs.list(f"{RECEIPTS_FOLDER}{folder}")
        return (blob.name for blob in blobs if blob.name.endswith(RECEIPT_SUFFIX))

    # Video

    def part_name(self, camera: str, date: str, unit: str, fingerprint: str) -> str:
        """A new name for a covered segment, before it is joined."""
        return f"{_folder(PARTS_FOLDER, camera, date)}/{_unique_name(unit, fingerprint, VIDEO_SUFFIX)}"

    def video_name(self, camera: str, date: str, name: str) -> str:
        """Where published video stands; ``name`` has no suffix and must differ where the content does."""
        return f"{_folder(VIDEO_FOLDER, camera, date)}/{safe_name(name)}{VIDEO_SUFFIX}"


def joined(kept: pa.Table, loose: pa.Table) -> pa.Table:
    """Receipts of the manifest with loose ones; of work that is there twice, all have the files of the same one.

    That is the manifest's, since files of a loose receipt that was compacted may be gone, or else the oldest.
    """
    prints = pc.value_counts(pa.chunked_array([*loose["fingerprint"].chunks], pa.string()))
    both = kept.filter(pc.is_in(kept["fingerprint"], prints.field("values")))
    if not both.num_rows and len(prints) == loose.num_rows:
        return pa.concat_tables([kept, loose])
    known = {_identity(row): row for row in both.to_pylist()}
    events = {(*_identity(row), row["run_id"]) for row in both.to_pylist()}
    rows = []
    for row in loose.sort_by([("committed", "ascending"), ("run_id", "ascending")]).to_pylist():
        first = known.setdefault(_identity(row), row)
        if (*_identity(row), row["run_id"]) not in events:
            rows.append(row | {"files": first["files"], "sha256": first["sha256"]})
    return pa.concat_tables([kept, pa.Table.from_pylist(rows, RECEIPT_SCHEMA)])


def _identity(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (row["op"], row["camera"], row["date"], row["unit"], row["fingerprint"])


def _versions_in(content: bytes) -> Mapping[str, Any]:
    """What ``STORE_FILE`` says; ValueError if it says nothing of the kind."""
    found = json.loads(content)
    match found:
        case {"format": int(), **rest} if isinstance(tables := rest.get("tables", {}), dict):
            if all(isinstance(version, int) for version in tables.values()):
                return dict(found)
    raise ValueError("it names no versions")


def _check_versions(found: Mapping[str, Any], url: str) -> None:
    layout = found.get("format", FORMAT)
    if layout < FORMAT:
        raise SiteError(
            f"store {url} has the layout of an earlier Nightshift ({layout}, this one has {FORMAT}): "
            "name a new store in site.toml and run again; the footage is untouched"
        )
    newer = [
        f"table {name} {version}, here {TABLES[name].version}"
        for name, version in found.get("tables", {}).items()
        if name in TABLES and version > TABLES[name].version
    ]
    if layout > FORMAT:
        newer.insert(0, f"layout {layout}, here {FORMAT}")
    if newer:
        raise SiteError(f"store {url} was written by a newer Nightshift ({'; '.join(newer)}): upgrade Nightshift")


def _folder(top: str, camera: str, date: str) -> str:
    return f"{top}/camera={camera}/date={date}"


def _unique_name(unit: str, fingerprint: str, suffix: str) -> str:
    return f"{safe_name(unit)}-{safe_name(fingerprint[:PRINT_DIGITS])}-{secrets.token_hex(4)}{suffix}"
