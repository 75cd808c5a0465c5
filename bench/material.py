"""What benchmarks share: checks before they start, processes whose memory is measured, and how figures are printed."""

import json
import os
import resource
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")

ASSETS = Path(os.environ.get("NIGHTSHIFT_ASSETS", Path(__file__).resolve().parents[2] / "shared" / "assets"))
"""The folder of real footage, ground truth and weights."""

PEER_TRACKER = ("lap",)
"""What Ultralytics' ByteTrack imports, and would otherwise try to download."""


def require_assets() -> None:
    """Exits with a message if the real material is missing."""
    if not ASSETS.is_dir():
        sys.exit(f"no real material at {ASSETS}: set NIGHTSHIFT_ASSETS to its folder")


def require_packages(*names: str) -> None:
    """Exits with a message if packages are missing; a benchmark would fail on them only after minutes of work."""
    if missing := [name for name in names if find_spec(name) is None]:
        sys.exit(f"not installed: {', '.join(missing)}; install the test extra with `make install-test`")


def alone(work: Callable[..., Result], *arguments: object) -> Result:
    """Returns the result of work in a process of its own, whose memory and imports are its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(work, *arguments).result()


def peak_mb() -> float:
    """Returns the most memory that this process had so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6  # Linux counts kibibytes


def print_figures(figures: Mapping[str, Mapping[str, Any]], as_json: bool) -> None:
    """Prints groups of figures, a line each, or all of them as one JSON object."""
    if as_json:
        print(json.dumps(figures))
        return
    for group, values in figures.items():
        for name, value in values.items():
            print(f"{group}.{name:<22} {value}")
