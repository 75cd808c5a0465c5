"""Measures results on the map: counts in areas, people who walk together, joins with a thousand zones, and positions.

    python -m bench.geo [--json] [--only counts groups join pets]

Each part is a module with a function ``measure`` that gets an empty folder and returns figures named ``GROUP.NAME``.
The sample site is ``measured-synthetic``, real walks are ``measured-real``. Needs the real material
($NIGHTSHIFT_ASSETS, default ../shared/assets).
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import bench.geo_counts
import bench.geo_groups
import bench.geo_join
import bench.geo_pets
from bench.depth import grouped
from bench.material import require_assets

Figures = dict[str, Any]

PARTS: Mapping[str, Callable[[Path], Figures]] = {
    "counts": bench.geo_counts.measure,
    "groups": bench.geo_groups.measure,
    "join": bench.geo_join.measure,
    "pets": bench.geo_pets.measure,
}
"""By name: what measures a part, in an empty folder."""


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="*", choices=tuple(PARTS), default=tuple(PARTS))
    arguments = parser.parse_args()
    require_assets()
    figures: Figures = {}
    for part in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            figures |= PARTS[part](Path(folder))
    if arguments.json:
        print(json.dumps(grouped(figures)))
        return
    for name, value in figures.items():
        print(f"{name:<40} {value}")


if __name__ == "__main__":
    main()
