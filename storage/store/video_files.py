"""The video that rows of the store name: published files with their audits, and parts that wait to be merged."""

from collections import defaultdict

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import TABLES
from schemas.tables.video import AUDIT_SUFFIX
from storage.store.layout import VIDEO_SUFFIX
from storage.store.parquet import UNIT_COLUMN, file_schema
from storage.store.receipts import files_of
from storage.store.store import Store

PARTS_TABLE, PUBLISHED_TABLE, AUDITS_TABLE = "anonymized_segments", "anonymized", "audits"
VIDEO_TABLES = (PARTS_TABLE, PUBLISHED_TABLE, AUDITS_TABLE)
"""Tables with the columns ``path`` (relative to the store), ``size_bytes``, ``sha256`` and ``footage_id``.

An audit document is no video, but lies beside it and is deleted with it.
"""

VIDEO_SUFFIXES = (VIDEO_SUFFIX, AUDIT_SUFFIX)
"""Suffixes of the files that these tables name."""

_COLUMNS = ("camera", "footage_id", "path", "size_bytes", "sha256", UNIT_COLUMN)


def read_video_rows(store: Store, receipts: pa.Table, table: str) -> pa.Table:
    """Reads which video files the rows of some units name.

    Args:
        receipts: receipts of the units, rows of ``RECEIPT_SCHEMA``; of any ops.
        table: one of ``VIDEO_TABLES``.

    Returns:
        Columns ``camera``, ``footage_id``, ``path``, ``size_bytes``, ``sha256`` and ``_unit``, the unit tag.

    Raises:
        NightshiftError: a file of the table is missing or torn.
    """
    # A text search first: most receipts name no video, and parsing the JSON of all is slow.
    some = receipts.filter(pc.match_substring(receipts["files"], f'"{table}":'))
    named = files_of(some)
    tags: dict[str, set[str]] = defaultdict(set)
    for row in named.filter(pc.equal(named["table"], table)).select(["name", "unit_tag"]).to_pylist():
        tags[row["name"]].add(row["unit_tag"])
    schema = pa.schema([file_schema(TABLES[table]).field(name) for name in _COLUMNS])
    parts = [store.read_units(table, name, _COLUMNS, tags[name]).select(_COLUMNS).cast(schema) for name in sorted(tags)]
    return pa.concat_tables([schema.empty_table(), *parts])
