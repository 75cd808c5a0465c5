"""The ground that depth maps show: the floor of each view, and what it says of the camera.

Metric depth is a source of its own. Affine and relative depth gets its scale from control points, a known height or
people, so it says nothing of them that they do not know: it gives the floor, but is no source of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from ops.depth_models.kinds import AffineDepth, Depth, MetricDepth, RelativeDepth
from ops.depth_models.rows import STEREO, unpack_depth
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

STEREO_SIGMA = 0.02
"""The same two of a stereo pair, whose focal length and baseline are calibrated."""

SURVEY_FOCAL_SIGMA = 0.05
"""Standard deviation of the logarithm of focal length by control points: a guess, their errors are not carried on."""

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
class MapScale:
    """A map in metres.

    Attributes:
        depth: the map.
        scale, shift: as of ``FixedScale``.
        source: what fixed them.
        sigma: ``(H, W)``, standard deviation by the doubt of scale and shift, as a share of the depth.
    """

    depth: MetricDepth
    scale: float
    shift: float
    source: str
    sigma: Float64


@dataclass(frozen=True, eq=False)
class ViewFloor:
    """The floor of one view.

    Attributes:
        row: of ``depth_maps``.
        floor: what is found; a reason if nothing is.
        scale: of the map, with what fixed it; None if nothing did.
        focal_px: focal length of the frames with which it was found.
    """

    row: Mapping[str, Any]
    floor: Floor | str
    scale: MapScale | None = None
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
    found = [each for each in floors if each.scale is not None and isinstance(each.floor, Floor)]
    own = [each for each in found if each.scale is not None and each.scale.source == "metric"]
    if not own:
        sources = [each.scale.source for each in found if each.scale is not None]
        if sources:
            return f"depth gets its scale from {sources[0].replace('_', ' ')}: no source of its own"
        return str(floors[0].floor)
    longest = max(own, key=lambda each: each.row["end_time"] - each.row["start_time"])
    assert isinstance(longest.floor, Floor)
    focal_px = longest.focal_px * size_px[0] / longest.size_px[0]
    sigma = STEREO_SIGMA if _is_stereo(longest.row) else FOCAL_SIGMA[longest.row["focal_px"] is not None]
    return _model(longest.floor, size_px, focal_px, sigma, _scale_sigma(longest.row))


def floor_columns(view: ViewFloor) -> dict[str, Any]:
    """Returns the columns of ``floors`` for a view, without camera and time."""
    floor, scale = view.floor, view.scale
    names = ("up_x", "up_y", "up_z", "height_m", "height_sigma_m", "tilt_deg", "roll_deg", "inlier_share", "mask_png")
    if isinstance(floor, str) or scale is None:
        empty = dict.fromkeys((*names, "scale", "shift", "scale_source"))
        return {"view": view.row["view"], **empty, "reason": floor if isinstance(floor, str) else _NO_SCALE}
    mask = cv2.resize(floor.mask.astype(np.uint8) * 255, view.size_px, interpolation=cv2.INTER_NEAREST)
    unsure = float(np.nanmedian(scale.sigma[floor.mask]))
    return {
        "view": view.row["view"],
        "up_x": float(floor.up[0]),
        "up_y": float(floor.up[1]),
        "up_z": float(floor.up[2]),
        "height_m": floor.height_m,
        "height_sigma_m": float(np.hypot(floor.height_sigma_m, unsure * floor.height_m)),
        "tilt_deg": float(np.degrees(floor.tilt_rad)),
        "roll_deg": float(np.degrees(floor.roll_rad)),
        "inlier_share": floor.inlier_share,
        "mask_png": cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes(),
        "scale": scale.scale,
        "shift": scale.shift,
        "scale_source": scale.source,
        "reason": None,
    }


def _view_floor(row: Mapping[str, Any], picture: Uint8 | None, known: KnownScale) -> ViewFloor:
    depth, size = unpack_depth(row), (row["source_width"], row["source_height"])
    focal_px = _focal_px(row, known)
    map_px = (row["width"], row["height"])
    intrinsics = Intrinsics.middle(map_px, focal_px * map_px[0] / size[0])
    scale = _scaled(depth, row, intrinsics, known)
    if scale is None:
        return ViewFloor(row, _NO_SCALE)
    small = None if picture is None else cv2.resize(picture, map_px, interpolation=cv2.INTER_AREA)
    floor = find_floor(scale.depth, intrinsics, None if small is None else np.asarray(small, np.uint8))
    return ViewFloor(row, _NO_FLOOR[floor] if isinstance(floor, NoFloor) else floor, scale, focal_px)


def _focal_px(row: Mapping[str, Any], known: KnownScale) -> float:
    """Returns the focal length of the frames: the network's, the survey's, that of people, or the frame's width."""
    if row["focal_px"] is not None:
        return float(row["focal_px"])
    pinhole = known.survey or (None if known.people is None else known.people.pinhole)
    width = float(row["source_width"])
    return width if pinhole is None else pinhole.focal_px * width / pinhole.size_px[0]


