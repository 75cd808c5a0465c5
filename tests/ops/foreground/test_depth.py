"""Depth tells people from the scene by a threshold, whatever kind of depth it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.depth_models.kinds import AffineDepth, Depth, MetricDepth, RelativeDepth
from ops.foreground.depth import ForegroundByDepth, foreground_by_depth, nearer_than, otsu, people_by_depth
from schemas.values import Float32, Uint8

PERSON = (slice(20, 60), slice(40, 55))


def room(person: bool = True, noise_m: float = 0.0, seed: int = 0) -> Float32:
    """A floor from 12 m to 4 m, and a person 5 m away."""
    z = np.repeat(np.linspace(12, 4, 80)[:, None], 100, axis=1) + np.random.default_rng(seed).normal(
        0, max(noise_m, 1e-6), (80, 100)
    )
    if person:
        z[PERSON] = 4.0
    return z.astype(np.float32)


def of_kind(kind: str, z: Float32, s: float = 1.0, t: float = 0.0) -> Depth:
    if kind == "metric":
        return MetricDepth(z)
    return AffineDepth((z - t) / s) if kind == "affine" else RelativeDepth(((1 / z - t) / s).astype(np.float32))


def truth() -> np.ndarray:
    mask = np.zeros((80, 100), bool)
    mask[PERSON] = True
    return mask


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("kind", ["metric", "affine", "relative"])
@pytest.mark.parametrize("threshold", [None, 0.5])
def test_a_person_is_what_is_nearer_than_the_background(kind: str, threshold: float | None) -> None:
    if kind == "relative" and threshold is not None:
        threshold = 0.02
    found = foreground_by_depth(of_kind(kind, room(noise_m=0.02)), of_kind(kind, room(False, 0.02, 1)), threshold)
    assert iou(found, truth()) > 0.9


@settings(max_examples=20, deadline=None)
@given(kind=st.sampled_from(["affine", "relative"]), s=st.floats(0.2, 5), t=st.floats(-0.05, 0.05))
def test_scale_and_offset_of_a_frame_do_not_matter(kind: str, s: float, t: float) -> None:
    background = of_kind(kind, room(False))
    difference = nearer_than(of_kind(kind, room(), s, t), background)
    same_scale = nearer_than(of_kind(kind, room()), background)
    assert np.abs(difference - same_scale).max() < 0.02 * np.abs(same_scale).max()


def test_an_empty_scene_and_noise_have_no_foreground() -> None:
    empty = MetricDepth(room(False, 0.1)), MetricDepth(room(False, 0.1, 1))
    assert not foreground_by_depth(*empty).any()
    same = MetricDepth(np.full((80, 100), 5.0, np.float32))
    assert not foreground_by_depth(same).any() and not foreground_by_depth(same, same).any()


def test_within_a_box_near_and_far_are_told_apart_without_a_background() -> None:
    box = np.array([[39.0, 18.0, 56.0, 61.0]])
    wall = room()
    wall[wall > 4.5] = 9.0
    assert iou(people_by_depth(MetricDepth(wall), box) > 0, truth()) > 0.8
    assert iou(people_by_depth(MetricDepth(wall), box, threshold=-6.0) > 0, truth()) > 0.8, "6 m by hand"
    assert not people_by_depth(MetricDepth(wall), np.array([[0.0, 5.0, 20.0, 30.0], [300.0, 0.0, 320.0, 40.0]])).any()


def test_a_small_person_is_told_from_the_background_in_a_box() -> None:
    small, empty = room(False, 0.05), MetricDepth(room(False, 0.05, 1))
    small[20:32, 40:45] -= 2.0
    found = people_by_depth(MetricDepth(small), np.array([[40.0, 20.0, 45.0, 32.0]]), empty) > 0
    assert found[22:30, 41:44].all() and found.sum() < 90


@pytest.mark.parametrize("value", [np.nan, 0.0, -3.0, np.inf])
def test_pixels_of_unknown_depth_are_no_foreground(value: float) -> None:
    z = room()
    z[:, :50] = value
    found = foreground_by_depth(MetricDepth(z), MetricDepth(room(False)))
    assert not found[:, :50].any() and found[30, 52]
    assert not foreground_by_depth(MetricDepth(np.full((80, 100), value, np.float32))).any()
    assert otsu(np.full((4, 4), np.nan, np.float32)) is None


def test_kinds_and_sizes_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="one kind and size"):
        nearer_than(MetricDepth(room()), RelativeDepth(room()))
    with pytest.raises(ValueError, match="one kind and size"):
        nearer_than(MetricDepth(room()), MetricDepth(room()[:40]))


def test_a_network_of_another_size_gives_foreground_of_the_frames_size() -> None:
    frame = np.zeros((160, 200, 3), np.uint8)

    def depth_of(_: Uint8) -> Depth:
        return MetricDepth(room())

    found = ForegroundByDepth(depth_of, MetricDepth(room(False))).find(frame)
    assert found.shape == (160, 200) and found[80, 95] == 1 and found[80, 20] == 0
