"""The evaluators that papers use, to check ours: TrackEval (HOTA, CLEAR MOT, identity) and motmetrics (CLEAR MOT)."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ops.tracking.scores import MATCH_IOU, JudgedFrame
from schemas.frame_boxes import FrameBoxes
from schemas.values import Int64


def judged(truth: FrameBoxes, tracks: FrameBoxes, forgive_ignored: bool = False) -> list[JudgedFrame]:
    """Returns the frames in which either has a box."""
    return [
        JudgedFrame.of(truth.take(truth.frame == number), tracks.take(tracks.frame == number), forgive_ignored)
        for number in np.union1d(truth.frame, tracks.frame)
    ]


def by_trackeval(frames: list[JudgedFrame]) -> dict[str, float]:
    """Returns scores by their names in ``TrackScores``."""
    from trackeval.metrics import CLEAR, HOTA, Identity

    true_ids, found_ids = _numbered([f.truth for f in frames]), _numbered([f.tracks for f in frames])
    sequence = {
        "gt_ids": [np.array([true_ids[int(i)] for i in f.truth], np.int64) for f in frames],
        "tracker_ids": [np.array([found_ids[int(i)] for i in f.tracks], np.int64) for f in frames],
        "similarity_scores": [f.overlap for f in frames],
        "num_gt_dets": sum(len(f.truth) for f in frames),
        "num_tracker_dets": sum(len(f.tracks) for f in frames),
        "num_gt_ids": len(true_ids),
        "num_tracker_ids": len(found_ids),
        "num_timesteps": len(frames),
    }
    quiet = {"PRINT_CONFIG": False}
    hota = HOTA().eval_sequence(sequence)
    clear = CLEAR({"THRESHOLD": MATCH_IOU, **quiet}).eval_sequence(sequence)
    identity = Identity({"THRESHOLD": MATCH_IOU, **quiet}).eval_sequence(sequence)
    return {
        **{name.lower(): float(np.mean(hota[name])) for name in ("HOTA", "DetA", "AssA")},
        "mota": float(clear["MOTA"]),
        "idf1": float(identity["IDF1"]),
        "id_switches": int(clear["IDSW"]),
        "fragmentations": int(clear["Frag"]),
        "precision": float(clear["CLR_Pr"]),
        "recall": float(clear["CLR_Re"]),
        "misses": int(clear["CLR_FN"]),
        "false_positives": int(clear["CLR_FP"]),
    }


def by_motmetrics(frames: list[JudgedFrame]) -> dict[str, float]:
    """Returns scores by their names in ``TrackScores``, but ``fragmentations``: it leaves out frames without truth."""
    import motmetrics

    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for frame in frames:
        distance = np.where(frame.overlap >= MATCH_IOU, 1.0 - frame.overlap, np.nan)
        accumulator.update(frame.truth.tolist(), frame.tracks.tolist(), distance)
    names = {
        **{name: name for name in ("mota", "idf1", "precision", "recall")},
        "num_switches": "id_switches",
        "num_misses": "misses",
        "num_false_positives": "false_positives",
    }
    found: dict[str, Any] = motmetrics.metrics.create().compute(
        accumulator, metrics=list(names), return_dataframe=False
    )
    return {ours: float(found[name]) for name, ours in names.items()}


def _numbered(identities: list[Int64]) -> Mapping[int, int]:
    """Numbers identities from 0, as TrackEval requires."""
    return {identity: number for number, identity in enumerate(sorted({int(i) for ids in identities for i in ids}))}
