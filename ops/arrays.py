"""Between tables and arrays: times, boxes, numbers and names of a table's rows, and runs of equal values."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import TIME
from schemas.values import Bools, Float64, Int64

BOX_COLUMNS = ("x1", "y1", "x2", "y2")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def times_us(table: pa.Table, column: str = "time") -> Int64:
    """Returns a time column as microseconds since 1970 UTC, ``(N,)``."""
    return np.asarray(table[column].cast(TIME).cast(pa.int64()).to_numpy())


def boxes_of(table: pa.Table) -> Float64:
    """Returns the boxes of a table, ``(N, 4)``."""
    return float_columns(table, BOX_COLUMNS)


def float_column(table: pa.Table, column: str) -> Float64:
    """Returns a numeric column as float64, ``(N,)``; null becomes NaN."""
    return np.asarray(table[column].cast(pa.float64()).to_numpy())


def float_columns(table: pa.Table, columns: Sequence[str]) -> Float64:
    """Returns numeric columns side by side, ``(N, len(columns))``; null becomes NaN."""
    return np.column_stack([float_column(table, name) for name in columns])


def encode_column(table: pa.Table, column: str) -> tuple[tuple[str, ...], Int64]:
    """Returns the distinct texts of a column in alphabetical order, and each row's index among them, ``(N,)``."""
    names = pc.unique(table[column]).sort()
    return tuple(names.to_pylist()), pc.index_in(table[column], names).to_numpy().astype(np.int64)


def datetime_us(moment: datetime) -> int:
    """Returns a time as microseconds since 1970 UTC: exact, where ``timestamp()`` is a float."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def iso_time(time_us: int) -> str:
    """Formats microseconds since 1970 as ISO 8601 in UTC, to the millisecond."""
    return (_EPOCH + timedelta(microseconds=int(time_us))).isoformat(timespec="milliseconds")


def run_starts(values: Int64) -> Bools:
    """Marks the first element of each run of equal values, ``(N,)``."""
    first = np.ones(len(values), dtype=np.bool_)
    first[1:] = values[1:] != values[:-1]
    return first


def run_bounds(values: Int64) -> list[tuple[int, int]]:
    """Returns the first element of each run of equal values, and the one after its last."""
    starts = np.flatnonzero(run_starts(values)).tolist()
    return list(itertools.pairwise([*starts, len(values)]))


def pairs_after(ends: Int64, begins: Int64, most: int) -> tuple[Int64, Int64]:
    """Returns all pairs of an end and a beginning that is later by at most ``most``: indices of both, ``(P,)`` each.

    Args:
        ends: ``(N,)`` in any order.
        begins: ``(M,)`` in any order.
        most: in the unit of both.
    """
    order = np.argsort(begins, kind="stable")
    low = np.searchsorted(begins[order], ends, side="right")
    count = np.searchsorted(begins[order], ends + most, side="right") - low
    at = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - low, count)
    return np.repeat(np.arange(len(ends)), count), order[at]


def find_rows(table: pa.Table, wanted: pa.Table) -> Int64:
    """Returns for each row of ``wanted`` the row of ``table`` of the same track and time, ``(N,)``; -1 if it has none.

    Args:
        table, wanted: with ``track_id`` and ``time``; ``table`` has a track and time once.
    """
    names = pc.unique(pa.chunked_array([*table["track_id"].chunks, *wanted["track_id"].chunks], pa.string()))
    moments = np.unique(np.concatenate([times_us(table), times_us(wanted)]))
    keys, asked = (
        pc.index_in(each["track_id"], names).to_numpy().astype(np.int64) * len(moments)
        + np.searchsorted(moments, times_us(each))
        for each in (table, wanted)
    )
    order = np.argsort(keys, kind="stable")
    if not len(order):
        return np.full(len(asked), -1)
    place = np.minimum(np.searchsorted(keys[order], asked), len(order) - 1)
    return np.where(keys[order][place] == asked, order[place], -1)


def latest_in_run(index: Int64, first: Bools) -> Int64:
    """Returns for each element the latest ``index`` that is not -1, up to and with its own, within its run; else -1.

    Args:
        index: ``(N,)``, each element's own place in the array, or -1.
        first: ``(N,)``, where runs begin.
    """
    if not len(index):
        return index
    latest = np.maximum.accumulate(index)
    begin = np.maximum.accumulate(np.where(first, np.arange(len(index)), 0))
    return np.where(latest >= begin, latest, -1)


def connected(one: Int64, other: Int64, count: int) -> tuple[tuple[int, ...], ...]:
    """Returns the groups of two or more that pairs connect, directly or through others.

    Args:
        one, other: ``(P,)``, both of each pair, below ``count``.
        count: how many there are.

    Returns:
        Each group in ascending order, and groups by their first.
    """
    group_of = {number: {number} for number in range(count)}
    for a, b in zip(one.tolist(), other.tolist(), strict=True):
        if group_of[a] is not group_of[b]:
            joined = group_of[a] | group_of[b]
            group_of.update(dict.fromkeys(joined, joined))
    groups = {tuple(sorted(group)) for group in group_of.values()}
    return tuple(sorted(group for group in groups if len(group) > 1))
