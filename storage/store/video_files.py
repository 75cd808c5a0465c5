"""The video that rows of the store name: published files with their audits, and parts that wait to be merged."""

import pyarrow as pa

from schemas.tables import TABLES
from schemas.tables.video import AUDIT_SUFFIX
from storage.store.layout import VIDEO_SUFFIX
from storage.store.parquet import UNIT_COLUMN, file_schema
from storage.store.receipts import unit_files
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
    schema = pa.schema([file_schema(TABLES[table]).field(name) for name in _COLUMNS])
    return store.read_rows(table, sorted(unit_files(receipts, table)), schema)
