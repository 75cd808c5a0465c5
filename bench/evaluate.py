"""Scores a tracker's boxes against the truth, with the evaluators that papers use.

HOTA, DetA and AssA come from TrackEval (Luiten et al., "HOTA", IJCV 2021); MOTA, IDF1 and the counts of errors from
motmetrics (CLEAR MOT; Ristani et al. 2016). Both are test extras, so functions import them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ops.boxes import iou_matrix
from sample_site.comparison import MATCH_IOU
from schemas.values import Float64, Int64


@dataclass(frozen=True)
class MotRows:
    """Boxes of one sequence, one row each.

    Attributes:
        frame: ``(N,)`` number of the frame.
        identity: ``(N,)`` id of the person, unique within a frame.
        box: ``(N, 4)`` x1, y1, x2, y2 in pixels.
        counts: ``(N,)`` false for ignored truth (flag 0 in MOT files).
    """

    frame: Int64
    identity: Int64
    box: Float64
    counts: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: np.ndarray[tuple[int, ...], np.dtype[Any]]) -> "MotRows":
        """Returns the rows of a mask or of indices."""
        return MotRows(self.frame[rows], self.identity[rows], self.box[rows], self.counts[rows])


@dataclass(frozen=True)
class TrackScores:
    """How well tracks follow the truth; shares are 0..1, MOTA may be negative.

    Attributes:
        hota, deta, assa: TrackEval, the mean over overlaps 0.05 to 0.95.
        mota, idf1, id_switches, fragmentations, precision, recall: motmetrics at overlap 0.5.
        misses, false_positives: boxes at overlap 0.5.
        count_mae: mean over frames of the absolute difference in the number of boxes.
        tracks, true_tracks: identities in the results and in the truth.
    """

    hota: float
    deta: float
    assa: float
    mota: float
    idf1: float
    id_switches: int
    fragmentations: int
    precision: float
    recall: float
    misses: int
    false_positives: int
    count_mae: float
    tracks: int
    true_tracks: int


def load_mot(path: Path, scale: float = 1.0) -> MotRows:
    """Reads a MOTChallenge text file ``frame,id,x,y,w,h,flag,...``.

    Args:
        path: the file, truth or results.
        scale: factor on pixels, for footage of another size than the annotated one.
    """
    rows = np.loadtxt(path, delimiter=",", ndmin=2)
    corner = rows[:, 2:4] * scale
    return MotRows(
        frame=rows[:, 0].astype(np.int64),
        identity=rows[:, 1].astype(np.int64),
        box=np.hstack([corner, corner + rows[:, 4:6] * scale]),
        counts=rows[:, 6] != 0,
    )


def rows_of(frame: Int64, identity: Int64, box: Float64) -> MotRows:
    """Builds rows of results from frame numbers, identities and ``(N, 4)`` boxes x1, y1, x2, y2."""
    return MotRows(frame, identity, box, np.ones(len(frame), np.bool_))


def evaluate(truth: MotRows, results: MotRows, forgive_ignored: bool = False) -> TrackScores:
    """Scores results against truth, over all frames in which either has a box.

    Args:
        truth: the true boxes; ignored ones are never misses.
        results: the tracker's boxes.
        forgive_ignored: also leaves out results on ignored truth (matched one to one with all of the truth at overlap
            0.5), as MOTChallenge does with its distractors since MOT16. By default they are false positives, as in
            MOT15: only then are figures of its sequences PETS09-S2L1 and TUD-Campus comparable with published ones.
    """
    numbers = np.union1d(truth.frame, results.frame)
    frames = [_Frame.of(truth, results, number, forgive_ignored) for number in numbers]
    hota, deta, assa = _trackeval(frames)
    return TrackScores(
        hota=hota,
        deta=deta,
        assa=assa,
        **_motmetrics(frames),
        count_mae=float(np.mean([abs(len(f.truth) - len(f.results)) for f in frames])) if frames else 0.0,
        tracks=len({int(i) for f in frames for i in f.results}),
        true_tracks=len({int(i) for f in frames for i in f.truth}),
    )


@dataclass(frozen=True)
class _Frame:
    """One frame without ignored boxes: identities, and the overlap of each true box with each result."""

    truth: Int64
    results: Int64
    overlap: Float64

    @classmethod
    def of(cls, truth: MotRows, results: MotRows, number: int, forgive_ignored: bool) -> "_Frame":
        true, found = truth.take(truth.frame == number), results.take(results.frame == number)
        overlap = iou_matrix(true.box, found.box)
        kept = np.ones(len(found), np.bool_)
        if forgive_ignored:
            kept[_matched_to_ignored(overlap, true.counts)] = False
        return cls(true.identity[true.counts], found.identity[kept], overlap[true.counts][:, kept])


def _matched_to_ignored(overlap: Float64, counts: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Int64:
    """Returns the columns (results) that match an ignored true box."""
    from scipy.optimize import linear_sum_assignment

    score = np.where(overlap >= MATCH_IOU, overlap, 0.0)
    rows, columns = linear_sum_assignment(score, maximize=True)
    matched: Int64 = columns[(score[rows, columns] > 0) & ~counts[rows]]
    return matched


def _trackeval(frames: list[_Frame]) -> tuple[float, float, float]:
    """Returns HOTA, DetA and AssA."""
    from trackeval.metrics import HOTA

    true_ids = _numbered([f.truth for f in frames])
    result_ids = _numbered([f.results for f in frames])
    sequence = {
        "gt_ids": [np.array([true_ids[int(i)] for i in f.truth], np.int64) for f in frames],
        "tracker_ids": [np.array([result_ids[int(i)] for i in f.results], np.int64) for f in frames],
        "similarity_scores": [f.overlap for f in frames],
        "num_gt_dets": sum(len(f.truth) for f in frames),
        "num_tracker_dets": sum(len(f.results) for f in frames),
        "num_gt_ids": len(true_ids),
        "num_tracker_ids": len(result_ids),
        "num_timesteps": len(frames),
    }
    scores = HOTA().eval_sequence(sequence)
    return float(np.mean(scores["HOTA"])), float(np.mean(scores["DetA"])), float(np.mean(scores["AssA"]))


def _numbered(identities: list[Int64]) -> Mapping[int, int]:
    """Numbers identities from 0, as TrackEval requires."""
    return {identity: number for number, identity in enumerate(sorted({int(i) for ids in identities for i in ids}))}


def _motmetrics(frames: list[_Frame]) -> dict[str, Any]:
    import motmetrics

    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for frame in frames:
        distance = np.where(frame.overlap >= MATCH_IOU, 1.0 - frame.overlap, np.nan)
        accumulator.update(frame.truth.tolist(), frame.results.tolist(), distance)
    names = {
        "mota": "mota",
        "idf1": "idf1",
        "precision": "precision",
        "recall": "recall",
        "num_switches": "id_switches",
        "num_fragmentations": "fragmentations",
        "num_misses": "misses",
        "num_false_positives": "false_positives",
    }
    summary = motmetrics.metrics.create().compute(accumulator, metrics=list(names), return_dataframe=False)
    whole = ("id_switches", "fragmentations", "misses", "false_positives")
    return {ours: int(summary[name]) if ours in whole else float(summary[name]) for name, ours in names.items()}
