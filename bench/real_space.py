"""How exact 3D boxes are, and how well relations tell who is in front of whom, against known truth.

    python -m bench.real_space FOLDER [--json]

``cuboids.*``: boxes of made-up things of all sizes and headings before a camera five metres up that looks 30 degrees
down, with 2 px of noise on each edge and 5 degrees on the heading. ``film.*``: ``sample_site.EVENTS`` (ten minutes, 121
people), tracked from a made-up detector (``bench.interactions_material``), kept in the folder. Measured-synthetic.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from time import process_time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.interactions_material import Inputs, build_film, made_inputs
from ops.arrays import boxes_of, float_columns, times_us
from ops.boxes import iou_matrix
from ops.boxes3d import Boxes3d
from ops.boxes3d.fit import fit_cuboids
from ops.boxes3d.overlap import overlaps
from ops.ground.camera_matrix import CameraMatrix, wrapped
from ops.ground.class_sizes import CLASS_SIZES
from ops.ground.homography import ground_plane
from ops.ground.lens import lens_position
from ops.relations import Relations, RelationsParams
from sample_site.truth import TrueBoxes
from schemas.values import Float64
from tests.ops.boxes3d.made import make_camera, make_tracks
from tests.support.fakes import FakeServices

SEED = 11
MATCH_IOU = 0.5
_CLASSES = ("car", "person", "bicycle", "bus")
_ELLIPSE_95 = 5.99


def measure(folder: Path, seed: int = SEED) -> dict[str, float]:
    """Returns all figures."""
    site, inputs = build_film(folder, seed), made_inputs(folder, seed)
    people = _people(inputs.tables["track_points"], site.truth.boxes)
    figures: dict[str, float] = {"seed": seed}
    for label in _CLASSES:
        figures |= {f"cuboids.{label}.{name}": value for name, value in measure_cuboids(label).items()}
    return figures | {
        f"film.{name}": value for name, value in (_places(inputs, people) | _order(inputs, people)).items()
    }


def measure_cuboids(label: str) -> dict[str, float]:
    """Returns errors of centre, size and yaw of one class, overlaps with the truth, and coverage of the sigmas."""
    camera, made = make_camera(), make_tracks(label, tracks=300)
    found = fit_cuboids(camera, made.looks, label, CLASS_SIZES[label])
    off = found.centre_m - made.centre_m
    away = np.einsum("ni,nij,nj->n", off, np.linalg.inv(found.covariance[:, :2, :2]), off)
    bev, volume = _own_overlaps(
        camera, (made.centre_m, made.size_m, made.yaw_rad), (found.centre_m, found.size_m, found.yaw_rad)
    )
    return {
        "centre_median_m": float(np.median(np.hypot(*off.T))),
        "centre_p90_m": float(np.quantile(np.hypot(*off.T), 0.9)),
        "foot_median_m": float(np.median(np.hypot(*(made.looks.foot_m - made.centre_m).T))),
        "size_rms_m": float(np.sqrt(((found.size_m - made.size_m) ** 2).mean())),
        "prior_rms_m": float(np.sqrt((np.array(CLASS_SIZES[label].spread) ** 2).mean())),
        "yaw_rms_deg": float(np.degrees(np.sqrt((wrapped(found.yaw_rad - made.yaw_rad) ** 2).mean()))),
        "ellipse95": float((away < _ELLIPSE_95).mean()),
        "iou_bev_median": float(np.median(bev)),
        "iou_3d_median": float(np.median(volume)),
    }


Placed = tuple[Float64, Float64, Float64]


def _own_overlaps(camera: CameraMatrix, one: Placed, other: Placed) -> tuple[Float64, Float64]:
    """Returns the overlaps ``(N,)`` of each cuboid (centre, size, yaw) with the one in the same row of the others."""
    placed = [(camera.to_level(centre), size, camera.rotation_y(yaw)) for centre, size, yaw in (one, other)]
    pairs = [
        [
            each[0, 0]
            for each in overlaps(*((a[row : row + 1], b[row : row + 1], c[row : row + 1]) for a, b, c in placed))
        ]
        for row in range(len(one[0]))
    ]
    bev, volume = np.array(pairs).T
    return bev, volume


def _places(inputs: Inputs, people: Mapping[tuple[str, int], Float64]) -> dict[str, float]:
    """Returns how far people's boxes and positions are from the truth."""
    before = process_time()
    boxes = Boxes3d().run(inputs.unit, inputs.tables, FakeServices())["boxes3d"]
    seconds = process_time() - before
    boxes = boxes.filter(pc.equal(boxes["label"], "person"))
    off, known = _errors(boxes, people)
    spread = float_columns(boxes, ("var_x_m2", "cov_xy_m2", "cov_xy_m2", "var_y_m2")).reshape(-1, 2, 2)[known]
    away = np.einsum("ni,nij,nj->n", off, np.linalg.inv(spread), off)
    by_foot, _ = _errors(inputs.tables["positions"], people)
    return {
        "centre_median_m": float(np.median(np.hypot(*off.T))),
        "centre_p90_m": float(np.quantile(np.hypot(*off.T), 0.9)),
        "positions_median_m": float(np.median(np.hypot(*by_foot.T))),
        "positions_p90_m": float(np.quantile(np.hypot(*by_foot.T), 0.9)),
        "ellipse95": float((away < _ELLIPSE_95).mean()),
        "boxes": float(boxes.num_rows),
        "share_of_tracking": seconds / inputs.seconds["track"],
    }


def _errors(rows: pa.Table, people: Mapping[tuple[str, int], Float64]) -> tuple[Float64, list[int]]:
    keys = list(zip(rows["track_id"].to_pylist(), times_us(rows).tolist(), strict=True))
    known = [row for row, key in enumerate(keys) if key in people]
    truth = np.array([people[keys[row]] for row in known]).reshape(-1, 2)
    return float_columns(rows, ("x_m", "y_m"))[known] - truth, known


def _order(inputs: Inputs, people: Mapping[tuple[str, int], Float64]) -> dict[str, float]:
    """Returns counts of pairs of people who overlap in the picture, and the share of named ones that are right."""
    rows = Relations(RelationsParams(labels=("person",))).run(inputs.unit, inputs.tables, FakeServices())["relations"]
    plane = ground_plane(inputs.unit.camera)
    lens = None if plane is None else lens_position(inputs.unit.camera, plane)
    assert lens is not None, "the film's camera is calibrated"
    counts = {"right": 0, "wrong": 0, "open": 0, "unmatched": 0}
    for row, time_us in zip(rows.to_pylist(), times_us(rows).tolist(), strict=True):
        if row["hidden_share"]:
            places = [people.get((row[track], time_us)) for track in ("track_a", "track_b")]
            counts[_verdict(row["in_front"], places, lens)] += 1
    named = counts["right"] + counts["wrong"]
    return {**counts, "order_share_right": counts["right"] / named if named else float("nan")}


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
    boxes = zip(points["track_id"].to_pylist(), times_us(points).tolist(), boxes_of(points), strict=True)
    for track, time_us, box in boxes:
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
            print(f"{name:<32} {value:.4g}")


if __name__ == "__main__":
    main()
