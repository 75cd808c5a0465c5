"""Points of tracks as arrays, one track after the other, for ops that follow each track through time."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ops.arrays import encode_column, float_column, float_columns, run_starts, times_us
from schemas.values import Bools, Float64, Int64


@dataclass(frozen=True, eq=False)
class Trajectories:
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
    def from_table(cls, table: pa.Table) -> "Trajectories":
        """Returns the trajectories in a table."""
        tracks, track = encode_column(table, "track_id")
        labels, label = encode_column(table, "label")
        time_us = times_us(table)
        row = np.lexsort((time_us, track))
        return cls(tracks, labels, row, track[row], label[row], time_us[row])

    def __len__(self) -> int:
        return len(self.row)

    def column(self, table: pa.Table, name: str) -> Float64:
        """Returns a numeric column of the table, point by point; null becomes NaN."""
        return float_column(table, name)[self.row]

    def columns(self, table: pa.Table, *names: str) -> Float64:
        """Returns numeric columns side by side, ``(N, len(names))``."""
        return float_columns(table, names)[self.row]

    @property
    def first(self) -> Bools:
        """``(N,)``, whether a point is its track's first."""
        return run_starts(self.track)


@dataclass(frozen=True, eq=False)
class PlanarTrajectories:
    """Tracks in a plane, one after the other.

    Attributes:
        track: ``(N,)`` number of each point's track; points of one track are adjacent.
        time_us: ``(N,)``, rising within a track.
        at: ``(N, 2)``, in the units of the geometries that it is compared with, second axis up.
    """

    track: Int64
    time_us: Int64
    at: Float64

    @property
    def first(self) -> Bools:
        """``(N,)``, whether a point is its track's first."""
        return run_starts(self.track)

    @property
    def last(self) -> Bools:
        """``(N,)``, whether a point is its track's last."""
        return np.roll(self.first, -1)
