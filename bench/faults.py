"""Runs the fault suite: killed runs and compactions, full disks, torn receipts, races, clock changes and attacks.

    python -m bench.faults [--json] [--short] [--kills N] [--points N] [--seed N] [--at-once N]

Every fault strikes a store of its own; then Nightshift finishes, and the readers' rows are compared with those of an
undisturbed run. Exits with 1 if a row is lost, doubled or different, or if a file outside is deleted. With --json one
JSON object goes to stdout. The long form has a hundred cases and strikes every write of a run; --short takes minutes on
two cores.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

from tests.support.faults import SHORT, Size, Tally, build_cases, make_scene, run_cases
from tests.support.faults.full import can_mount


def main() -> int:
    """Runs the suite, prints its figures, and returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--short", action="store_true", help="a few cases of every kind")
    parser.add_argument("--kills", type=int, help="kills at random moments, all kinds together (50)")
    parser.add_argument("--points", type=int, help="writes of a run and of a compaction that find the disk full (all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=2, help="cases at the same time (2)")
    arguments = parser.parse_args()
    asked = {name: getattr(arguments, name) for name in ("kills", "points") if getattr(arguments, name) is not None}
    size = replace(SHORT if arguments.short else Size(), **asked)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        if not can_mount(Path(folder)):
            print("this user may not mount a disk in memory: the cases on small disks are left out", file=sys.stderr)
        tally = run(Path(folder), size, arguments.seed, arguments.at_once)
    figures = asdict(tally) | {"seed": arguments.seed, "seconds": round(time.monotonic() - began, 1)}
    notes = figures.pop("notes")
    for note in notes:
        print(note, file=sys.stderr)
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:<16} {value}")
    return 0 if tally.sound else 1


def run(folder: Path, size: Size, seed: int, at_once: int) -> Tally:
    """Builds the site, runs the cases, and adds up their tallies."""
    scene = make_scene(folder)
    cases = build_cases(scene, size, seed)
    total = Tally()
    for number, (case, tally) in enumerate(run_cases(scene, cases, at_once), 1):
        total += tally
        print(f"{number}/{len(cases)} {case.name}: {'sound' if tally.sound else 'WRONG'}", file=sys.stderr)
    return total


if __name__ == "__main__":
    sys.exit(main())
