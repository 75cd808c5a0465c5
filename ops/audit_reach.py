"""States in an audit how small the people are that each detector could find in a view, and where they are smaller."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa

from ops.ground.density import pixels_per_metre
from ops.ground.places import known_ground
from schemas.values import Segment, UnitContext

PERSON_M = 1.7
"""Height of the person whose height in the picture is expected, metres."""

REACH_TABLES = {"detect": "detector_reach", "second_look": "second_detector_reach"}
"""Tables that the statement is made of, by op."""

_MEANING = (
    "people below least_height_px may be missed in single frames, people below probe_height_px (where there is none: "
    "below least_height_px) in all of them. A band is out of reach if a person of 1.7 m is smaller there"
)
"""How to read the statement."""


def reach_statement(unit: UnitContext, tables: Mapping[str, pa.Table]) -> dict[str, Any]:
    """Returns the reach of each detector by band of image rows, over all segments of a footage file.

    Args:
        unit: the footage.
        tables: ``detector_reach`` and ``second_detector_reach``, as far as they exist.
    """
    return {
        "meaning": _MEANING,
        "person_m": PERSON_M,
        **{op: _bands(unit, tables[name].to_pylist() if name in tables else []) for op, name in REACH_TABLES.items()},
    }


def _bands(unit: UnitContext, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns one entry per band: of all segments the worst reach, and the sums of looks."""
    place = ("y1", "y2")
    ordered = sorted(rows, key=lambda row: (row["y1"], row["y2"], row["segment_id"]))
    return [
        _band(unit, y1, y2, list(group))
        for (y1, y2), group in groupby(ordered, key=lambda row: tuple(row[name] for name in place))
    ]


def _band(unit: UnitContext, y1: float, y2: float, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    probed = [row["probe_height_px"] for row in rows]
    heights = [row["person_height_px"] for row in rows if row["person_height_px"] is not None]
    least_px = max(row["least_height_px"] for row in rows)
    probe_px = None if None in probed else max(probed)
    expected_px = expected_height_px(unit, unit.segments[0], (y1 + y2) / 2)
    return {
        "y1": round(y1, 1),
        "y2": round(y2, 1),
        "person_height_px": round(float(np.median(heights)), 1) if heights else None,
        "expected_height_px": None if expected_px is None else round(expected_px, 1),
        "least_height_px": round(least_px, 1),
        "probe_height_px": None if probe_px is None else round(probe_px, 1),
        "out_of_reach": expected_px is not None and expected_px < (least_px if probe_px is None else probe_px),
        **{name: sum(row[name] for row in rows) for name in ("tile_looks", "probes", "frames")},
    }


def expected_height_px(unit: UnitContext, segment: Segment, row_px: float) -> float | None:
    """Returns the height of a person with feet in the middle of a row; None without calibration, or in the sky.

    By control points alone: an audit is of a footage file, and what people and depth measure is of a day.
    """
    ground = known_ground(unit.camera, {})
    if ground is None:
        return None
    feet = np.array([[segment.width / 2, row_px, segment.width / 2, row_px]])
    (density,) = pixels_per_metre(ground.plane, feet, (segment.width, segment.height))
    return PERSON_M * float(density) if np.isfinite(density) else None
