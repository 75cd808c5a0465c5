"""Places a camera on the map by its control points, where people or depth measure its ground.

Turn and place are unknown, and what is known of the ground is known within its errors: all seven are adjusted to the
pixels of the points (Gauss-Newton with the ground as prior). So a third number of two points, their distance, makes the
scale surer, if it agrees with people's stature; where it does not, the survey's scale is taken, and the ratio is kept.
"""

from dataclasses import dataclass

import numpy as np

from ops.ground.fuse import distance2, most_distance2
from ops.ground.ground_model import GroundModel, from_vector, turn_between
from ops.ground.homography import GroundPlane
from ops.ground.point_fit import click_sigma_px
from ops.ground.project import to_ground, to_pixels
from schemas.errors import SiteError
from schemas.values import CameraView, Float64

APART_SHARE = 0.5
"""Least distance of control points, in heights of the lens: closer ones tell no direction."""

TURN_FREE, PLACE_FREE_M = 10.0, 1e4
"""Deviations of turn and place before any point is known."""

_ROUNDS = 8
_STEP = 1e-6


@dataclass(frozen=True, eq=False)
class Placed:
    """A camera's ground on the map.

    Attributes:
        plane: between pixels of the model's frames and the site's CRS, with its covariance.
        model: the ground as the points adjust it.
        place_m: ``(2,)`` of the ground below the lens, in the site's CRS.
        heading_deg: where the camera looks, clockwise from north.
        scale: distance of the first two points on the map by their distance on the ground as measured without them.
        scale_sigma: its standard deviation.
        agrees: whether the points agree with the ground within the errors of both.
    """

    plane: GroundPlane
    model: GroundModel
    place_m: Float64
    heading_deg: float
    scale: float
    scale_sigma: float
    agrees: bool


def place_on_map(model: GroundModel, view: CameraView) -> Placed:
    """Places a measured ground by the view's control points, two or more.

    Raises:
        SiteError: a point is not on the measured ground, or points are too close to each other.
    """
    assert view.image_size_px is not None, "site.toml asks for it with control points"
    share = np.array(model.pinhole.size_px) / np.array(view.image_size_px)
    pixels = np.array([(point.u_px, point.v_px) for point in view.control_points]) * share
    metres = np.array([(point.x_m, point.y_m) for point in view.control_points])
    local = to_ground(model.pinhole.ground_plane(view.camera), pixels)
    if not np.isfinite(local).all():
        number = 1 + int(np.flatnonzero(~np.isfinite(local).all(axis=1))[0])
        raise SiteError(
            f"camera {view.camera}: control point {number} is above the horizon of the ground that people or depth "
            "measure; check its u and v"
        )
    for points, where in ((local, "in the picture"), (metres, "on the map")):
        if np.linalg.norm(points - points.mean(axis=0), axis=1).max() < APART_SHARE * model.pinhole.height_m / 2:
            raise SiteError(
                f"camera {view.camera}: its control points are too close to each other {where} to tell where it looks; "
                "give points that are farther apart"
            )
    scale, scale_sigma = _scale(model, pixels, metres)
    origin = metres.mean(axis=0)
    sigma_px = click_sigma_px(model.pinhole.size_px[0])
    start = _start(model, local, metres - origin)
    state, spread, misfit = _adjust(model, start, pixels, metres - origin, sigma_px)
    agrees = misfit <= most_distance2(2 * len(pixels) - 3)
    if not agrees:  # the ground's shape stays, its scale is the survey's
        scaled = GroundModel(
            model.source,
            from_vector(model.pinhole.size_px, model.vector + np.array([0, 0, 0, np.log(scale)])),
            model.covariance,
            model.people,
        )
        local = to_ground(scaled.pinhole.ground_plane(view.camera), pixels)
        state = _start(scaled, local, metres - origin)
        spread = _spread(scaled, state, metres - origin, sigma_px)
    known = (pixels, metres - origin)
    return _placed(model, view.camera, state, spread, origin, known, (scale, scale_sigma, agrees))


def _start(model: GroundModel, local: Float64, metres: Float64) -> Float64:
    """Returns parameters, turn and place ``(7,)`` that lay the points as they are on the map."""
    turn = turn_between(local - local.mean(axis=0), metres - metres.mean(axis=0))
    shift = metres.mean(axis=0) - turn @ local.mean(axis=0)
    return np.concatenate([model.vector, [np.arctan2(turn[1, 0], turn[0, 0])], shift])


