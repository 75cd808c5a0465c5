"""The fault suite: nights and compactions that are killed, disks that are full, receipts that are torn, races, clocks.

    python bench/faults.py [--json] [--short] [--kills N] [--points N] [--seed N] [--at-once N]

Every fault happens to a store of its own; then Nightshift finishes, and what readers see is compared with a night that
nobody disturbed, row by row. Exits with 1 if a row was lost or doubled, or anything else differs. With --json one JSON
object on stdout. The long form has a hundred cases and every write of a night; --short takes minutes on two cores.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

from tests.support.faults import SHORT, Size, Tally, cases_of, make_scene, run_cases
from tests.support.faults.full import may_mount


def main() -> int:
    """Runs the suite and prints its figures; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--short", action="store_true", help="a little of everything")
    parser.add_argument("--kills", type=int, help="kills at random moments, all kinds together (50)")
    parser.add_argument(
        "--points", type=int, help="writes that find the disk full, of a night and of a compaction (all)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=2, help="cases at the same time (2)")
    arguments = parser.parse_args()
    asked = {name: getattr(arguments, name) for name in ("kills", "points") if getattr(arguments, name) is not None}
    size = replace(SHORT if arguments.short else Size(), **asked)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        if not may_mount(Path(folder)):
            print("no disk in memory may be mounted here: real small disks are left out", file=sys.stderr)
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
    """Makes the site, runs the cases, and adds up what came of them."""
    scene = make_scene(folder)
    cases = cases_of(scene, size, seed)
    total = Tally()
    for number, (case, tally) in enumerate(run_cases(scene, cases, at_once), 1):
        total += tally
        print(f"{number}/{len(cases)} {case.name}: {'sound' if tally.sound else 'WRONG'}", file=sys.stderr)
    return total


if __name__ == "__main__":
    sys.exit(main())
