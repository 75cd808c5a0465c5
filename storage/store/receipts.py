"""Receipts: JSON files, one per committed unit, and rows of one Arrow table, for stores of years."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import TABLES, TIME
from schemas.values import UNIT_TAG_DIGITS, Receipt, UnitFile
from storage.arrow_sql import numbered, query
from storage.files import safe_name
from storage.store.receipt_checks import check_receipt
from storage.store.records import RECORD_SUFFIX, parse_record, parse_time, record_bytes

RECEIPTS_FOLDER = "_receipts"
FORMAT = 2
"""Version of the JSON, so that an older Nightshift can refuse what it does not understand."""

_PARSED_RECEIPTS = 4096
"""Parsed receipts that a process keeps, some 5 KB each."""

RECEIPT_SCHEMA = pa.schema(
    [
        pa.field("op", pa.string(), nullable=False),
        pa.field("version", pa.int32(), nullable=False),
        pa.field("camera", pa.string(), nullable=False),
        pa.field("date", pa.string(), nullable=False),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("fingerprint", pa.string(), nullable=False),
        pa.field("committed", TIME, nullable=False),
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("wall_s", pa.float64(), nullable=False),
        pa.field("media_s", pa.float64(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("files", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("ingredients", pa.string(), nullable=False),
        pa.field("stage_s", pa.string(), nullable=False),
        pa.field("counters", pa.string(), nullable=False),
    ]
)
"""One row per receipt. ``date`` is text; ``files`` and the columns after it are JSON objects as text."""

_JSON_COLUMNS = ("files", "sha256", "ingredients", "stage_s", "counters")
_UNIT_COLUMNS = ("op", "camera", "date", "unit", "fingerprint")

OWN_FILE = """
    (starts_with(entry.value, entry.key || '/camera=' || camera || '/date=' || "date" || '/')
    OR starts_with(entry.value, entry.key || '/camera=' || camera || '/month=' || "date"[:7] || '/month-'))
    AND ends_with(entry.value, '.parquet') AND NOT contains(entry.value, '/..')
"""
"""Whether the manifest's entry of a file, by table, is of the receipt's table, camera and date; in SQL, for stores of
years. The empty name of a table without rows is no file."""

_FILES = f"""
WITH entries AS (
    SELECT unnest(map_entries(files::JSON::MAP(VARCHAR, VARCHAR))) AS entry,
        camera, "date", fingerprint[:{UNIT_TAG_DIGITS}] AS unit_tag, receipts.rows AS rows, live, number
    FROM receipts WHERE files <> '{{}}'
)
SELECT entry.key AS "table", entry.value AS "name", camera, "date", unit_tag, rows, live, number
FROM entries WHERE {OWN_FILE}
"""


def receipt_path(receipt: Receipt, reaffirmed: bool = False) -> str:
    """Returns the file of a receipt, relative to the store: one name per unit and fingerprint.

    Args:
        reaffirmed: the work was committed before, and the receipt's run affirms it; the name then has the run id too.
    """
    name = f"{safe_name(receipt.unit)}-{safe_name(receipt.fingerprint)}"
    if reaffirmed:
        name += f"~{safe_name(receipt.run_id)}"
    folders = (RECEIPTS_FOLDER, safe_name(receipt.op), safe_name(receipt.camera), safe_name(receipt.date))
    return "/".join((*folders, f"{name}{RECORD_SUFFIX}"))


def to_json(receipt: Receipt) -> bytes:
    """Returns a receipt as JSON; the same receipt gives the same bytes."""
    content = {"format": FORMAT, **asdict(receipt), "committed": receipt.committed.isoformat()}
    return record_bytes(content)


def from_json(content: bytes) -> Receipt:
    """Parses what ``to_json`` wrote.

    Raises:
        ValueError: the content is empty, torn, or not a receipt of this format.
    """
    try:
        found = parse_record(content, FORMAT)
        receipt = Receipt(**found | {"committed": parse_time("committed", found["committed"])})
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a receipt: {error}") from error
    check_receipt(receipt)
    return receipt


@lru_cache(_PARSED_RECEIPTS)
def receipt_at(name: str, content: bytes) -> Receipt:
    """Parses the receipt of a file, whose name must be that of its work.

    The same bytes under the same name are parsed and checked once: each query of a session reads all loose receipts.

    Raises:
        ValueError: the content is no receipt, or one of other work than its name says.
    """
    receipt = from_json(content)
    if name not in (receipt_path(receipt), receipt_path(receipt, reaffirmed=True)):
        raise ValueError("a receipt of other work than its name says")
    return receipt


def format_of(content: bytes) -> int | None:
    """Returns the version of a receipt's JSON; None if it is torn."""
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found.get("format") if isinstance(found, dict) else None


