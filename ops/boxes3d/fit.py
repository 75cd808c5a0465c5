"""Fits cuboids on the ground to boxes in the picture: size per track, place and yaw per point.

Least squares of the four edges of the box around the projected cuboid, by Gauss and Newton (after Mousavian et al., "3D
bounding box estimation using deep learning and geometry", CVPR 2017, with priors in place of the network). Points of a
track share its size, so their own unknowns are eliminated first (Schur complement); a class is solved at once.
"""

from dataclasses import dataclass, replace

import numpy as np

from ops.boxes3d.shapes import axes, bottom_reach, silhouette, slopes
from ops.ground.camera_matrix import CameraMatrix
from ops.ground.class_sizes import ClassSize
from schemas.values import Bools, Float64, Int64

_ROUNDS = 5
_TURNS = 6
"""Headings that are tried for what never moves, over half a turn."""

PARKED_SIGMA_RAD = float(np.radians(20.0))
"""Standard deviation of a heading that only the box tells."""
_STEP_M, _STEP_RAD = 1.5, 0.3
"""Greatest change in one round: far from the solution, the linear model is wrong."""

_MOST_SLOPE = 1e4
"""Greatest change of an edge, pixels per metre or radian."""

_LEAST_SHARE = 0.4
"""Least size, as a share of the class's mean."""


@dataclass(frozen=True, eq=False)
class Looks:
    """Boxes of tracks of one class, ``(N,)`` by track.

    Attributes:
        track: ``(N,)`` from 0, ascending, without gaps.
        box: ``(N, 4)`` x1, y1, x2, y2 in the camera's pixels.
        sigma_px: ``(N, 4)`` of each edge; infinite where the frame cuts it.
        foot_m: ``(N, 2)`` place on the ground of the lower edge's middle, in the site's CRS.
        foot_sigma_m: ``(N,)``, how far off that may be; it only matters where the edges leave the place open.
        yaw_rad, yaw_sigma_rad: ``(N,)`` heading clockwise from north.
        share: ``(N,)`` by how much of a look each counts for the size, since errors of consecutive boxes are alike.
    """

    track: Int64
    box: Float64
    sigma_px: Float64
    foot_m: Float64
    foot_sigma_m: Float64
    yaw_rad: Float64
    yaw_sigma_rad: Float64
    share: Float64

    def take(self, kept: Bools) -> "Looks":
        """Returns the rows of a mask that keeps tracks whole, with tracks counted anew."""
        values = {name: getattr(self, name)[kept] for name in self.__dataclass_fields__}
        values["track"] = np.unique(values["track"], return_inverse=True)[1]
        return Looks(**values)


@dataclass(frozen=True, eq=False)
class Cuboids:
    """Fitted cuboids, ``(N,)`` as the looks.

    Attributes:
        centre_m: ``(N, 2)`` middle of the footprint.
        yaw_rad: ``(N,)``, not wrapped.
        size_m: ``(N, 3)`` height, width, length, the same for all of a track.
        covariance: ``(N, 3, 3)`` of x, y and yaw.
        size_sigma_m: ``(N, 3)``.
        cost: ``(N,)`` squared misfit of the edges and of the yaw, in variances.
    """

    centre_m: Float64
    yaw_rad: Float64
    size_m: Float64
    covariance: Float64
    size_sigma_m: Float64
    cost: Float64


