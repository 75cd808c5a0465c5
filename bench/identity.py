"""Measures how well people keep their ids, and how many people are counted, beside Ultralytics' ByteTrack.

    python -m bench.identity [--json] [--ablation] [--model NAME ...] [--segment-s 4 10 30] [--only clips sample people]
        [--seed N]

Needs the real material ($NIGHTSHIFT_ASSETS, default ../shared/assets) and the test extra. The op ``detect`` runs once
on every frame of PETS 1-400 and TUD-Campus. Ours gets all looks, and then fewer; boxes between looks are interpolated
as ``nightshift eval`` does it. The peer, with its default settings, always gets every frame. *Oracle* is perfect
association of the same detections. Scores follow MOT15, as published ones for these sequences do; ``forgiving`` leaves
out boxes on ignored people.

``truth_boxes_idf1`` is association alone: true boxes as detections, ids hidden (forgiving). ``added_time_share`` is the
CPU time of ``appearance``, ``track`` and ``link`` over that of ``detect``: process time, one thread. ``sample`` is the
sample site as ``nightshift demo`` runs it, and ``people`` clips whose people were counted by looking. ``--ablation``
switches off one part of the tracker at a time.
"""

import argparse
import contextlib
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench.identity_ablation import ablation
from bench.identity_counts import looked_clips, sample_site
from bench.identity_material import (
    SEQUENCES,
    TEN_A_SECOND,
    DetectedSequence,
    Sequence,
    detect,
    thinned,
    true_detections,
)
from bench.identity_trackers import oracle, ours, peer, track_points
from bench.material import ASSETS, PEER_TRACKER, require_assets, require_packages
from ops.tracking.scores import score_tracks
from schemas.frame_boxes import FrameBoxes
from schemas.op import ModelRequest
from schemas.values import ModelFile
from storage.weights.catalogue import ModelStore

MODELS = ("yolo11n_int8_openvino_model", "yolov8n_int8_openvino_model")
"""Weights of the detectors; the figures of the clips are the first one's."""

STRICT = ("hota", "deta", "assa", "mota", "idf1", "id_switches", "precision", "recall", "count_mae")
FORGIVING = ("hota", "mota", "idf1", "count_mae")
PEER = ("hota", "mota", "idf1", "id_switches", "count_mae")
ALL_PARTS = ("clips", "sample", "people")

Figures = dict[str, Any]
Detected = dict[tuple[str, str], DetectedSequence]


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--ablation", action="store_true")
    parser.add_argument("--model", nargs="+", default=MODELS)
    parser.add_argument("--segment-s", type=float, nargs="*", default=[4.0, 10.0, 30.0])
    parser.add_argument("--only", nargs="*", choices=ALL_PARTS, default=ALL_PARTS)
    parser.add_argument("--seed", type=int, default=7, help="of the sample site; 7 is that of `nightshift demo`")
    arguments = parser.parse_args()
    require_assets()
    require_packages(*PEER_TRACKER)
    models = [weights(name) for name in arguments.model]
    figures: Figures = {}
    with contextlib.redirect_stdout(sys.stderr):  # stdout is for the figures; Ultralytics greets there
        if "clips" in arguments.only:
            figures |= clip_figures(models, arguments.segment_s, arguments.ablation)
        if "sample" in arguments.only:
            with TemporaryDirectory() as folder:
                figures |= sample_site(Path(folder) / "site", arguments.seed)
        if "people" in arguments.only:
            figures["people"] = looked_clips(models[0])
    print_out(figures, arguments.json)


def weights(name: str) -> ModelFile:
    """Returns the weights of a detector, or ends the program."""
    model = ModelStore(ASSETS / "weights").resolve(ModelRequest(name, "detect"))
    if model is None:
        sys.exit(f"no weights named {name} in {ASSETS / 'weights'}")
    return model


