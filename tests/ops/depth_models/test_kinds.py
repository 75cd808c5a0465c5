"""The kinds of depth: what makes them metric, and what stays unknown."""

import numpy as np
import pytest

from ops.depth_models.kinds import KINDS, AffineDepth, MetricDepth, RelativeDepth

NAN = np.nan


def grid(*values) -> np.ndarray:
    return np.array([values], np.float32)


def test_kinds_are_known_by_name():
    assert {"metric": MetricDepth, "affine": AffineDepth, "relative": RelativeDepth} == KINDS
    assert not isinstance(AffineDepth(grid(1)), MetricDepth)


def test_affine_depth_becomes_metric_by_scale_and_offset():
    metric = AffineDepth(grid(0, 2, -3, NAN)).metric(s=2, t=1)
    assert isinstance(metric, MetricDepth)
    np.testing.assert_array_equal(metric.values, grid(1, 5, NAN, NAN))  # what lies behind the lens is unknown
    np.testing.assert_array_equal(metric.known, [[True, True, False, False]])


def test_relative_depth_is_an_inverse():
    metric = RelativeDepth(grid(0, 4, 1, NAN)).metric(s=0.125, t=-0.125)
    np.testing.assert_array_equal(metric.values, grid(NAN, 1 / 0.375, NAN, NAN))  # infinitely far: unknown, not 0


def test_metric_depth_of_nothing_is_unknown():
    known = MetricDepth(grid(0, -1, NAN, np.inf, 3)).known
    np.testing.assert_array_equal(known, [[False, False, False, False, True]])
    np.testing.assert_array_equal(RelativeDepth(grid(0, -1, NAN)).known, [[True, True, False]])


@pytest.mark.parametrize("kind", [AffineDepth, RelativeDepth])
@pytest.mark.parametrize(("s", "t"), [(0, 1), (-1, 1), (NAN, 1), (1, NAN), (1, np.inf)])
def test_no_scale_is_refused(kind, s, t):
    with pytest.raises(ValueError, match="of a depth map must be"):
        kind(grid(1)).metric(s, t)


@pytest.mark.parametrize("values", [np.zeros(3, np.float32), np.zeros((2, 2))])
def test_what_is_no_map_is_refused(values):
    with pytest.raises(ValueError, match="must be"):
        MetricDepth(values)
