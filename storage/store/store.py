"""The store: tables as Parquet files, which exist for readers only once a receipt names them.

A writer first writes files under new names, then creates the receipt put-if-absent. A writer that is killed before
that leaves files that nobody reads (storage/maintenance/sweep.py removes them); two writers of the same unit get one
receipt between them. So no row is lost and none is doubled. layout.py has the names of files.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import NightshiftError, TransientError
from schemas.tables import TABLES
from schemas.values import UNIT_TAG_DIGITS, Receipt, UnitFile
from storage.blobs import Blobs, open_blobs
from storage.coordination import CLAIMS_FOLDER
from storage.files import first_line, safe_name, sha256_file
from storage.store.format import STORE_FILE, check_format, write_format
from storage.store.layout import PRIVATE_FOLDERS, month_of, table_file
from storage.store.manifest import Manifest
from storage.store.parquet import add_unit_columns, check_rows, conform_rows, read_units, write_units
from storage.store.receipts import (
    RECEIPTS_FOLDER,
    merge_receipts,
    receipt_at,
    receipt_path,
    receipts_from_rows,
    receipts_to_arrow,
    to_json,
)
from storage.store.records import ReadResult, read_records, record_names

_TRIES = 5


class Store:
    """A store below a folder, or below a prefix of an object store.

    Attributes:
        blobs: its files.
        manifest: its compacted receipts.
    """

    def __init__(self, blobs: Blobs) -> None:
        self.blobs = blobs
        self.manifest = Manifest(blobs)

    @classmethod
    def create(cls, location: str | Path) -> "Store":
        """Opens a store to write to; makes it if it does not exist.

        Raises:
            SiteError: it cannot be made or written, is not a folder, or another version of Nightshift wrote it.
        """
        store = cls.open(location)
        store.blobs.check_writable()
        write_format(store.blobs)
        return store

    @classmethod
    def open(cls, location: str | Path) -> "Store":
        """Opens a store to read from; it may be read-only, or not exist yet.

        Raises:
            SiteError: it is not a folder, or another version of Nightshift wrote it.
        """
        store = cls(open_blobs(location, PRIVATE_FOLDERS, [CLAIMS_FOLDER]))
        check_format(store.blobs)
        return store

    def is_present(self) -> bool:
        """Returns whether the store is where it was made: its share may be gone, and leave an empty folder."""
        return self.blobs.exists(STORE_FILE)

    # Tables

    def write_table(
        self, name: str, table: pa.Table, *, camera: str, date: str, unit: str, fingerprint: str
    ) -> tuple[str, str]:
        """Writes rows of one unit to a new file, which nobody reads until ``commit`` of a receipt that names it.

        Args:
            name: name of the table.
            table: its rows, with the columns and types of ``TABLES[name]``.
            date: local start date of the unit, ``YYYY-MM-DD``.
            unit: segment id, footage id, ``day``, or a path.

        Returns:
            The file's name, relative to the store, and its sha256; two empty strings, and no file, without rows.

        Raises:
            ValueError: the table's columns or types are wrong, or it has rows of another camera.
            StoreFull: no space is left.
        """
        spec = TABLES[name]
        rows = check_rows(spec, table, camera)
        if not rows.num_rows:
            return "", ""
        file = table_file(name, camera, date, unit, fingerprint)
        with self.blobs.create(file) as path:
            write_units(path, spec, [add_unit_columns(rows, spec, fingerprint[:UNIT_TAG_DIGITS], date)])
            return file, sha256_file(path)

    def read_tables(self, name: str, files: Sequence[UnitFile], columns: Sequence[str] = ()) -> pa.Table:
        """Reads rows of several units, in the table's sort order.

        Args:
            files: locations of the units' rows; those with an empty name are skipped.
            columns: names of columns; all if empty.

        Raises:
            NightshiftError: a file is missing or torn.
        """
        spec = TABLES[name]
        wanted = list(columns) or spec.schema.names
        # Rows are sorted by columns that may not be asked for.
        needed = [spec.schema.field(column) for column in dict.fromkeys([*wanted, *spec.order])]
        rows = self.read_rows(name, files, pa.schema(needed, metadata=spec.schema.metadata))
        # Rows of one unit are sorted since they were written, in a merged file too.
        if len({file for file in files if file.name}) > 1:
            rows = rows.sort_by([(column, "ascending") for column in spec.order])
        return rows.select(wanted)

    def read_rows(self, table: str, files: Iterable[UnitFile], schema: pa.Schema) -> pa.Table:
        """Reads rows of several units, file by file, unsorted, with today's columns and types.

        Args:
            files: locations of the units' rows; those with an empty name are skipped.
            schema: the columns to read; one that is newer than a file is null there.

        Raises:
            NightshiftError: a file is missing or torn.
        """
        # A merged file holds many units, and is opened once for all of them.
        tags: dict[str, set[str]] = defaultdict(set)
        for name, tag in files:
            if name:
                tags[name].add(tag)
        parts = [conform_rows(self.read_units(table, name, schema.names, tags[name]), schema) for name in tags]
        return pa.concat_tables(parts) if parts else schema.empty_table()

    def read_units(self, table: str, file: str, columns: Sequence[str], unit_tags: Collection[str] | None) -> pa.Table:
        """Reads some columns of one file's rows, unsorted, of some units or of all (None).

        Raises:
            NightshiftError: the file is missing or torn.
        """
        try:
            with self.blobs.open(file) as handle:
                return read_units(handle, columns, unit_tags)
        except (OSError, pa.ArrowException) as error:
            raise NightshiftError(
                f"{table}: cannot read {self.blobs.url}/{file}, which a receipt names: {first_line(error)}; "
                "`nightshift repair` removes the receipt, so that the next run makes the file again"
            ) from error

    # Receipts

    def commit(self, receipt: Receipt) -> Receipt:
        """Makes a unit's files visible, all at once, unless the same work is committed already.

        Returns:
            The receipt that counts. If it is another worker's, the files that only ``receipt`` names are removed.

        Raises:
            StoreFull: no space is left; nothing is committed.
        """
        name = receipt_path(receipt)
        for _ in range(_TRIES):
            if self.blobs.put_if_absent(name, to_json(receipt)):
                return receipt
            try:
                winner = receipt_at(name, self.blobs.read(name))
            except FileNotFoundError:
                continue  # a compaction moved it into the manifest
            except ValueError:
                # A torn receipt counts for nothing. It is not removed, but passed by under another name: a second
                # worker that removed it too could remove the receipt that the first has just put in its place.
                name = receipt_path(receipt, reaffirmed=True)
                continue
            self.blobs.delete(set(receipt.files.values()) - set(winner.files.values()) - {""})
            return winner
        raise TransientError(f"{self.blobs.url}/{name} changes again and again while it is committed")

    def reaffirm(self, receipt: Receipt, run_id: str, committed: datetime | None = None) -> Receipt:
        """Makes committed work the newest of its unit again, as after a parameter is set back to its former value.

        See docs/decisions/0009-results-become-live-again.md.

        Returns:
            A second receipt of the same work, by ``run_id``; the first stays, for queries ``AS OF`` earlier runs.

        Raises:
            StoreFull: no space is left.
        """
        again = replace(receipt, committed=committed or datetime.now(UTC), run_id=run_id)
        self.blobs.put_if_absent(receipt_path(again, reaffirmed=True), to_json(again))
        return again

    def find_receipt(self, op: str, camera: str, date: str, unit: str, fingerprint: str) -> Receipt | None:
        """Returns the receipt of exactly this work; None if it is not committed.

        Raises:
            NightshiftError: the manifest cannot be read.
        """
        wanted = Receipt(op, 0, camera, date, unit, fingerprint, {}, {}, datetime.now(UTC), "", 0.0, 0.0)
        try:
            name = receipt_path(wanted)
            return receipt_at(name, self.blobs.read(name))
        except (FileNotFoundError, ValueError):
            pass  # not loose, or torn: then the manifest may have it
        found = self.manifest.receipts(self.manifest.head(), months=[month_of(date)])
        found = receipts_from_rows(found.filter(pc.equal(found["fingerprint"], fingerprint)))
        same = [each for each in found if (each.camera, each.unit, each.op) == (camera, unit, op)]
        return same[0] if same else None

    def read_receipts(self, ops: Collection[str] | None = None) -> ReadResult[pa.Table]:
        """Reads every receipt, of some ops or of all: the manifest's, then the loose ones.

        Returns:
            Rows of ``RECEIPT_SCHEMA``. Work that was committed twice, or reaffirmed, has one row per receipt, all with
            the same files.
        """
        loose = self.read_loose_receipts(ops)
        compacted = self.manifest.receipts(self.manifest.head())  # after the loose ones, see manifest.py
        if ops is not None:
            compacted = compacted.filter(pc.is_in(compacted["op"], pa.array(sorted(ops), pa.string())))
        return ReadResult(merge_receipts(compacted, receipts_to_arrow(loose.rows.values())), loose.problems)

    def committed_units(self, op: str, camera: str) -> pa.Array:
        """Returns the units of an op on a camera that have a receipt; reads little else of the receipts of years."""
        loose = self.read_loose_receipts([op]).rows.values()
        known = self.manifest.receipts(self.manifest.head(), ("op", "camera", "unit"))  # after the loose ones
        ours = known.filter(pc.and_(pc.equal(known["op"], op), pc.equal(known["camera"], camera)))["unit"]
        units = [each.unit for each in loose if each.camera == camera]
        return pa.chunked_array([*ours.chunks, pa.array(units, pa.string())], pa.string()).combine_chunks()

    def read_loose_receipts(self, ops: Collection[str] | None = None) -> ReadResult[dict[str, Receipt]]:
        """Reads the receipts that are not in the manifest yet, by file, of some ops or of all."""
        below = [""] if ops is None else [f"/{safe_name(op)}" for op in sorted(set(ops))]
        names = record_names(self.blobs, *(f"{RECEIPTS_FOLDER}{folder}" for folder in below))
        found, errors = read_records(self.blobs, names, receipt_at)
        problems = (
            f"receipt {name}: {first_line(error)}; ignored, its unit runs again" for name, error in errors.items()
        )
        return ReadResult(found, tuple(problems))

    def has_loose_receipts(self) -> bool:
        """Returns whether any receipt file exists, without reading one."""
        return next(record_names(self.blobs, RECEIPTS_FOLDER), None) is not None