def _scaled(depth: Depth, row: Mapping[str, Any], intrinsics: Intrinsics, known: KnownScale) -> MapScale | None:
    """Returns the map in metres; None if nothing fixes its scale."""
    if isinstance(depth, MetricDepth):
        return MapScale(depth, 1.0, 0.0, "metric", np.full(depth.values.shape, _scale_sigma(row)))
    if isinstance(depth, AffineDepth) and depth.scale_is_focal and (known.survey or known.people):
        focal_px = _focal_px(row, known)
        by_people = known.survey is None and known.people is not None
        sigma = float(known.people.sigmas[0]) if by_people and known.people is not None else SURVEY_FOCAL_SIGMA
        return MapScale(depth.metric(focal_px), focal_px, 0.0, "focal_length", np.full(depth.values.shape, sigma))
    for fixed, source in _fixed_scales(depth, intrinsics, known):
        if isinstance(fixed, FixedScale):
            metric = fixed.metric(depth)
            sigma_m = replace(fixed, spread=0.0).sigma_m(depth)
            return MapScale(metric, fixed.scale, fixed.shift, source, sigma_m.astype(np.float64) / metric.values)
    return None


def _fixed_scales(
    depth: AffineDepth | RelativeDepth, intrinsics: Intrinsics, known: KnownScale
) -> Iterator[tuple[FixedScale | NoScale, str]]:
    """Yields the scale by each source, the surest first."""
    if known.survey is not None:
        yield scale_from_ground(depth, known.survey), "control_points"
    if known.height_m is not None:
        tilt = None
        if known.people is not None:
            tilt = Known(known.people.pinhole.tilt_rad, float(known.people.sigmas[1]))
        height = Known(known.height_m, HEIGHT_SIGMA_SHARE * known.height_m)
        yield scale_from_height(depth, intrinsics, height, tilt), "height"
    if known.people is not None:
        pinhole, sigmas = known.people.pinhole, known.people.sigmas
        yield scale_from_ground(depth, pinhole, float(sigmas[3] * pinhole.height_m), float(sigmas[1])), "people"


def _is_stereo(row: Mapping[str, Any]) -> bool:
    return bool(row["model"] == STEREO)


def _scale_sigma(row: Mapping[str, Any]) -> float:
    """Returns the standard deviation of all depths of a metric map together, as a share of them."""
    return STEREO_SIGMA if _is_stereo(row) else SCALE_SIGMA


def _model(
    floor: Floor, size_px: tuple[int, int], focal_px: float, focal_sigma: float, scale_sigma: float
) -> GroundModel:
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
    covariance[3, 3] += scale_sigma**2
    return GroundModel("depth", floor.pinhole(size_px, focal_px), (covariance + covariance.T) / 2)
