"""Compares results with golden numbers: one check per array or value, for tests and for the bench that counts them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest


@dataclass(frozen=True)
class Check:
    """One golden array or value, and whether it was met; ``detail`` says by how much not.

    ``numbers`` is how many golden values it compares: all of an array fail together.
    """

    name: str
    passed: bool
    detail: str = ""
    numbers: int = 1


def close(name: str, got: Any, golden: Any, atol: float, rtol: float = 0.0) -> Check:
    """Compares numbers; NaN equals NaN and None."""
    ours, theirs = np.asarray(got, dtype=np.float64), np.asarray(golden, dtype=np.float64)
    if ours.shape != theirs.shape:
        return Check(name, False, f"shape {ours.shape}, golden {theirs.shape}", theirs.size)
    if np.allclose(ours, theirs, rtol=rtol, atol=atol, equal_nan=True):
        return Check(name, True, "", theirs.size)
    if (np.isfinite(ours) != np.isfinite(theirs)).any():
        return Check(name, False, "not a number where the golden one is, or the reverse", theirs.size)
    worst = np.nanmax(np.abs(ours - theirs))
    allowed = f"allowed {atol:g} + {rtol:g} of the value"
    return Check(name, False, f"differs by up to {worst:.3g}, {allowed}", theirs.size)


def close_by_name(name: str, got: Mapping[Any, float | None], golden: Mapping[Any, float | None], atol: float) -> Check:
    """Compares numbers that have names, which must be the same."""
    differing = set(got) ^ set(golden)
    if differing:
        return Check(name, False, f"only one of both has {sorted(map(str, differing))[:5]}", len(golden))
    return close(name, [got[each] for each in golden], list(golden.values()), atol)


def equal(name: str, got: Any, golden: Any) -> Check:
    """Compares labels, names and counts."""
    same = _plain(got) == _plain(golden)
    return Check(name, same, "" if same else f"{got!r:.200}, golden {golden!r:.200}", max(1, _count(_plain(golden))))


def _count(values: Any) -> int:
    return sum(_count(value) for value in values) if isinstance(values, list) else 1


def _plain(values: Any) -> Any:
    return values.tolist() if isinstance(values, np.ndarray) else values


def require(checks: list[Check], advice: str = "") -> None:
    """Fails with every check that did not pass, and with advice."""
    failed = [f"{check.name}: {check.detail}" for check in checks if not check.passed]
    assert checks, "nothing was compared"
    if failed:
        pytest.fail(f"{len(failed)} of {len(checks)} golden numbers are not met. {advice}\n" + "\n".join(failed[:20]))
