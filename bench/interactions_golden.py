"""Counts the golden numbers of interactions that are met: network, losses, scorers (``hoi`` of the assets folder).

    python -m bench.interactions_golden [--json] [FOLDER]

The comparisons are those of the tests. They say that the architecture and the scorers equal the published programs;
the accuracy of published weights is not measured here.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from tests.support.activities_golden import ACTIVITY_CASES, activity_checks
from tests.support.golden import Check
from tests.support.pair_scores_golden import hico_checks, role_checks, vcoco_checks
from tests.support.qpic_golden import CASES, ForwardCase, detection_list_checks, golden_network, manifest_checks
from tests.support.qpic_loss_golden import loss_cases, loss_checks

VERIFIED = "architecture and evaluator parity verified; accuracy of published weights not measured here"
ASSETS = Path(os.environ.get("NIGHTSHIFT_ASSETS", "../shared/assets"))


@dataclass(frozen=True)
class GoldenCount:
    """Golden numbers that are met, of all; where an array is not met, none of its numbers counts.

    Attributes:
        by_part: the same for network, losses and each scorer.
        failed: names of what is not met.
    """

    passed: int
    total: int
    by_part: dict[str, tuple[int, int]]
    failed: tuple[str, ...]


def count_golden(folder: Path = ASSETS / "hoi") -> GoldenCount:
    """Compares everything, which takes some 30 s of one core; float32 only, as networks run."""
    parts = {
        "network": list(_network_checks(folder / "qpic")),
        "losses": [check for case in loss_cases(folder / "loss") for check in loss_checks(case)],
        "HICO-DET": list(hico_checks(folder / "eval")),
        "V-COCO": [*vcoco_checks(folder / "eval"), *role_checks(folder / "eval")],
        "ActEV": [check for name in ACTIVITY_CASES for check in activity_checks(folder / "actev", name)],
    }
    by_part = {
        name: (_numbers(check for check in checks if check.passed), _numbers(checks)) for name, checks in parts.items()
    }
    failed = [check.name for checks in parts.values() for check in checks if not check.passed]
    passed, total = (sum(counts[place] for counts in by_part.values()) for place in (0, 1))
    return GoldenCount(passed, total, by_part, tuple(failed))


def golden_figures() -> dict[str, Any]:
    """Returns the counts for ``bench.interactions``; what is verified is said only if every number is met."""
    found = count_golden()
    figures: dict[str, Any] = {"golden_passed": found.passed, "golden_total": found.total}
    return figures | ({"golden_failed": list(found.failed)} if found.failed else {"golden_verifies": VERIFIED})


def _network_checks(folder: Path) -> Iterator[Check]:
    torch.set_num_threads(1)
    for kind in ("hico", "vcoco"):
        yield from manifest_checks(folder, kind)
    for name in CASES:
        case = ForwardCase(folder, name)
        yield from case.picture_checks()
        yield from case.run(golden_network(case.kind)).checks()
    yield from detection_list_checks(folder)


def _numbers(checks: Iterable[Check]) -> int:
    return sum(check.numbers for check in checks)


def main(arguments: list[str]) -> int:
    """Prints the counts; returns 1 if a number is not met."""
    folders = [Path(argument) for argument in arguments if not argument.startswith("--")]
    found = count_golden(*folders)
    if "--json" in arguments:
        print(json.dumps(asdict(found)))
    else:
        for name, (passed, total) in found.by_part.items():
            print(f"{name:<10} {passed:>7} of {total:>7}")
        print(*found.failed, sep="\n", end="")
    return int(found.passed < found.total)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
