"""Segments of a probed file, for tests."""

from datetime import datetime

from schemas.values import Segment
from storage.video.cutting import Footage, cut
from storage.video.probe import Probe


def plan_segments(
    found: Probe, footage_id: str, camera: str, path: str, start: datetime, timezone: str, segment_s: float
) -> list[Segment]:
    """Returns the segments of footage that starts at ``start`` (UTC); ``timezone`` defines their local dates."""
    size_px = (found.height, found.width) if found.rotation_deg in (90, 270) else (found.width, found.height)
    footage = Footage(footage_id, camera, path, start, found.first_pts, found.time_base, *size_px)
    return [footage.segment(index, each, timezone) for index, each in enumerate(cut(found, segment_s))]