def _image_from_map(size_px: tuple[int, int], state: Float64) -> GroundPlane:
    """Returns the ground plane of a state ``(7,)``, from metres east and north of the control points' middle."""
    plane = from_vector(size_px, state[:4]).ground_plane("")
    cosine, sine = np.cos(state[4]), np.sin(state[4])
    map_from_local = np.array([[cosine, -sine, state[5]], [sine, cosine, state[6]], [0, 0, 1]])
    matrix = plane.image_from_ground @ np.linalg.inv(map_from_local)
    return GroundPlane("", size_px, matrix, map_from_local @ plane.ground_from_image, np.zeros(2), np.zeros(0))


def _adjust(
    model: GroundModel, start: Float64, pixels: Float64, metres: Float64, sigma_px: float
) -> tuple[Float64, Float64, float]:
    """Returns the state that suits points and prior best, its covariance, and the squared distance that is left."""
    size, prior = model.pinhole.size_px, np.linalg.inv(_prior(model))
    state, spread = start.copy(), np.linalg.inv(prior)
    for _ in range(_ROUNDS):
        slope = _slope(size, state, metres)
        off = (pixels - to_pixels(_image_from_map(size, state), metres)).ravel()
        information = slope.T @ slope / sigma_px**2 + prior
        pull = np.concatenate([model.vector - state[:4], np.zeros(3)])
        spread = np.linalg.inv(information)
        step = spread @ (slope.T @ off / sigma_px**2 + prior @ pull)
        state = state + step
        if not np.isfinite(state).all() or np.abs(state[:4] - model.vector).max() > 2:
            return start, spread, np.inf
    off = (pixels - to_pixels(_image_from_map(size, state), metres)).ravel()
    misfit = float(off @ off) / sigma_px**2 + distance2(state[:4] - model.vector, model.covariance)
    return state, (spread + spread.T) / 2, misfit


def _prior(model: GroundModel) -> Float64:
    spread = np.zeros((7, 7))
    spread[:4, :4] = model.covariance
    spread[4:, 4:] = np.diag([TURN_FREE, PLACE_FREE_M, PLACE_FREE_M]) ** 2
    return spread


def _spread(model: GroundModel, state: Float64, metres: Float64, sigma_px: float) -> Float64:
    slope = _slope(model.pinhole.size_px, state, metres)
    spread = np.linalg.inv(slope.T @ slope / sigma_px**2 + np.linalg.inv(_prior(model)))
    return np.asarray((spread + spread.T) / 2)


def _slope(size_px: tuple[int, int], state: Float64, metres: Float64) -> Float64:
    columns = []
    for number in range(7):
        moved = np.zeros(7)
        moved[number] = _STEP
        high, low = (to_pixels(_image_from_map(size_px, state + sign * moved), metres) for sign in (1, -1))
        columns.append((high - low).ravel() / (2 * _STEP))
    return np.stack(columns, axis=1)


def _scale(model: GroundModel, pixels: Float64, metres: Float64) -> tuple[float, float]:
    """Returns distances on the map by distances on the measured ground, of all points together, and its deviation."""

    def extent(vector: Float64) -> float:
        places = to_ground(from_vector(model.pinhole.size_px, vector).ground_plane(""), pixels)
        return float(np.linalg.norm(places - places.mean(axis=0)))

    here = extent(model.vector)
    slope = np.array([(extent(model.vector + step) - here) / _STEP for step in np.eye(4) * _STEP])
    ratio = float(np.linalg.norm(metres - metres.mean(axis=0))) / here
    return ratio, float(ratio * np.sqrt(slope @ model.covariance @ slope) / here)


def _placed(
    model: GroundModel,
    camera: str,
    state: Float64,
    spread: Float64,
    origin: Float64,
    points: tuple[Float64, Float64],
    check: tuple[float, float, bool],
) -> Placed:
    size, (pixels, metres) = model.pinhole.size_px, points
    columns = []
    for number in range(7):
        moved = np.zeros(7)
        moved[number] = _STEP
        high, low = (_image_from_map(size, state + sign * moved).ground_from_image for sign in (1, -1))
        columns.append((high - low).ravel() / (2 * _STEP))
    slope = np.stack(columns, axis=1)
    flat = _image_from_map(size, state)
    covariance = slope @ spread @ slope.T
    residual = np.hypot(*(to_ground(flat, pixels) - metres).T)
    plane = GroundPlane(camera, size, flat.image_from_ground, flat.ground_from_image, origin, residual, covariance)
    adjusted = GroundModel(model.source, from_vector(size, state[:4]), spread[:4, :4], model.people, model.residual_px)
    heading = float(np.degrees(-state[4])) % 360
    return Placed(plane, adjusted, origin + state[5:], heading, *check)
