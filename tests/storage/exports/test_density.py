"""Time spent in cells, with gaps in tracks."""

import pyarrow as pa

from storage.exports.density import density_cells
from storage.sql.areas import MAX_PAUSE_S


def test_time_in_a_gap_of_a_track_is_not_time_spent() -> None:
    """Steps of 1 s and ``MAX_PAUSE_S`` count whole, a longer one not at all: as in `heat_map`."""
    times_s = [0, 1, 1 + MAX_PAUSE_S, 1 + 2 * MAX_PAUSE_S + 1]
    rows = pa.table(
        {
            "track_id": ["a"] * 4,
            "time": pa.array([each * 1_000_000 for each in times_s], pa.timestamp("us", "UTC")),
            "x_m": [0.1] * 4,
            "y_m": [0.1] * 4,
        }
    )
    assert density_cells(rows)["seconds"].to_pylist() == [1 + MAX_PAUSE_S]
