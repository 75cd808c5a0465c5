"""Brings the depth map of a keyframe to the scale of another map of the same view, so that depth does not flicker.

Affine and relative maps have a scale and a shift of their own in every picture; metric ones of single pictures differ
by some per cent. What both maps show unchanged, the background, tells scale and shift.
"""

import numpy as np

from schemas.values import Bools, Float32, Float64

LEAST_PIXELS = 100
"""Pixels that both maps must know."""

MOST_PIXELS = 20_000
_ROUNDS = 4
_KEPT = 2.5
"""Median absolute deviations within which a pixel counts in the next round."""


def aligned(values: Float32, reference: Float32, same: Bools, scale_only: bool) -> Float32 | None:
    """Returns ``a * values + b``, with which they fit a reference best; None if nothing tells a positive ``a``.

    Median slopes first, then least squares, repeated without outliers.

    Args:
        values: ``(H, W)``, not finite where unknown.
        reference: ``(H, W)``, as well.
        same: ``(H, W)``, where both show the same surface.
        scale_only: ``b`` is 0, as for metric maps.
    """
    chosen = np.flatnonzero(same & np.isfinite(values) & np.isfinite(reference))
    chosen = chosen[:: max(1, len(chosen) // MOST_PIXELS)]
    if len(chosen) < LEAST_PIXELS:
        return None
    x, y = values.ravel()[chosen].astype(np.float64), reference.ravel()[chosen].astype(np.float64)
    fit = _robust_start(x, y, scale_only)
    for _ in range(_ROUNDS):
        if fit is None:
            return None
        off = np.abs(fit[0] * x + fit[1] - y)
        # At least what rounding leaves, whatever the unit: an exact fit keeps all.
        kept = off <= max(_KEPT * 1.4826 * float(np.median(off)), 1e-6 * float(np.ptp(y)))
        fit = _fit(x[kept], y[kept], scale_only)
    if fit is None:
        return None
    a, b = fit
    return (a * values + b).astype(np.float32)


def _robust_start(x: Float64, y: Float64, scale_only: bool) -> tuple[float, float] | None:
    """Returns the median slope over pairs of pixels (Theil and Sen), which a third of outliers does not upset."""
    if scale_only:
        usable = x != 0
        a = float(np.median(y[usable] / x[usable])) if usable.any() else 0.0
        return (a, 0.0) if np.isfinite(a) and a > 0 else None
    other = np.random.default_rng(0).permutation(len(x))
    across = x[other] - x
    far = np.abs(across) > 0.1 * np.ptp(x)
    if not far.any():
        return None
    a = float(np.median((y[other] - y)[far] / across[far]))
    return (a, float(np.median(y - a * x))) if np.isfinite(a) and a > 0 else None


def _fit(x: Float64, y: Float64, scale_only: bool) -> tuple[float, float] | None:
    if scale_only:
        a, b = float(x @ y) / max(float(x @ x), 1e-300), 0.0
    else:
        away = x - x.mean()
        a = float(away @ y) / max(float(away @ away), 1e-300)
        b = float(y.mean()) - a * float(x.mean())
    return (a, b) if np.isfinite(a) and a > 0 else None
