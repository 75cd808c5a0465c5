"""The floor of a room is found, and not its wall or table; where there is none, the result says why."""

import numpy as np
import pytest

from ops.depth_models.kinds import MetricDepth
from ops.floor.find import Floor, FloorSearch, NoFloor, find_floor
from ops.floor.points import Intrinsics
from ops.ground.pinhole import PinholeGround
from schemas.values import Float32
from tests.ops.floor.rooms import CAMERA, FLOOR, INTRINSICS, SIZE_PX, TABLE, WALLS, angle_deg, iou, render


def with_noise(depth_m: Float32, share: float, seed: int = 0) -> Float32:
    noise = np.random.default_rng(seed).normal(0, share, depth_m.shape)
    return (depth_m * np.exp(noise)).astype(np.float32)


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("boxes", [FLOOR, (*FLOOR, *WALLS), (*FLOOR, *WALLS, *TABLE)])
def test_the_floor_of_a_room_is_found(boxes: tuple[tuple[tuple[float, ...], ...], ...], noise: float) -> None:
    room = render(boxes)  # type: ignore[arg-type]
    floor = find_floor(MetricDepth(with_noise(room.depth_m, noise)), INTRINSICS, room.image)
    assert isinstance(floor, Floor)
    assert angle_deg(floor.up, CAMERA.up()) < 0.4
    assert floor.height_m == pytest.approx(3.0, rel=0.01)
    assert floor.tilt_rad == pytest.approx(CAMERA.tilt_rad, abs=0.008)
    assert floor.roll_rad == pytest.approx(CAMERA.roll_rad, abs=0.008)
    assert iou(floor.mask, room.floor) > 0.95


def test_a_table_that_fills_more_of_the_picture_than_the_floor_is_not_the_floor() -> None:
    room = render((*FLOOR, *WALLS, ((-1.3, 1.5, 1.0), (6, 7, 1.1))))
    assert (room.shown == 3).sum() > room.floor.sum()
    floor = find_floor(MetricDepth(room.depth_m), INTRINSICS, room.image)
    assert isinstance(floor, Floor)
    assert floor.height_m == pytest.approx(3.0, rel=0.01)
    assert iou(floor.mask, room.floor) > 0.9


def test_a_large_wall_is_not_the_floor() -> None:
    camera = PinholeGround(SIZE_PX, 140.0, np.radians(2), 0.0, 1.6)
    room = render((*FLOOR, ((-9, 6, -1), (9, 7, 9))), camera)
    assert room.floor.mean() < 0.25
    floor = find_floor(MetricDepth(with_noise(room.depth_m, 0.01)), INTRINSICS, room.image)
    assert isinstance(floor, Floor)
    assert angle_deg(floor.up, camera.up()) < 1
    assert floor.height_m == pytest.approx(1.6, rel=0.02)


def test_depth_without_a_picture_gives_a_mask_as_well() -> None:
    room = render((*FLOOR, *WALLS, *TABLE))
    floor = find_floor(MetricDepth(with_noise(room.depth_m, 0.01)), INTRINSICS)
    assert isinstance(floor, Floor)
    assert iou(floor.mask, room.floor) > 0.9


def test_the_picture_tells_where_depth_is_missing() -> None:
    room = render()
    depth = room.depth_m.copy()
    depth[70:90, 60:100] = np.nan  # a wet patch, on the floor alone
    assert room.floor[70:90, 60:100].all()
    floor = find_floor(MetricDepth(depth), INTRINSICS, room.image)
    assert isinstance(floor, Floor)
    assert floor.mask[70:90, 60:100].mean() > 0.9
    alone = find_floor(MetricDepth(depth), INTRINSICS)
    assert isinstance(alone, Floor)
    assert not alone.mask[75:85, 65:95].any()


def test_a_mask_has_holes_and_parts() -> None:
    barrier = (((-0.3, 2.2, 0), (0.3, 30, 1.0)), ((1.5, 3.5, 0), (2.2, 4.2, 0.5)))
    room = render((*FLOOR, *barrier))
    floor = find_floor(MetricDepth(room.depth_m), INTRINSICS, room.image)
    assert isinstance(floor, Floor)
    assert iou(floor.mask, room.floor) > 0.95
    shown = room.shown == 2
    assert not floor.mask[shown].mean() > 0.3


