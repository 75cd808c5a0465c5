"""Depth tells people from the scene beside them by a threshold, whatever kind of depth it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.anonymize.cover.outlines import OutlineCover
from ops.depth_models.kinds import AffineDepth, Depth, MetricDepth, RelativeDepth
from ops.depth_models.network import DepthEstimate
from ops.foreground.depth import BAND, DepthMasks, otsu, people_in
from ops.foreground.looks import SIDE, Square
from schemas.values import Bools, Float32, Uint8

BOX = np.array([[140.0, 40.0, 180.0, 140.0]])
SIZE = (320, 180)
FRAME = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)


def person(left: int = 140, top: int = 40) -> Bools:
    """A head, a trunk, and two legs with a gap between them: 40 by 100 pixels."""
    mask = np.zeros((SIZE[1], SIZE[0]), bool)
    mask[top : top + 20, left + 12 : left + 28] = True
    mask[top + 20 : top + 60, left : left + 40] = True
    mask[top + 60 : top + 100, left : left + 12] = True
    mask[top + 60 : top + 100, left + 28 : left + 40] = True
    return mask


def room(*people: tuple[Bools, float], noise_m: float = 0.01, seed: int = 0) -> Float32:
    """A wall at 16 m and a floor seen from 4 m above it, from 16 m in row 60 to 6 m at the lower edge; and people."""
    rows = np.arange(SIZE[1])
    inverse = np.interp(rows, [60, SIZE[1] - 1], [1 / 16, 1 / 6])
    z = np.repeat(1 / inverse[:, None], SIZE[0], axis=1)
    for mask, z_m in people:
        z[mask] = z_m
    return np.asarray(z + np.random.default_rng(seed).normal(0, noise_m, z.shape), np.float32)


ON_FLOOR_M = float(1 / np.interp(140, [60, SIZE[1] - 1], [1 / 16, 1 / 6]))
"""Depth of the floor where the person's feet are."""


def of_kind(kind: str, z: Float32, s: float = 1.0, t: float = 0.0) -> Depth:
    if kind == "metric":
        return MetricDepth(z)
    return AffineDepth((z - t) / s) if kind == "affine" else RelativeDepth(((1 / z - t) / s).astype(np.float32))


class Gives:
    """A network that gives one depth after the other, and counts."""

    def __init__(self, *depths: Depth) -> None:
        self.depths, self.asked = depths, 0

    def __call__(self, _: Uint8) -> DepthEstimate:
        self.asked += 1
        return DepthEstimate(self.depths[min(self.asked, len(self.depths)) - 1])


def cut_out(depth: Depth, threshold: float = 0.0, boxes: np.ndarray = BOX) -> tuple[Bools, list[bool]]:
    mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    cover = OutlineCover(DepthMasks(Gives(depth), threshold))
    found = cover.add(mask, FRAME, boxes, len(boxes), 0).tolist()
    return mask > 0, found


@pytest.mark.parametrize(
    ("kind", "threshold"),
    [("metric", 0.0), ("affine", 0.0), ("relative", 0.0), ("metric", 0.5), ("affine", 0.06), ("relative", 0.06)],
)
def test_a_person_is_what_is_nearer_than_the_scene_beside(kind: str, threshold: float) -> None:
    mask, found = cut_out(of_kind(kind, room((person(), ON_FLOOR_M))), threshold)
    assert found == [True]
    assert mask[person()].all()
    assert not mask[110:124, 159:161].any(), "between the legs, above the feet"
    assert mask.sum() < 1.75 * person().sum(), "outlines are grown, and all between the feet is covered"


@settings(max_examples=15, deadline=None)
@given(kind=st.sampled_from(["affine", "relative"]), s=st.floats(0.2, 5), t=st.floats(-0.05, 0.05))
def test_scale_and_offset_of_a_frame_do_not_matter(kind: str, s: float, t: float) -> None:
    z = room((person(), ON_FLOOR_M))
    for threshold in (0.0, 0.06):
        one, found = cut_out(of_kind(kind, z, s, t), threshold)
        other, _ = cut_out(of_kind(kind, z), threshold)
        assert found == [True] and (one ^ other).mean() < 0.002


