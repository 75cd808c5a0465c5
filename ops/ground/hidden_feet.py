"""How far people are whose feet may be hidden: by the depth that a network sees at their trunk."""

from collections import defaultdict

import numpy as np
import pyarrow as pa

from ops.arrays import boxes_of, float_columns
from ops.boxes import iou_matrix
from ops.ground.feet import frame_sizes_px, pixel_scale
from ops.ground.homography import GroundPlane
from ops.ground.lens import surveyed_camera
from ops.ground.project import straight_pixels
from ops.trajectories import Trajectories
from schemas.values import Float64, UnitContext

_SAME_BOX = 0.5
"""Least overlap (IoU) of a track's box and the detection that it was made from."""

_TRUNK = 0.375
"""Height of the trunk in a box, from above, as a share of it."""

_SIGMA_OF_MAD = 1.4826


def trunk_distances(
    points: pa.Table,
    trajectories: Trajectories,
    person_depths: pa.Table,
    unit: UnitContext,
    plane: GroundPlane,
    sigma_share: float,
) -> Float64:
    """Returns distance from the lens to the trunk and its standard deviation ``(N, 2)``, metres.

    NaN where no depth was measured, and of a camera that looks straight down.

    Args:
        points: ``track_points``.
        trajectories: of them.
        person_depths: rows of that table.
        unit: whose segments these are.
        plane: the camera's ground plane; its focal length turns depth into distance.
        sigma_share: standard deviation of the network's depth, as a share of it.
    """
    found = np.full((len(trajectories), 2), np.nan)
    camera = surveyed_camera(plane)
    if camera is None or not person_depths.num_rows:
        return found
    by_frame: dict[tuple[str, int], list[int]] = defaultdict(list)
    for row, key in enumerate(_frames(person_depths)):
        by_frame[key].append(row)
    known_boxes, known = boxes_of(person_depths), float_columns(person_depths, ("depth_m", "spread_m"))
    keys, boxes = _frames(points), boxes_of(points)
    scale = pixel_scale(frame_sizes_px(points, unit.segments), unit.camera)
    for number, row in enumerate(trajectories.row.tolist()):
        rows = by_frame.get(keys[row], [])
        overlaps = iou_matrix(boxes[row][None], known_boxes[rows])[0] if rows else np.zeros(0)
        if not len(overlaps) or overlaps.max() < _SAME_BOX:
            continue
        depth_m, spread_m = known[rows[int(overlaps.argmax())]]
        x1, y1, x2, y2 = boxes[row]
        trunk = np.array([(x1 + x2) / 2, y1 + _TRUNK * (y2 - y1)]) * scale[row]
        trunk_px = straight_pixels(plane, trunk[None])[0]
        slant = float(np.hypot(1, np.linalg.norm(trunk_px - np.array(plane.size_px) / 2) / camera.focal_px))
        sigma_m = float(np.hypot(_SIGMA_OF_MAD * spread_m, sigma_share * depth_m))
        found[number] = depth_m * slant, sigma_m * slant
    return found


def _frames(rows: pa.Table) -> list[tuple[str, int]]:
    return list(zip(rows["segment_id"].to_pylist(), rows["pts"].to_pylist(), strict=True))
