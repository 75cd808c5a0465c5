"""Prepares trajectories for the map page: thins them for drawing, and sums up where time was spent."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.values import Float64
from storage.sql.areas import MAX_PAUSE_S

if TYPE_CHECKING:
    from pandas import DataFrame

_MIN_CELL_M = 0.25
_MAX_CELLS = 200  # along the longer side
_STEP_S = 0.2  # about 5 points per second
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 604800)
_MAX_STEPS = 300
_MAX_ENTRIES = 200_000
_BARS = 360
MAX_POINTS = 100_000
"""Most positions on the page, besides the first and the last of each track."""

Bounds = tuple[float, float, float, float]
Point = tuple[float, float]


def read_trajectories(positions: pa.Table) -> "DataFrame":
    """Sorts the table ``positions`` by track (in order of their start) and time; drops rows without coordinates.

    Adds the columns ``time_us`` since 1970; ``number`` of the track, from 0; and ``spent_s`` until the track's next
    position, 0 for its last one and before a gap.
    """
    table = positions.select(["camera", "track_id", "label", "x_m", "y_m", "speed_m_s", "var_x_m2", "var_y_m2"])
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
    trajectories["spent_s"] = pause_s.where(trajectories["number"].diff(-1).eq(0) & pause_s.le(MAX_PAUSE_S), 0.0)
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


def density_steps(trajectories: "DataFrame", bounds: Bounds, origin: Point) -> dict[str, Any]:
    """Returns the seconds that all tracks spent in each cell of a square grid, step by step of time.

    Cells and steps are made larger until the page has room: at most ``_MAX_STEPS`` steps, ``_MAX_ENTRIES`` entries.

    Returns:
        ``cell_m``, ``step_s``; ``x`` and ``y``, the grid's corner from the origin in metres; ``columns``; ``outside``,
        the positions that are not in the grid; and equally long arrays ``step`` (since the first position),
        ``cell`` (row times columns plus column) and ``spent_s``, sorted by step.
    """
    west, south, east, north = bounds
    cell_m = max(_MIN_CELL_M, float(np.ceil(max(east - west, north - south) / _MAX_CELLS * 20)) / 20)
    times_us = trajectories["time_us"].to_numpy()
    start_us, end_us = int(times_us.min()), int(times_us.max())
    step_s = next((step for step in _STEPS_S if (end_us - start_us) / 1e6 / step < _MAX_STEPS), _STEPS_S[-1])
    while True:
        corner = np.floor([west / cell_m, south / cell_m])
        columns, rows = (np.floor([east / cell_m, north / cell_m]) - corner + 1).astype(int).tolist()
        column, row = (np.floor(trajectories[["x_m", "y_m"]].to_numpy() / cell_m) - corner).T
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        step = (times_us - start_us) // round(step_s * 1e6)
        keys = (step * (columns * rows) + row * columns + column)[inside].astype(np.int64)
        used, entry = np.unique(keys, return_inverse=True)
        if len(used) <= _MAX_ENTRIES:
            break
        step_s, cell_m = step_s * 2, cell_m * 1.5
    spent_s = np.bincount(entry, trajectories["spent_s"].to_numpy()[inside], len(used))
    there = spent_s > 0
    x, y = (corner * cell_m - origin).tolist()
    return {
        "cell_m": cell_m,
        "step_s": float(step_s),
        "x": x,
        "y": y,
        "columns": columns,
        "outside": int(np.count_nonzero(~inside)),
        "step": (used[there] // (columns * rows)).astype(np.int32),
        "cell": (used[there] % (columns * rows)).astype(np.int32),
        "spent_s": spent_s[there].astype(np.float32),
    }


def present(trajectories: "DataFrame", start_us: int, end_us: int) -> tuple[Float64, Float64]:
    """Returns the edges of equal steps of time in microseconds, and how many tracks were there in each."""
    edges = np.linspace(start_us, max(end_us, start_us + 1), _BARS + 1)
    step = np.clip(np.searchsorted(edges, trajectories["time_us"].to_numpy(), side="right") - 1, 0, _BARS - 1)
    pairs = np.unique(step.astype(np.int64) * (int(trajectories["number"].max()) + 1) + trajectories["number"])
    number = np.bincount(pairs // (int(trajectories["number"].max()) + 1), minlength=_BARS)
    return edges, number.astype(np.float64)


def thin(trajectories: "DataFrame", max_tracks: int) -> tuple["DataFrame", float]:
    """Returns the rows to draw and the seconds between them; of too many tracks, some evenly spread over time."""
    last = max(trajectories["number"].nunique() - 1, 0)
    numbers = np.linspace(0, last, min(max_tracks, last + 1)).round()
    chosen = trajectories[trajectories["number"].isin(numbers)]
    ends = chosen["number"].diff().ne(0) | chosen["number"].diff(-1).ne(0)
    step_s = _STEP_S
    while True:
        keep = ends | (chosen["time_us"] // round(step_s * 1e6)).diff().ne(0)
        if keep.sum() <= max(MAX_POINTS, ends.sum()):
            return chosen[keep], step_s
        step_s *= 2


def point_columns(drawn: "DataFrame", origin: Point, start_us: int) -> dict[str, Any]:
    """Returns the columns of drawn positions: numbers only, as small as they can be.

    Returns:
        ``track`` from 0, in the order of ``track_columns``; ``t``, milliseconds since the start; ``x`` and ``y``,
        metres from the origin; ``speed``, m/s, and ``sigma``, the standard deviation of the position in m, both NaN
        where unknown.
    """
    sigma = np.sqrt((drawn["var_x_m2"].to_numpy(float) + drawn["var_y_m2"].to_numpy(float)) / 2)
    return {
        "track": np.unique(drawn["number"].to_numpy(), return_inverse=True)[1].astype(np.int32),
        "t": ((drawn["time_us"].to_numpy() - start_us) / 1e3).round(),
        "x": (drawn["x_m"].to_numpy() - origin[0]).astype(np.float32),
        "y": (drawn["y_m"].to_numpy() - origin[1]).astype(np.float32),
        "speed": drawn["speed_m_s"].to_numpy(np.float32),
        "sigma": sigma.astype(np.float32),
    }


def track_columns(drawn: "DataFrame", cameras: list[str]) -> dict[str, Any]:
    """Returns the columns of drawn tracks: ``id``, ``label``, ``camera`` (its number) and ``first`` point."""
    first = np.flatnonzero(drawn["number"].diff().ne(0).to_numpy())
    rows = drawn.iloc[first]
    return {
        "id": rows["track_id"].astype(str).tolist(),
        "label": rows["label"].astype(str).tolist(),
        "camera": [cameras.index(camera) for camera in rows["camera"].astype(str)],
        "first": first.tolist(),
    }
