"""How well relations tell who is in front of whom, on a film with truth.

    python -m bench.real_space FOLDER [--json]

The film is ``sample_site.EVENTS`` (ten minutes, 121 people), its tracks those of a made-up detector
(``bench.interactions_material``), which are kept in the folder. Measured-synthetic.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.interactions_material import build_film, made_inputs
from ops.arrays import boxes_of, times_us
from ops.boxes import iou_matrix
from ops.ground.homography import ground_plane
from ops.ground.lens import lens_position
from ops.relations import Relations, RelationsParams
from sample_site.truth import TrueBoxes
from schemas.values import Float64
from tests.support.fakes import FakeServices

SEED = 11
MATCH_IOU = 0.5


def measure(folder: Path, seed: int = SEED) -> dict[str, float]:
    """Returns counts of pairs of people who overlap in the picture, and the share of named ones that are right."""
    site, inputs = build_film(folder, seed), made_inputs(folder, seed)
    rows = Relations(RelationsParams(labels=("person",))).run(inputs.unit, inputs.tables, FakeServices())["relations"]
    plane = ground_plane(inputs.unit.camera)
    lens = None if plane is None else lens_position(inputs.unit.camera, plane)
    assert lens is not None, "the film's camera is calibrated"
    people = _people(inputs.tables["track_points"], site.truth.boxes)
    counts = {"right": 0, "wrong": 0, "open": 0, "unmatched": 0}
    for row, time_us in zip(rows.to_pylist(), times_us(rows).tolist(), strict=True):
        if row["hidden_share"]:
            places = [people.get((row[track], time_us)) for track in ("track_a", "track_b")]
            counts[_verdict(row["in_front"], places, lens)] += 1
    named = counts["right"] + counts["wrong"]
    return {"seed": seed, **counts, "share_right": counts["right"] / named if named else float("nan")}


def _verdict(in_front: str | None, places: list[Float64 | None], lens: Float64) -> str:
    a, b = places
    if a is None or b is None or np.array_equal(a, b):
        return "unmatched"
    if in_front is None:
        return "open"
    nearer = "a" if np.hypot(*(a - lens[:2])) < np.hypot(*(b - lens[:2])) else "b"
    return "right" if in_front == nearer else "wrong"


def _people(points: pa.Table, truth: TrueBoxes) -> Mapping[tuple[str, int], Float64]:
    """Returns the true place of the person that each box shows, by track and time."""
    at: dict[int, list[int]] = {}
    for number, time_us in enumerate(truth.time_us.tolist()):
        at.setdefault(time_us, []).append(number)
    found = {}
    for track, time_us, box in zip(
        points["track_id"].to_pylist(), times_us(points).tolist(), boxes_of(points), strict=True
    ):
        there = at.get(time_us)
        if there:
            overlap = iou_matrix(box[None], truth.box[there])[0]
            if overlap.max() >= MATCH_IOU:
                found[track, time_us] = truth.place_m[there[int(overlap.argmax())]]
    return found


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments.folder)
    if arguments.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:<12} {value:.4g}")


if __name__ == "__main__":
    main()
