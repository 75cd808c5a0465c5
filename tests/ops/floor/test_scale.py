"""Scale and shift come back from a ground plane, from people and from the lens's height, with a doubt that fits."""

import numpy as np
import pytest

from ops.depth_models.kinds import AffineDepth, Depth, MetricDepth, RelativeDepth
from ops.floor.scale import depth_of_people, ground_at, scale_from_ground, scale_from_people
from ops.floor.scale_fit import FixedScale, NoScale
from ops.floor.scale_height import Known, scale_from_height
from ops.ground.pinhole import PinholeGround
from schemas.values import Float32, Float64
from tests.ops.floor.rooms import CAMERA, FLOOR, INTRINSICS, SIZE_PX, TABLE, WALLS, render

ROOM = render((*FLOOR, *WALLS, *TABLE))
TRUE = {AffineDepth: (7.0, 1.5), RelativeDepth: (0.002, 0.01), MetricDepth: (0.8, 0.0)}
KINDS = tuple(TRUE)
HEIGHT, TILT = Known(3.0, 0.03), Known(CAMERA.tilt_rad, 0.01)


def shown(kind: type[Depth], depth_m: Float32, noise: float = 0.0, seed: int = 0) -> Depth:
    """The room's depth as a map of one kind, with independent errors."""
    factor = np.exp(np.random.default_rng(seed).normal(0, noise, depth_m.shape))
    scale, shift = TRUE[kind]
    target = depth_m * factor if kind is not RelativeDepth else 1 / (depth_m * factor)
    return kind(((target - shift) / scale).astype(np.float32))


def people(count: int, seed: int, noise_px: float = 0.0, stature_sigma_m: float = 0.0) -> tuple[Float64, Float64]:
    """Feet and heads of people in the room, pixels."""
    random = np.random.default_rng(seed)
    place = np.column_stack([random.uniform(-3, 3, count), random.uniform(4, 8.8, count), np.zeros(count)])
    top = place + np.outer(random.normal(1.7, stature_sigma_m, count), (0, 0, 1))
    feet, heads = CAMERA.project(place), CAMERA.project(top)
    return feet + random.normal(0, noise_px, feet.shape), heads + random.normal(0, noise_px, heads.shape)


def fix(by: str, depth: Depth) -> FixedScale | NoScale:
    if by == "ground":
        return scale_from_ground(depth, CAMERA)
    if by == "people":
        return scale_from_people(depth, INTRINSICS, CAMERA.up(), *people(25, 1))
    return scale_from_height(depth, INTRINSICS, HEIGHT, TILT)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by", ["ground", "people", "height"])
def test_scale_and_shift_come_back(by: str, kind: type[Depth]) -> None:
    room = render((*FLOOR, *WALLS)) if by == "people" else ROOM
    fixed = fix(by, shown(kind, room.depth_m))
    assert isinstance(fixed, FixedScale)
    scale, shift = TRUE[kind]
    most = 0.05 if by == "people" else 0.01  # a foot is within its pixel, which shows 2 % of its distance
    assert fixed.scale == pytest.approx(scale, rel=most)
    assert fixed.shift == pytest.approx(shift, abs=5 * most * max(shift, 1e-9))
    metric = fixed.metric(shown(kind, room.depth_m)).values
    assert np.nanmedian(np.abs(metric / room.depth_m - 1)) < most


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by", ["ground", "height"])
def test_noise_leaves_depth_within_its_doubt(by: str, kind: type[Depth]) -> None:
    depth = shown(kind, ROOM.depth_m, 0.03)
    fixed = fix(by, depth)
    assert isinstance(fixed, FixedScale)
    gap = np.abs(fixed.metric(depth).values - ROOM.depth_m)[ROOM.floor] / fixed.sigma_m(depth)[ROOM.floor]
    assert np.median(gap) < 1.2
    assert np.median(fixed.sigma_m(depth)[ROOM.floor] / ROOM.depth_m[ROOM.floor]) < 0.15


def test_doubt_of_people_fits_their_errors() -> None:
    depth = shown(RelativeDepth, render((*FLOOR, *WALLS)).depth_m, 0.02)
    off = []
    for seed in range(30):
        fixed = scale_from_people(depth, INTRINSICS, CAMERA.up(), *people(30, seed, 0.5, 0.09))
        assert isinstance(fixed, FixedScale)
        error = np.array([fixed.scale - 0.002, fixed.shift - 0.01])
        off.append(error / np.sqrt(np.diag(fixed.covariance)))
    assert np.sqrt((np.array(off) ** 2).mean(axis=0)) == pytest.approx(np.ones(2), abs=0.5)


