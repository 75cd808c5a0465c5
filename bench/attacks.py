"""Attacks the anonymizer with footage of the kinds that it failed on, and audits what it publishes.

    python -m bench.attacks [--json] [--only crowd,tracks_only,...] [--workers N | --in-process] [--pictures FOLDER]

The truth of the clips says whose head is bare. An auditor, a network that the product does not use, looks as well; it
is first measured itself, on PETS. Footage that is not published leaks nothing: the reason is printed.
Needs the real material ($NIGHTSHIFT_ASSETS, default ../shared/assets). With --json one JSON object goes to stdout at
the end; shares are 0..1.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.attack_cases import FAMILIES, Family
from bench.attack_footage import pets
from bench.attack_plants import plant_leaks
from bench.attack_run import Attack, Figures, Outcome, progress, run_attack
from bench.auditor import Auditor, accuracy
from bench.material import ASSETS, require_assets

PLANTS = "plants"
PARTS = (*FAMILIES, PLANTS)
"""The families of attacks, and the leaks that are planted in this process."""

AUDITOR_EVERY = 30
"""Every so many pictures of PETS, the auditor is measured."""


def main() -> None:
    """Runs the selected families of attacks and prints their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--cases", default="", help="only cases whose name contains this")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--in-process", action="store_true")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each case's worst frame")
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    if wrong := sorted(set(names) - set(PARTS)):
        sys.exit(f"unknown: {', '.join(wrong)}; families: {', '.join(PARTS)}")
    require_assets()
    with tempfile.TemporaryDirectory() as folder:
        workers = None if arguments.in_process else arguments.workers
        figures = run_families(Path(folder), names, workers, arguments.pictures, arguments.cases)
    print(json.dumps(figures) if arguments.json else "\n".join(f"{name} {each}" for name, each in figures.items()))


def run_families(
    folder: Path, names: Sequence[str], workers: int | None, pictures: Path | None = None, only: str = ""
) -> Figures:
    """Runs families of attacks.

    Args:
        folder: for clips and sites.
        names: of ``PARTS``.
        workers: processes, 0 for one per CPU; None to run in this process.
        pictures: folder for a picture of each case's worst frame.
        only: runs only cases whose name contains this.

    Returns:
        The figures of each family, by its name, and those of the auditor.
    """
    auditor = Auditor(ASSETS)
    figures: Figures = {"auditor": auditor_figures(auditor)}
    for name in names:
        if name == PLANTS:
            figures[name] = plant_leaks(folder / name)
            continue
        family = FAMILIES[name]
        outcomes = {}
        for attack in family.attacks(folder / "weights"):
            if only in attack.name:
                place = folder / name / attack.name.replace("/", "-")
                outcomes[attack.name] = _run(attack, place, auditor, workers, pictures)
        figures[name] = summary(family, outcomes)
    return figures


def _run(attack: Attack, place: Path, auditor: Auditor, workers: int | None, pictures: Path | None) -> Outcome:
    began = time.perf_counter()
    outcome = run_attack(attack, place, auditor, workers, pictures)
    progress(f"{attack.name} ({time.perf_counter() - began:.0f} s)", outcome)
    return outcome


def summary(family: Family, outcomes: dict[str, Outcome]) -> Figures:
    """Sums up the outcomes of a family, and lists them by case."""
    every = outcomes.values()
    totals: Figures = {
        "published": sum(outcome.published for outcome in every),
        "heads": sum(outcome.heads for outcome in every),
        "bare": sum(outcome.bare for outcome in every),
        "strict": sum(outcome.strict for outcome in every),
        "audited": sum(outcome.audited for outcome in every),
        "audited_bare": sum(outcome.audited_bare for outcome in every),
        "people_found": max((outcome.people_found for outcome in every), default=0),
    }
    if family.measures_area:
        totals["area"] = {name: outcome.area for name, outcome in outcomes.items()}
    return totals | {"cases": {name: asdict(outcome) for name, outcome in outcomes.items()}}


def auditor_figures(auditor: Auditor) -> Figures:
    """Measures the auditor on PETS, at full size and at half and a quarter of it."""
    import cv2
    import numpy as np

    source = pets()
    numbers = range(0, len(source.frames), AUDITOR_EVERY)
    figures: Figures = {}
    for scale in (1.0, 0.5, 0.25):
        found, truth = [], []
        for number in numbers:
            image = cv2.resize(source.frames[number], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            found.append(auditor.people(np.asarray(image, np.uint8)) / scale)
            truth.append(source.people(number))
        result = accuracy(found, truth)
        figures[f"pets x {scale:g}"] = {"recall": round(result.recall, 3), "precision": round(result.precision, 3)}
    print(f"... auditor: {figures}", file=sys.stderr, flush=True)
    return figures


if __name__ == "__main__":
    main()
