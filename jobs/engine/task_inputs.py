"""Reads the input tables of a task."""

from collections.abc import Mapping

import pyarrow as pa

from jobs.engine.tasks import TaskInput
from jobs.planning.graph import UnitKey
from schemas.tables import TABLES
from storage.store.store import Store


def read_input(store: Store, item: TaskInput, own: Mapping[tuple[UnitKey, str], pa.Table]) -> pa.Table:
    """Returns the rows of one read: those of the same batch's units and those in the store, in the table's order.

    Args:
        own: tables that units of the batch gave, by unit and name.

    Raises:
        ValueError: a required source has no result.
    """
    read = item.read
    for key in item.missing:
        # On an empty table in its place the op would succeed, and its result would be committed as complete.
        raise ValueError(f"{read.table} of {key.unit} is required, and {key.op} gave no result for it")
    parts = [own[key, read.table] for key in item.units]
    if item.files or not parts:
        parts.append(store.read_tables(read.table, item.files, read.columns))
    if read.columns:
        parts = [part.select(list(read.columns)) for part in parts]
    if len(parts) == 1:
        return parts[0]
    order = [(name, "ascending") for name in TABLES[read.table].order if name in parts[0].column_names]
    return pa.concat_tables(parts).sort_by(order)
