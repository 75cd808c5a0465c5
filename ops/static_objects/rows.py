"""The rows of things that stay: what is on this day, in pixels of the footage and on the ground."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ops.arrays import BOX_COLUMNS, datetime_us
from ops.boxes import centre
from ops.ground.feet import pixel_scale
from ops.ground.places import KnownGround
from ops.ground.project import to_ground
from ops.static_objects.stays import Stay
from ops.static_objects.tracks import TrackPoints
from ops.static_objects.views import SameView, SegmentSpan
from schemas.op import Tables
from schemas.tables import TABLES
from schemas.values import Float64, UnitContext

Row = dict[str, Any]


class StaticRows:
    """Collects the rows of a camera-day.

    Args:
        unit: the camera-day.
        segments: of this day and of the day before, by time.
        track_overlap: see ``StaticsParams``.
        ground: of the camera; things have places if it is on the map.

    Attributes:
        first_us: start of the day's first segment.
    """

    def __init__(
        self, unit: UnitContext, segments: Sequence[SegmentSpan], track_overlap: float, ground: KnownGround | None
    ) -> None:
        self.first_us = min((datetime_us(segment.start) for segment in unit.segments), default=0)
        self._unit = unit
        self._segments = segments
        self._track_overlap = track_overlap
        self._ground = ground if ground is not None and ground.on_map else None
        self._things: list[Row] = []
        self._tracks: list[Row] = []

    def __len__(self) -> int:
        return len(self._things)

    def add(self, view: SameView, stay: Stay, points: TrackPoints) -> None:
        """Adds a stay that goes on into this day, with the tracks that cover it."""
        name, covers = self._name(view, stay), points.covers(stay, self._track_overlap)
        start_us = max(stay.start.time_us, self.first_us)
        last = max(number for number in range(view.first, view.last + 1) if self._is_there(stay, number))
        box = view.unplaced(last, stay.box, self._segments[last].size_px)
        place = self._place(box, self._segments[last].size_px)
        self._things.append(
            {
                "camera": self._unit.camera.camera,
                "static_id": name,
                "label": stay.label,
                "start_time": start_us,
                "end_time": stay.end.time_us,
                "came_time": None if stay.start.by == "unseen" else stay.start.time_us,
                "came_by": stay.start.by,
                "came_error_s": stay.start.error_s,
                "left_time": None if stay.end.by == "unseen" else stay.end.time_us,
                "left_by": stay.end.by,
                "left_error_s": stay.end.error_s,
                **dict(zip(BOX_COLUMNS, box.tolist(), strict=True)),
                "contrast": stay.contrast,
                "confidence": stay.confidence,
                "verified": self._verified(stay, start_us),
                "tracks": len(covers),
                "x_m": place and place[0],
                "y_m": place and place[1],
            }
        )
        for cover in covers:
            self._tracks.append(
                {
                    "camera": self._unit.camera.camera,
                    "static_id": name,
                    "track_id": cover.track_id,
                    "start_time": cover.first_us,
                    "end_time": cover.last_us,
                    "share": cover.share,
                }
            )

    def tables(self) -> Tables:
        """Returns ``static_objects`` and ``static_object_tracks``."""
        return {
            name: TABLES[name].conform({column: [row[column] for row in rows] for column in TABLES[name].schema.names})
            for name, rows in (("static_objects", self._things), ("static_object_tracks", self._tracks))
        }

    def _name(self, view: SameView, stay: Stay) -> str:
        """Returns an id by segment, second and place, so that what else is found does not change it."""
        segment = self._segments[stay.segment]
        box = view.unplaced(stay.segment, stay.named_box, segment.size_px)
        x, y = np.round(centre(box)).astype(int).tolist()
        second = max(0, stay.start.time_us - segment.start_us) // 1_000_000
        return f"{segment.segment_id}-s{second}-{x}x{y}"

    def _is_there(self, stay: Stay, number: int) -> bool:
        segment = self._segments[number]
        return segment.start_us <= stay.end.time_us and segment.end_us >= stay.start.time_us

    def _verified(self, stay: Stay, start_us: int) -> float:
        """Returns the share of the recorded time of a stay in which a comparison of pictures shows it."""
        recorded_us = verified_us = 0
        for number, segment in enumerate(self._segments):
            there_us = min(segment.end_us, stay.end.time_us) - max(segment.start_us, start_us)
            if there_us > 0:
                recorded_us += there_us
                verified_us += there_us if stay.whole or number in stay.shown or self._changes(stay, segment) else 0
        return verified_us / recorded_us if recorded_us else 0.0

    def _changes(self, stay: Stay, segment: SegmentSpan) -> bool:
        """Returns whether a region shows that a thing came or went within a segment."""
        return any(
            edge.by == "region" and segment.start_us <= edge.time_us < segment.end_us for edge in (stay.start, stay.end)
        )

    def _place(self, box: Float64, size_px: tuple[int, int]) -> tuple[float, float] | None:
        """Returns where a thing is on the ground: below the middle of its box; None if that is not known."""
        if self._ground is None:
            return None
        scale = pixel_scale(np.array([size_px], np.float64), self._ground.pictured(self._unit.camera))
        foot = np.array([[centre(box)[0], box[3]]]) * scale
        east_m, north_m = to_ground(self._ground.plane, foot)[0].tolist()
        return (east_m, north_m) if np.isfinite(east_m) else None
