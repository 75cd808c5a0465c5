"""One table's rows as a Parquet file."""

from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.errors import NightshiftError
from schemas.tables import TableSpec

ROWS_A_GROUP = 128 * 1024


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


def write_parquet(rows: pa.Table, file: BinaryIO, spec: TableSpec) -> None:
    """Writes rows, sorted as ``spec`` says, with the statistics that let readers skip row groups."""
    pq.write_table(
        rows,
        file,
        compression="zstd",
        row_group_size=ROWS_A_GROUP,
        write_statistics=True,
        sorting_columns=pq.SortingColumn.from_ordering(rows.schema, [(name, "ascending") for name in spec.order]),
    )


def read_parquet(path: Path, spec: TableSpec, columns: list[str]) -> pa.Table:
    """Some columns of a file. A column that was added to the table since it was written is null in it.

    Raises:
        NightshiftError: the file is missing or torn.
    """
    try:
        # The handle keeps pyarrow from reading camera=... in the path as a column.
        with path.open("rb") as handle, pq.ParquetFile(handle) as parquet:
            found = [column for column in columns if column in parquet.schema_arrow.names]
            table = parquet.read(columns=found)
    except (OSError, pa.ArrowException) as error:
        raise NightshiftError(
            f"{spec.name}: cannot read {path}, which a receipt names: {first_line(error)}; "
            "remove that receipt and run again to make it anew"
        ) from error
    schema = pa.schema([spec.schema.field(column) for column in columns], metadata=spec.schema.metadata)
    arrays = [
        table[field.name].cast(field.type) if field.name in found else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def first_line(error: Exception) -> str:
    """What an error says, in one line; an ``OSError`` without its number and path."""
    text = getattr(error, "strerror", None) or str(error)
    return (text.splitlines() or [type(error).__name__])[0]
