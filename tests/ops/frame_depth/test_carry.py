"""Depth is carried between keyframes: exact where the view stands still, with those who move, and not too far."""

import numpy as np
import pytest

from ops.depth_models.kinds import AffineDepth, Depth, MetricDepth, RelativeDepth
from ops.frame_depth.carry import CarriedDepth, DepthCarrier, KeyframeParams
from ops.frame_depth.view import Background
from schemas.errors import ModelError
from schemas.values import Float32, Uint8
from tests.ops.frame_depth.scene import FRAME_US, FRAMES, SIZE_PX, Scene


def carried(
    scene: Scene, kind: str = "metric", background: bool = True, params: KeyframeParams | None = None
) -> list[CarriedDepth]:
    """The depth of every frame of a scene."""
    carrier = DepthCarrier(scene.network(kind), params or KeyframeParams(), scene.background if background else None)
    return [carrier.next(scene.frame(number), number * FRAME_US) for number in range(FRAMES)]


def errors(scene: Scene, found: list[CarriedDepth]) -> Float32:
    """AbsRel of each metric frame."""
    off = [
        np.mean(np.abs(one.depth.values - scene.depth_m(number)) / scene.depth_m(number))
        for number, one in enumerate(found)
    ]
    return np.array(off, np.float32)


def test_a_fixed_camera_needs_few_keyframes_and_loses_little() -> None:
    scene = Scene()
    found = carried(scene)
    keyframes = sum(one.keyframe for one in found)
    assert keyframes <= FRAMES / 5
    assert scene.looks == keyframes + 1, "and the background once"
    assert errors(scene, found).mean() < 0.01
    assert all(one.invalid_share == 0 for one in found if one.keyframe)


def test_nothing_that_moves_needs_no_keyframe_but_the_first() -> None:
    scene = Scene(person=False)
    found = carried(scene)
    assert [one.keyframe for one in found] == [True, *[False] * (FRAMES - 1)]
    assert errors(scene, found).max() < 1e-6


def test_without_a_background_flow_carries_everything() -> None:
    scene = Scene()
    found = carried(scene, background=False)
    assert sum(one.keyframe for one in found) <= FRAMES / 5
    assert errors(scene, found).mean() < 0.03


def test_a_camera_that_pans_keeps_its_depth() -> None:
    scene = Scene(person=False, pan_px=3)
    found = carried(scene, background=False)
    assert 1 < sum(one.keyframe for one in found) <= FRAMES / 4
    assert errors(scene, found).mean() < 0.05


@pytest.mark.parametrize("kind", ["affine", "relative"])
@pytest.mark.parametrize("background", [True, False])
def test_a_scale_that_changes_with_every_picture_does_not_flicker(kind: str, background: bool) -> None:
    scene = Scene()
    found = carried(scene, kind, background)
    wall = np.array([one.depth.values[5, 5] for one in found])
    assert {one.scale_group for one in found} == {0}
    assert np.ptp(wall) < 0.01 * abs(wall[0])


def test_metric_depth_of_a_fixed_camera_does_not_flicker() -> None:
    found = carried(Scene(gain=0.1))
    wall = np.array([one.depth.values[5, 5] for one in found])
    assert np.ptp(wall) == 0


def test_a_pause_ends_what_is_carried_and_a_new_scale_is_said() -> None:
    scene = Scene()
    carrier = DepthCarrier(scene.network("relative"), KeyframeParams())
    first = carrier.next(scene.frame(0), 0)
    later = carrier.next(scene.frame(1), 60_000_000)
    assert first.keyframe and later.keyframe
    assert (first.scale_group, later.scale_group) == (0, 1)


def test_times_count_and_not_frames() -> None:
    """Variable frame rate: a keyframe is due by seconds."""
    scene = Scene(person=False)
    carrier = DepthCarrier(scene.network("metric"), KeyframeParams(keyframe_s=1.0))
    times = [0, 10_000, 20_000, 900_000, 1_000_000, 1_100_000]
    found = [carrier.next(scene.frame(0), time_us).keyframe for time_us in times]
    assert found == [True, False, False, False, True, False]


def test_light_that_changes_at_once_leaves_the_background_out() -> None:
    scene = Scene()
    carrier = DepthCarrier(scene.network("metric"), KeyframeParams(), scene.background)
    carrier.next(scene.frame(0), 0)
    upset = np.random.default_rng(1).integers(0, 256, scene.frame(1).shape, dtype=np.uint8)
    assert carrier.next(upset, FRAME_US).foreground is None


@pytest.mark.parametrize("size", [(8, 6), (1, 1), (15, 40)])
def test_frames_too_small_for_flow_are_keyframes(size: tuple[int, int]) -> None:
    def network(picture: Uint8) -> Depth:
        return MetricDepth(np.full(picture.shape[:2], 2.0, np.float32))

    carrier = DepthCarrier(network, KeyframeParams())
    frame = np.zeros((size[1], size[0], 3), np.uint8)
    assert [carrier.next(frame, number * FRAME_US).keyframe for number in range(3)] == [True] * 3


def test_what_the_network_does_not_know_stays_unknown() -> None:
    def network(picture: Uint8) -> Depth:
        values = np.full(picture.shape[:2], 2.0, np.float32)
        values[:10] = np.nan
        return MetricDepth(values)

    scene = Scene(person=False)
    carrier = DepthCarrier(network, KeyframeParams(), scene.background)
    for number in range(3):
        depth = carrier.next(scene.frame(number), number * FRAME_US).depth
        assert not depth.known[:9].any() and depth.known[11:].all()


def test_a_model_keeps_to_one_kind() -> None:
    kinds = iter((RelativeDepth, AffineDepth))

    def network(picture: Uint8) -> Depth:
        return next(kinds)(np.ones(picture.shape[:2], np.float32))

    carrier = DepthCarrier(network, KeyframeParams())
    carrier.next(np.zeros((*SIZE_PX[::-1], 3), np.uint8), 0)
    with pytest.raises(ModelError, match="gave relative depth, then affine"):
        carrier.next(np.zeros((*SIZE_PX[::-1], 3), np.uint8), 10_000_000)


def test_the_same_frames_give_the_same_depth() -> None:
    first, second = (carried(Scene()) for _ in range(2))
    assert all(np.array_equal(a.depth.values, b.depth.values) for a, b in zip(first, second, strict=True))


def test_a_background_that_knows_nothing_counts_as_foreground() -> None:
    scene = Scene(person=False)
    unknown = Background(scene.background.picture, np.ones(SIZE_PX[::-1], np.bool_), 1.0)
    found = DepthCarrier(scene.network("metric"), KeyframeParams(), unknown).next(scene.frame(0), 0)
    assert found.foreground is not None and found.foreground.all()
