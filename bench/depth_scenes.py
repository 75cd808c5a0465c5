"""Views of the sample site's hall with their true depth and floor, and depth as a network errs."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ops.depth_models.kinds import AffineDepth, MetricDepth, RelativeDepth
from ops.floor.points import Intrinsics, to_points
from ops.ground.pinhole import PinholeGround
from sample_site.geometry import Pinhole
from sample_site.hall import Backdrop, render_backdrop
from schemas.values import Bools, Float32, Float64, Uint8
from storage.photographs import find_photograph

SIZE_PX = (640, 360)
FLOOR_M = 0.01
"""A point less high is floor."""


@dataclass(frozen=True)
class SceneSpec:
    """A camera in the hall.

    Attributes:
        place_m, target_m: as in ``Pinhole``.
        focal_share: focal length as a share of the picture's width.
        seed: of surfaces and plants.
    """

    place_m: tuple[float, float, float]
    target_m: tuple[float, float, float]
    focal_share: float
    seed: int


SCENES = (
    SceneSpec((2.0, -8.0, 3.2), (8.0, 4.0, 0.6), 0.9, 1),
    SceneSpec((14.5, -6.0, 2.6), (8.0, 5.0, 0.9), 0.8, 2),
    SceneSpec((8.0, -3.0, 4.5), (8.0, 5.0, 0.0), 0.75, 3),
    SceneSpec((4.0, 0.0, 2.4), (10.5, 6.0, 0.4), 1.1, 4),
    SceneSpec((1.0, 3.0, 5.5), (7.0, 5.5, 0.0), 0.7, 5),
    SceneSpec((12.0, -14.0, 3.8), (7.0, 4.0, 1.0), 1.4, 6),
)
"""Heights 2.4 to 5.5 m, tilts 8 to 40 degrees, focal lengths 0.7 to 1.4 picture widths."""


@dataclass(frozen=True)
class Noise:
    """How a network errs, as shares of the depth.

    Attributes:
        drift: standard deviation of errors that are alike over a sixth of the picture's width.
        fine: of errors that differ from pixel to pixel.
        blur_px: standard deviation of the blur of edges, pixels of a picture 640 wide.
    """

    drift: float
    fine: float
    blur_px: float


EXACT = Noise(0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Scene:
    """A rendered view and the truth about it."""

    spec: SceneSpec
    camera: Pinhole
    backdrop: Backdrop

    @classmethod
    def render(cls, spec: SceneSpec, size_px: tuple[int, int] = SIZE_PX) -> "Scene":
        """Renders the view of a camera."""
        camera = Pinhole(size_px, spec.focal_share * size_px[0], spec.place_m, spec.target_m)
        photo = np.asarray(cv2.imread(str(find_photograph("bus.jpg"))), np.uint8)
        return cls(spec, camera, render_backdrop(camera, photo, spec.seed))

    @property
    def image(self) -> Uint8:
        """The picture ``(H, W, 3)``, BGR."""
        return self.backdrop.image

    @property
    def intrinsics(self) -> Intrinsics:
        """Those of the camera."""
        return Intrinsics.middle(self.camera.size_px, self.camera.focal_px)

    @cached_property
    def truth_m(self) -> Float32:
        """True depth ``(H, W)``; NaN where nothing is seen."""
        return np.where(self.backdrop.depth_m < 1e5, self.backdrop.depth_m, np.nan).astype(np.float32)

    @cached_property
    def floor(self) -> Bools:
        """The pixels ``(H, W)`` that show the floor: what is less than 1 cm above it."""
        points = to_points(self.truth_m, self.intrinsics) @ self.camera.rotation
        with np.errstate(invalid="ignore"):
            return np.asarray(points[..., 2] + self.spec.place_m[2] < FLOOR_M)

    @property
    def ground(self) -> PinholeGround:
        """The true camera above its ground."""
        up = self.camera.rotation @ np.array([0.0, 0.0, 1.0])
        return PinholeGround.from_up(self.camera.size_px, self.camera.focal_px, up, self.spec.place_m[2])

    def estimate_m(self, noise: Noise, seed: int) -> Float32:
        """Returns depth ``(H, W)`` with a network's errors."""
        random = np.random.default_rng([seed, 0xDE9])
        height, width = self.truth_m.shape
        inverse: Float64 = np.nan_to_num(1 / self.truth_m.astype(np.float64))  # nothing seen: infinitely far
        if noise.blur_px:
            inverse = np.asarray(cv2.GaussianBlur(inverse, (0, 0), noise.blur_px * width / 640), np.float64)
        drift = cv2.GaussianBlur(random.standard_normal((height * 2, width * 2)), (0, 0), width / 12)
        drift = drift[height // 2 :, width // 2 :][:height, :width] / drift.std()
        fine = cv2.GaussianBlur(random.standard_normal((height, width)), (0, 0), 1.0)
        factor = np.exp(noise.drift * drift + noise.fine * fine / fine.std())
        with np.errstate(divide="ignore"):
            depth: Float64 = np.where(inverse > 0, factor / inverse, np.nan)
        return depth.astype(np.float32)


def as_affine(depth_m: Float32, scale: float, shift_m: float) -> AffineDepth:
    """Returns the affine depth of which ``scale * value + shift_m`` is this depth."""
    return AffineDepth(((depth_m - np.float32(shift_m)) / np.float32(scale)).astype(np.float32))


def as_relative(depth_m: Float32, scale: float, shift: float) -> RelativeDepth:
    """Returns the relative depth of which ``1 / (scale * value + shift)`` is this depth; 0 metres ahead is unknown."""
    inverse = np.where(np.isfinite(depth_m), 1 / depth_m, 0.0)
    return RelativeDepth(((inverse - shift) / scale).astype(np.float32))


def as_metric(depth_m: Float32) -> MetricDepth:
    """Returns depth as it is."""
    return MetricDepth(depth_m)
