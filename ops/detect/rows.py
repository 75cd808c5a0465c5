"""Builds the tables of detectors: boxes, and the frames that were looked at."""

from collections.abc import Sequence

from ops.detect.decode import Boxes
from ops.detect.sample import SampledFrame
from schemas.op import Tables
from schemas.tables import TABLES
from schemas.values import FrameBatch, Segment


class ObservedFrames:
    """PTS and times of the observed frames, in order."""

    def __init__(self) -> None:
        self.pts: list[int] = []
        self.times_us: list[int] = []

    def add(self, batch: FrameBatch) -> None:
        """Adds the frames of a batch."""
        self.pts += batch.pts.tolist()
        self.times_us += batch.times_us.tolist()


def detection_tables(
    segment: Segment,
    frames: ObservedFrames,
    found: Sequence[Boxes],
    classes: Sequence[str],
    source: str,
    looks: Sequence[int],
    prefix: str = "",
) -> Tables:
    """Builds ``detections`` and ``observed_frames`` from the boxes of each frame, in px of the source.

    Args:
        looks: how often the detector looked at each frame.
        prefix: of the tables' names, such as ``second_``.
    """
    found = [boxes.visible for boxes in found]
    numbers = [number for number, boxes in enumerate(found) for _ in range(len(boxes))]
    rows = len(numbers)
    edges = [edge for boxes in found for edge in boxes.xyxy.tolist()]
    detections = TABLES[f"{prefix}detections"].conform(
        {
            "camera": [segment.camera] * rows,
            "segment_id": [segment.segment_id] * rows,
            "time": [frames.times_us[number] for number in numbers],
            "pts": [frames.pts[number] for number in numbers],
            "detection": range(rows),
            "label": [classes[index] for boxes in found for index in boxes.classes.tolist()],
            "confidence": [score for boxes in found for score in boxes.confidence.tolist()],
            **{name: [edge[side] for edge in edges] for side, name in enumerate(("x1", "y1", "x2", "y2"))},
            "source": [source] * rows,
        }
    )
    observed = TABLES[f"{prefix}observed_frames"].conform(
        {
            "camera": [segment.camera] * len(found),
            "segment_id": [segment.segment_id] * len(found),
            "time": frames.times_us,
            "pts": frames.pts,
            "detections": [len(boxes) for boxes in found],
            "looks": looks,
            "source": [source] * len(found),
        }
    )
    return {f"{prefix}detections": detections, f"{prefix}observed_frames": observed}


def sample_table(segment: Segment, frames: ObservedFrames, sampled: Sequence[SampledFrame]) -> Tables:
    """Builds ``detector_samples`` from the frames that were looked at in full to compare."""
    spec = TABLES["detector_samples"]
    return {
        spec.name: spec.conform(
            {
                "camera": [segment.camera] * len(sampled),
                "segment_id": [segment.segment_id] * len(sampled),
                "time": [frames.times_us[each.number] for each in sampled],
                "pts": [frames.pts[each.number] for each in sampled],
                "people": [each.people for each in sampled],
                "missed": [each.missed for each in sampled],
            }
        )
    }
