"""The depth of a view from a stereo pair's clean backgrounds: what stands still needs no frames of one moment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from ops.depth_models.kinds import MetricDepth
from ops.pictures import is_grey
from ops.static_objects.views import SameView, SegmentSpan
from ops.stereo.depth import stereo_depth
from schemas.errors import SiteError
from schemas.stereo import StereoView
from schemas.values import Uint8

LEAST_OVERLAP = 0.5
"""Share of the shorter segment in which both must record: then the light is the same."""

LEAST_KNOWN = 0.1
"""Share of the picture whose depth must be found; less is chance, as of cameras that were turned."""

_MOST_ASPECT_OFF = 0.01


@dataclass(frozen=True, eq=False)
class CameraBackgrounds:
    """The backgrounds of one camera of the pair.

    Attributes:
        camera: its id.
        segments: by start time.
        views: that it shows.
        rows: of ``backgrounds``, of these segments.
    """

    camera: str
    segments: Sequence[SegmentSpan]
    views: Sequence[SameView]
    rows: pa.Table


@dataclass(frozen=True, eq=False)
class SeenDepth:
    """The depth that one camera sees.

    Attributes:
        depth: of its pixels, at the size of the calibration; NaN also where its background is unknown.
        segment_id: of its background.
        size_px: (width, height) of its frames.
        focal_px: focal length of its frames.
    """

    depth: MetricDepth
    segment_id: str
    size_px: tuple[int, int]
    focal_px: float


def view_depth(
    view: SameView, own: CameraBackgrounds, other: CameraBackgrounds, stereo: StereoView
) -> SeenDepth | None:
    """Returns the depth of a view of one camera; None if the other one recorded nothing then, or nothing matches.

    Args:
        view: of ``own``.
        own: the camera whose depth is wanted.
        other: the other one of the pair.
        stereo: the pair, as ``own`` sees it.

    Raises:
        SiteError: frames have another aspect than the calibration's pictures.
    """
    found = min(_at_one_time(view, own, other), default=None)
    if found is None:
        return None
    mine, theirs = _row(own, found[-2]), _row(other, found[-1])
    pictures = [_picture(each, stereo, row) for each, row in ((own, mine), (other, theirs))]
    left, right = pictures if stereo.side == "left" else reversed(pictures)
    depth_m = stereo_depth(stereo.pair, left, right, stereo.nearest_m, stereo.side).values
    small = np.asarray(cv2.imdecode(np.frombuffer(mine["small_unknown_png"], np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)
    unknown = cv2.resize(small, stereo.pair.size_px, interpolation=cv2.INTER_NEAREST_EXACT)
    depth = MetricDepth(np.where(unknown > 0, np.float32(np.nan), depth_m))
    if depth.known.mean() < LEAST_KNOWN:
        return None
    matrix = stereo.pair.left_matrix if stereo.side == "left" else stereo.pair.right_matrix
    focal_px = float(matrix[0, 0]) * mine["width"] / stereo.pair.size_px[0]
    return SeenDepth(depth, mine["segment_id"], (mine["width"], mine["height"]), focal_px)


def _at_one_time(
    view: SameView, own: CameraBackgrounds, other: CameraBackgrounds
) -> Iterator[tuple[bool, float, int, int, int]]:
    """Yields pairs of segments with a background at one time, each behind what makes it worse than others."""
    mine, theirs = (
        {row["segment_id"]: row for row in each.rows.drop_columns(["png"]).to_pylist()} for each in (own, other)
    )
    pictures = {number: small for each in other.views for number, small in each.pictures.items()}
    for (number, small), (beside, small_beside) in product(view.pictures.items(), pictures.items()):
        one, two = own.segments[number], other.segments[beside]
        shared_us = min(one.end_us, two.end_us) - max(one.start_us, two.start_us)
        if shared_us < LEAST_OVERLAP * min(one.end_us - one.start_us, two.end_us - two.start_us):
            continue
        row, row_beside = mine[one.segment_id], theirs[two.segment_id]
        unlike = is_grey(small.picture) != is_grey(small_beside.picture)
        unknown = row["unknown_share"] + row_beside["unknown_share"]
        yield unlike, unknown, -row["samples"] - row_beside["samples"], number, beside


def _row(camera: CameraBackgrounds, number: int) -> dict[str, Any]:
    at = camera.rows["segment_id"].to_pylist().index(camera.segments[number].segment_id)
    return dict(camera.rows.slice(at, 1).to_pylist()[0])


def _picture(camera: CameraBackgrounds, stereo: StereoView, row: dict[str, Any]) -> Uint8:
    """Returns a background BGR at the size of the calibration."""
    size_px, (width, height) = stereo.pair.size_px, (row["width"], row["height"])
    if abs(width * size_px[1] / (height * size_px[0]) - 1) > _MOST_ASPECT_OFF:
        raise SiteError(
            f"camera {camera.camera} records {width} x {height} pixels, and its stereo pair is calibrated at "
            f"{size_px[0]} x {size_px[1]}, another aspect: calibrate it with pictures of the footage"
        )
    picture = np.asarray(cv2.imdecode(np.frombuffer(row["png"], np.uint8), cv2.IMREAD_COLOR), np.uint8)
    if (width, height) == size_px:
        return picture
    return np.asarray(cv2.resize(picture, size_px, interpolation=cv2.INTER_AREA), np.uint8)
