"""A night on the real clips: tracking, counting and ground error on PETS, speed of the whole night.

    python bench/real.py [--json] [--workers N] [--no-peer]

Needs the real material ($NIGHTSHIFT_ASSETS, default ../shared/assets). The peer, in the same run on the same weights,
is Ultralytics' own pipeline with ByteTrack on every frame. With --json one JSON object on stdout.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa

from jobs import api, reading
from jobs.graph import Selection
from testkit.evaluate import MotRows, TrackScores, evaluate, iou_matrix, load_mot, rows_of
from testkit.real_site import CLIPS, DETECTOR, build_real_site, pets_anchor

ASSETS = Path(os.environ.get("NIGHTSHIFT_ASSETS", Path(__file__).parents[2] / "shared" / "assets"))
GT_SCALE = 0.625
"""The PETS clip is 480 x 360, the ground truth is of 768 x 576."""

LAST_FRAME = 400
"""The ground truth ends there."""

TICKS_A_FRAME = 1024


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--no-peer", action="store_true")
    arguments = parser.parse_args()
    if not ASSETS.is_dir():
        sys.exit(f"no real material at {ASSETS}: set NIGHTSHIFT_ASSETS")
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments.workers)
    if not arguments.no_peer:
        figures["peer"] = peer()
        figures["ratio"] = {
            name: round(figures["pets"][name] / figures["peer"][name], 3) for name in ("hota", "mota", "idf1")
        } | {"fps": round(figures["night"]["fps"] / figures["peer"]["fps"], 3)}
    if arguments.json:
        print(json.dumps(figures))
        return
    for group, values in figures.items():
        for name, value in values.items():
            print(f"{group}.{name:<22} {value}")


def measure(folder: Path, workers: int) -> dict[str, dict[str, float]]:
    """Builds the site, runs the night and scores it."""
    build_real_site(folder, ASSETS)
    opened = api.open_site(folder)
    started = time.perf_counter()
    summary = api.run(opened, Selection(), api.RunOptions(workers=workers))
    wall_s = time.perf_counter() - started
    footage = reading.query(opened, "SELECT sum(frames) AS frames FROM footage")["frames"][0].as_py()
    stage_s = summary.record.stage_s
    work_s = sum(stage_s.values())
    return {
        "pets": pets_scores(opened),
        "night": {
            "clips": len(CLIPS),
            "frames": float(footage),
            "wall_s": round(wall_s, 2),
            "fps": round(float(footage) / wall_s, 2),
            "decode_share": round(stage_s["decode"] / work_s, 4),
            "detect_share": round(stage_s["detect"] / work_s, 4),
            "anonymize_share": round(stage_s["anonymize"] / work_s, 4),
            "detector_calls": summary.record.detector_calls,
            "frames_decoded": summary.record.frames_decoded,
        },
    }


def pets_scores(opened: api.Opened) -> dict[str, float]:
    """Scores of frames 1 to 400 of PETS, of the tables that the night wrote."""
    truth = load_mot(ASSETS / "gt" / "PETS09-S2L1" / "gt.txt", GT_SCALE)
    points = reading.query(
        opened,
        f"""SELECT pts // {TICKS_A_FRAME} + 1 AS frame, track_id, x1, y1, x2, y2, p.x_m, p.y_m
            FROM track_points t LEFT JOIN positions p USING (camera, track_id, time)
            WHERE camera = 'pets' AND t.label = 'person' AND pts // {TICKS_A_FRAME} < {LAST_FRAME}
            ORDER BY frame, track_id""",
    )
    rows = mot_rows(points)
    scores = evaluate(truth, rows)
    errors = ground_errors(rows, points)
    return rounded(scores) | {
        "ground_median_m": round(float(np.median(errors)), 4),
        "ground_p90_m": round(float(np.quantile(errors, 0.9)), 4),
    }


def rounded(scores: TrackScores) -> dict[str, float]:
    """Scores with four decimals."""
    return {name: round(value, 4) for name, value in asdict(scores).items()}


def mot_rows(points: pa.Table) -> MotRows:
    """Track points as the evaluator takes them."""
    boxes = np.column_stack([points[name].to_numpy() for name in ("x1", "y1", "x2", "y2")]).astype(float)
    identity = np.unique(points["track_id"].to_numpy(), return_inverse=True)[1]
    return rows_of(points["frame"].to_numpy(), identity, boxes)


def ground_errors(rows: MotRows, points: pa.Table) -> np.ndarray:
    """Distance in metres of each position from the true one of the person whose box it overlaps by half or more."""
    anchor = pets_anchor(ASSETS)
    raw = np.loadtxt(ASSETS / "gt" / "PETS09-S2L1" / "gt.txt", delimiter=",")
    truth_boxes = np.column_stack([raw[:, 2:4], raw[:, 2:4] + raw[:, 4:6]]) * GT_SCALE
    places = raw[:, 7:9] + [anchor.x0_m, anchor.y0_m]
    found = np.column_stack([points[name].to_numpy(zero_copy_only=False) for name in ("x_m", "y_m")])
    errors = []
    for frame in np.unique(rows.frame):
        mine, theirs = np.flatnonzero(rows.frame == frame), np.flatnonzero(raw[:, 0] == frame)
        if not len(theirs):
            continue
        overlap = iou_matrix(rows.box[mine], truth_boxes[theirs])
        best = overlap.argmax(axis=1)
        hit = overlap[np.arange(len(mine)), best] >= 0.5
        errors.append(np.linalg.norm(found[mine[hit]] - places[theirs[best[hit]]], axis=1))
    every = np.concatenate(errors)
    return every[np.isfinite(every)]


def peer() -> dict[str, float]:
    """Ultralytics with ByteTrack on every frame of the same clip, with the same weights."""
    os.environ.setdefault("YOLO_OFFLINE", "true")
    from ultralytics import YOLO

    model = YOLO(ASSETS / "weights" / DETECTOR, task="detect")
    frames, identities, boxes = [], [], []
    started = time.perf_counter()
    clip = ASSETS / "video" / CLIPS["pets"][0]
    results = model.track(clip, stream=True, tracker="bytetrack.yaml", classes=[0], verbose=False)
    for frame, result in enumerate(results, 1):
        if frame > LAST_FRAME:
            break
        if result.boxes.id is not None:
            frames += [frame] * len(result.boxes)
            identities += result.boxes.id.int().tolist()
            boxes += result.boxes.xyxy.tolist()
    wall_s = time.perf_counter() - started
    truth = load_mot(ASSETS / "gt" / "PETS09-S2L1" / "gt.txt", GT_SCALE)
    rows = rows_of(np.array(frames), np.array(identities), np.array(boxes))
    return rounded(evaluate(truth, rows)) | {"fps": round(LAST_FRAME / wall_s, 2)}


if __name__ == "__main__":
    main()
