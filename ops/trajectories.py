"""Rows of tracks as arrays, one path after the other, for ops that follow each track through time."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.values import Float64, Int64

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Paths:
    """Points of a table with ``track_id``, ``label`` and ``time``, by track and then by time.

    Attributes:
        tracks, labels: names by code, in alphabetical order.
        row: ``(N,)``, the table's row that each point came from.
        track, label: ``(N,)`` codes.
        time_us: ``(N,)``, microseconds since 1970, rising within a track.
    """

    tracks: tuple[str, ...]
    labels: tuple[str, ...]
    row: Int64
    track: Int64
    label: Int64
    time_us: Int64

    @classmethod
    def of(cls, table: pa.Table) -> "Paths":
        """The paths in a table."""
        tracks, track = encode(table["track_id"])
        labels, label = encode(table["label"])
        time_us = times_us(table["time"])
        row = np.lexsort((time_us, track))
        return cls(tracks, labels, row, track[row], label[row], time_us[row])

    def __len__(self) -> int:
        return len(self.row)

    def column(self, table: pa.Table, name: str) -> Float64:
        """A numeric column of the table, point by point; null becomes NaN."""
        return column(table, name)[self.row]

    def columns(self, table: pa.Table, *names: str) -> Float64:
        """Several numeric columns beside each other, ``(N, len(names))``."""
        return np.column_stack([self.column(table, name) for name in names])

    @property
    def first(self) -> Mask:
        """``(N,)``, whether a point is its track's first."""
        return starts(self.track)


def encode(values: pa.ChunkedArray) -> tuple[tuple[str, ...], Int64]:
    """Distinct texts in alphabetical order, and the number of each row's text among them."""
    coded = values.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    names = np.array(coded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return tuple(names[order]), rank[codes]


def times_us(values: pa.ChunkedArray) -> Int64:
    """A column of times as microseconds since 1970."""
    numbers: Int64 = values.cast(pa.int64()).to_numpy()
    return numbers


def column(table: pa.Table, name: str) -> Float64:
    """A numeric column as float64; null becomes NaN."""
    numbers: Float64 = table[name].cast(pa.float64()).to_numpy()
    return numbers


def starts(group: Int64) -> Mask:
    """Whether each element is the first of a stretch of equal ones."""
    first = np.ones(len(group), dtype=np.bool_)
    first[1:] = group[1:] != group[:-1]
    return first


def last_so_far(index: Int64, first: Mask) -> Int64:
    """For each element the latest ``index`` that is not -1, up to and with it, within its stretch; else -1.

    Args:
        index: ``(N,)``, each element's own place in the array, or -1.
        first: ``(N,)``, where stretches begin.
    """
    latest = np.maximum.accumulate(index) if len(index) else index
    begin = np.maximum.accumulate(np.where(first, np.arange(len(index)), 0)) if len(index) else index
    return np.where(latest >= begin, latest, -1)
