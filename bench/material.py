"""What benchmarks share: checks of the real material and of packages before they start, and how figures are printed."""

import json
import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

ASSETS = Path(os.environ.get("NIGHTSHIFT_ASSETS", Path(__file__).resolve().parents[2] / "shared" / "assets"))
"""The folder of real footage, ground truth and weights."""

EVALUATORS = ("motmetrics", "trackeval")
"""What ``bench.evaluate`` imports."""

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


def print_figures(figures: Mapping[str, Mapping[str, float]], as_json: bool) -> None:
    """Prints groups of figures, a line each, or all of them as one JSON object."""
    if as_json:
        print(json.dumps(figures))
        return
    for group, values in figures.items():
        for name, value in values.items():
            print(f"{group}.{name:<22} {value}")
