"""Reads the observed frames and boxes of a segment, and of its overlap with the next, onto one time line."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import BOX_COLUMNS, boxes_of, datetime_us, float_column, times_us
from ops.tracking.detections import Detections, without_duplicates
from schemas.op import Tables
from schemas.values import Bools, Float64, Int64, Segment

KINDS = (
    ("person",),
    ("bicycle",),
    ("car", "motorcycle", "bus", "truck"),
    ("backpack", "handbag", "suitcase"),
)
"""Labels that detectors confuse with each other. Every other label is a kind of its own."""


@dataclass(frozen=True)
class Observations:
    """Observed frames, and the boxes on them.

    Attributes:
        size_px: width and height of the frames.
        time_us, pts: ``(F,)`` of each frame, time strictly rising.
        own: ``(F,)``, false for frames of the next segment.
        next_segment_id: id of the next segment; empty without one.
        frame: ``(N,)`` frame of each box, rising.
        box: ``(N, 4)`` x1, y1, x2, y2 in pixels.
        confidence, label, source, detection: ``(N,)`` as in ``detections``.
    """

    size_px: tuple[int, int]
    time_us: Int64
    pts: Int64
    own: Bools
    next_segment_id: str
    frame: Int64
    box: Float64
    confidence: Float64
    label: npt.NDArray[np.str_]
    source: npt.NDArray[np.str_]
    detection: Int64

    def detections(self, rows: Int64, duplicate_overlap: float) -> tuple[Detections, Int64]:
        """Returns the boxes of some rows without duplicates, and their rows among the observations."""
        frame_s = (self.time_us - self.time_us[:1]) / 1e6
        chosen = Detections(frame_s, self.frame[rows], self.box[rows], self.confidence[rows])
        rows = rows[without_duplicates(chosen, duplicate_overlap)]
        return Detections(frame_s, self.frame[rows], self.box[rows], self.confidence[rows]), rows


def kind_of(label: str) -> str:
    """Returns the kind that a label belongs to, named by its first label."""
    return next((kind[0] for kind in KINDS if label in kind), label)


def kinds_of(observed: Observations) -> Iterator[Int64]:
    """Yields the rows of each kind of thing, in the order of the kinds' names."""
    kinds = np.array([kind_of(label) for label in observed.label.tolist()], np.str_)
    for kind in np.unique(kinds):
        yield np.flatnonzero(kinds == kind)


def read_observations(segment: Segment, inputs: Tables, overlap_s: float) -> Observations:
    """Reads the segment's frames and detections, and those of the first ``overlap_s`` seconds of the next, if any.

    Args:
        segment: the segment.
        inputs: ``detections`` and ``observed_frames``, with ``next.`` before the next segment's.
        overlap_s: seconds after the segment's end.
    """
    end_us = datetime_us(segment.end)
    frames, boxes = inputs["observed_frames"], inputs["detections"]
    last_us = max(times_us(frames).max(initial=0), times_us(boxes).max(initial=0))
    parts = [(frames, boxes)]
    if "next.observed_frames" in inputs and "next.detections" in inputs:
        # Clocks of two files may overlap by a little. Time must rise, so only frames later than ours are taken.
        parts.append(
            (
                _between(inputs["next.observed_frames"], last_us, end_us + round(overlap_s * 1e6)),
                _between(inputs["next.detections"], last_us, end_us + round(overlap_s * 1e6)),
            )
        )
    time_us, pts, own = _time_line(parts)
    table = pa.concat_tables([boxes.select(_COLUMNS) for _, boxes in parts]).sort_by(
        [("time", "ascending"), ("detection", "ascending")]
    )
    following = next((t["segment_id"][0].as_py() for t in parts[-1] if len(parts) > 1 and len(t)), "")
    return Observations(
        size_px=(segment.width, segment.height),
        time_us=time_us,
        pts=pts,
        own=own,
        next_segment_id=following,
        frame=np.searchsorted(time_us, times_us(table)),
        box=boxes_of(table),
        confidence=float_column(table, "confidence"),
        label=np.array(table["label"].to_pylist(), np.str_),
        source=np.array(table["source"].to_pylist(), np.str_),
        detection=table["detection"].to_numpy().astype(np.int64),
    )


_COLUMNS = ["time", "pts", "detection", "label", "source", "confidence", *BOX_COLUMNS]


def _time_line(parts: list[tuple[pa.Table, pa.Table]]) -> tuple[Int64, Int64, Bools]:
    """Returns time, PTS and ownership of every frame that was observed or has a detection."""
    time_us, pts, own = (
        np.concatenate(columns)
        for columns in zip(
            *(
                (times_us(table), table["pts"].to_numpy(), np.full(len(table), number == 0))
                for number, tables in enumerate(parts)
                for table in tables
            ),
            strict=True,
        )
    )
    time_us, first = np.unique(time_us, return_index=True)
    return time_us, pts[first], own[first]


def _between(table: pa.Table, after_us: int, until_us: int) -> pa.Table:
    times = table["time"].cast(pa.int64())
    return table.filter(pc.and_(pc.greater(times, int(after_us)), pc.less(times, until_us)))