@pytest.mark.parametrize("noise_m", [0.01, 0.3])
@pytest.mark.parametrize("threshold", [0.0, 1.5])
def test_an_empty_scene_and_noise_have_nobody(noise_m: float, threshold: float) -> None:
    mask, found = cut_out(MetricDepth(room(noise_m=noise_m)), threshold)
    assert found == [False] and not mask.any()


def test_without_any_depth_nobody_is_there() -> None:
    for value in (5.0, np.nan):
        seen = people_in(np.full((SIDE, SIDE), value, np.float32))
        assert seen.presence == 0 and (seen.logits < -5).all()
    assert otsu(np.full((4, 4), np.nan, np.float32)) is None


def test_what_is_unknown_beside_somebody_may_be_theirs() -> None:
    z = room((person(), ON_FLOOR_M))
    z[60:80, 170:180] = np.nan
    mask, found = cut_out(MetricDepth(z))
    assert found == [True] and mask[60:80, 170:180].all()


def test_a_band_that_does_not_split_within_somebody_is_covered() -> None:
    near = np.zeros((SIDE, SIDE), np.float32) + np.random.default_rng(1).normal(0, 0.01, (SIDE, SIDE))
    near[32:224, 90:160] += 1
    bare = slice(6 * BAND, 7 * BAND)
    near[bare] = np.random.default_rng(2).normal(0, 0.01, (BAND, SIDE))
    seen = people_in(near.astype(np.float32))
    assert seen.presence > 0.8
    assert (seen.logits[bare] > np.log(0.3 / 0.7)).all() and (seen.logits[bare] < 0).all()
    assert (seen.logits[:32] < -0.85).all(), "above the head nobody is"


def test_a_person_behind_something_nearer_is_covered_as_well() -> None:
    """Otsu's threshold is between the pillar and the person; the person is nearer than the wall."""
    pillar = np.zeros((SIZE[1], SIZE[0]), bool)
    pillar[40:140, 144:176] = True
    behind = np.zeros_like(pillar)
    behind[40:130, 140:180] = True
    mask, found = cut_out(MetricDepth(room((behind, 8.2), (pillar, 6.0))))
    assert not found[0] or mask[behind | pillar].all()


def test_somebody_beside_does_not_count_as_the_scene() -> None:
    z = room((person(), ON_FLOOR_M), (person(left=98), ON_FLOOR_M))
    mask, found = cut_out(MetricDepth(z))
    assert not found[0] or mask[person()].all()
    alone, sure = cut_out(MetricDepth(room((person(), ON_FLOOR_M), (person(left=80), ON_FLOOR_M))))
    assert sure == [True] and alone[person()].all()


def test_a_network_looks_once_at_a_frame_whoever_is_in_it() -> None:
    z = room((person(), ON_FLOOR_M), (person(left=40), ON_FLOOR_M))
    network = Gives(MetricDepth(z), MetricDepth(room()))
    masks = DepthMasks(network)
    first, second = masks.look(FRAME, Square(98, 28, 125)), masks.look(FRAME, Square(-2, 28, 125))
    assert network.asked == 1 and first.presence > 0.7 and second.presence > 0.7
    assert masks.look(FRAME.copy(), Square(98, 28, 125)).presence < 0.5 and network.asked == 2


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), steps=st.integers(1, 40))
def test_where_an_outline_is_not_trusted_nothing_is_uncovered(seed: int, steps: int) -> None:
    """Any depth: of boxes without a trusted outline, the caller covers the body or all of it, as without a network."""
    random = np.random.default_rng(seed)
    z = random.uniform(3, 20, (steps, steps)).astype(np.float32)
    z = np.kron(z, np.ones((SIZE[1] // steps + 1, SIZE[0] // steps + 1), np.float32))[: SIZE[1], : SIZE[0]]
    mask, found = cut_out(MetricDepth(np.ascontiguousarray(z)))
    assert found == [True] or not mask.any()
