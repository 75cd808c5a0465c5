"""What a table is: columns with meaning and unit, a key, a sort order, a privacy class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa


class Privacy(StrEnum):
    """Who may see a table's rows."""

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
        key: columns that together name a row.
        order: columns that rows are sorted by within a file.
        privacy: who may see the rows.
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
    def schema(self) -> pa.Schema:
        """The pyarrow schema, with the table's name, version and privacy class as metadata."""
        metadata = {
            "nightshift.table": self.name,
            "nightshift.version": str(self.version),
            "nightshift.privacy": self.privacy,
        }
        return pa.schema(self.columns, metadata=metadata)

    def empty(self) -> pa.Table:
        """A table of no rows."""
        return self.schema.empty_table()

    def conform(self, columns: Mapping[str, Sequence[object] | pa.Array] | pa.Table) -> pa.Table:
        """Rows in this table's columns, types and sort order; a column left out is null.

        Args:
            columns: arrays or sequences by column name, all of one length, or a table.

        Raises:
            ValueError: a column is not of this table, is missing though it may not be null, or does not convert.
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