def fit_cuboids(camera: CameraMatrix, looks: Looks, label: str, prior: ClassSize) -> Cuboids:
    """Returns the cuboids that fit best."""
    points = silhouette(label)
    size = np.tile(prior.mean, (int(looks.track.max()) + 1, 1))
    start = _start(camera, looks, prior, bottom_reach(label))
    here = np.column_stack([start, looks.yaw_rad])
    own_weight = np.column_stack([looks.foot_sigma_m**-2.0] * 2 + [looks.yaw_sigma_rad**-2.0])
    size_weight = np.array(prior.spread) ** -2.0
    for last in (False,) * _ROUNDS + (True,):
        box, change = slopes(camera, here[:, :2], here[:, 2], size[looks.track], points)
        miss = looks.box - box
        own_miss = np.column_stack([start, looks.yaw_rad]) - here
        # Beside the lens pixels run away: such an edge says nothing.
        weight = np.where(np.abs(change).max(axis=2) < _MOST_SLOPE, looks.sigma_px**-2.0, 0.0)
        weighted = change * weight[..., None]
        normal = np.einsum("nei,nej->nij", weighted, change)
        pull = np.einsum("nei,ne->ni", weighted, miss)
        own = normal[:, :3, :3] + own_weight[:, :, None] * np.eye(3)
        own_pull = pull[:, :3] + own_weight * own_miss
        mixed = normal[:, :3, 3:]
        inverse = np.linalg.inv(own)
        carried = inverse @ mixed
        reduced = (normal[:, 3:, 3:] - mixed.transpose(0, 2, 1) @ carried) * looks.share[:, None, None]
        reduced_pull = (pull[:, 3:] - np.einsum("nij,ni->nj", carried, own_pull)) * looks.share[:, None]
        system = _sums(reduced, looks.track, len(size)) + np.diag(size_weight)
        if last:
            break
        right = _sums(reduced_pull, looks.track, len(size)) + size_weight * (prior.mean - size)
        grown = np.clip(np.linalg.solve(system, right[..., None])[..., 0], -_STEP_M, _STEP_M)
        least = _LEAST_SHARE * prior.mean
        grown = np.maximum(size + grown, least) - size
        size = size + grown
        moved = np.einsum("nij,nj->ni", inverse, own_pull) - np.einsum("nij,nj->ni", carried, grown[looks.track])
        most = np.array([_STEP_M, _STEP_M, _STEP_RAD])
        here = here + np.clip(moved, -most, most)
    size_covariance = np.linalg.inv(system)
    spread = inverse + carried @ size_covariance[looks.track] @ carried.transpose(0, 2, 1)
    cost = (weight * miss**2).sum(axis=1) + own_weight[:, 2] * own_miss[:, 2] ** 2
    size_sigma = np.sqrt(np.einsum("tii->ti", size_covariance))[looks.track]
    return Cuboids(here[:, :2], here[:, 2], size[looks.track], spread, size_sigma, cost)


def fit_parked(camera: CameraMatrix, looks: Looks, label: str, prior: ClassSize) -> Cuboids:
    """Returns the cuboids of tracks that never move: of several headings, the one that fits the boxes of a track best.

    Front and back look alike, and some other headings nearly so: the yaw is no surer than ``PARKED_SIGMA_RAD``.
    """
    tried = [
        fit_cuboids(
            camera,
            replace(
                looks,
                yaw_rad=np.full(len(looks.track), camera.ahead_rad + turn),
                yaw_sigma_rad=np.full(len(looks.track), PARKED_SIGMA_RAD),
            ),
            label,
            prior,
        )
        for turn in np.arange(_TURNS) * np.pi / _TURNS
    ]
    costs = np.stack([_sums(each.cost, looks.track, int(looks.track.max()) + 1) for each in tried])
    best = costs.argmin(axis=0)[looks.track]
    chosen = {
        name: np.stack([getattr(each, name) for each in tried])[best, np.arange(len(best))]
        for name in Cuboids.__dataclass_fields__
    }
    chosen["covariance"][:, 2, 2] = np.maximum(chosen["covariance"][:, 2, 2], PARKED_SIGMA_RAD**2)
    return Cuboids(**chosen)


def _start(camera: CameraMatrix, looks: Looks, prior: ClassSize, reach: float) -> Float64:
    """Returns the middle of each footprint: beyond the lower edge, where the nearest point touches the ground."""
    away = looks.foot_m - camera.lens_m[:2]
    away = away / np.maximum(np.hypot(*away.T), 1e-9)[:, None]
    ahead, right = axes(looks.yaw_rad)
    half = np.abs((away * ahead).sum(axis=1)) * prior.length / 2 + np.abs((away * right).sum(axis=1)) * prior.width / 2
    return np.asarray(looks.foot_m + away * (half * reach)[:, None])


def _sums(values: Float64, track: Int64, count: int) -> Float64:
    """Returns the sums of rows ``(N, ...)`` by track, ``(count, ...)``."""
    starts = np.searchsorted(track, np.arange(count))
    return np.asarray(np.add.reduceat(values, starts, axis=0))
