"""How well cameras are measured without a survey: positions by people alone, against those by control points.

    python -m bench.depth_no_survey [--json]

On PETS and on the sample site, through the whole pipeline with the real detector: once with the control points of
site.toml, once without any. Positions without a survey are in the camera's own frame; they are turned and moved onto
the truth, and never stretched, so that a wrong scale shows. Needs the real material ($NIGHTSHIFT_ASSETS).
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.depth_scenes import Scene, SceneSpec, as_metric
from bench.material import ASSETS, print_figures, require_assets
from bench.pets import GT_SCALE, LAST_FRAME, TICKS_A_FRAME
from bench.real_site import DETECTOR, build_real_site, pets_anchor
from jobs.commands.results import connect
from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.planning.inventory import recorded_inventory
from jobs.site import open_site
from ops.arrays import boxes_of, times_us
from ops.boxes import iou_matrix
from ops.depth_models.rows import pack_depth
from ops.ground.ground_model import lay_on
from ops.ground_models import Ground
from ops.local_positions import LocalPositions
from sample_site import build_sample_site
from sample_site.script import DEMO
from sample_site.truth import CLEARLY_VISIBLE, load_truth
from schemas.tables import TABLES
from schemas.values import Float64, Int64, UnitContext
from storage.archive.segments import segment_maker
from tests.support.fakes import FakeServices, make_unit

OVERLAP = 0.5
"""IoU from which a tracked box is the true person's."""

SAMPLE_CAMERAS = ("gate", "hall")


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    require_assets()
    with tempfile.TemporaryDirectory() as folder:
        print_figures({"no_survey": measure(Path(folder))}, arguments.json)
    sys.stdout.flush()


def measure(folder: Path, workers: int | None = None) -> dict[str, float]:
    """Returns medians and 90 % quantiles of position errors, metres, in an empty folder.

    ``pets_median_m`` and ``sample_median_m`` are without a survey, by people alone; names with ``surveyed`` are with
    control points, and those with ``with_depth`` by people and the true depth of the rendered hall.
    """
    build_real_site(folder / "pets", ASSETS, ("pets",))
    figures = _errors(folder / "pets", {"pets": pets_truth()}, "pets", workers)
    sample = folder / "sample"
    build_sample_site(sample)
    shutil.copytree(ASSETS / "weights" / DETECTOR, sample / "models" / DETECTOR)
    truths = {camera: sample_truth(sample, camera) for camera in SAMPLE_CAMERAS}
    figures |= _errors(sample, truths, "sample", workers)
    return figures | depth_errors(sample, truths)


def depth_errors(root: Path, truths: dict[str, "Truth"]) -> dict[str, float]:
    """Returns errors of the sample site's cameras by people and true depth, without a survey; its tracks must be there.

    The depth is metric and of an unknown focal length, as many networks give it.
    """
    site, errors = open_site(root), []
    timeline = recorded_inventory(site.store).timeline
    make = segment_maker(timeline)
    segments = [make(number) for number in range(timeline.num_rows)]
    for camera, truth in truths.items():
        view = replace(site.files.config.camera_view(camera), control_points=(), position_m=None)
        unit = make_unit([each for each in segments if each.camera == camera], view, unit="day")
        with closing(connect(site)) as connection:
            rows = connection.execute(
                f"SELECT * FROM track_points WHERE camera = '{camera}' ORDER BY time, track_id"
            ).to_arrow_table()
        points = TABLES["track_points"].conform(rows.select(TABLES["track_points"].schema.names))
        inputs = {"track_points": points, "depth_maps": _true_depth(camera, unit)}
        models = Ground().run(unit, inputs, FakeServices())["ground_models"]
        local = LocalPositions().run(unit, {"track_points": points, "ground_models": models}, FakeServices())
        places = local["local_positions"].select(["track_id", "time", "x_m", "y_m"])
        joined = points.join(places, ["track_id", "time"], join_type="inner").sort_by("time")
        found, true = matched(joined, times_us(joined), truth)
        errors.append(np.linalg.norm(lay_on(found, true) - true, axis=1))
    every = np.concatenate(errors)
    return {
        "sample_with_depth_median_m": _round(np.median(every)),
        "sample_with_depth_p90_m": _round(np.quantile(every, 0.9)),
    }


def _true_depth(camera: str, unit: UnitContext) -> pa.Table:
    spec = next(each for each in DEMO.cameras if each.camera == camera)
    lens = spec.lens(DEMO.size_px)
    scene = Scene.render(SceneSpec(spec.place_m, spec.target_m, lens.focal_px / lens.size_px[0], 7), DEMO.size_px)
    row = {
        "camera": camera,
        "view": 0,
        "segment_id": unit.segments[0].segment_id,
        "start_time": unit.segments[0].start,
        "end_time": unit.segments[-1].end,
        "source_width": DEMO.size_px[0],
        "source_height": DEMO.size_px[1],
        "focal_px": None,
        "model": "truth",
        **pack_depth(as_metric(scene.truth_m), DEMO.size_px[0]),
    }
    return TABLES["depth_maps"].conform({name: [value] for name, value in row.items()})


