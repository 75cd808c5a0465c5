"""Sums up positions in square cells: how long people were where, and how many of them."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from schemas.errors import UserError
from schemas.tables.columns import column, float64
from storage.exports.geometry_columns import GEOMETRY
from storage.sql.areas import MAX_PAUSE_S

CELL_M = 0.5
"""Default edge of a cell."""
CELL_COLUMNS = (
    float64("x_m", "middle of the cell; east, in the site's CRS", "m"),
    float64("y_m", "middle of the cell; north, in the site's CRS", "m"),
    float64("cell_m", "edge of the cell", "m"),
    column("people", pa.int64(), "tracks that were in the cell, each once"),
    float64("seconds", "time that all tracks together spent in the cell", "s"),
    float64("density_s_per_m2", "that time per area", "s/m²"),
    pa.field(GEOMETRY, pa.binary()),
)
"""Columns of a table of cells."""


def is_cells(rows: pa.Table) -> bool:
    """Returns whether rows are cells already."""
    return {"x_m", "y_m", "cell_m", "people", "density_s_per_m2"} <= set(rows.column_names)


def density_cells(positions: pa.Table, cell_m: float = CELL_M) -> pa.Table:
    """Returns the cells in which somebody was, from the south-west, row by row.

    Cells begin at multiples of their edge, so that those of two days or two exports lie on each other. A person whom
    two cameras see counts once per cell if the rows have ``site_track_id``, but the seconds are of both cameras.

    Args:
        positions: ``track_id``, ``time``, ``x_m`` and ``y_m``; optionally ``site_track_id``.
        cell_m: edge of a cell.

    Raises:
        UserError: a column is missing, or the edge is not positive.
    """
    needed = ("track_id", "time", "x_m", "y_m")
    missing = [name for name in needed if name not in positions.column_names]
    if missing:
        raise UserError(
            f"density needs the columns {', '.join(needed)}; missing: {', '.join(missing)}: export positions, or "
            "a query of them"
        )
    if not cell_m > 0:
        raise UserError(f"a cell of {cell_m:g} m has no area: give --cell-m a positive length")
    who = "site_track_id" if "site_track_id" in positions.column_names else "track_id"
    names = dict.fromkeys((*needed, who))
    rows = positions.select(list(names)).drop_null().sort_by([("track_id", "ascending"), ("time", "ascending")])
    places = np.floor(np.column_stack([rows["x_m"].to_numpy(), rows["y_m"].to_numpy()]) / cell_m).astype(np.int64)
    cells, cell = np.unique(places[:, ::-1], axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    people = np.unique(np.column_stack([cell, _numbers(rows[who])]), axis=0)[:, 0]
    seconds = np.asarray(np.bincount(cell, _spent_s(rows), len(cells)), np.float64)
    return _table(cells[:, ::-1], np.bincount(people, minlength=len(cells)), seconds, cell_m)


def _spent_s(rows: pa.Table) -> npt.NDArray[np.float64]:
    """Returns the seconds until the next point of the track; 0 for its last, and for steps above ``MAX_PAUSE_S``."""
    track, time_us = _numbers(rows["track_id"]), pc.cast(pc.cast(rows["time"], pa.timestamp("us", "UTC")), pa.int64())
    spent = np.zeros(rows.num_rows)
    if rows.num_rows > 1:
        steps = np.diff(time_us.to_numpy()) / 1e6
        spent[:-1] = np.where((np.diff(track) == 0) & (steps <= MAX_PAUSE_S), steps, 0)
    return spent


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Returns a number for each value, equal where values are."""
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), np.int64)


def _table(
    cells: npt.NDArray[np.int64], people: npt.NDArray[np.intp], seconds: npt.NDArray[np.float64], cell_m: float
) -> pa.Table:
    low = cells * cell_m
    squares = shapely.box(*low.T, *(low + cell_m).T) if len(cells) else np.empty(0, object)
    middle = low + cell_m / 2
    values = (middle[:, 0], middle[:, 1], np.full(len(cells), cell_m), people, seconds, seconds / cell_m**2)
    arrays = [pa.array(each, field.type) for each, field in zip(values, CELL_COLUMNS[:-1], strict=True)]
    return pa.table([*arrays, pa.array(shapely.to_wkb(squares), pa.binary())], schema=pa.schema(CELL_COLUMNS))
