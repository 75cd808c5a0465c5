"""Judges anonymized video by its decoded frames, beside deface on the same clips in the same run.

    python -m bench.anonymize [--json] [--only leaks,speed,utility,reid,planted,matrix,attacks] [--cameras pets,campus]
                              [--workers N | --in-process] [--deface PYTHON] [--variants]

Needs the real material ($NIGHTSHIFT_ASSETS, default ../shared/assets) and the test extra. deface is the extra
``bench``; ``--deface`` names the Python of another environment that has it. Without it, its figures are left out.
Every part prints when it is done; with --json one JSON object goes to stdout at the end. Shares are 0..1.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from bench.anonymize_parts import AnonymizeBenchmark, Figures
from bench.anonymize_systems import DEFAULT_SCENES, SCENES
from bench.deface_peer import find_peer
from bench.material import require_assets

PARTS = ("leaks", "speed", "utility", "reid", "planted", "matrix", "attacks")
PETS_ONLY = ("utility", "reid", "planted")


def main() -> None:
    """Runs the selected parts and prints their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--cameras", default=",".join(DEFAULT_SCENES), help=f"of {', '.join(SCENES)}")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--in-process", action="store_true")
    parser.add_argument("--deface", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--variants", action="store_true")
    arguments = parser.parse_args()
    parts, cameras = arguments.only.split(","), arguments.cameras.split(",")
    if wrong := [*(set(parts) - set(PARTS)), *(set(cameras) - set(SCENES))]:
        sys.exit(f"unknown: {', '.join(wrong)}; parts: {', '.join(PARTS)}; cameras: {', '.join(SCENES)}")
    if "pets" not in cameras and (without := [part for part in parts if part in PETS_ONLY]):
        sys.exit(f"{', '.join(without)}: measured on pets only; add pets to --cameras, or name other parts with --only")
    require_assets()
    peer = find_peer(arguments.deface)
    if peer is None:
        print(f"{arguments.deface} has no deface: its figures are left out (pip install '.[bench]')", file=sys.stderr)
    figures: Figures = {"deface": asdict(peer) if peer else None}
    with tempfile.TemporaryDirectory() as folder:
        workers = None if arguments.in_process else arguments.workers
        benchmark = AnonymizeBenchmark(Path(folder), cameras, workers, peer, arguments.variants)
        for part in parts:
            began = time.perf_counter()
            found = getattr(benchmark, part)()
            figures |= found
            print(f"... {part}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
            if not arguments.json and part not in ("matrix", "attacks"):
                print("\n".join(lines(found)), flush=True)
    if arguments.json:
        print(json.dumps(figures))


def lines(figures: Figures, prefix: str = "") -> list[str]:
    """Formats plain figures, one line per group."""
    flat = {name: value for name, value in figures.items() if not isinstance(value, dict)}
    text = [f"{prefix.rstrip('.'):<24} " + "  ".join(f"{name} {value}" for name, value in flat.items())] if flat else []
    for name, value in figures.items():
        text += lines(value, f"{prefix}{name}.") if isinstance(value, dict) else []
    return text


if __name__ == "__main__":
    main()
