"""Foot points of boxes: the middle of the lower edge, in the pixels that the camera was calibrated in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.trajectories import Trajectories
from schemas.op import param
from schemas.values import Bools, CameraView, Float64, Int64, Segment

SHORT_SHARE = 0.1
"""Share of its own height by which a box behind somebody must be too short before its feet count as hidden."""

EDGE_PX = 2.0
"""Distance from the lower edge of the frame up to which a box counts as cut by it."""


GROUND_LABELS = ("person", "bicycle", "car", "motorcycle", "bus", "truck", "backpack", "handbag", "suitcase", "dog")
"""Classes whose box ends where it touches the ground."""


@dataclass(frozen=True)
class FootParams:
    """Parameters of ops that place feet on the ground; shares are of the box's height."""

    labels: tuple[str, ...] = param(GROUND_LABELS, "classes that stand on the ground")
    sigma_u_share: float = param(0.04, "standard deviation of the foot point sideways, share of the box height")
    sigma_v_share: float = param(0.04, "standard deviation of the foot point up and down, share of the box height")
    cut_sigma_share: float = param(
        0.3, "the same up and down where the frame's lower edge or somebody hides the feet, share of the whole height"
    )
    floor_px: float = param(1.0, "least standard deviation of a foot point, pixels of image_size")


@dataclass(frozen=True, eq=False)
class Feet:
    """Foot points of boxes, one per point of ``Trajectories``.

    Attributes:
        pixels: ``(N, 2)``, u to the right and v downwards, in the camera's ``image_size_px``, or in the frame's own
            pixels where that is not set.
        height_px: ``(N,)``, heights of the boxes in the same pixels.
        cut: ``(N,)``, whether the lower edge of the frame, or somebody in front, hides the feet.
        hidden_px: ``(N,)``, how far below the box the feet are: what it lacks of the height that the track has where
            its feet are seen, at the nearest time; 0 where they are, and where they never are.
        interpolation_px: ``(N,)``, standard deviation that interpolation adds.
    """

    pixels: Float64
    height_px: Float64
    cut: Bools
    hidden_px: Float64
    interpolation_px: Float64

    @property
    def on_ground_px(self) -> Float64:
        """Where feet touch the ground, ``(N, 2)``: ``pixels``, or below the box where they are hidden."""
        return self.pixels + np.column_stack([np.zeros(len(self.cut)), self.hidden_px])

    def sigma_px(self, params: FootParams) -> Float64:
        """Returns standard deviations ``(N, 2)`` of u and v: shares of the box's height, more between detections."""
        share_v = np.where(self.cut, params.cut_sigma_share, params.sigma_v_share)
        shares = np.column_stack([np.full(len(self.cut), params.sigma_u_share), share_v])
        detected_px = np.maximum(shares * (self.height_px + self.hidden_px)[:, None], params.floor_px)
        return np.asarray(np.hypot(detected_px, self.interpolation_px[:, None]))


def on_ground(points: pa.Table, params: FootParams) -> pa.Table:
    """Returns the rows of ``track_points`` of classes that touch the ground."""
    return points.filter(pc.is_in(points["label"], pa.array(params.labels, pa.string())))


def feet_of(points: pa.Table, trajectories: Trajectories, view: CameraView, segments: Sequence[Segment]) -> Feet:
    """Returns the feet of ``track_points``, in the order of their trajectories."""
    frame = frame_sizes_px(points, segments)[trajectories.row]
    scale = pixel_scale(frame, view)
    box = trajectories.columns(points, "x1", "y1", "x2", "y2")
    foot = np.column_stack([(box[:, 0] + box[:, 2]) / 2, box[:, 3]])
    added_px = np.nan_to_num(trajectories.columns(points, "interpolation_sigma_px")[:, 0]) * scale[:, 1]
    height_px = (box[:, 3] - box[:, 1]) * scale[:, 1]
    cut = box[:, 3] > frame[:, 1] - EDGE_PX
    behind = _behind(trajectories.time_us, box) & ~cut
    lacking = _hidden_px(trajectories, height_px, cut | behind)
    # A box that is as high as ever ends at the feet, no matter who is before them: networks guess what is hidden.
    short = lacking >= SHORT_SHARE * (height_px + lacking)
    hidden = cut | (behind & short)
    return Feet(foot * scale, height_px, hidden, np.where(hidden, lacking, 0.0), added_px)


def _behind(time_us: Int64, box: Float64) -> Bools:
    """Marks boxes ``(N, 4)`` whose lower edge ends, in its middle, within the box of somebody who is nearer."""
    order = np.argsort(time_us, kind="stable")
    moment, boxes = time_us[order], box[order]
    middle, found = (boxes[:, 0] + boxes[:, 2]) / 2, np.zeros(len(box), np.bool_)
    for step in range(1, len(box)):
        rows = np.flatnonzero(moment[step:] == moment[:-step])
        if not len(rows):
            break
        for one, other in ((rows, rows + step), (rows + step, rows)):
            beside = (middle[one] > boxes[other, 0]) & (middle[one] < boxes[other, 2])
            within = (boxes[one, 3] > boxes[other, 1]) & (boxes[one, 3] < boxes[other, 3])
            found[one] |= beside & within
    marked = np.zeros(len(box), np.bool_)
    marked[order] = found
    return marked


def _hidden_px(trajectories: Trajectories, height_px: Float64, cut: Bools) -> Float64:
    """Returns how much each box lacks of the height that its track has where its feet are seen."""
    seen = np.flatnonzero(~cut)
    hidden = np.zeros(len(cut))
    if not len(seen):
        return hidden
    number = np.flatnonzero(cut)
    after = np.searchsorted(seen, number)
    whole, apart_us = np.zeros(len(number)), np.full(len(number), np.inf)
    for side in (after - 1, after):
        other = seen[np.clip(side, 0, len(seen) - 1)]
        gap_us = np.abs(trajectories.time_us[other] - trajectories.time_us[number]).astype(np.float64)
        gap_us[trajectories.track[other] != trajectories.track[number]] = np.inf
        nearer = gap_us < apart_us
        whole[nearer], apart_us[nearer] = height_px[other[nearer]], gap_us[nearer]
    hidden[number] = np.maximum(whole - height_px[number], 0)
    return hidden


def pixel_scale(frame_px: Float64, view: CameraView) -> Float64:
    """Returns factors ``(N, 2)`` from pixels of frames ``(N, 2)`` to those of the camera's ``image_size_px``."""
    return np.ones_like(frame_px) if view.image_size_px is None else np.array(view.image_size_px) / frame_px


def frame_sizes_px(rows: pa.Table, segments: Sequence[Segment]) -> Float64:
    """Returns width and height ``(N, 2)`` of the frame that each row comes from.

    Raises:
        ValueError: a row names a segment that is not among those of its unit.
    """
    names = pa.array([segment.segment_id for segment in segments], type=pa.string())
    place = pc.index_in(rows["segment_id"], names)
    if place.null_count:
        raise ValueError(f"{place.null_count} rows name segments that are not of this unit")
    sizes = np.array([(segment.width, segment.height) for segment in segments], dtype=np.float64).reshape(-1, 2)
    return np.asarray(sizes[place.to_numpy()])
