"""Rows of a table as Parquet: one unit's file, and files into which those of many units are merged.

Every file has two columns more than its table: ``_unit``, the mark of the unit that wrote the row, and ``_date``, the
unit's local date. The footer says which row groups a unit's rows stand in, so that those of one are read without the
others; units of few rows share a row group, for thousands of small ones are slow to read.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import NightshiftError
from schemas.tables import TableSpec

UNIT_COLUMN, DATE_COLUMN = "_unit", "_date"
PLACES = "nightshift.places"
"""Key in a file's footer: JSON, by mark the numbers of the row groups that the unit's rows stand in."""

ROWS_A_GROUP = 128 * 1024
ENOUGH_ROWS = 8 * 1024
"""Units are put together in a row group until it has that many rows."""


def checked_rows(spec: TableSpec, table: pa.Table, camera: str) -> pa.Table:
    """The rows in sort order, after a look at everything that a reader relies on.

    Raises:
        ValueError: columns or types are not the table's, a null stands where none may, or a row is of another camera.
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
    """The columns of a table's files."""
    hidden = [pa.field(UNIT_COLUMN, pa.string(), nullable=False), pa.field(DATE_COLUMN, pa.date32(), nullable=False)]
    return pa.schema([*spec.columns, *hidden], metadata=spec.schema.metadata)


def marked(rows: pa.Table, spec: TableSpec, mark: str, day: str) -> pa.Table:
    """A unit's rows as they stand in a file. ``day`` is ``YYYY-MM-DD``."""
    count = rows.num_rows
    marks = pa.repeat(pa.scalar(mark), count)
    days = pa.repeat(pa.scalar(date.fromisoformat(day), pa.date32()), count)
    return pa.Table.from_arrays([*rows.columns, marks, days], schema=file_schema(spec))


def write_units(path: Path, spec: TableSpec, units: Iterable[pa.Table]) -> int:
    """Writes marked rows of one or more units, one after the other, with statistics to skip row groups by.

    Returns:
        how many rows were written.
    """
    schema = file_schema(spec)
    places: dict[str, list[int]] = {}
    rows = groups = 0
    with pq.ParquetWriter(path, schema, compression="zstd", write_statistics=True) as writer:
        for packed in _packed(units):
            writer.write_table(packed, row_group_size=ROWS_A_GROUP)
            new_groups = list(range(groups, groups - (-packed.num_rows // ROWS_A_GROUP)))
            for mark in packed[UNIT_COLUMN].unique().to_pylist():
                places.setdefault(mark, []).extend(new_groups)
            rows, groups = rows + packed.num_rows, groups + len(new_groups)
        writer.add_key_value_metadata({PLACES: json.dumps(places, separators=(",", ":"))})
    return rows


def _packed(units: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Units put together until they are worth a row group."""
    held: list[pa.Table] = []
    for unit in units:
        held.append(unit)
        if sum(each.num_rows for each in held) >= ENOUGH_ROWS:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def read_units(file: BinaryIO, columns: Collection[str], marks: Collection[str] | None) -> pa.Table:
    """Some columns of the rows of some units, or of all (None); columns that the file has not are left out.

    Raises:
        pa.ArrowException: the file is torn.
    """
    # The handle keeps pyarrow from reading camera=... in the path as a column.
    with pq.ParquetFile(file) as parquet:
        found = [column for column in columns if column in parquet.schema_arrow.names]
        places = _places(parquet)
        if marks is None or places.keys() <= set(marks):
            return parquet.read(columns=found)
        groups = sorted({group for mark in marks for group in places.get(mark, ())})
        rows = parquet.read_row_groups(groups, columns=[*dict.fromkeys([*found, UNIT_COLUMN])])
    return rows.filter(pc.is_in(rows[UNIT_COLUMN], pa.array(sorted(marks), pa.string()))).select(found)


def _places(parquet: pq.ParquetFile) -> dict[str, list[int]]:
    try:
        found: dict[str, list[int]] = json.loads(parquet.metadata.metadata[PLACES.encode()])
    except (KeyError, TypeError, ValueError) as error:
        raise pa.ArrowInvalid("its footer does not say where units stand: it is no file of this store") from error
    return found


def in_columns(table: pa.Table, spec: TableSpec, columns: Collection[str]) -> pa.Table:
    """Some columns of a file's rows, as the table has them today."""
    return in_schema(table, pa.schema([spec.schema.field(name) for name in columns], metadata=spec.schema.metadata))


def in_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A file's rows in the columns and types of today; a column that was added since it was written is null in it."""
    found = set(table.column_names)
    arrays = [
        table[field.name].cast(field.type) if field.name in found else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def unreadable(spec: TableSpec, name: str, error: Exception) -> NightshiftError:
    """What to say of a file that a receipt names and that is missing or torn."""
    return NightshiftError(
        f"{spec.name}: cannot read {name}, which a receipt names: {first_line(error)}; "
        "`nightshift repair` lets it be made anew"
    )


def first_line(error: Exception) -> str:
    """What an error says, in one line; an ``OSError`` without its number and path."""
    text = getattr(error, "strerror", None) or str(error)
    return (text.splitlines() or [type(error).__name__])[0]