def test_what_the_ground_model_does_not_know_adds_doubt() -> None:
    depth = shown(AffineDepth, ROOM.depth_m)
    sure = scale_from_ground(depth, CAMERA)
    tall = scale_from_ground(depth, CAMERA, height_sigma_m=0.3)
    tilted = scale_from_ground(depth, CAMERA, tilt_sigma_rad=0.02)
    assert isinstance(sure, FixedScale)
    assert isinstance(tall, FixedScale)
    assert isinstance(tilted, FixedScale)
    assert np.sqrt(tall.covariance[0, 0]) == pytest.approx(0.7, rel=0.05)  # a tenth of the scale, as of the height
    assert tilted.covariance[0, 0] > 10 * sure.covariance[0, 0]


def test_the_ground_model_may_be_of_larger_frames() -> None:
    large = ground_at(CAMERA, (640, 480))
    assert large.focal_px == 4 * CAMERA.focal_px
    small, full = (scale_from_ground(shown(RelativeDepth, ROOM.depth_m), ground) for ground in (CAMERA, large))
    assert isinstance(small, FixedScale)
    assert isinstance(full, FixedScale)
    assert small.scale == pytest.approx(full.scale)


def test_depth_of_people_is_that_of_their_feet() -> None:
    feet, heads = people(20, 3)
    z_m, length_px = depth_of_people(INTRINSICS, CAMERA.up(), feet, heads, 1.7)
    np.testing.assert_allclose(z_m, CAMERA.ground_depth_m(feet))
    assert (length_px > 5).all()


def test_the_height_alone_does_not_fix_relative_depth() -> None:
    depth = shown(RelativeDepth, ROOM.depth_m)
    assert scale_from_height(depth, INTRINSICS, HEIGHT) is NoScale.NO_TILT
    # Another tilt gives another shift: nothing in the map tells which one is right.
    shifts = [
        fixed.shift
        for tilt in (0.3, 0.35, 0.4)
        if isinstance(fixed := scale_from_height(depth, INTRINSICS, HEIGHT, Known(tilt)), FixedScale)
    ]
    assert len(set(np.round(shifts, 4))) == 3


def test_the_height_alone_fixes_affine_depth_where_the_floor_is_exact() -> None:
    exact = scale_from_height(shown(AffineDepth, ROOM.depth_m), INTRINSICS, HEIGHT)
    assert isinstance(exact, FixedScale)
    assert exact.scale == pytest.approx(7, rel=0.02)
    noisy = shown(AffineDepth, ROOM.depth_m, 0.03)
    alone = scale_from_height(noisy, INTRINSICS, HEIGHT)
    tilted = scale_from_height(noisy, INTRINSICS, HEIGHT, TILT)
    assert isinstance(tilted, FixedScale)
    assert alone is NoScale.TOO_ALIKE or (
        isinstance(alone, FixedScale) and alone.covariance[0, 0] > 2 * tilted.covariance[0, 0]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by", ["ground", "people", "height"])
@pytest.mark.parametrize("what", ["nan", "constant", "noise", "tiny"])
def test_bad_maps_give_a_reason(by: str, kind: type[Depth], what: str) -> None:
    maps = {
        "nan": np.full((120, 160), np.nan),
        "constant": np.full((120, 160), 4.0),
        "noise": np.random.default_rng(0).lognormal(0, 2, (120, 160)),
        "tiny": np.ones((2, 3)),
    }
    fixed = fix(by, kind(maps[what].astype(np.float32)))
    assert isinstance(fixed, NoScale)


def test_sky_and_ground_that_is_not_seen_give_a_reason() -> None:
    up_high = PinholeGround(SIZE_PX, 140.0, np.radians(-40), 0.0, 3.0)
    depth = shown(AffineDepth, ROOM.depth_m)
    assert scale_from_ground(depth, up_high) is NoScale.TOO_FEW
    feet, heads = people(3, 0)
    assert scale_from_people(depth, INTRINSICS, CAMERA.up(), feet, heads) is NoScale.TOO_FEW
    assert scale_from_people(depth, INTRINSICS, CAMERA.up(), feet * 100, heads) is NoScale.TOO_FEW


def test_the_wrong_ground_contradicts() -> None:
    depth = shown(AffineDepth, ROOM.depth_m)
    sideways = PinholeGround(SIZE_PX, 140.0, np.radians(20), np.radians(120), 3.0)
    fixed = scale_from_ground(depth, sideways)
    assert fixed is NoScale.CONTRADICTION or (isinstance(fixed, FixedScale) and fixed.spread > 0.05)


def test_people_at_one_distance_leave_scale_and_shift_open() -> None:
    feet, heads = people(20, 0)
    near = np.abs(CAMERA.ground_depth_m(feet) - 8) < 0.8
    depth = shown(AffineDepth, render((*FLOOR, *WALLS)).depth_m, 0.05)
    fixed = scale_from_people(depth, INTRINSICS, CAMERA.up(), feet[near], heads[near])
    assert isinstance(fixed, NoScale) or np.sqrt(fixed.covariance[0, 0]) > 0.1 * fixed.scale
