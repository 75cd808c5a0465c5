"""Columns of crossings and interactions on the map: when, where, by whom, and which way."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.values import Feature, FeatureKind, Float32
from storage.exports.map_page.figure import to_the_right
from storage.exports.map_page.trajectories import Point

MAX_EVENTS = 20_000
"""Most crossings, and most interactions, on a page; of more, some evenly spread over time."""


def event_columns(
    events: pa.Table, time: str, said: Any, ids: Sequence[str], origin: Point, start_us: int
) -> tuple[dict[str, Any], int]:
    """Returns columns of the events that have a place, sorted by time, and their number."""
    events = events.filter(pc.and_(pc.is_valid(events["x_m"]), pc.is_valid(events["y_m"])))
    events = events.sort_by([(time, "ascending"), ("camera", "ascending")])
    if events.num_rows > MAX_EVENTS:
        events = events.take(np.linspace(0, events.num_rows - 1, MAX_EVENTS).round().astype(np.int64))
    rows = events.to_pylist()
    what = [said(row) for row in rows]
    times_us = events[time].cast("int64").to_numpy()
    ends_us = events["end_time"].cast("int64").to_numpy() if "end_time" in events.column_names else times_us
    columns = {
        "t": ((times_us - start_us) / 1e3).round(),
        "until": ((ends_us - start_us) / 1e3).round(),
        "x": (events["x_m"].to_numpy() - origin[0]).astype(np.float32),
        "y": (events["y_m"].to_numpy() - origin[1]).astype(np.float32),
        "camera": [ids.index(row["camera"]) if row["camera"] in ids else -1 for row in rows],
        "what": [each for each, _ in what],
        "label": [each for _, each in what],
        "angle": np.zeros(len(rows), np.float32),
    }
    return columns, len(rows)


def angles(crossed: dict[str, Any], features: Sequence[Feature], origin: Point) -> Float32:
    """Returns the directions of crossings, for triangles that point north at 0: radians, anticlockwise."""
    lines = {feature.feature_id: feature.geometry for feature in features if feature.kind is FeatureKind.LINE}
    angles = np.zeros(len(crossed["x"]), np.float32)
    for number, (what, x, y) in enumerate(zip(crossed["what"], crossed["x"], crossed["y"], strict=True)):
        line, _, side = what.rpartition(", ")
        if line in lines:
            east, north = to_the_right(lines[line], np.array([x, y]) + origin)
            turned = np.pi if side.startswith("against") else 0
            angles[number] = np.arctan2(north, east) - np.pi / 2 + turned
    return angles


def crossing(row: dict[str, Any]) -> tuple[str, str]:
    """Returns what a crossing is, and the class of who crossed."""
    along = "along the arrow" if row["direction"] == "left_to_right" else "against the arrow"
    return f"{row['feature']}, {along}", row["label"]


def meeting(row: dict[str, Any]) -> tuple[str, str]:
    """Returns what an interaction is, and the class of its subject."""
    thing = f" {row['object_label']}" if row["object_label"] else ""
    return f"{row['verb'].replace('_', ' ')}{thing}", row["subject_label"]
