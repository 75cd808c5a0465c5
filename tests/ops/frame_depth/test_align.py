"""Scale and shift are found among outliers, in any unit, and not where nothing tells them."""

import numpy as np
import pytest

from ops.frame_depth.align import aligned

SHAPE = (20, 30)
ALL = np.ones(SHAPE, np.bool_)


def ramp(unit: float = 1.0) -> np.ndarray:
    return (np.random.default_rng(2).uniform(2, 9, SHAPE) * unit).astype(np.float32)


@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e9])
def test_scale_and_shift_come_back_whatever_the_unit(unit: float) -> None:
    truth = ramp(unit)
    found = aligned((truth - 3 * unit) / 0.7, truth, ALL, scale_only=False)
    assert found is not None and np.allclose(found, truth, rtol=1e-4)


@pytest.mark.parametrize("scale_only", [True, False])
def test_what_has_changed_counts_little(scale_only: bool) -> None:
    truth = ramp()
    seen = truth / 0.7
    seen[:6] += 4  # somebody stands there
    found = aligned(seen, truth, ALL, scale_only)
    assert found is not None and np.allclose(found[6:], truth[6:], rtol=1e-4)


def test_unknown_pixels_stay_unknown_and_tell_nothing() -> None:
    truth = ramp()
    seen = truth * 2
    seen[0] = np.nan
    found = aligned(seen, truth, ALL, scale_only=True)
    assert found is not None and np.isnan(found[0]).all() and np.allclose(found[1:], truth[1:], rtol=1e-4)


@pytest.mark.parametrize("seen", [-ramp(), np.full(SHAPE, 4.0, np.float32), np.full(SHAPE, np.nan, np.float32)])
def test_nothing_is_fitted_to_what_contradicts_is_flat_or_unknown(seen: np.ndarray) -> None:
    assert aligned(seen, ramp(), ALL, scale_only=False) is None


def test_a_few_pixels_are_too_few() -> None:
    few = np.zeros(SHAPE, np.bool_)
    few[:3] = True
    assert aligned(ramp(), ramp(), few, scale_only=True) is None
