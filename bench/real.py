"""Runs Nightshift on the real clips: tracking, counting and ground error on PETS, speed of the whole run.

    python -m bench.real [--json] [--workers N] [--no-peer]

Needs the real material ($NIGHTSHIFT_ASSETS, default ../shared/assets) and the test extra. The peer, in the same run
on the same weights, is Ultralytics' own pipeline with ByteTrack on every frame. With --json one JSON object goes to
stdout.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.material import ASSETS, PEER_TRACKER, print_figures, require_assets, require_packages
from bench.pets import LAST_FRAME, pets_scores, pets_truth, rounded
from bench.real_site import CLIPS, DETECTOR, build_real_site
from jobs.commands.results import connect, query
from jobs.commands.run import run_site
from jobs.engine.options import RunOptions
from jobs.planning.graph import Selection
from jobs.site import open_site
from ops.tracking.scores import score_tracks
from schemas.frame_boxes import FrameBoxes


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--no-peer", action="store_true")
    arguments = parser.parse_args()
    require_assets()
    require_packages(*(() if arguments.no_peer else PEER_TRACKER))
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments.workers)
    if not arguments.no_peer:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for the figures
            figures["peer"] = peer()
        figures["ratio"] = {
            name: round(figures["pets"][name] / figures["peer"][name], 3) for name in ("hota", "mota", "idf1")
        } | {"fps": round(figures["night"]["fps"] / figures["peer"]["fps"], 3)}
    print_figures(figures, arguments.json)


def measure(folder: Path, workers: int) -> dict[str, dict[str, float]]:
    """Builds the site, runs Nightshift and scores the tables."""
    build_real_site(folder, ASSETS)
    opened = open_site(folder)
    started = time.perf_counter()
    summary = run_site(opened, Selection(), RunOptions(workers=workers))
    wall_s = time.perf_counter() - started
    footage = query(opened, "SELECT sum(frames) AS frames FROM footage")["frames"][0].as_py()
    connection = connect(opened)
    pets = pets_scores(connection, ASSETS)
    connection.close()
    stage_s = summary.record.stage_s
    work_s = sum(stage_s.values())
    return {
        "pets": pets,
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


def peer() -> dict[str, float]:
    """Runs Ultralytics with ByteTrack on every frame of the same clip, with the same weights."""
    os.environ.setdefault("YOLO_OFFLINE", "true")
    from ultralytics.models import YOLO

    model = YOLO(ASSETS / "weights" / DETECTOR, task="detect")
    frames: list[int] = []
    identities: list[int] = []
    boxes: list[list[float]] = []
    started = time.perf_counter()
    clip = ASSETS / "video" / CLIPS["pets"][0]
    results = model.track(clip, stream=True, tracker="bytetrack.yaml", classes=[0], verbose=False)
    for frame, result in enumerate(results, 1):
        if frame > LAST_FRAME:
            break
        found = result.boxes
        if found is not None and found.id is not None:
            frames += [frame] * len(found)
            identities += [int(identity) for identity in found.id]
            boxes += np.asarray(found.xyxy).tolist()
    wall_s = time.perf_counter() - started
    rows = FrameBoxes.of(np.array(frames), np.array(identities), np.array(boxes))
    return rounded(score_tracks(pets_truth(ASSETS), rows)) | {"fps": round(LAST_FRAME / wall_s, 2)}


if __name__ == "__main__":
    main()
