"""Prepares trajectories for the map page: thins them for drawing, and sums up where time was spent."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from pandas import DataFrame

_MIN_CELL_M = 0.5
_MAX_CELLS = 200  # along the longer side
_STEP_S = 0.2  # about 5 points per second
_MAX_POINTS = 200_000
_MAX_PAUSE_S = 2.0  # a longer one is a gap in the footage, not time spent

Bounds = tuple[float, float, float, float]
Point = tuple[float, float]


def read_trajectories(positions: pa.Table) -> "DataFrame":
    """Sorts the table ``positions`` by track (in order of their start) and time; drops rows without coordinates.

    Adds the columns ``time_us`` since 1970; ``number`` of the track, from 0; and ``spent_s`` until the track's next
    position, 0 for its last one and before a gap.
    """
    table = positions.select(["camera", "track_id", "label", "x_m", "y_m", "speed_m_s"])
    table = table.append_column("time_us", positions["time"].cast(pa.int64()))
    trajectories: DataFrame = table.filter(pc.and_(pc.is_finite(table["x_m"]), pc.is_finite(table["y_m"]))).to_pandas(
        strings_to_categorical=True
    )
    tracks = trajectories.groupby(["camera", "track_id"], observed=True, sort=False)
    trajectories["start_us"] = tracks["time_us"].transform("min")
    for name in ("camera", "track_id"):
        trajectories[name] = trajectories[name].cat.reorder_categories(sorted(trajectories[name].cat.categories))
    trajectories = trajectories.sort_values(
        ["start_us", "camera", "track_id", "time_us"], kind="stable", ignore_index=True
    )
    trajectories["number"] = trajectories.groupby(["camera", "track_id"], observed=True, sort=False).ngroup()
    pause_s = trajectories["time_us"].diff(-1) / -1e6
    trajectories["spent_s"] = pause_s.where(trajectories["number"].diff(-1).eq(0) & pause_s.le(_MAX_PAUSE_S), 0.0)
    return trajectories


def typical_bounds(trajectories: "DataFrame") -> Bounds | None:
    """Returns west, south, east and north of nearly all positions.

    Outliers are left out: near a horizon a pixel is many metres, and a few such positions would shrink the map.
    """
    if trajectories.empty:
        return None
    points = trajectories[["x_m", "y_m"]].to_numpy()
    low, high = np.quantile(points, (0.002, 0.998), axis=0)
    margin = (high - low) / 4
    west, south = np.maximum(low - margin, points.min(axis=0)).tolist()
    east, north = np.minimum(high + margin, points.max(axis=0)).tolist()
    return west, south, east, north


def density(trajectories: "DataFrame", bounds: Bounds, origin: Point) -> dict[str, Any]:
    """Sums up the time spent per square cell of a grid from the south-west; positions outside ``bounds`` are left out.

    Returns:
        ``x``, ``y``: south-west corner in metres from ``origin``; ``cell_m``; ``columns``; ``rows``; ``cells``: flat
        list of cell number (rows from the south) and tenths of s/m2; ``top``: 98th percentile of the used cells, s/m2;
        ``outside``: number of positions left out.
    """
    west, south, east, north = bounds
    cell_m = max(_MIN_CELL_M, float(np.ceil(max(east - west, north - south) / _MAX_CELLS * 10)) / 10)
    corner = np.floor([west / cell_m, south / cell_m])
    columns, rows = (np.floor([east / cell_m, north / cell_m]) - corner + 1).astype(int).tolist()
    column, row = (np.floor(trajectories[["x_m", "y_m"]].to_numpy() / cell_m) - corner).T
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    cell = (row * columns + column)[inside].astype(np.int64)
    spent_s = np.bincount(cell, trajectories["spent_s"].to_numpy()[inside], columns * rows)
    tenths = np.rint(spent_s / cell_m**2 * 10).astype(np.int64)
    used = np.flatnonzero(tenths)
    x, y = (corner * cell_m - origin).round(3).tolist()
    return {
        "x": x,
        "y": y,
        "cell_m": cell_m,
        "columns": columns,
        "rows": rows,
        "outside": int(np.count_nonzero(~inside)),
        "cells": np.column_stack([used, tenths[used]]).ravel().tolist(),
        "top": round(float(np.quantile(tenths[used], 0.98)) / 10, 1) if len(used) else 0.0,
    }


def thin(trajectories: "DataFrame", max_tracks: int) -> tuple["DataFrame", float]:
    """Returns the rows to draw and the seconds between them; of too many tracks, some evenly spread over time."""
    last = max(trajectories["number"].nunique() - 1, 0)
    numbers = np.linspace(0, last, min(max_tracks, last + 1)).round()
    chosen = trajectories[trajectories["number"].isin(numbers)]
    ends = chosen["number"].diff().ne(0) | chosen["number"].diff(-1).ne(0)
    step_s = _STEP_S
    while True:
        keep = ends | (chosen["time_us"] // round(step_s * 1e6)).diff().ne(0)
        if keep.sum() <= max(_MAX_POINTS, ends.sum()):
            return chosen[keep], step_s
        step_s *= 2


def encode(drawn: "DataFrame", origin: Point, start_us: int) -> list[dict[str, Any]]:
    """Returns one dict per track: ``id``, ``camera``, ``label``, and lists ``t``, ``x``, ``y`` and ``v``.

    ``t`` is in hundredths of a second from ``start_us``, ``x`` and ``y`` in centimetres from ``origin``, each as the
    difference from the point before: small integers keep the page small. ``v`` is in cm/s, -1 where unknown.
    """
    whole = drawn[["camera", "track_id", "label", "number"]].copy()
    whole["t"] = ((drawn["time_us"] - start_us) / 1e4).round().astype(np.int64)
    whole["x"] = ((drawn["x_m"] - origin[0]) * 100).round().astype(np.int64)
    whole["y"] = ((drawn["y_m"] - origin[1]) * 100).round().astype(np.int64)
    whole["v"] = (drawn["speed_m_s"].astype(float) * 100).round().fillna(-1).astype(np.int64)
    tracks = []
    for _, rows in whole.groupby("number"):
        track = {"id": rows["track_id"].iat[0], "camera": rows["camera"].iat[0], "label": rows["label"].iat[0]}
        steps = {name: np.diff(rows[name].to_numpy(), prepend=0).tolist() for name in ("t", "x", "y")}
        tracks.append(track | steps | {"v": rows["v"].tolist()})
    return tracks