def receipts_to_arrow(receipts: Iterable[Receipt]) -> pa.Table:
    """Returns receipts as rows of ``RECEIPT_SCHEMA``, in the given order."""
    rows = [
        {**vars(receipt), "rows": receipt.counters.get("rows", 0)}
        | {name: json_text(getattr(receipt, name)) for name in _JSON_COLUMNS}
        for receipt in receipts
    ]
    return pa.Table.from_pylist(rows, RECEIPT_SCHEMA)


def receipts_from_rows(receipts: pa.Table) -> list[Receipt]:
    """Returns the receipts of rows of ``RECEIPT_SCHEMA``."""
    names = [field.name for field in fields(Receipt)]
    return [
        Receipt(**row | {name: json.loads(row[name]) for name in _JSON_COLUMNS})
        for row in receipts.select(names).to_pylist()
    ]


def json_text(value: Mapping[str, object]) -> str:
    """Returns JSON as rows of ``RECEIPT_SCHEMA`` have it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def merge_receipts(compacted: pa.Table, loose: pa.Table) -> pa.Table:
    """Merges the manifest's receipts with loose ones.

    A receipt that is in both (a compaction was killed before it removed the loose file) gets one row. Receipts of the
    same work all get the files of one of them: the manifest's, since a compaction may have removed the files that the
    loose one names, or else the oldest.
    """
    counts = pc.value_counts(pa.chunked_array([*loose["fingerprint"].chunks], pa.string()))
    both = compacted.filter(pc.is_in(compacted["fingerprint"], counts.field("values")))
    if not both.num_rows and len(counts) == loose.num_rows:
        return pa.concat_tables([compacted, loose])  # the usual case: no work is in there twice
    known = {_unit_of(row): row for row in both.to_pylist()}
    affirmed = {(*_unit_of(row), row["run_id"]) for row in both.to_pylist()}
    rows = []
    for row in loose.sort_by([("committed", "ascending"), ("run_id", "ascending")]).to_pylist():
        first = known.setdefault(_unit_of(row), row)
        if (*_unit_of(row), row["run_id"]) not in affirmed:
            rows.append(row | {"files": first["files"], "sha256": first["sha256"]})
    return pa.concat_tables([compacted, pa.Table.from_pylist(rows, RECEIPT_SCHEMA)])


def _unit_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in _UNIT_COLUMNS)


def files_of(receipts: pa.Table, live: pa.Array | None = None) -> pa.Table:
    """Lists the files that receipts name: one row per receipt and table.

    Args:
        live: ``(len(receipts),)`` bool, whether the receipt's rows are live; None if that does not matter.

    Returns:
        Columns ``table``, ``name``, ``camera``, ``date``, ``unit_tag``, ``rows`` (of the receipt, all its tables),
        ``live`` and ``number`` (row of the receipt).
    """
    if live is None:
        live = pa.repeat(pa.scalar(False), receipts.num_rows)
    columns = numbered(receipts, "camera", "date", "fingerprint", "files", "rows")
    return query(_FILES, receipts=columns.append_column("live", live))


def unit_tags(receipts: pa.Table) -> pa.ChunkedArray:
    """Returns the unit tag of each receipt's rows."""
    return pc.utf8_slice_codeunits(receipts["fingerprint"], 0, UNIT_TAG_DIGITS)


def unit_files(receipts: pa.Table, table: str) -> list[UnitFile]:
    """Returns the locations of the rows that units have in one table."""
    # A text search first: most receipts name no file of the table, and parsing the JSON of all is slow.
    receipts = receipts.filter(pc.match_substring(receipts["files"], f'"{table}":'))
    if not receipts.num_rows:
        return []
    files = files_of(receipts)
    files = files.filter(pc.equal(files["table"], table))
    return list(map(UnitFile, files["name"].to_pylist(), files["unit_tag"].to_pylist()))


def receipts_table(receipts: pa.Table, live: pa.Array) -> pa.Table:
    """Returns receipts as the table ``receipts``, whose column ``current`` is ``live``."""
    spec = TABLES["receipts"]
    columns = {name: receipts[name] for name in spec.schema.names if name != "current"}
    return spec.conform({**columns, "current": live})
