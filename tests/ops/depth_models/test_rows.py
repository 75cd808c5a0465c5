"""Maps keep kind and values in 16 bits; what does not fit is unknown or scaled, and never another number."""

import numpy as np
import pytest

from ops.depth_models.kinds import AffineDepth, MetricDepth, RelativeDepth
from ops.depth_models.rows import pack_depth, unpack_depth

VALUES = np.array([[0.5, 2, np.nan], [100000, 7, -3]], np.float32)
NAN = np.nan


@pytest.mark.parametrize(
    ("depth", "stored"),
    [
        (MetricDepth(VALUES), [[0.5, 2, NAN], [NAN, 7, -3]]),  # 100 km do not fit, and are not 65 km
        (AffineDepth(VALUES, scale_is_focal=True), [[0.5, 2, NAN], [NAN, 7, -3]]),
        (AffineDepth(VALUES, scale_only=True), [[0.25, 1, NAN], [50000, 3.5, -1.5]]),  # the scale is unknown anyway
        (RelativeDepth(VALUES), [[0.25, 1, NAN], [50000, 3.5, -1.5]]),
    ],
)
def test_values_beyond_16_bits(depth, stored):
    row = pack_depth(depth, 640)
    found = unpack_depth(row)
    assert type(found) is type(depth)
    np.testing.assert_allclose(found.values, np.array(stored, np.float32), rtol=1e-3)
    known = np.array(stored, np.float32)[np.isfinite(stored)]
    assert (row["value_min"], row["value_max"]) == pytest.approx((known.min(), known.max()), rel=1e-3)
    assert row["unknown_share"] == pytest.approx(np.mean(np.isnan(stored)))
    if isinstance(found, AffineDepth):
        assert (found.scale_only, found.scale_is_focal) == (True, depth.scale_is_focal)


def test_a_map_of_nothing_has_no_extremes():
    row = pack_depth(MetricDepth(np.full((2, 3), np.nan, np.float32)), 640)
    assert (row["value_min"], row["value_max"], row["unknown_share"]) == (None, None, 1.0)


def test_narrow_maps_hold_values_that_the_wide_one_has():
    values = np.where(np.arange(64) < 30, 2, 9).astype(np.float32)[None].repeat(48, axis=0)
    found = unpack_depth(pack_depth(MetricDepth(values), 20))
    assert found.values.shape == (15, 20)
    assert set(np.unique(found.values)) == {2, 9}  # and nothing between the two, which would hang in the air
