"""Measures how well interactions are found: in time on films with truth, on real clips, and in pictures.

    python -m bench.interactions [--json] [--seed N ...] [--folder FOLDER] [--only golden overfit clips made motion]

``golden`` and ``overfit`` verify the network and the evaluators; accuracy of published weights is not measured here.
``made`` runs the rules on the film of interactions (``sample_site.EVENTS``) with a made-up detector, whose errors
``bench.interactions_detector`` has; ``motion`` runs the site itself without weights. An interaction is found if a row
has its verb, its people and things where both sides know them, and a second of its time. ``naudc``, ``p_miss_rfa`` and
``p_miss_tfa`` are those of NIST's ActEV_SDL_V2, which looks at times alone: the area under the misses up to 0.2 false
time, and the misses at 0.1 false alarms a minute and at 0.04 false time. Both are ``measured-synthetic``.

``clips`` runs what interactions need on real clips, with weights and without (``measured-real``); this part and
``golden`` need the real material ($NIGHTSHIFT_ASSETS, default ../shared/assets).
"""

import argparse
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.interactions_clips import clip_figures, cost_figures, run_clips
from bench.interactions_golden import golden_figures
from bench.interactions_overfit import overfit_figures
from bench.interactions_sample import made_figures, motion_figures
from bench.material import require_assets

Figures = dict[str, Any]

PARTS = ("golden", "overfit", "clips", "made", "motion")
NEED_ASSETS = frozenset({"golden", "clips"})


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--seed", type=int, nargs="+", default=[7], help="of the film and of the detector's errors")
    parser.add_argument("--folder", type=Path, help="keeps films and tables for the next call")
    arguments = parser.parse_args()
    if NEED_ASSETS & set(arguments.only):
        require_assets()
    figures: Figures = {}
    with ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(TemporaryDirectory()))
        work: Mapping[str, Callable[[], Figures]] = {
            "golden": golden_figures,
            "overfit": overfit_figures,
            "clips": lambda: clip_parts(Path(stack.enter_context(TemporaryDirectory()))),
            "made": lambda: sample_parts("sample", made_figures, folder, arguments.seed),
            "motion": lambda: sample_parts("sample_motion", motion_figures, folder, arguments.seed),
        }
        for part in arguments.only:
            figures |= work[part]()
    print_out(figures, arguments.json)


def clip_parts(folder: Path) -> Figures:
    """Returns the figures of the real clips, with weights, and in ``without_weights`` those by motion."""
    run = run_clips(folder / "weights", True)
    figures = clip_figures(run)
    cost = cost_figures(run)
    figures |= {"cost_share": cost.pop("cost_share"), "cost": cost}
    return figures | {"without_weights": clip_figures(run_clips(folder / "motion", False))}


def sample_parts(name: str, measure: Callable[[Path, int], Figures], folder: Path, seeds: list[int]) -> Figures:
    """Returns the figures of all seeds: sums of counts, and means of what is no count."""
    parts = [measure(folder, seed) for seed in seeds]
    verbs = {verb: _together([part["verbs"][verb] for part in parts]) for verb in parts[0]["verbs"]}
    means = _together([part["mean"] for part in parts])
    lists = {key: [line for part in parts for line in part[key]] for key in ("missed", "false")}
    cost = {f"{name}_cost": parts[0]["cost"]} if "cost" in parts[0] else {}
    return {name: verbs, f"{name}_mean": means} | {f"{name}_{key}": lines for key, lines in lists.items()} | cost


def print_out(figures: Figures, as_json: bool) -> None:
    """Prints groups of figures, a line each, or all of them as one JSON object."""
    if as_json:
        print(json.dumps(figures))
        return
    for group, values in figures.items():
        if isinstance(values, list):
            for line in values:
                print(f"{group:<22} {line}")
            continue
        for name, value in (values if isinstance(values, dict) else {"": values}).items():
            text = " ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else str(value)
            print(f"{group:<22} {name:<28} {text}")


def _together(parts: list[Figures]) -> Figures:
    found: Figures = {}
    for key in parts[0]:
        values = [part[key] for part in parts if part[key] is not None]
        counts = key in ("true", "false_alarms")
        found[key] = None if not values else sum(values) if counts else round(sum(values) / len(values), 3)
    return found


if __name__ == "__main__":
    main()
