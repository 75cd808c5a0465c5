"""The manifest: the receipts of years in a few Parquet files, which a numbered head names.

See docs/decisions/0008-merged-files-and-the-manifest.md.

::

    _manifest/head-000007.json                 names the files below; the highest number counts
    _manifest/receipts-2026-03-NONCE.parquet   a shard: receipts of one month's dates, rows of RECEIPT_SCHEMA
    _manifest/files-NONCE.parquet              every merged file, with its size and hash
    _manifest/live-NONCE.parquet               files with live rows, valid as long as there is no loose receipt
    _manifest/retired-NONCE.parquet            files that no newer head names, and since when
    _manifest/scan-rows-footage-NONCE.parquet  copies of what scans wrote, see scan_rows.py
    _manifest/scan-rows-segments-NONCE.parquet

Race rules:

- A head is created put-if-absent, and holds every receipt of the heads before it except purged ones. Of two writers
  that build on the same head one wins, and the other starts again.
- Heads are never removed: a slow writer could otherwise take a number that was used before.
- A reader lists loose receipts first and takes the head second. A compaction publishes its head before it removes loose
  receipts, so a receipt that moves in between is found in at least one of the two places.
"""

import hashlib
import io
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import NightshiftError, SiteError
from schemas.tables import TIME
from storage.blobs import Blobs
from storage.files import first_line
from storage.store.layout import MANIFEST_FOLDER
from storage.store.parquet import READING, WRITING
from storage.store.receipt_checks import plausible_receipts
from storage.store.receipts import RECEIPT_SCHEMA

FORMAT = 2

MERGED_SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("table", pa.string()),
        ("camera", pa.string()),
        ("rows", pa.int64()),
        ("size_bytes", pa.int64()),
        ("sha256", pa.string()),
    ]
)
"""One row per merged file."""

LIVE_SCHEMA = pa.schema([("table", pa.string()), ("name", pa.string()), ("whole", pa.bool_())])
"""One row per file with live rows; ``whole`` if all of its rows are live."""

RETIRED_SCHEMA = pa.schema([("name", pa.string()), ("since", TIME)])
"""One row per file that only readers who began before ``since`` may still read."""

_HEAD = re.compile(r"head-(\d{6,})\.json$")
_PART = re.compile(rf"{MANIFEST_FOLDER}/[a-z0-9-]+-[0-9a-f]{{8}}\.parquet")
_THREADS = 4


@dataclass(frozen=True)
class Part:
    """A Parquet file of the manifest."""

    name: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Head:
    """Names the files that make up the manifest.

    Attributes:
        number: rises by one with each head; 0 is the empty head of a store that was never compacted, and has no file.
        shards: receipts by month (``YYYY-MM``), rows of ``RECEIPT_SCHEMA``.
        merged: every merged file, rows of ``MERGED_SCHEMA``.
        live: files with live rows, of ``LIVE_SCHEMA``; valid where no receipt is loose.
        retired: files that are kept for readers who began earlier, of ``RETIRED_SCHEMA``.
        scan_rows: by table, the rows that the newest scan of each camera-day wrote.
    """

    number: int = 0
    shards: Mapping[str, Part] = field(default_factory=dict)
    merged: Part | None = None
    live: Part | None = None
    retired: Part | None = None
    scan_rows: Mapping[str, Part] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Returns the head's file, relative to the store."""
        return f"{MANIFEST_FOLDER}/head-{self.number:06d}.json"

    def parts(self) -> list[Part]:
        """Returns every file that the head names."""
        single = (part for part in (self.merged, self.live, self.retired) if part)
        return [*self.shards.values(), *self.scan_rows.values(), *single]