def clip_figures(models: list[ModelFile], lengths_s: list[float], with_ablation: bool) -> Figures:
    """Returns the figures of the clips with truth."""
    detected = {
        (sequence.name, model.name.split("_")[0]): detect(sequence.path, model, sequence.frames)
        for sequence in SEQUENCES
        for model in models
    }
    runs: Figures = {}
    figures: Figures = {"truth_boxes_idf1": {}}
    detect_s = added_s = 0.0
    for sequence in SEQUENCES:
        mine = [name for clip, name in detected if clip == sequence.name]
        first = detected[sequence.name, mine[0]]
        for name in mine:
            runs |= clip_runs(sequence, name, detected[sequence.name, name])
        runs |= cut_runs(sequence, mine[0], first, lengths_s)
        figures[sequence.name] = dict(runs[run_name(sequence, mine[0], 1)])
        known = true_detections(first, sequence.path, sequence.true_boxes())
        idf1 = score_tracks(sequence.true_boxes(), ours(known), forgive_ignored=True).idf1
        figures["truth_boxes_idf1"][sequence.name] = round(idf1, 4)
        detect_s += first.detect_s
        added_s += first.appearance_s + tracking_s(first)
    figures["campus"]["hota_10"] = runs[run_name(SEQUENCES[1], models[0].name.split("_")[0], TEN_A_SECOND)]["hota"]
    figures |= {"added_time_share": round(added_s / detect_s, 4), "runs": runs}
    if with_ablation:
        figures["ablation"] = ablation(detected)
    return figures


def run_name(sequence: Sequence, model: str, step: float) -> str:
    """Returns the name of a run: clip, detector, frames from one look to the next."""
    return f"{sequence.name} {model} {step:g}"


def clip_runs(sequence: Sequence, model: str, detected: DetectedSequence) -> Figures:
    """Returns the figures of each rate of looks."""
    truth = sequence.true_boxes()
    theirs = score_tracks(truth, peer(detected.people()))
    against = {f"peer_{name}": round(getattr(theirs, name), 4) for name in PEER} | {"peer_ids": theirs.tracks}
    found = {}
    for step in sequence.steps:
        looks = thinned(detected, step)
        best = score_tracks(truth, oracle(looks.people(), truth))
        found[run_name(sequence, model, step)] = (
            scores(truth, ours(looks))
            | {"oracle_hota": round(best.hota, 4), "oracle_idf1": round(best.idf1, 4)}
            | against
        )
    return found


def cut_runs(sequence: Sequence, model: str, detected: DetectedSequence, lengths_s: list[float]) -> Figures:
    """Returns the figures of footage cut into segments of these lengths, and linked again."""
    duration_s = sequence.frames / detected.fps
    return {
        f"{run_name(sequence, model, 1)}, cut every {length_s:g} s": scores(
            sequence.true_boxes(), ours(detected, cuts_s=tuple(np.arange(length_s, duration_s, length_s).tolist()))
        )
        for length_s in lengths_s
        if length_s < duration_s
    }


def scores(truth: FrameBoxes, tracks: FrameBoxes) -> Figures:
    """Returns the scores of tracks, with four decimals."""
    strict, forgiving = asdict(score_tracks(truth, tracks)), asdict(score_tracks(truth, tracks, forgive_ignored=True))
    figures = {name: round(strict[name], 4) for name in STRICT}
    figures |= {"ids": strict["tracks"], "true_ids": strict["true_tracks"]}
    figures |= {f"{name}_forgiving": round(forgiving[name], 4) for name in FORGIVING}
    return figures | {"ids_forgiving": forgiving["tracks"]}


def tracking_s(detected: DetectedSequence) -> float:
    """Returns the CPU seconds of ``track`` and ``link``, of the second of two calls: the first one includes imports."""
    track_points(detected)
    started = time.process_time()
    track_points(detected)
    return time.process_time() - started


def print_out(figures: Figures, as_json: bool) -> None:
    """Prints groups of figures, a line each, or all of them as one JSON object."""
    if as_json:
        print(json.dumps(figures))
        return
    for group, values in figures.items():
        for name, value in (values if isinstance(values, dict) else {"": values}).items():
            text = " ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else str(value)
            print(f"{group:<17} {name:<34} {text}")


if __name__ == "__main__":
    main()
