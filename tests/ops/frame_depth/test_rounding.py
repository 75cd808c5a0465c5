"""Depth comes back from 16-bit pixels within half a step, and unknown stays unknown."""

import numpy as np
import pytest

from ops.depth_models.kinds import AffineDepth, Depth, MetricDepth, RelativeDepth
from ops.frame_depth.rounding import Rounded, rounded
from schemas.values import Float32


def values_of(found: Rounded) -> Float32:
    values = found.offset + found.scale * found.pixels.astype(np.float64)
    return np.where(found.pixels > 0, values, np.nan).astype(np.float32)


@pytest.mark.parametrize(("high_m", "step_m"), [(12.0, 0.001), (65.0, 0.001), (66.0, 0.01), (5000.0, 0.1)])
def test_metres_are_stored_in_millimetres_or_tens_of_them(high_m: float, step_m: float) -> None:
    depth_m = np.linspace(0.01, high_m, 60, dtype=np.float32).reshape(6, 10)
    depth_m[0, :3] = np.nan, 0.0, -1.0
    found = rounded(MetricDepth(depth_m))
    assert found.scale == pytest.approx(step_m) and found.offset == 0
    assert not found.pixels[0, :3].any() and found.pixels[1:].all()
    assert np.nanmax(np.abs(values_of(found) - depth_m)[1:]) <= max(step_m / 2 + 1e-4, 0.5 * step_m)


@pytest.mark.parametrize("kind", [AffineDepth, RelativeDepth])
def test_values_without_a_unit_use_all_pixels(kind: type[Depth]) -> None:
    values = np.random.default_rng(0).normal(-3, 40, (6, 10)).astype(np.float32)
    values[2, 2] = np.nan
    found = rounded(kind(values))
    assert (found.pixels.min(), found.pixels[values == np.nanmax(values)]) == (0, 65535)
    assert np.nanmax(np.abs(values_of(found) - values)) <= found.scale


@pytest.mark.parametrize("value", [7.5, np.nan])
def test_a_flat_map_and_one_that_knows_nothing(value: float) -> None:
    found = rounded(RelativeDepth(np.full((3, 4), value, np.float32)))
    assert np.array_equal(values_of(found), np.full((3, 4), value, np.float32), equal_nan=True)
