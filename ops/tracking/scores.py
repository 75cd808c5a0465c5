"""Scores tracks against truth, with the measures that papers use.

HOTA, DetA and AssA (Luiten et al., "HOTA", IJCV 2021), MOTA and the counts of errors (Bernardin and Stiefelhagen,
"CLEAR MOT", 2008) and IDF1 (Ristani et al. 2016), as TrackEval computes them.
"""

from dataclasses import dataclass

import numpy as np

from ops.boxes import iou_matrix
from schemas.frame_boxes import FrameBoxes
from schemas.values import Bools, Float64, Int64

MATCH_IOU = 0.5
"""Overlap at which a box matches a person, as MOTChallenge, CLEAR MOT and ID metrics set it."""


@dataclass(frozen=True)
class TrackScores:
    """How well tracks follow the truth; shares are 0..1, MOTA may be negative.

    Attributes:
        hota, deta, assa: means over overlaps 0.05 to 0.95.
        mota, idf1, id_switches, fragmentations, precision, recall: at overlap 0.5.
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


def score_tracks(
    truth: FrameBoxes, tracks: FrameBoxes, forgive_ignored: bool = False, frames: Int64 | None = None
) -> TrackScores:
    """Scores tracks against truth.

    Args:
        truth: the true boxes; ignored ones are never misses.
        tracks: the boxes to score.
        forgive_ignored: also leaves out boxes on ignored truth (matched one to one with all of the truth at overlap
            0.5), as MOTChallenge does with its distractors since MOT16. By default they are false positives, as in
            MOT15: only then are figures of its sequences PETS09-S2L1 and TUD-Campus comparable with published ones.
        frames: numbers of the frames that count, rising; None for those in which either has a box.
    """
    from trackers.eval import compute_clear_metrics, compute_hota_metrics, compute_identity_metrics

    numbers = np.union1d(truth.frame, tracks.frame) if frames is None else frames
    judged = _judged_frames(truth.by_frame(), tracks.by_frame(), numbers, forgive_ignored)
    sequence = [f.truth for f in judged], [f.tracks for f in judged], [f.overlap for f in judged]
    hota = compute_hota_metrics(*sequence)
    clear = compute_clear_metrics(*sequence, threshold=MATCH_IOU)
    identity = compute_identity_metrics(*sequence, threshold=MATCH_IOU)
    return TrackScores(
        hota=float(hota["HOTA"]),
        deta=float(hota["DetA"]),
        assa=float(hota["AssA"]),
        mota=float(clear["MOTA"]),
        idf1=float(identity["IDF1"]),
        id_switches=int(clear["IDSW"]),
        fragmentations=int(clear["Frag"]),
        precision=float(clear["CLR_Pr"]),
        recall=float(clear["CLR_Re"]),
        misses=int(clear["CLR_FN"]),
        false_positives=int(clear["CLR_FP"]),
        count_mae=float(np.mean([abs(len(f.truth) - len(f.tracks)) for f in judged])) if judged else 0.0,
        tracks=_distinct([f.tracks for f in judged]),
        true_tracks=_distinct([f.truth for f in judged]),
    )


@dataclass(frozen=True)
class JudgedFrame:
    """One frame without ignored boxes: identities, and the overlap ``(M, N)`` of each true box with each track's."""

    truth: Int64
    tracks: Int64
    overlap: Float64

    @classmethod
    def of(cls, truth: FrameBoxes, tracks: FrameBoxes, forgive_ignored: bool) -> "JudgedFrame":
        """Builds it from the boxes of one frame; arguments as for ``score_tracks``."""
        overlap = iou_matrix(truth.box, tracks.box)
        kept = np.ones(len(tracks), np.bool_)
        if forgive_ignored:
            kept[_matched_to_ignored(overlap, truth.counts)] = False
        return cls(truth.identity[truth.counts], tracks.identity[kept], overlap[truth.counts][:, kept])


def _judged_frames(truth: FrameBoxes, tracks: FrameBoxes, numbers: Int64, forgive_ignored: bool) -> list[JudgedFrame]:
    """Returns the frames of these numbers; both are sorted by frame."""
    starts = [np.searchsorted(rows.frame, numbers).tolist() for rows in (truth, tracks)]
    ends = [np.searchsorted(rows.frame, numbers, side="right").tolist() for rows in (truth, tracks)]
    return [
        JudgedFrame.of(truth.take(slice(*true)), tracks.take(slice(*found)), forgive_ignored)
        for true, found in zip(zip(starts[0], ends[0], strict=True), zip(starts[1], ends[1], strict=True), strict=True)
    ]


def _matched_to_ignored(overlap: Float64, counts: Bools) -> Int64:
    """Returns the columns (tracks) that match an ignored true box."""
    from scipy.optimize import linear_sum_assignment

    score = np.where(overlap >= MATCH_IOU, overlap, 0.0)
    rows, columns = linear_sum_assignment(score, maximize=True)
    matched: Int64 = columns[(score[rows, columns] > 0) & ~counts[rows]]
    return matched


def _distinct(identities: list[Int64]) -> int:
    return len(np.unique(np.concatenate(identities))) if identities else 0
