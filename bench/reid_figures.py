"""Writes measured re-identification into the one place that states it, ``schemas/reidentification.py``.

    python -m bench.anonymize --only reid --cameras pets --json > reid.json
    python -m bench.reid_figures reid.json && python -m tools.generate_docs --write

The residual risk of each mode, which audits state, and the table of docs/privacy.md follow from it.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "schemas" / "reidentification.py"
MARK = "# The numbers, until the end of the file, are written by bench.reid_figures.\n"
OWN = ("shape", "gait", "colour", "path", "all")


def numbers(figures: Mapping[str, Any]) -> str:
    """Returns the source text of the numbers of one run of the benchmark."""
    weak, strong, own = figures["reid"], figures["reid0287"], figures["reid_attacker"]
    rows = []
    for name in strong:
        values = [weak[name]["to_original"], weak[name]["to_anonymized"]]
        values += [strong[name][each] for each in ("as_filmed", "alike", "wide", "only_cover")]
        values += [own[name][each] for each in OWN]
        rows.append(f'        "{name}": Reidentified({", ".join(f"{value:.2f}" for value in values)}),')
    filmed = strong["original"]
    return "\n".join(
        [
            f"CHANCE, ATTACKER_CHANCE = {filmed['chance']:.2f}, {own['original']['chance']:.2f}",
            '"""Rank 1 of a random guess: for the networks, and for the attacker who measures."""',
            "",
            f"ONLY_SCENE, ONLY_SCENE_WIDE = {filmed['only_scene']:.2f}, {filmed['wide_scene']:.2f}",
            '"""Rank 1 of the stronger network by crops of the empty scene at the same boxes, and by wider ones."""',
            "",
            "REIDENTIFIED: Mapping[str, Reidentified] = MappingProxyType(",
            "    {",
            *rows,
            "    }",
            ")",
            '"""Figures by mode, and ``original`` as filmed."""',
            "",
        ]
    )


def main() -> None:
    """Writes the numbers of a run of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path, help="output of bench.anonymize --only reid --json")
    found = json.loads(parser.parse_args().figures.read_text())
    kept = TARGET.read_text().split(MARK)[0]
    TARGET.write_text(f"{kept}{MARK}\n{numbers(found)}")


if __name__ == "__main__":
    main()
