"""The video that rows of the store name: published files with their audits, and parts that wait to be joined."""

from collections import defaultdict

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import TABLES
from schemas.tables.video import AUDIT_SUFFIX
from storage.store.live_rows import files_of
from storage.store.parquet import UNIT_COLUMN
from storage.store.store import VIDEO_SUFFIX, Store

PARTS_TABLE, PUBLISHED_TABLE, AUDITS_TABLE = "anonymized_segments", "anonymized", "audits"
VIDEO_TABLES = (PARTS_TABLE, PUBLISHED_TABLE, AUDITS_TABLE)
"""Tables with the columns ``path`` (below the store), ``size_bytes``, ``sha256`` and ``footage_id``.

An audit is no video, but stands beside it and goes with it.
"""

VIDEO_SUFFIXES = (VIDEO_SUFFIX, AUDIT_SUFFIX)
"""How the names of the files end that these tables name."""

_COLUMNS = ("camera", "footage_id", "path", "size_bytes", "sha256", UNIT_COLUMN)


def named_video(store: Store, receipts: pa.Table, table: str) -> pa.Table:
    """The video that rows of some units name.

    Args:
        receipts: of the units, rows of ``RECEIPT_SCHEMA``; of any ops.
        table: one of ``VIDEO_TABLES``.

    Returns:
        columns ``camera``, ``footage_id``, ``path``, ``size_bytes``, ``sha256`` and ``_unit``, the mark of the unit.

    Raises:
        NightshiftError: a file of the table is missing or torn.
    """
    # Most receipts name no video: their files need not be taken apart.
    some = receipts.filter(pc.match_substring(receipts["files"], f'"{table}":'))
    named = files_of(some, pa.repeat(pa.scalar(False), some.num_rows))
    marks: dict[str, set[str]] = defaultdict(set)
    for row in named.filter(pc.equal(named["table"], table)).select(["name", "mark"]).to_pylist():
        marks[row["name"]].add(row["mark"])
    schema = pa.schema([(name, _type(table, name)) for name in _COLUMNS])
    parts = [
        store.read_units(table, name, _COLUMNS, marks[name]).select(_COLUMNS).cast(schema) for name in sorted(marks)
    ]
    return pa.concat_tables([schema.empty_table(), *parts])


def _type(table: str, column: str) -> pa.DataType:
    return pa.string() if column == UNIT_COLUMN else TABLES[table].schema.field(column).type
