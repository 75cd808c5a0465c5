"""Measures depth, floors and ground models: on real depth, on rendered scenes with truth, and without a survey.

    python -m bench.depth [--json] [--only pipeline floor propagation no_survey stereo] [--open3d PYTHON]

``pipeline`` compares depth networks with random weights to the library's own pipeline: it verifies the wiring; accuracy
of published weights is not measured here. ``floor`` has ``slambook.*`` and ``lidar.*`` on real depth, and
``rendered.*`` on rendered views. ``propagation`` carries true depth between the looks of a network whose time is that
of DPT-Large with random weights. ``no_survey`` measures positions on PETS and the sample site, with control points and
without. ``stereo`` measures the depth of rendered pairs of cameras, and positions by it. Rendered views and the sample
site are ``measured-synthetic``, the others ``measured-real``. ``floor``, ``no_survey`` and ``stereo`` need the real
material ($NIGHTSHIFT_ASSETS, default ../shared/assets).
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import bench.depth_floor
import bench.depth_no_survey
import bench.depth_pipeline
import bench.depth_propagation
import bench.depth_stereo
from bench.material import require_assets

Figures = dict[str, Any]

PARTS = ("pipeline", "floor", "propagation", "no_survey", "stereo")
NEED_ASSETS = frozenset({"floor", "no_survey", "stereo"})


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--open3d", default=sys.executable, metavar="PYTHON", help="a Python that has open3d")
    arguments = parser.parse_args()
    if NEED_ASSETS & set(arguments.only):
        require_assets()
    with tempfile.TemporaryDirectory() as folder:
        work: Mapping[str, Callable[[], Figures]] = {
            "pipeline": pipeline,
            "floor": lambda: bench.depth_floor.measure(arguments.open3d),
            "propagation": lambda: _named("propagation", bench.depth_propagation.measure()),
            "no_survey": lambda: _named("no_survey", bench.depth_no_survey.measure(Path(folder) / "no_survey")),
            "stereo": lambda: _named("stereo", bench.depth_stereo.measure(Path(folder) / "stereo")),
        }
        figures: Figures = {}
        for part in arguments.only:
            figures |= work[part]()
    if arguments.json:
        print(json.dumps(grouped(figures)))
        return
    for name, value in figures.items():
        print(f"{name:<40} {value}")


def pipeline() -> Figures:
    """Returns ``pipeline_equal``, and in ``pipeline.*`` the share of equal maps by network."""
    figures = bench.depth_pipeline.measure()
    return {name.replace("pipeline_equal.", "pipeline."): value for name, value in figures.items()}


def grouped(figures: Figures) -> Figures:
    """Returns figures named ``GROUP.NAME`` as one object per group, and the others as they are."""
    found: Figures = {}
    for name, value in figures.items():
        group, _, rest = name.partition(".")
        if rest:
            found.setdefault(group, {})[rest] = value
        else:
            found[name] = value
    return found


def _named(group: str, figures: Mapping[str, float]) -> Figures:
    return {f"{group}.{name}": value for name, value in figures.items()}


if __name__ == "__main__":
    main()
