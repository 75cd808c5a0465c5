"""The files that rows of the store name: published video with its audits, parts that wait to be merged, and rasters."""

from collections.abc import Container

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import TABLES
from schemas.tables.video import AUDIT_SUFFIX
from storage.blobs import Blobs
from storage.store.layout import RASTERS_SUFFIX, VIDEO_SUFFIX, is_file_of, pending_file
from storage.store.parquet import UNIT_COLUMN, file_schema
from storage.store.receipts import unit_files
from storage.store.store import Store

PARTS_TABLE, PUBLISHED_TABLE, AUDITS_TABLE = "anonymized_segments", "anonymized", "audits"
VIDEO_TABLES = (PARTS_TABLE, PUBLISHED_TABLE, AUDITS_TABLE)
"""Tables with the columns ``path`` (relative to the store), ``size_bytes``, ``sha256`` and ``footage_id``.

An audit document is no video, but lies beside it and is deleted with it.
"""

RASTERS_TABLE = "depth_files"
"""Table of files of depth rasters, with the same columns. They show whom the footage shows, uncovered."""

FILE_TABLES = (*VIDEO_TABLES, RASTERS_TABLE)

VIDEO_SUFFIXES = (VIDEO_SUFFIX, AUDIT_SUFFIX)
FILE_SUFFIXES = (*VIDEO_SUFFIXES, RASTERS_SUFFIX)
"""Suffixes of the files that these tables name."""

_COLUMNS = ("camera", "footage_id", "path", "size_bytes", "sha256", UNIT_COLUMN)


def present_name(name: str, names: Container[str]) -> str:
    """Returns where a published file lies: under the name that its row gives, or where it awaits its sign-off.

    Args:
        name: as its row gives it.
        names: names of the files that exist.
    """
    pending = pending_file(name)
    return pending if name not in names and pending in names else name


def find_video(blobs: Blobs, name: str) -> str:
    """Returns where a published file lies, as ``present_name`` does."""
    pending = pending_file(name)
    return pending if not blobs.exists(name) and blobs.exists(pending) else name


def read_file_rows(store: Store, receipts: pa.Table, table: str) -> pa.Table:
    """Reads which files the rows of some units name; leaves out rows that name files that are not Nightshift's.

    Args:
        receipts: receipts of the units, rows of ``RECEIPT_SCHEMA``; of any ops.
        table: one of ``FILE_TABLES``.

    Returns:
        Columns ``camera``, ``footage_id``, ``path``, ``size_bytes``, ``sha256`` and ``_unit``, the unit tag.

    Raises:
        NightshiftError: a file of the table is missing or torn.
    """
    return split_file_rows(store, receipts, table)[0]


def split_file_rows(store: Store, receipts: pa.Table, table: str) -> tuple[pa.Table, pa.Table]:
    """Reads rows as ``read_file_rows`` does, and apart from them those whose file is none of their camera.

    Such a row is none of Nightshift's; its file must be neither deleted nor given away.
    """
    schema = pa.schema([file_schema(TABLES[table]).field(name) for name in _COLUMNS])
    rows = store.read_rows(table, sorted(unit_files(receipts, table)), schema)
    own = pa.array(map(is_file_of, rows["path"].to_pylist(), rows["camera"].to_pylist()), pa.bool_())
    return rows.filter(own), rows.filter(pc.invert(own))
