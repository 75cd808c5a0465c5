"""Compares results with golden numbers: one check per array or value, for tests and for the bench that counts them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest


@dataclass(frozen=True)
class Check:
    """One golden array or value, and whether it was met; ``detail`` says by how much not."""

    name: str
    passed: bool
    detail: str = ""


def close(name: str, got: Any, golden: Any, atol: float, rtol: float = 0.0) -> Check:
    """Compares numbers; NaN equals NaN and None."""
    ours, theirs = np.asarray(got, dtype=np.float64), np.asarray(golden, dtype=np.float64)
    if ours.shape != theirs.shape:
        return Check(name, False, f"shape {ours.shape}, golden {theirs.shape}")
    if np.allclose(ours, theirs, rtol=rtol, atol=atol, equal_nan=True):
        return Check(name, True)
    if not np.isfinite(ours[np.isfinite(theirs)]).all():
        return Check(name, False, "not finite where the golden one is")
    worst = np.nanmax(np.abs(ours - theirs))
    return Check(name, False, f"differs by up to {worst:.3g}, allowed {atol:g} + {rtol:g} of the value")


def equal(name: str, got: Any, golden: Any) -> Check:
    """Compares labels, names and counts."""
    same = _plain(got) == _plain(golden)
    return Check(name, same, "" if same else f"{got!r:.200}, golden {golden!r:.200}")


def _plain(values: Any) -> Any:
    return values.tolist() if isinstance(values, np.ndarray) else values


def require(checks: list[Check], advice: str = "") -> None:
    """Fails with every check that did not pass, and with advice."""
    failed = [f"{check.name}: {check.detail}" for check in checks if not check.passed]
    assert checks, "nothing was compared"
    if failed:
        pytest.fail(f"{len(failed)} of {len(checks)} golden numbers are not met. {advice}\n" + "\n".join(failed[:20]))
