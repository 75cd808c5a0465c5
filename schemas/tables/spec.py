"""The description of a table: columns with meaning and unit, primary key, sort order, privacy class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

ROW_TIMES = ("time", "bin_start", "start_time", "first_time")
"""Columns that say when a row happened, or began."""


class Privacy(StrEnum):
    """Privacy class of a table: who may see its rows (docs/privacy.md)."""

    OPEN = "open"
    PSEUDONYMOUS = "pseudonymous"
    SENSITIVE = "sensitive"


@dataclass(frozen=True)
class TableSpec:
    """One table.

    Attributes:
        name: the table's name, in SQL and on disk.
        summary: one sentence for people.
        columns: pyarrow fields with ``meaning`` and ``unit`` in their metadata.
        key: primary key: columns that together identify a row.
        order: sort order of rows within a file.
        privacy: privacy class.
        version: raised with every change of the columns.
    """

    name: str
    summary: str
    columns: tuple[pa.Field, ...]
    key: tuple[str, ...]
    order: tuple[str, ...]
    privacy: Privacy
    version: int = 1

    @property
    def row_time(self) -> str | None:
        """Returns the column that says when a row happened, whose local date is the view's column ``date``; or None."""
        names = {field.name for field in self.columns if not field.nullable}
        return None if "date" in names else next((name for name in ROW_TIMES if name in names), None)

    @property
    def schema(self) -> pa.Schema:
        """Returns the pyarrow schema, with the table's name, version and privacy class as metadata."""
        metadata = {
            "nightshift.table": self.name,
            "nightshift.version": str(self.version),
            "nightshift.privacy": self.privacy,
        }
        return pa.schema(self.columns, metadata=metadata)

    def empty(self) -> pa.Table:
        """Returns a table without rows."""
        return self.schema.empty_table()

    def conform(self, columns: Mapping[str, Sequence[object] | pa.Array] | pa.Table) -> pa.Table:
        """Returns rows with this table's columns, types and sort order; a missing column becomes null.

        Args:
            columns: arrays or sequences of one length by column name, or a table.

        Raises:
            ValueError: a column is unknown, is missing but may not be null, or does not convert.
        """
        if isinstance(columns, pa.Table):
            columns = {name: columns[name] for name in columns.column_names}
        unknown = set(columns) - {field.name for field in self.columns}
        if unknown:
            raise ValueError(f"table {self.name} has no column {sorted(unknown)}")
        rows = max((len(values) for values in columns.values()), default=0)
        arrays = []
        for field in self.columns:
            values = columns.get(field.name)
            array = pa.nulls(rows, field.type) if values is None else _array(values, field.type)
            if not field.nullable and array.null_count:
                raise ValueError(f"{self.name}.{field.name} may not be null, {array.null_count} of {rows} rows are")
            arrays.append(array)
        table = pa.Table.from_arrays(arrays, schema=self.schema)
        return table.sort_by([(name, "ascending") for name in self.order]) if rows else table


def _array(values: object, kind: pa.DataType) -> pa.ChunkedArray | pa.Array:
    if isinstance(values, pa.ChunkedArray | pa.Array):
        return values.cast(kind)
    return pa.array(values, type=kind)
