"""Measures the floor: on real depth beside open3d, on rendered scenes with true depth, and depth against a laser scan.

*slambook* (real): the five frames of rgbd_slambook. ``inlier_share`` is the mean over frames of the largest plane's
inliers within 2 cm, ``open3d_inlier_share`` that of the best of five runs of open3d on the same points; ``angle_deg``
is the largest angle between the planes of two of five seeds on one frame, ``between_frames_deg`` that of the floors of
neighbouring frames, turned by their poses.

*rendered* (synthetic): six views of the sample site's hall. The figures without a prefix are of true depth as all three
kinds, the affine and relative ones fixed by the calibrated ground: the worst view counts. ``drift_2`` and ``drift_5``
are of depth that errs as networks do, by 2 % and 5 % that are alike over a sixth of the picture's width and 1 % from
pixel to pixel, with blurred edges. ``people`` and ``height`` are of affine and relative depth with drift_2, fixed by
1.5 px unsure people of 1.7 +- 0.09 m, and by a height and a tilt that are known to 2 % and half a degree.

*lidar* (real): the three frames of argo_kitti_fmt. Half of the laser points, each pixel taking its nearest one, are
scored on the other half: no model, it shows that calibration, projection and scores work on real files.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from bench.depth_scenes import EXACT, SCENES, Noise, Scene, as_affine, as_relative
from bench.material import ASSETS
from bench.open3d_peer import find_open3d, segment_plane
from ops.depth_models.kinds import Depth, MetricDepth
from ops.depth_scores import depth_scores, lidar_depth
from ops.floor.find import NoFloor, find_floor
from ops.floor.plane_fit import Plane, Tolerance
from ops.floor.planes import Ransac, fit_plane
from ops.floor.points import Intrinsics, Pose, to_points
from ops.floor.scale import scale_from_ground, scale_from_people
from ops.floor.scale_fit import FixedScale, NoScale
from ops.floor.scale_height import Known, scale_from_height
from schemas.values import Float32, Float64
from storage.box_files.kitti_calibration import read_kitti_calibration, read_lidar

Figures = dict[str, float | bool]

SLAMBOOK = Intrinsics.of_centres(518.0, 519.0, 325.5, 253.5)
MILLIMETRES = 1000
DISTANCE_M = 0.02
SEEDS = range(5)

DRIFTS = {"drift_2": Noise(0.02, 0.01, 1.0), "drift_5": Noise(0.05, 0.01, 1.5)}
NOISE_SEEDS = range(2)
AFFINE, RELATIVE = (7.0, 1.5), (0.002, 0.01)
PEOPLE, PERSON_PX = 60, 1.5


@dataclass(frozen=True)
class View:
    """What was measured on a view: errors, and how many standard deviations they are."""

    abs_rel: float
    delta_1: float
    plane_angle_deg: float
    camera_height_error: float
    floor_iou: float
    angle_sigmas: float
    height_sigmas: float


def measure(open3d_python: str = sys.executable) -> Figures:
    """Returns all figures; those of open3d only if that Python has it, which ``slambook.open3d`` says."""
    return slambook(open3d_python) | rendered([Scene.render(spec) for spec in SCENES]) | lidar()


def slambook(open3d_python: str) -> Figures:
    """Returns figures on real depth."""
    folder = ASSETS / "depth" / "rgbd_slambook"
    peer = find_open3d(open3d_python)
    poses = [Pose.of_quaternion(row[:3], row[3:]) for row in np.loadtxt(folder / "pose.txt")]
    shares, peer_shares, angles, ups = [], [], [], []
    for number, pose in enumerate(poses, 1):
        raw = cv2.imread(str(folder / "depth" / f"{number}.pgm"), cv2.IMREAD_UNCHANGED)
        points = to_points(np.asarray(raw) / MILLIMETRES, SLAMBOOK)
        points = points[np.isfinite(points[..., 2])]
        planes = [found for seed in SEEDS if (found := fit_plane(points, _search(seed))) is not None]
        shares.append(planes[0].share)
        angles.append(max(_angle_deg(one.normal, other.normal) for one in planes for other in planes))
        ups.append(pose.rotation @ planes[0].normal)
        if peer is not None:
            peer_shares.append(max(p.share for p in segment_plane(open3d_python, points, DISTANCE_M, SEEDS)))
    figures: Figures = {
        "slambook.inlier_share": float(np.mean(shares)),
        "slambook.angle_deg": max(angles),
        "slambook.between_frames_deg": max(_angle_deg(a, b) for a, b in pairwise(ups)),
        "slambook.frames": len(poses),
        "slambook.seeds": len(SEEDS),
        "slambook.open3d": peer is not None,
    }
    if peer is not None:
        figures["slambook.open3d_inlier_share"] = float(np.mean(peer_shares))
        better = [ours >= theirs for ours, theirs in zip(shares, peer_shares, strict=True)]
        figures["slambook.frames_at_least_open3d"] = sum(better)
    return figures


def _search(seed: int) -> Ransac:
    return Ransac(Tolerance(DISTANCE_M), seed=seed)


def _angle_deg(one: Float64, other: Float64) -> float:
    return float(np.degrees(2 * np.arcsin(min(float(np.linalg.norm(one - other)) / 2, 1.0))))


def rendered(scenes: list[Scene]) -> Figures:
    """Returns figures on rendered views."""
    figures: Figures = {"rendered.views": len(scenes)}
    exact = [_look(scene, depth) for scene in scenes for depth in _fixed_by_ground(scene, scene.estimate_m(EXACT, 0))]
    figures |= _worst("rendered", exact)
    for name, noise in DRIFTS.items():
        looks = [
            _look(scene, depth)
            for scene in scenes
            for seed in NOISE_SEEDS
            for depth in _fixed_by_ground(scene, scene.estimate_m(noise, seed))
        ]
        figures |= _worst(f"rendered.{name}.worst", looks) | _median(f"rendered.{name}", looks)
    for name in ("people", "height"):
        fixed = [each for number, scene in enumerate(scenes) for each in _fixed_otherwise(scene, name, number)]
        looks = [_look(scene, depth) for scene, depth in fixed if depth is not None]
        figures[f"rendered.{name}.not_fixed"] = len(fixed) - len(looks)
        if looks:
            figures |= _worst(f"rendered.{name}.worst", looks) | _median(f"rendered.{name}", looks)
    return figures


def _fixed_by_ground(scene: Scene, depth_m: Float32) -> Iterator[MetricDepth]:
    """Yields depth as it is, and from the affine and the relative map of it."""
    yield MetricDepth(depth_m)
    for depth in _unscaled(depth_m):
        yield _metric(depth, scale_from_ground(depth, scene.ground))


def _unscaled(depth_m: Float32) -> tuple[Depth, Depth]:
    return as_affine(depth_m, *AFFINE), as_relative(depth_m, *RELATIVE)


def _metric(depth: Depth, fixed: FixedScale | NoScale) -> MetricDepth:
    if isinstance(fixed, NoScale):
        raise ValueError(f"no scale: {fixed}")
    return fixed.metric(depth)


def _fixed_otherwise(scene: Scene, by: str, number: int) -> Iterator[tuple[Scene, MetricDepth | None]]:
    for depth in _unscaled(scene.estimate_m(DRIFTS["drift_2"], 0)):
        if by == "people":
            fixed = scale_from_people(depth, scene.intrinsics, scene.ground.up(), *_people(scene, number))
        else:
            random = np.random.default_rng([number, 0x4E16])
            height_m, tilt_rad = scene.ground.height_m * random.normal(1, 0.02), random.normal(0, np.radians(0.5))
            height = Known(height_m, 0.02 * height_m)
            tilt = Known(scene.ground.tilt_rad + tilt_rad, float(np.radians(0.5)))
            fixed = scale_from_height(depth, scene.intrinsics, height, tilt)
        yield scene, None if isinstance(fixed, NoScale) else fixed.metric(depth)


def _people(scene: Scene, number: int) -> tuple[Float64, Float64]:
    """Returns feet and heads of people who are seen as a whole, pixels."""
    random = np.random.default_rng([number, 0x9E0])
    place = np.column_stack([random.uniform(0.5, 15.5, PEOPLE), random.uniform(-6, 7.5, PEOPLE), np.zeros(PEOPLE)])
    tall = np.column_stack([place[:, :2], random.normal(1.7, 0.09, PEOPLE)])
    (feet, away), (heads, _) = scene.camera.project(place), scene.camera.project(tall)
    sigma_px = PERSON_PX * scene.camera.size_px[0] / 640
    feet, heads = (pixels + random.normal(0, sigma_px, pixels.shape) for pixels in (feet, heads))
    seen = (away > 1) & ((feet > 0) & (feet < scene.camera.size_px) & (heads > 0) & (heads < scene.camera.size_px)).all(
        axis=1
    )
    return feet[seen], heads[seen]


def _look(scene: Scene, depth: MetricDepth) -> View:
    """Finds the floor of a depth map, and scores both."""
    scores = depth_scores(depth.values, scene.truth_m)
    floor = find_floor(depth, scene.intrinsics, scene.image)
    if isinstance(floor, NoFloor):
        return View(scores.abs_rel, scores.delta_1, 180.0, 1.0, 0.0, np.nan, np.nan)
    angle = _angle_deg(floor.up, scene.ground.up())
    error = floor.height_m / scene.ground.height_m - 1
    plane = Plane(floor.up, floor.height_m, floor.mask, 0.0, floor.covariance)
    return View(
        scores.abs_rel,
        scores.delta_1,
        angle,
        abs(error),
        float((floor.mask & scene.floor).sum() / (floor.mask | scene.floor).sum()),
        float(np.radians(angle)) / plane.angle_sigma_rad,
        error * scene.ground.height_m / floor.height_sigma_m,
    )


def _column(looks: list[View], name: str) -> Float64:
    return np.array([getattr(look, name) for look in looks])


def _worst(prefix: str, looks: list[View]) -> Figures:
    figures: Figures = {
        f"{prefix}.{name}": float(_column(looks, name).max())
        for name in ("abs_rel", "plane_angle_deg", "camera_height_error")
    }
    return figures | {f"{prefix}.{name}": float(_column(looks, name).min()) for name in ("delta_1", "floor_iou")}


def _median(prefix: str, looks: list[View]) -> Figures:
    names = ("abs_rel", "delta_1", "plane_angle_deg", "camera_height_error", "floor_iou")
    figures: Figures = {f"{prefix}.{name}": float(np.median(_column(looks, name))) for name in names}
    for name in ("angle_sigmas", "height_sigmas"):  # root mean square: 1 where the doubt fits the errors
        figures[f"{prefix}.{name}"] = float(np.sqrt(np.nanmean(_column(looks, name) ** 2)))
    return figures


def lidar() -> Figures:
    """Returns scores of one half of laser scans against the other."""
    folder = ASSETS / "depth" / "argo_kitti_fmt"
    scores = [_half_against_half(folder, file) for file in sorted((folder / "calib").glob("*.txt"))]
    return {
        "lidar.frames": len(scores),
        "lidar.points": sum(count for count, _ in scores),
        "lidar.half_abs_rel": float(np.mean([abs_rel for _, abs_rel in scores])),
    }


def _half_against_half(folder: Path, calibration: Path) -> tuple[int, float]:
    height, width = np.asarray(cv2.imread(str(folder / "image_2" / f"{calibration.stem}.png"))).shape[:2]
    points, _ = read_lidar(folder / "velodyne" / f"{calibration.stem}.bin")
    sparse = lidar_depth(read_kitti_calibration(calibration), points, (width, height))
    known = np.isfinite(sparse)
    half = known & (np.random.default_rng(0).random(sparse.shape) < 0.5)
    _, nearest = cv2.distanceTransformWithLabels(
        (~half).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    by_label = np.zeros(int(nearest.max()) + 1, np.float32)
    by_label[nearest[half]] = sparse[half]
    scores = depth_scores(by_label[nearest], np.where(half, np.float32(np.nan), sparse))
    return int(known.sum()), scores.abs_rel
