"""The ground that depth maps show: the floor of each view, and what it says of the camera.

Metric depth is a source of its own. Affine and relative depth gets its scale from control points, a known height or
people, so it says nothing of them that they do not know: it gives the floor, but is no source of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ops.depth_models.kinds import Depth, MetricDepth
from ops.depth_models.rows import unpack_depth
from ops.floor.find import Floor, NoFloor, find_floor
from ops.floor.points import Intrinsics
from ops.floor.scale import scale_from_ground
from ops.floor.scale_fit import FixedScale, NoScale
from ops.floor.scale_height import Known, scale_from_height
from ops.ground.fuse import HEIGHT_SIGMA_SHARE
from ops.ground.ground_model import GroundModel, to_vector
from ops.ground.pinhole import PinholeGround
from schemas.values import Float64, Uint8

FOCAL_SIGMA = {True: 0.1, False: 0.5}
"""Standard deviation of the logarithm of focal length, if the network gives it, and if nothing does."""

SCALE_SIGMA = 0.1
"""Standard deviation of all depths of a metric network together, as a share of them."""

_STEP = 1e-5
_NO_FLOOR = {
    NoFloor.NO_DEPTH: "hardly a pixel of the depth map is known",
    NoFloor.TOO_SMALL: "the depth map is too small",
    NoFloor.CONSTANT: "all depths are the same",
    NoFloor.NONE_SEEN: "no level floor is in view",
    NoFloor.BELOW: "much is seen below the lowest plane, as in a mirror",
}
_NO_SCALE = "the scale of the map is unknown: no control points, height or people fix it"


@dataclass(frozen=True, eq=False)
class KnownScale:
    """What fixes the scale of depth that is not metric.

    Attributes:
        survey: the camera by control points.
        height_m: of the lens, in ``site.toml``.
        people: the camera by people.
    """

    survey: PinholeGround | None = None
    height_m: float | None = None
    people: GroundModel | None = None


@dataclass(frozen=True, eq=False)
class ViewFloor:
    """The floor of one view.

    Attributes:
        row: of ``depth_maps``.
        floor: what is found; a reason if nothing is.
        scale: of the map.
        scale_source: what fixed it.
        focal_px: focal length of the frames with which it was found.
    """

    row: Mapping[str, Any]
    floor: Floor | str
    scale: tuple[float, float] | None = None
    scale_source: str | None = None
    focal_px: float = 0.0

    @property
    def size_px(self) -> tuple[int, int]:
        """Returns (width, height) of the frames."""
        return self.row["source_width"], self.row["source_height"]


def view_floors(maps: Sequence[Mapping[str, Any]], pictures: Mapping[str, Uint8], known: KnownScale) -> list[ViewFloor]:
    """Returns the floor of each row of ``depth_maps``.

    Args:
        maps: rows.
        pictures: backgrounds BGR by segment id, for the edge of the floor; not all need be there.
        known: what fixes scales.
    """
    return [_view_floor(row, pictures.get(row["segment_id"]), known) for row in maps]


def depth_model(floors: Sequence[ViewFloor], size_px: tuple[int, int]) -> GroundModel | str:
    """Returns what metric depth says of the camera, by the view that lasts longest; or why it says nothing.

    Args:
        size_px: (width, height) of the model's pictures, of the aspect of the frames.
    """
    if not floors:
        return "no depth map"
    own = [each for each in floors if each.scale_source == "metric" and isinstance(each.floor, Floor)]
    if not own:
        found = next((each for each in floors if isinstance(each.floor, Floor)), None)
        if found is not None:
            return f"depth gets its scale from {str(found.scale_source).replace('_', ' ')}: no source of its own"
        return str(floors[0].floor)
    longest = max(own, key=lambda each: each.row["end_time"] - each.row["start_time"])
    assert isinstance(longest.floor, Floor)
    focal_px = longest.focal_px * size_px[0] / longest.size_px[0]
    sigma = FOCAL_SIGMA[longest.row["focal_px"] is not None]
    return _model(longest.floor, size_px, focal_px, sigma)


def floor_columns(view: ViewFloor) -> dict[str, Any]:
    """Returns the columns of ``floors`` for a view, without camera and time."""
    floor = view.floor
    names = ("up_x", "up_y", "up_z", "height_m", "height_sigma_m", "tilt_deg", "roll_deg", "inlier_share", "mask_png")
    if isinstance(floor, str):
        empty = dict.fromkeys((*names, "scale", "shift", "scale_source"))
        return {"view": view.row["view"], **empty, "reason": floor}
    mask = cv2.resize(floor.mask.astype(np.uint8) * 255, view.size_px, interpolation=cv2.INTER_NEAREST)
    scale, shift = view.scale or (1.0, 0.0)
    return {
        "view": view.row["view"],
        "up_x": float(floor.up[0]),
        "up_y": float(floor.up[1]),
        "up_z": float(floor.up[2]),
        "height_m": floor.height_m,
        "height_sigma_m": floor.height_sigma_m,
        "tilt_deg": float(np.degrees(floor.tilt_rad)),
        "roll_deg": float(np.degrees(floor.roll_rad)),
        "inlier_share": floor.inlier_share,
        "mask_png": cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes(),
        "scale": scale,
        "shift": shift,
        "scale_source": view.scale_source,
        "reason": None,
    }


def _view_floor(row: Mapping[str, Any], picture: Uint8 | None, known: KnownScale) -> ViewFloor:
    depth, size = unpack_depth(row), (row["source_width"], row["source_height"])
    focal_px = _focal_px(row, known)
    map_px = (row["width"], row["height"])
    intrinsics = Intrinsics.middle(map_px, focal_px * map_px[0] / size[0])
    scaled = _scaled(depth, intrinsics, known)
    if scaled is None:
        return ViewFloor(row, _NO_SCALE)
    metric, scale, source = scaled
    small = None if picture is None else cv2.resize(picture, map_px, interpolation=cv2.INTER_AREA)
    floor = find_floor(metric, intrinsics, None if small is None else np.asarray(small, np.uint8))
    return ViewFloor(row, _NO_FLOOR[floor] if isinstance(floor, NoFloor) else floor, scale, source, focal_px)


def _focal_px(row: Mapping[str, Any], known: KnownScale) -> float:
    """Returns the focal length of the frames: the network's, the survey's, that of people, or the frame's width."""
    if row["focal_px"] is not None:
        return float(row["focal_px"])
    pinhole = known.survey or (None if known.people is None else known.people.pinhole)
    width = float(row["source_width"])
    return width if pinhole is None else pinhole.focal_px * width / pinhole.size_px[0]


