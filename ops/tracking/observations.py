"""Reads the observed frames and boxes of a segment, and of its overlap with the next, onto one time line."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import BOX_COLUMNS, boxes_of, datetime_us, float_column, times_us
from ops.tracking.colours import SIZE
from ops.tracking.detections import Detections, without_duplicates
from schemas.op import Tables
from schemas.values import Bools, Float64, Int64, Segment, Uint8

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
        colours: ``(N, SIZE)`` of ``colours.py``, zeros where they are unknown.
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
    colours: Uint8

    def detections(self, rows: Int64, duplicate_overlap: float) -> tuple[Detections, Int64]:
        """Returns the boxes of some rows without duplicates, and their rows among the observations."""
        frame_s = (self.time_us - self.time_us[:1]) / 1e6
        chosen = Detections(frame_s, self.frame[rows], self.box[rows], self.confidence[rows])
        rows = rows[without_duplicates(chosen, duplicate_overlap)]
        kept = Detections(
            frame_s, self.frame[rows], self.box[rows], self.confidence[rows], self.colours[rows], self.size_px
        )
        return kept, rows


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
        inputs: ``detections``, ``observed_frames`` and ``appearances``, with ``next.`` before the next segment's.
        overlap_s: seconds after the segment's end.
    """
    names = ("observed_frames", "detections")
    own = [inputs[name] for name in names]
    last_us = int(max(times_us(table).max(initial=0) for table in own))
    until_us = datetime_us(segment.end) + round(overlap_s * 1e6)
    following = []
    if all(f"next.{name}" in inputs for name in names):
        # Clocks of two files may overlap by a little. Time must rise, so only frames later than ours are taken.
        following = [_between(inputs[f"next.{name}"], last_us, until_us) for name in names]
    tables = [*own, *following]
    # A frame counts that was observed or has a detection.
    time_us, first = np.unique(np.concatenate([times_us(table) for table in tables]), return_index=True)
    boxes = pa.concat_tables([table.select(_COLUMNS) for table in tables[1::2]])
    boxes = boxes.sort_by([("time", "ascending"), ("detection", "ascending")])
    known = [inputs[name] for name in ("appearances", "next.appearances") if name in inputs]
    return Observations(
        size_px=(segment.width, segment.height),
        time_us=time_us,
        pts=np.concatenate([table["pts"].to_numpy() for table in tables])[first],
        own=time_us <= last_us,
        next_segment_id=next((table["segment_id"][0].as_py() for table in following if len(table)), ""),
        frame=np.searchsorted(time_us, times_us(boxes)),
        box=boxes_of(boxes),
        confidence=float_column(boxes, "confidence"),
        label=np.array(boxes["label"].to_pylist(), np.str_),
        source=np.array(boxes["source"].to_pylist(), np.str_),
        detection=boxes["detection"].to_numpy().astype(np.int64),
        colours=_colours(boxes, known),
    )


def _colours(boxes: pa.Table, appearances: list[pa.Table]) -> Uint8:
    """Returns the colours of boxes, ``(N, SIZE)``; a box is the one of its segment with its number."""
    colours = np.zeros((len(boxes), SIZE), np.uint8)
    keys = list(zip(boxes["segment_id"].to_pylist(), boxes["detection"].to_pylist(), strict=True))
    rows = dict(zip(keys, range(len(keys)), strict=True))
    for table in appearances:
        names = ("segment_id", "detection", "colours")
        for segment, detection, packed in zip(*(table[name].to_pylist() for name in names), strict=True):
            row = rows.get((segment, detection))
            if row is not None:
                colours[row] = np.frombuffer(packed, np.uint8)
    return colours


_COLUMNS = ["segment_id", "time", "pts", "detection", "label", "source", "confidence", *BOX_COLUMNS]


def _between(table: pa.Table, after_us: int, until_us: int) -> pa.Table:
    times = table["time"].cast(pa.int64())
    return table.filter(pc.and_(pc.greater(times, after_us), pc.less(times, until_us)))
