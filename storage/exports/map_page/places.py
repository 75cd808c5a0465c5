"""The tables of zones and lines below the map."""

from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from storage.exports.map_page.tables import MapTables

MAX_ROWS = 200
"""Most rows in each table of the page."""


def zone_rows(counts: pa.Table) -> list[dict[str, Any]]:
    """Returns each zone's occupancy over the observed time, sorted by time spent inside, most first."""
    counts = counts.append_column("present_s", pc.multiply(counts["mean_count"], counts["observed_s"]))
    sums = [("present_s", "sum"), ("observed_s", "sum"), ("dwell_s", "sum"), ("max_count", "max")]
    rows = counts.group_by(["zone", "camera", "label"], use_threads=False).aggregate(sums).to_pylist()
    rows = [row for row in rows if row["max_count_max"]]
    rows.sort(key=lambda row: (-row["dwell_s_sum"], row["zone"], row["camera"], row["label"]))
    for row in rows:
        row["mean"] = row["present_s_sum"] / max(row["observed_s_sum"], 1e-9)
        row["inside"] = timedelta(seconds=round(row["dwell_s_sum"]))
        row["observed"] = timedelta(seconds=round(row["observed_s_sum"]))
    return rows


def line_rows(tables: MapTables) -> list[dict[str, Any]]:
    """Returns each line's crossings by direction, sorted by their number, most first."""
    sums: dict[tuple[str, str, str], dict[str, int]] = {}
    for row in tables.flows.to_pylist():
        sides = sums.setdefault((row["line"], row["camera"], row["label"]), {"left_to_right": 0, "right_to_left": 0})
        sides[row["direction"]] += row["crossings"]
    ranked = sorted(sums.items(), key=lambda each: (-sum(each[1].values()), each[0]))
    return [{"line": line, "camera": camera, "label": label, **sides} for (line, camera, label), sides in ranked]