def test_the_same_map_gives_the_same_bytes() -> None:
    room = render()
    depth = MetricDepth(with_noise(room.depth_m, 0.02))
    one, other = (find_floor(depth, INTRINSICS, room.image) for _ in range(2))
    assert isinstance(one, Floor)
    assert isinstance(other, Floor)
    assert one.up.tobytes() == other.up.tobytes()
    assert one.mask.tobytes() == other.mask.tobytes()


def test_doubt_grows_with_noise() -> None:
    room = render()
    doubts = []
    for noise in (0.0, 0.02, 0.06):
        floor = find_floor(MetricDepth(with_noise(room.depth_m, noise)), INTRINSICS)
        assert isinstance(floor, Floor)
        doubts.append((floor.height_sigma_m, floor.tilt_sigma_rad, floor.roll_sigma_rad))
    assert np.all(np.diff(doubts, axis=0) > 0)


def mirrored() -> Float32:
    """The floor shows what is above it: its depth goes down to the mirrored ceiling, 4 m above the floor."""
    room = render((*FLOOR, *WALLS))
    rays = INTRINSICS.rays(SIZE_PX[::-1])
    sinking = -(rays @ CAMERA.up())
    wavy = 1 + np.random.default_rng(0).uniform(0, 1.3, room.depth_m.shape)
    puddles = room.floor & (np.sin(np.arange(SIZE_PX[0]) / 5) > -0.2)
    return np.where(puddles, CAMERA.height_m * wavy / np.maximum(sinking, 1e-3), room.depth_m).astype(np.float32)


@pytest.mark.parametrize(
    ("depth_m", "reason"),
    [
        (np.full((120, 160), np.nan), NoFloor.NO_DEPTH),
        (np.full((120, 160), -1.0), NoFloor.NO_DEPTH),
        (np.full((120, 160), np.inf), NoFloor.NO_DEPTH),
        (np.full((120, 160), 4.0), NoFloor.CONSTANT),
        (np.full((9, 160), 4.0), NoFloor.TOO_SMALL),
        (render(WALLS[:1]).depth_m, NoFloor.NONE_SEEN),  # a wall that fills the picture
        (np.random.default_rng(0).uniform(1, 9, (120, 160)), NoFloor.NONE_SEEN),
        (mirrored(), NoFloor.BELOW),
    ],
)
def test_where_no_floor_is_seen_the_reason_is_told(depth_m: Float32, reason: NoFloor) -> None:
    assert find_floor(MetricDepth(depth_m.astype(np.float32)), INTRINSICS) is reason


def test_sky_above_a_floor_does_no_harm() -> None:
    camera = PinholeGround(SIZE_PX, 140.0, np.radians(8), 0.0, 4.0)
    room = render(FLOOR, camera)
    depth = np.where(np.isnan(room.depth_m), 80.0, np.minimum(room.depth_m, 80.0)).astype(np.float32)
    floor = find_floor(MetricDepth(depth), INTRINSICS, room.image)
    assert isinstance(floor, Floor)
    assert floor.height_m == pytest.approx(4.0, rel=0.01)
    assert not floor.mask[:30].any()


def test_a_picture_of_another_size_is_refused() -> None:
    room = render()
    with pytest.raises(ValueError, match="differ in size"):
        find_floor(MetricDepth(room.depth_m), INTRINSICS, room.image[:50])


def test_how_level_a_floor_must_be_is_a_parameter() -> None:
    camera = PinholeGround(SIZE_PX, 140.0, np.radians(20), np.radians(45), 3.0)
    depth = MetricDepth(render(FLOOR, camera).depth_m)
    intrinsics = Intrinsics.middle(SIZE_PX, 140.0)
    assert find_floor(depth, intrinsics) is NoFloor.NONE_SEEN
    assert isinstance(find_floor(depth, intrinsics, search=FloorSearch(max_roll_deg=60)), Floor)
