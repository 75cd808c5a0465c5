"""The manifest: receipts of years in a few Parquet files, which a numbered head names.

::

    _manifest/head-000007.json               names the files below; the highest number holds
    _manifest/receipts-2026-03-NONCE.parquet receipts of one month's dates, rows of RECEIPT_SCHEMA
    _manifest/files-NONCE.parquet            every merged file, with its size and hash
    _manifest/seen-NONCE.parquet             the files that readers read, as long as no receipt is loose
    _manifest/retired-NONCE.parquet          files that no newer head names, and since when
    _manifest/scanned-footage-NONCE.parquet  what the last scan knew of all cameras, so that a plan need not open
    _manifest/scanned-segments-NONCE.parquet thousands of files for it

A head is created put-if-absent, and holds every receipt of the heads before it but those that were purged: of two
who build on the same head, one wins and the other begins again. Heads are never removed, or one who was slow could take
a number that was used before. A reader lists loose receipts first and takes the
head second, so that a receipt that moves from one to the other in between is seen in at least one of them.
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

from schemas.errors import NightshiftError, SiteError, TransientError
from schemas.tables import TABLES, TIME
from storage.blobs import Blobs
from storage.store.parquet import file_schema, first_line
from storage.store.receipts import RECEIPT_SCHEMA

MANIFEST_FOLDER = "_manifest"
FORMAT = 1

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
"""One row a merged file."""

SEEN_SCHEMA = pa.schema([("table", pa.string()), ("name", pa.string()), ("whole", pa.bool_())])
"""One row a file that readers read; ``whole`` if they see all of its rows."""

RETIRED_SCHEMA = pa.schema([("name", pa.string()), ("since", TIME)])
"""One row a file that nobody but a reader who began earlier may still read."""

_HEAD = re.compile(r"head-(\d{6,})\.json$")
_READERS = 4


@dataclass(frozen=True)
class Part:
    """A Parquet file of the manifest."""

    name: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Head:
    """Which files make up the manifest.

    Attributes:
        number: rises by one with each head; 0 is that of a store that was never compacted, and has no file.
        shards: receipts by month (``YYYY-MM``).
        scanned: by table what the last scan of each camera-day wrote, see storage/store/scan_rows.py.
    """

    number: int = 0
    shards: Mapping[str, Part] = field(default_factory=dict)
    merged: Part | None = None
    seen: Part | None = None
    retired: Part | None = None
    scanned: Mapping[str, Part] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its file, below the store."""
        return f"{MANIFEST_FOLDER}/head-{self.number:06d}.json"

    def parts(self) -> list[Part]:
        """Every file that it names."""
        return [
            *self.shards.values(),
            *self.scanned.values(),
            *(part for part in (self.merged, self.seen, self.retired) if part),
        ]


