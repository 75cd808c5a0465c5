"""Segments of a probed file, for tests."""

from datetime import datetime

from schemas.values import Segment
from storage.archive.footage import segments_of_footage, usable_columns
from storage.video.probe import Probe


def plan_segments(
    found: Probe, footage_id: str, camera: str, path: str, start: datetime, timezone: str, segment_s: float
) -> list[Segment]:
    """Returns the segments of footage that starts at ``start`` (UTC); ``timezone`` defines their local dates."""
    facts = {"footage_id": footage_id, "camera": camera, "path": path, "start_time": start}
    return list(segments_of_footage(usable_columns(found, segment_s) | facts, timezone))
