"""The rows that a map page shows."""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Step = Literal["minute", "hour", "day"]


@dataclass(frozen=True)
class MapTables:
    """What the tables have of the period of a map page.

    Attributes:
        cameras: the table ``cameras``.
        positions: rows of ``positions``.
        events: rows of ``zone_events``.
        interactions: rows of ``interactions``.
        counts: rows of ``counts``.
        people: people per time: ``camera``, ``zone``, ``label``, ``start_us``, ``length_s``, ``people`` (each once),
            ``max_count`` (at the same time), ``observed_s``.
        flows: crossings per time: ``camera``, ``line``, ``label``, ``start_us``, ``length_s``, ``direction``,
            ``crossings``.
        step: length of these times: bins of ``counts``, or hours, or local days.
    """

    cameras: pa.Table
    positions: pa.Table
    events: pa.Table
    interactions: pa.Table
    counts: pa.Table
    people: pa.Table
    flows: pa.Table
    step: Step
