"""Foot points of boxes: the middle of the lower edge, in the pixels that the camera was calibrated in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ops.trajectories import Trajectories
from schemas.op import param
from schemas.values import Bools, CameraView, Float64, Segment

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
        0.3, "the same up and down where the lower edge of the frame hides the feet, share of the whole height"
    )
    floor_px: float = param(1.0, "least standard deviation of a foot point, pixels of image_size")


@dataclass(frozen=True, eq=False)
class Feet:
    """Foot points of boxes, one per point of ``Trajectories``.

    Attributes:
        pixels: ``(N, 2)``, u to the right and v downwards, in the camera's ``image_size_px``, or in the frame's own
            pixels where that is not set.
        height_px: ``(N,)``, heights of the boxes in the same pixels.
        cut: ``(N,)``, whether the lower edge of the frame hides the feet.
        hidden_px: ``(N,)``, how far below that edge the feet are: what the box lacks of the height that the track has
            where its feet are seen, at the nearest time; 0 where they are, and where they never are.
        interpolation_px: ``(N,)``, standard deviation that interpolation adds.
    """

    pixels: Float64
    height_px: Float64
    cut: Bools
    hidden_px: Float64
    interpolation_px: Float64

    @property
    def on_ground_px(self) -> Float64:
        """Where feet touch the ground, ``(N, 2)``: ``pixels``, or below the frame where its edge hides them."""
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
    return Feet(foot * scale, height_px, cut, _hidden_px(trajectories, height_px, cut), added_px)


def _hidden_px(trajectories: Trajectories, height_px: Float64, cut: Bools) -> Float64:
    """Returns how much of each box is below the frame, by the height that its track has where its feet are seen."""
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
