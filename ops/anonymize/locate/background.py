"""The background of a segment, where there is one that has earned enough trust to vouch for pixels.

A median of a few seconds shows everybody who stood still for them, and one of a view that moves is a blur. So it needs
a number of samples over a span of time, and what a detector takes for a person in it vouches for nothing
(docs/decisions/0020).
"""

from dataclasses import dataclass

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.anonymize.geometry import cover_boxes
from ops.anonymize.params import PEOPLE, AnonymizeParams
from ops.pictures import fill_from_around
from schemas.op import Tables
from schemas.values import Float64, Uint8, UnitContext

SPAN_TOLERANCE = 0.95
"""Share of ``min_background_s`` that is enough: the samples of a segment cut to that length span a little less."""


@dataclass(frozen=True)
class SegmentBackground:
    """A background that frames can be compared with.

    Attributes:
        picture: ``(H, W, 3)`` BGR, painted from around where it is unknown.
        unknown: ``(H, W)``, not 0 where the background was never seen free of people, or may show one.
        span_s: time that its samples span, seconds.
    """

    picture: Uint8
    unknown: Uint8
    span_s: float

    @property
    def unknown_share(self) -> float:
        """Returns the share of unknown pixels, 0..1."""
        return float(np.count_nonzero(self.unknown) / self.unknown.size)

    def without(self, boxes: Float64) -> "SegmentBackground":
        """Returns the background with people's boxes ``(N, 4)`` unknown and painted over."""
        if not len(boxes):
            return self
        unknown = self.unknown.copy()
        cover_boxes(unknown, boxes)
        return SegmentBackground(fill_from_around(self.picture, unknown > 0), unknown, self.span_s)


def usable_background(params: AnonymizeParams, unit: UnitContext, inputs: Tables) -> SegmentBackground | None:
    """Returns the segment's background; None if there is none, or it can vouch for no pixel of the frames.

    It can vouch on fixed cameras whose view did not move, at the frames' size, when it was made of enough frames over
    enough time, and where people are covered: other targets cannot be vouched for by it (docs/decisions/0014).
    """
    backgrounds, segment = inputs.get("backgrounds"), unit.segment
    if backgrounds is None or not params.use_background or not unit.camera.fixed or PEOPLE.isdisjoint(params.targets):
        return None
    trusted = pc.and_(
        pc.greater_equal(backgrounds["samples"], params.min_background_samples),
        pc.greater_equal(backgrounds["span_s"], params.min_background_s * SPAN_TOLERANCE),
    )
    rows = backgrounds.filter(trusted).to_pylist()
    if not rows or (rows[0]["width"], rows[0]["height"]) != (segment.width, segment.height):
        return None
    if _is_blurred(inputs.get("view_motion"), bool(rows[0]["steadied"])):
        return None
    picture = _decoded(rows[0]["png"], cv2.IMREAD_COLOR)
    unknown, doubtful = (_decoded(rows[0][name], cv2.IMREAD_GRAYSCALE) for name in ("unknown_png", "doubtful_png"))
    if doubtful.any():
        unknown |= doubtful
        picture = fill_from_around(picture, unknown > 0)
    return SegmentBackground(picture, unknown, float(rows[0]["span_s"]))


def _is_blurred(motions: pa.Table | None, steadied: bool) -> bool:
    """Returns whether a segment's view moved in a way that its background was not steadied against."""
    return any(row["views"] > 1 or (row["moves"] and not steadied) for row in motions.to_pylist()) if motions else False


def _decoded(png: bytes, flags: int) -> Uint8:
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), flags), np.uint8)