class Manifest:
    """Reads and writes the manifest of a store."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def head(self) -> Head:
        """Returns the newest head.

        Raises:
            SiteError: a newer Nightshift wrote it.
            NightshiftError: it is torn.
        """
        numbers = self.numbers()  # a head that is listed is there to be read, since none is ever removed
        return self.head_of(numbers[-1]) if numbers else Head()

    def numbers(self) -> list[int]:
        """Returns the numbers of all heads, whole or torn, in rising order."""
        return sorted(int(found[1]) for blob in self._blobs.list(MANIFEST_FOLDER) if (found := _HEAD.search(blob.name)))

    def head_of(self, number: int) -> Head:
        """Reads the head of a number.

        Raises:
            FileNotFoundError: there is none.
            SiteError: a newer Nightshift wrote it.
            NightshiftError: it is torn.
        """
        name = Head(number).name
        return _parse_head(name, self._blobs.read(name))

    def receipts(self, head: Head, columns: Sequence[str] = (), months: Sequence[str] | None = None) -> pa.Table:
        """Reads receipts of a head, month by month; leaves out those of implausible times, which verification names.

        Args:
            columns: names of columns; all if empty.
            months: months to read (``YYYY-MM``); None for all.

        Raises:
            NightshiftError: a file is missing or torn.
        """
        wanted = list(columns) or RECEIPT_SCHEMA.names
        schema = pa.schema([RECEIPT_SCHEMA.field(name) for name in dict.fromkeys([*wanted, "committed", "date"])])
        chosen = sorted(head.shards if months is None else head.shards.keys() & set(months))
        with ThreadPoolExecutor(_THREADS) as pool:
            parts = list(pool.map(lambda month: self.read(head.shards[month], schema), chosen))
        return plausible_receipts(pa.concat_tables([schema.empty_table(), *parts])).select(wanted)

    def read(self, part: Part | None, schema: pa.Schema) -> pa.Table:
        """Reads a file of the manifest, with the columns and types of ``schema``; no rows if there is no such file.

        Raises:
            NightshiftError: the file is missing or torn.
        """
        if part is None:
            return schema.empty_table()
        try:
            with self._blobs.open(part.name) as file:
                # Not `read_table`, which imports pyarrow.dataset: 20 MB.
                return pq.ParquetFile(file, **READING).read(columns=schema.names).cast(schema)
        except (OSError, pa.ArrowException) as error:
            raise NightshiftError(
                f"{self._blobs.url}/{part.name}, a part of the store's manifest, cannot be read: {first_line(error)}; "
                "`nightshift verify` lists what is lost, `nightshift repair` rebuilds the manifest"
            ) from error

    def write(self, kind: str, table: pa.Table) -> Part:
        """Writes a Parquet file that a head is about to name; ``kind`` begins its name."""
        name = f"{MANIFEST_FOLDER}/{kind}-{secrets.token_hex(4)}.parquet"
        buffer = io.BytesIO()
        pq.write_table(table, buffer, **WRITING)
        content = buffer.getvalue()
        self._blobs.write(name, content)
        return Part(name, table.num_rows, hashlib.sha256(content).hexdigest())

    def publish(self, head: Head) -> bool:
        """Makes a head the newest; returns False, and changes nothing, if its number is taken."""
        content = {"format": FORMAT, "written": datetime.now(UTC).isoformat(), **asdict(head)}
        if self._blobs.put_if_absent(head.name, json.dumps(content, indent=1, sort_keys=True).encode()):
            return True
        # An object store may take the head and lose its answer; the client then puts it again and finds its own.
        return _parse_head(head.name, self._blobs.read(head.name)) == head


def next_head(head: Head, **changes: Any) -> Head:
    """Returns the head that follows another, with changes."""
    return replace(head, number=head.number + 1, **changes)


def _parse_head(name: str, content: bytes) -> Head:
    try:
        found = json.loads(content)
        version = found["format"]
        if version > FORMAT:
            raise SiteError(f"{name} is of format {version}, this Nightshift reads {FORMAT}: upgrade Nightshift")
        merged, live, retired = (Part(**found[key]) if found[key] else None for key in ("merged", "live", "retired"))
        shards, scan_rows = (
            {name: Part(**part) for name, part in found[key].items()} for key in ("shards", "scan_rows")
        )
        head = Head(found["number"], shards, merged, live, retired, scan_rows)
        # A part that is damaged is deleted by a repair, so a head may name none of other folders.
        foreign = [part.name for part in head.parts() if not _PART.fullmatch(part.name)]
        if head.name != name or foreign:
            raise ValueError(f"it names {foreign[0]!r}, which is no part of a manifest" if foreign else "its number")
        return head
    except (ValueError, KeyError, TypeError) as error:
        raise NightshiftError(
            f"{name} is torn: {first_line(error)}; `nightshift repair` rebuilds the manifest without it"
        ) from error
