"""3D boxes in the frames of one video, in KITTI's convention: truth, or boxes to score against it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.values import Float64, Int64


@dataclass(frozen=True, eq=False)
class FrameBoxes3d:
    """Boxes of one video, one row each, in any order.

    Attributes:
        frame: ``(N,)`` number of the frame, from 1.
        identity: ``(N,)`` id of the person or thing; -1 where a file has none.
        kind: ``(N,)`` KITTI's types, as ``Pedestrian``.
        truncated: ``(N,)`` share outside the frame, 0..1; -1 if unknown.
        occluded: ``(N,)`` 0 visible, 1 partly, 2 largely hidden, 3 unknown; -1 if not given.
        alpha: ``(N,)`` observation angle; -10 if unknown.
        box: ``(N, 4)`` x1, y1, x2, y2 in pixels.
        size_m: ``(N, 3)`` height, width, length; -1 where there is no 3D box.
        location_m: ``(N, 3)`` middle of the lower face, camera coordinates; -1000 where there is no 3D box.
        rotation_y: ``(N,)``; -10 where there is no 3D box.
        score: ``(N,)`` how sure it is, any scale; NaN in truth.
    """

    frame: Int64
    identity: Int64
    kind: npt.NDArray[np.str_]
    truncated: Float64
    occluded: Int64
    alpha: Float64
    box: Float64
    size_m: Float64
    location_m: Float64
    rotation_y: Float64
    score: Float64

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: npt.NDArray[Any]) -> "FrameBoxes3d":
        """Returns the rows of a mask or of indices."""
        return FrameBoxes3d(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))
