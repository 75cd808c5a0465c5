"""Rows of a table as Parquet: files of one unit, and merged files of many units.

Every file has two columns more than its table: ``_unit``, the tag of the unit that wrote the row, and ``_date``, the
unit's local date. The footer maps each unit tag to the row groups that hold its rows, so that one unit is read without
the others (docs/decisions/0008-merged-files-and-the-manifest.md).
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.tables import TableSpec

UNIT_COLUMN, DATE_COLUMN = "_unit", "_date"
ROW_GROUPS_KEY = "nightshift.row_groups"
"""Key in a file's footer: JSON, the numbers of the row groups with a unit's rows, by unit tag."""

ROWS_PER_GROUP = 128 * 1024
MIN_GROUP_ROWS = 8 * 1024
"""Units share a row group until it has this many rows: with one group each, a month of small units was read ten times
slower."""


WRITING: Mapping[str, Any] = {"compression": "zstd", "write_page_checksum": True}
"""How every Parquet file of a store is written."""

READING: Mapping[str, Any] = {"page_checksum_verification": True}
"""How they are read: a flipped byte is an error, where without checksums it is another value (docs/store.md)."""


def check_rows(spec: TableSpec, table: pa.Table, camera: str) -> pa.Table:
    """Returns the rows in sort order, once everything that readers rely on is checked.

    Raises:
        ValueError: columns or types are not the table's, a null is where none may be, or a row is of another camera.
    """
    if not table.schema.equals(spec.schema):
        wanted = {(field.name, str(field.type), field.nullable) for field in spec.columns}
        found = {(field.name, str(field.type), field.nullable) for field in table.schema}
        differ = sorted(wanted ^ found) or "their order"
        raise ValueError(f"rows for table {spec.name} differ from its schema in {differ}")
    if "camera" in table.column_names and pc.any(pc.not_equal(table["camera"], camera)).as_py():
        raise ValueError(f"rows for table {spec.name} of camera {camera} hold rows of another camera")
    return spec.conform(table)


def file_schema(spec: TableSpec) -> pa.Schema:
    """Returns the columns of a table's files."""
    added = [pa.field(UNIT_COLUMN, pa.string(), nullable=False), pa.field(DATE_COLUMN, pa.date32(), nullable=False)]
    return pa.schema([*spec.columns, *added], metadata=spec.schema.metadata)


def add_unit_columns(rows: pa.Table, spec: TableSpec, unit_tag: str, day: str) -> pa.Table:
    """Returns a unit's rows with the columns of ``file_schema``. ``day`` is ``YYYY-MM-DD``."""
    tags = pa.repeat(pa.scalar(unit_tag), rows.num_rows)
    days = pa.repeat(pa.scalar(date.fromisoformat(day), pa.date32()), rows.num_rows)
    return pa.Table.from_arrays([*rows.columns, tags, days], schema=file_schema(spec))


def write_units(path: Path, spec: TableSpec, units: Iterable[pa.Table]) -> int:
    """Writes rows of one or more units, one unit after the other, with statistics to skip row groups by.

    Args:
        units: rows of one unit each, as ``add_unit_columns`` returns them.

    Returns:
        The number of rows written.
    """
    schema = file_schema(spec)
    row_groups: dict[str, list[int]] = {}
    rows = groups = 0
    with pq.ParquetWriter(path, schema, write_statistics=True, **WRITING) as writer:
        for packed in _pack(units):
            writer.write_table(packed, row_group_size=ROWS_PER_GROUP)
            # pyarrow splits the rows into groups of this size: the number of groups is rounded up.
            new_groups = list(range(groups, groups - (-packed.num_rows // ROWS_PER_GROUP)))
            for tag in packed[UNIT_COLUMN].unique().to_pylist():
                row_groups.setdefault(tag, []).extend(new_groups)
            rows, groups = rows + packed.num_rows, groups + len(new_groups)
        # Only now are all groups known; pyarrow writes the footer when it closes.
        writer.add_key_value_metadata({ROW_GROUPS_KEY: json.dumps(row_groups, separators=(",", ":"))})
    return rows


def _pack(units: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Concatenates units until they are worth a row group."""
    held: list[pa.Table] = []
    for unit in units:
        held.append(unit)
        if sum(each.num_rows for each in held) >= MIN_GROUP_ROWS:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def read_units(file: BinaryIO, columns: Collection[str], unit_tags: Collection[str] | None) -> pa.Table:
    """Reads some columns of the rows of some units, or of all (None); columns that the file lacks are left out.

    Raises:
        pa.ArrowException: the file is torn.
    """
    # Given a path, pyarrow would read camera=... in it as a column.
    with pq.ParquetFile(file, **READING) as parquet:
        names = parquet.schema_arrow.names  # converts the schema at each call
        found = [column for column in columns if column in names]
        row_groups = _row_groups(parquet)
        if unit_tags is None or row_groups.keys() <= set(unit_tags):
            return parquet.read(columns=found)
        groups = sorted({group for tag in unit_tags for group in row_groups.get(tag, ())})
        rows = parquet.read_row_groups(groups, columns=[*dict.fromkeys([*found, UNIT_COLUMN])])
    # Small units share a group with others.
    return rows.filter(pc.is_in(rows[UNIT_COLUMN], pa.array(sorted(unit_tags), pa.string()))).select(found)


def _row_groups(parquet: pq.ParquetFile) -> dict[str, list[int]]:
    try:
        found: dict[str, list[int]] = json.loads(parquet.metadata.metadata[ROW_GROUPS_KEY.encode()])
    except (KeyError, TypeError, ValueError) as error:
        raise pa.ArrowInvalid("its footer has no row groups by unit: it is no file of this store") from error
    return found


def conform_rows(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Returns a file's rows with today's columns and types; a column that is newer than the file is null."""
    found = set(table.column_names)
    arrays = [
        table[field.name].cast(field.type) if field.name in found else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
