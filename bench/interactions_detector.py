"""A made-up detector: true boxes of a film with a play, with the errors of a detector."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from sample_site.truth import CLEARLY_VISIBLE, TrueBoxes, Truth, microseconds
from schemas.tables import TABLES
from schemas.values import Float64, Int64, Segment


@dataclass(frozen=True)
class DetectorErrors:
    """How a made-up detector differs from the truth.

    Attributes:
        labels: classes that it finds.
        missed: share of clearly visible boxes that it misses, by class; ``missed_else`` for the others.
        edge_sigma: standard deviation of each edge, as a share of the box's width or height.
        confidence, confidence_sigma: of a wholly visible box; less for one that is partly hidden.
    """

    labels: tuple[str, ...] = ("person", "bicycle", "car", "suitcase")
    missed: float = 0.05
    missed_things: float = 0.1
    least_visible: float = CLEARLY_VISIBLE
    edge_sigma: float = 0.025
    confidence: float = 0.8
    confidence_sigma: float = 0.08
    hidden_confidence: float = 0.25


@dataclass(frozen=True)
class _Boxes:
    """True boxes of one camera, people first in each frame."""

    time_us: Int64
    label: np.ndarray[tuple[int, ...], np.dtype[np.str_]]
    box: Float64
    visible: Float64

    @classmethod
    def of(cls, truth: Truth, camera: str, labels: tuple[str, ...]) -> "_Boxes":
        """Reads the boxes of the classes that a detector finds."""
        label_of = {each.thing: each.label for each in truth.things}
        parts = [(truth.boxes, np.full(len(truth.boxes), "person"))]
        if truth.thing_boxes is not None:
            names = np.array([label_of[name] for name in truth.thing_boxes.person], np.str_)
            parts.append((truth.thing_boxes, names))
        chosen = [_chosen(boxes, names, camera, labels) for boxes, names in parts]
        columns = [np.concatenate(each) for each in zip(*chosen, strict=True)]
        order = np.argsort(columns[0], kind="stable")
        return cls(*(column[order] for column in columns))


def _chosen(
    boxes: TrueBoxes, names: np.ndarray[tuple[int, ...], np.dtype[np.str_]], camera: str, labels: tuple[str, ...]
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.generic]], ...]:
    mine = (boxes.camera == camera) & np.isin(names, labels)
    return boxes.time_us[mine], names[mine], boxes.box[mine], boxes.visible_share[mine]


def detect_truth(
    truth: Truth, camera: str, segments: list[Segment], seed: int, errors: DetectorErrors
) -> dict[str, dict[str, pa.Table]]:
    """Returns ``detections`` and ``observed_frames`` by segment; every frame is looked at."""
    random = np.random.default_rng([seed, 0xDE7E])
    found = _with_errors(_Boxes.of(truth, camera, errors.labels), errors, random, segments[0])
    return {segment.segment_id: _tables(segment, truth.fps, found) for segment in segments}


def _with_errors(boxes: _Boxes, errors: DetectorErrors, random: np.random.Generator, view: Segment) -> _Boxes:
    """Returns the boxes that are found, with confidences as ``visible``."""
    missed = np.where(boxes.label == "person", errors.missed, errors.missed_things)
    kept = (boxes.visible >= errors.least_visible) & (random.random(len(missed)) >= missed)
    box, visible = boxes.box[kept], boxes.visible[kept]
    size = np.tile(box[:, 2:] - box[:, :2], 2)
    box = box + random.normal(0, errors.edge_sigma, box.shape) * size
    edges = np.tile([view.width, view.height], 2)
    confidence = errors.confidence - errors.hidden_confidence * (1 - visible)
    confidence += random.normal(0, errors.confidence_sigma, len(visible))
    return _Boxes(boxes.time_us[kept], boxes.label[kept], np.clip(box, 0, edges), np.clip(confidence, 0.05, 0.98))


def _tables(segment: Segment, fps: int, found: _Boxes) -> dict[str, pa.Table]:
    start_us = microseconds(segment.start)
    times_us = start_us + np.round(np.arange(segment.frames) * 1e6 / fps).astype(np.int64)
    rows = (found.time_us >= start_us) & (found.time_us < microseconds(segment.end))
    count = int(rows.sum())
    detections = {
        **_frame_columns(segment, found.time_us[rows]),
        "detection": np.arange(count),
        "label": found.label[rows].tolist(),
        "confidence": found.visible[rows],
        "source": ["model"] * count,
        **dict(zip(("x1", "y1", "x2", "y2"), found.box[rows].T, strict=True)),
    }
    frames = {
        **_frame_columns(segment, times_us),
        "detections": np.searchsorted(found.time_us[rows], times_us, "right")
        - np.searchsorted(found.time_us[rows], times_us, "left"),
        "looks": np.ones(len(times_us), np.int64),
        "source": ["model"] * len(times_us),
    }
    return {
        "detections": TABLES["detections"].conform(detections),
        "observed_frames": TABLES["observed_frames"].conform(frames),
    }


def _frame_columns(segment: Segment, times_us: Int64) -> dict[str, object]:
    offset_s = (times_us - microseconds(segment.start)) / 1e6
    pts = segment.start_pts + np.round(offset_s / float(segment.time_base)).astype(np.int64)
    names = {"camera": segment.camera, "segment_id": segment.segment_id}
    return {**{name: [value] * len(pts) for name, value in names.items()}, "time": times_us, "pts": pts}