def _scaled(
    depth: Depth, intrinsics: Intrinsics, known: KnownScale
) -> tuple[MetricDepth, tuple[float, float], str] | None:
    """Returns the depth in metres, its scale and shift, and what fixed them; None if nothing does."""
    if isinstance(depth, MetricDepth):
        return depth, (1.0, 0.0), "metric"
    tried: list[tuple[FixedScale | NoScale, str]] = []
    if known.survey is not None:
        tried.append((scale_from_ground(depth, known.survey), "control_points"))
    if known.height_m is not None:
        tilt = None
        if known.people is not None:
            tilt = Known(known.people.pinhole.tilt_rad, float(known.people.sigmas[1]))
        height = Known(known.height_m, HEIGHT_SIGMA_SHARE * known.height_m)
        tried.append((scale_from_height(depth, intrinsics, height, tilt), "height"))
    if known.people is not None:
        pinhole, sigmas = known.people.pinhole, known.people.sigmas
        fixed = scale_from_ground(depth, pinhole, float(sigmas[3] * pinhole.height_m), float(sigmas[1]))
        tried.append((fixed, "people"))
    for fixed, source in tried:
        if isinstance(fixed, FixedScale):
            return fixed.metric(depth), (fixed.scale, fixed.shift), source
    return None


def _model(floor: Floor, size_px: tuple[int, int], focal_px: float, focal_sigma: float) -> GroundModel:
    """Returns the model of a floor: in a map of depth, another focal length tilts and moves its plane."""
    start = np.array([np.log(focal_px), *floor.up, floor.height_m])

    def parameters(state: Float64) -> Float64:
        longer = np.exp(state[0]) / focal_px
        up = state[1:4] * [longer, longer, 1.0]
        length = float(np.linalg.norm(up))
        return to_vector(PinholeGround.from_up(size_px, float(np.exp(state[0])), up, float(state[4]) / length))

    columns = [(parameters(start + step) - parameters(start - step)) / (2 * _STEP) for step in np.eye(5) * _STEP]
    slope = np.stack(columns, axis=1)
    spread = np.zeros((5, 5))
    spread[0, 0], spread[1:, 1:] = focal_sigma**2, floor.covariance
    covariance = slope @ spread @ slope.T
    covariance[3, 3] += SCALE_SIGMA**2
    return GroundModel("depth", floor.pinhole(size_px, focal_px), (covariance + covariance.T) / 2)
