"""The background of a segment, where there is one that can vouch for pixels."""

from dataclasses import dataclass

import cv2
import numpy as np
import pyarrow.compute as pc

from ops.anonymize.params import PEOPLE, AnonymizeParams
from schemas.op import Tables
from schemas.values import Uint8, UnitContext


@dataclass(frozen=True)
class SegmentBackground:
    """A background that frames can be compared with.

    Attributes:
        picture: ``(H, W, 3)`` BGR.
        unknown: ``(H, W)``, not 0 where the background was never seen free of people.
        unknown_share: share of such pixels, 0..1.
    """

    picture: Uint8
    unknown: Uint8
    unknown_share: float


def usable_background(params: AnonymizeParams, unit: UnitContext, inputs: Tables) -> SegmentBackground | None:
    """Returns the segment's background; None if there is none, or it can vouch for no pixel of the frames.

    It can vouch on fixed cameras, at the frames' size, when it was made of enough frames, and where people are covered:
    other targets cannot be vouched for by the background (docs/decisions/0014).
    """
    backgrounds, segment = inputs.get("backgrounds"), unit.segment
    if backgrounds is None or not params.use_background or not unit.camera.fixed or PEOPLE.isdisjoint(params.targets):
        return None
    rows = backgrounds.filter(pc.greater_equal(backgrounds["samples"], params.min_background_samples)).to_pylist()
    if not rows or (rows[0]["width"], rows[0]["height"]) != (segment.width, segment.height):
        return None
    picture = cv2.imdecode(np.frombuffer(rows[0]["png"], np.uint8), cv2.IMREAD_COLOR)
    unknown = cv2.imdecode(np.frombuffer(rows[0]["unknown_png"], np.uint8), cv2.IMREAD_GRAYSCALE)
    return SegmentBackground(
        np.asarray(picture, np.uint8), np.asarray(unknown, np.uint8), float(rows[0]["unknown_share"])
    )
