"""Finds where a background may show a person: somebody who stood there for most of the time is in its median.

Where a detector finds a person in a frame and the background looks the same as that frame, the background shows what
was found. Such pixels vouch for nothing, and nobody paints them (docs/decisions/0020).
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.arrays import boxes_of, times_us
from ops.boxes import pad
from schemas.values import Bools, Float64, Int64, Uint8

NEAREST_US = 60_000
"""Largest time from a sample to the detections that are compared with it: a walker leaves their box within some tenths
of a second, and an empty box always looks like the background."""

CORE_WIDTH, CORE_HEIGHT = 0.5, 0.8
"""Middle part of a person's box that is compared: it shows the person, where the rim shows what is behind."""

SAME = 12
"""Largest difference, grey levels, of a pixel that looks the same."""

SAME_SHARE = 0.7
"""Share of the middle part above which the background shows what was found."""

PAD = 0.1
"""Padding of the boxes that are marked, on every side, as a share of their size."""


def shown_people(image: Uint8, samples: Iterable[Uint8], sample_times_us: Sequence[int], detections: pa.Table) -> Bools:
    """Returns where a background shows what detectors took for a person, ``(H, W)``.

    Args:
        image: ``(H, W, 3)`` BGR, the background.
        samples: frames of its size.
        sample_times_us: of the frames; microseconds since 1970.
        detections: people, however unsure.
    """
    marked = np.zeros(image.shape[:2], np.bool_)
    found_us, boxes = times_us(detections), boxes_of(detections)
    order = np.argsort(found_us, kind="stable")
    found_us, boxes = found_us[order], boxes[order]
    for time_us, sample in zip(sample_times_us, samples, strict=True):
        for box in _at(found_us, boxes, time_us):
            if _looks_same(image, sample, box):
                _mark(marked, pad(box[None], PAD, 1.0)[0])
    return marked


def _at(found_us: Int64, boxes: Float64, time_us: int) -> Float64:
    """Returns the boxes of the one frame that is nearest to a time, if it is near enough."""
    first, last = np.searchsorted(found_us, [time_us - NEAREST_US, time_us + NEAREST_US + 1])
    if first == last:
        return np.empty((0, 4))
    near = found_us[first:last]
    return np.asarray(boxes[first:last][near == near[np.argmin(np.abs(near - time_us))]])


def _looks_same(image: Uint8, sample: Uint8, box: Float64) -> bool:
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * np.array([CORE_WIDTH, CORE_HEIGHT])
    part = _part(np.concatenate([centre - half, centre + half]), image.shape)
    difference = np.abs(image[part].astype(np.int16) - sample[part].astype(np.int16)).max(axis=2)
    return bool(difference.size and (difference <= SAME).mean() >= SAME_SHARE)


def _mark(marked: Bools, box: Float64) -> None:
    marked[_part(box, marked.shape)] = True


def _part(box: Float64, shape: tuple[int, ...]) -> tuple[slice, slice]:
    low = np.maximum(np.floor(box[:2]), 0).astype(int)
    high = np.minimum(np.ceil(box[2:]), [shape[1], shape[0]]).astype(int)
    return slice(low[1], max(high[1], low[1])), slice(low[0], max(high[0], low[0]))


def people_of(detections: pa.Table, confidence: float) -> pa.Table:
    """Returns the people among detections with at least this confidence, 0..1."""
    person = pc.equal(detections["label"], "person")
    return detections.filter(pc.and_(person, pc.greater_equal(detections["confidence"], confidence)))