class Manifest:
    """Reads and writes the manifest of a store."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def head(self) -> Head:
        """The head that holds now.

        Raises:
            SiteError: a newer Nightshift wrote it.
            NightshiftError: it is torn.
        """
        for _ in range(_READERS):
            numbers = self.numbers()
            if not numbers:
                return Head()
            try:
                return self.head_of(numbers[-1])
            except FileNotFoundError:
                continue  # retired while this one looked: there is a newer one
        raise TransientError(f"{self._blobs.url}/{MANIFEST_FOLDER} changes again and again while it is read")

    def numbers(self) -> list[int]:
        """The numbers of all heads that are there, whole or torn, rising."""
        return sorted(int(found[1]) for blob in self._blobs.list(MANIFEST_FOLDER) if (found := _HEAD.search(blob.name)))

    def head_of(self, number: int) -> Head:
        """The head of this number.

        Raises:
            FileNotFoundError: there is none.
            SiteError: a newer Nightshift wrote it.
            NightshiftError: it is torn.
        """
        name = Head(number).name
        return _head_of(name, self._blobs.read(name))

    def receipts(self, head: Head, columns: Sequence[str] = (), months: Sequence[str] | None = None) -> pa.Table:
        """Receipts of a head, of these months or of all, by month; some columns or all.

        Raises:
            NightshiftError: a file is missing or torn.
        """
        schema = pa.schema([RECEIPT_SCHEMA.field(name) for name in columns]) if columns else RECEIPT_SCHEMA
        chosen = sorted(head.shards if months is None else head.shards.keys() & set(months))
        with ThreadPoolExecutor(_READERS) as pool:
            parts = list(pool.map(lambda month: self._read(head.shards[month], schema), chosen))
        return pa.concat_tables([schema.empty_table(), *parts])

    def merged(self, head: Head) -> pa.Table:
        """Every merged file, as rows of ``MERGED_SCHEMA``."""
        return self._read(head.merged, MERGED_SCHEMA)

    def seen(self, head: Head) -> pa.Table:
        """The files that readers read where no receipt is loose, as rows of ``SEEN_SCHEMA``."""
        return self._read(head.seen, SEEN_SCHEMA)

    def retired(self, head: Head) -> pa.Table:
        """Files that are kept for readers who began earlier, as rows of ``RETIRED_SCHEMA``."""
        return self._read(head.retired, RETIRED_SCHEMA)

    def scanned(self, head: Head, table: str) -> pa.Table:
        """What scans wrote into a table, as its files have it."""
        return self._read(head.scanned.get(table), file_schema(TABLES[table]))

    def write(self, kind: str, table: pa.Table) -> Part:
        """Writes a Parquet file that a head is about to name; ``kind`` begins its name."""
        name = f"{MANIFEST_FOLDER}/{kind}-{secrets.token_hex(4)}.parquet"
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        content = buffer.getvalue()
        self._blobs.write(name, content)
        return Part(name, table.num_rows, hashlib.sha256(content).hexdigest())

    def publish(self, head: Head) -> bool:
        """Makes a head hold; False if another of its number holds already, and nothing is changed."""
        content = {"format": FORMAT, "written": datetime.now(UTC).isoformat(), **asdict(head)}
        if self._blobs.put_if_absent(head.name, json.dumps(content, indent=1, sort_keys=True).encode()):
            return True
        # An object store may have taken the head and lost its answer; then it stands when the client puts it again.
        return _head_of(head.name, self._blobs.read(head.name)) == head

    def _read(self, part: Part | None, schema: pa.Schema) -> pa.Table:
        if part is None:
            return schema.empty_table()
        try:
            with self._blobs.open(part.name) as file:
                return pq.read_table(file, columns=schema.names).cast(schema)
        except (OSError, pa.ArrowException) as error:
            raise NightshiftError(
                f"{self._blobs.url}/{part.name}, a part of the store's manifest, cannot be read: {first_line(error)}; "
                "`nightshift verify` says what is lost, `nightshift repair` lets it be made anew"
            ) from error


def next_head(head: Head, **changes: Any) -> Head:
    """The head that is to follow another."""
    return replace(head, number=head.number + 1, **changes)


def month_of(date: str) -> str:
    """The shard that a receipt of this date belongs to."""
    return date[:7]


def _head_of(name: str, content: bytes) -> Head:
    try:
        found = json.loads(content)
        version = found["format"]
        if version > FORMAT:
            raise SiteError(f"{name} is of format {version}, this Nightshift reads {FORMAT}: upgrade Nightshift")
        merged, seen, retired = (Part(**found[key]) if found[key] else None for key in ("merged", "seen", "retired"))
        shards, scanned = ({name: Part(**part) for name, part in found[key].items()} for key in ("shards", "scanned"))
        return Head(found["number"], shards, merged, seen, retired, scanned)
    except (ValueError, KeyError, TypeError) as error:
        raise NightshiftError(
            f"{name} is torn: {first_line(error)}; `nightshift repair` goes back before it"
        ) from error