Truth = tuple[Int64, Float64, Float64]
"""Moments ``(N,)``, boxes ``(N, 4)`` and places ``(N, 2)`` of people."""


def _errors(root: Path, truths: dict[str, Truth], name: str, workers: int | None) -> dict[str, float]:
    surveyed = run_and_match(root, truths, "positions", workers)
    config = root / "site.toml"
    config.write_text(without_points(config.read_text()))
    alone = run_and_match(root, truths, "local_positions", workers)
    with_points = np.concatenate([np.linalg.norm(found - true, axis=1) for found, true in surveyed])
    without = np.concatenate([np.linalg.norm(lay_on(found, true) - true, axis=1) for found, true in alone])
    return {
        f"{name}_median_m": _round(np.median(without)),
        f"{name}_p90_m": _round(np.quantile(without, 0.9)),
        f"{name}_surveyed_median_m": _round(np.median(with_points)),
        f"{name}_surveyed_p90_m": _round(np.quantile(with_points, 0.9)),
        f"{name}_positions": float(len(without)),
    }


def _round(value: float) -> float:
    return round(float(value), 3)


def run_and_match(
    root: Path, truths: dict[str, Truth], table: str, workers: int | None, also: tuple[str, ...] = ()
) -> list[tuple[Float64, Float64]]:
    """Runs a site as far as a table of positions, and other ops; returns found and true places of each camera."""
    run_site(open_site(root), Selection(ops=(*also, table)), RunOptions(workers=workers))
    pairs = []
    with closing(connect(open_site(root))) as connection:
        for camera, truth in truths.items():
            rows = connection.execute(
                f"""SELECT t.time, t.pts, x1, y1, x2, y2, p.x_m, p.y_m FROM track_points t
                    JOIN {table} p USING (camera, track_id, time)
                    WHERE camera = '{camera}' AND t.label = 'person' ORDER BY t.time, track_id"""
            ).to_arrow_table()
            moments = rows["pts"].to_numpy() // TICKS_A_FRAME + 1 if camera == "pets" else times_us(rows)
            pairs.append(matched(rows, np.asarray(moments, np.int64), truth))
    return pairs


def matched(
    rows: pa.Table, moments: Int64, truth: Truth, columns: Sequence[str] = ("x_m", "y_m")
) -> tuple[Float64, Float64]:
    """Returns columns ``(N, C)`` and true places ``(N, 2)`` of tracked boxes that overlap a true one by half."""
    found = np.column_stack([rows[name].to_numpy() for name in columns])
    boxes, (when, true_boxes, places) = boxes_of(rows), truth
    mine, theirs = [], []
    for moment in np.unique(moments):
        here, there = np.flatnonzero(moments == moment), np.flatnonzero(when == moment)
        if not len(there):
            continue
        overlap = iou_matrix(boxes[here], true_boxes[there])
        best = overlap.argmax(axis=1)
        hit = overlap[np.arange(len(here)), best] >= OVERLAP
        mine.append(here[hit])
        theirs.append(there[best[hit]])
    return found[np.concatenate(mine)], places[np.concatenate(theirs)]


def pets_truth() -> Truth:
    """Returns the people of PETS in pixels of its video, and their places in the site's CRS."""
    raw = np.loadtxt(ASSETS / "gt" / "PETS09-S2L1" / "gt.txt", delimiter=",")
    raw = raw[raw[:, 0] <= LAST_FRAME]
    anchor = pets_anchor(ASSETS)
    boxes = np.column_stack([raw[:, 2:4], raw[:, 2:4] + raw[:, 4:6]]) * GT_SCALE
    return raw[:, 0].astype(np.int64), boxes, raw[:, 7:9] + [anchor.x0_m, anchor.y0_m]


def sample_truth(root: Path, camera: str) -> Truth:
    """Returns who is clearly visible with their feet on a camera of a sample site, and where."""
    boxes = load_truth(root).boxes
    boxes = boxes.take((boxes.camera == camera) & (boxes.visible_share >= CLEARLY_VISIBLE) & boxes.feet_seen)
    return boxes.time_us, boxes.box, boxes.place_m


def without_points(config: str) -> str:
    """Returns a site.toml without control points and positions of cameras."""
    lines, inside = [], False
    for line in config.splitlines():
        if line.startswith(("control_points", "position")):
            inside = line.startswith("control_points") and not line.rstrip().endswith("]")
        elif inside:
            inside = not line.startswith("]")
        else:
            lines.append(line)
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
