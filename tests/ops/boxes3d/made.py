"""Cuboids before a camera whose geometry is known, and the boxes that a detector would give."""

from dataclasses import dataclass

import numpy as np

from ops.boxes3d.fit import Looks
from ops.boxes3d.shapes import image_boxes, silhouette
from ops.ground.camera_matrix import CameraMatrix, camera_matrix
from ops.ground.class_sizes import CLASS_SIZES
from ops.ground.project import to_ground
from schemas.values import Float64
from tests.ops.ground_scene import ORIGIN_M, make_view, plane_of


def make_camera() -> CameraMatrix:
    camera = camera_matrix(plane_of(make_view()))
    assert camera is not None
    return camera


@dataclass(frozen=True, eq=False)
class Made:
    """Looks at tracks of one class, and the truth: centre ``(N, 2)``, yaw ``(N,)``, size ``(N, 3)``."""

    looks: Looks
    centre_m: Float64
    yaw_rad: Float64
    size_m: Float64


def make_tracks(
    label: str,
    noise_px: float = 2.0,
    yaw_sigma: float = np.radians(5),
    tracks: int = 120,
    points: int = 15,
    speed_m: float = 0.3,
    seed: int = 0,
) -> Made:
    """Tracks in all directions, of sizes as the class has them; errors of edges last three points."""
    random, camera, prior = np.random.default_rng(seed), make_camera(), CLASS_SIZES[label]
    track = np.repeat(np.arange(tracks), points)
    size = (prior.mean + random.normal(size=(tracks, 3)) * prior.spread)[track]
    yaw = random.uniform(-np.pi, np.pi, tracks)[track]
    begin = np.column_stack([random.uniform(-4, 4, tracks), random.uniform(8, 15, tracks)])[track]
    way = np.tile(np.arange(points) - points / 2, tracks)[:, None] * speed_m
    centre = ORIGIN_M + begin + np.column_stack([np.sin(yaw), np.cos(yaw)]) * way
    clean, _ = image_boxes(camera, centre, yaw, size, silhouette(label))
    box = clean + random.normal(0, noise_px, (tracks, points // 3, 4)).repeat(3, axis=1).reshape(-1, 4)
    foot = to_ground(plane_of(make_view()), np.column_stack([box[:, [0, 2]].mean(axis=1), box[:, 3]]))
    seen_yaw = yaw + random.normal(0, yaw_sigma, tracks)[track]
    count = len(track)
    looks = Looks(
        track,
        box,
        np.full((count, 4), noise_px),
        foot,
        np.full(count, 3.0),
        seen_yaw,
        np.full(count, yaw_sigma),
        np.full(count, 1 / points),
    )
    return Made(looks, centre, yaw, size)
