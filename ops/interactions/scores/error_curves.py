"""Curves of misses over false alarms (detection error tradeoff), and the area under them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ops.interactions.scores.activity_matches import ActivityMatch
from ops.interactions.scores.protocols import TimeAlarms
from schemas.activities import ActivityInstance, FileIndex, FrameRange
from schemas.values import Float64, Int64

FalseAlarm = Literal["rfa", "tfa"]
"""``rfa``: wrong detections per minute. ``tfa``: time of false alarms per time without the activity."""

Miss = Literal["p_miss", "w_p_miss", "n_mide"]
"""``p_miss``: share of references that are missed. ``w_p_miss``: the same with a prior for few references."""

_PRIOR_MISSES, _PRIOR_REFERENCES = 8, 10
"""Prior of ``w_p_miss``: as if 8 of 10 more references were missed."""

_EXACT = 1e-10
"""Difference of false alarms below which a point of the curve is taken as it is."""


@dataclass(frozen=True)
class ErrorCurve:
    """Misses and false alarms of one activity, one row for each confidence, the highest first.

    Attributes:
        threshold: ``(K,)`` least confidence.
        p_miss, w_p_miss, n_mide: ``(K,)``; NaN where it is not defined.
        rfa: ``(K,)`` wrong detections per minute.
        tfa: ``(K,)`` false time, ``tfa_frames`` over ``free_frames``; NaN where the protocol has none.
        free_frames: number of frames without a reference of the activity.
    """

    threshold: Float64
    p_miss: Float64
    w_p_miss: Float64
    n_mide: Float64
    rfa: Float64
    tfa: Float64
    tfa_frames: Int64
    free_frames: int

    def at(self, alarms: float, alarm: FalseAlarm = "tfa", miss: Miss = "p_miss") -> float | None:
        """Returns the misses at a number of false alarms, linear between points of the curve.

        Gives 1 (None for ``n_mide``) if the curve is empty or starts beyond it; its last value if it ends before it.
        """
        before: tuple[float, float] | None = None
        for x, y in self._points(alarm, miss):
            if x > alarms and x - alarms >= _EXACT:
                if before is None or np.isnan(before[1]):
                    break
                if abs(before[0] - alarms) < _EXACT:
                    return before[1]
                return before[1] + (y - before[1]) * (alarms - before[0]) / (x - before[0])
            before = (x, y)
        if before is None or np.isnan(before[1]):
            return None if miss == "n_mide" else 1.0
        return before[1]

    def naudc(self, alarms: float, alarm: FalseAlarm = "tfa") -> float | None:
        """Returns the area under ``p_miss`` up to a number of false alarms, divided by it, 0..1.

        None if the activity has no reference.
        """
        if not len(self.threshold):
            return 1.0
        if np.isnan(self.p_miss).any():
            return None
        area, at, height = 0.0, 0.0, 1.0
        for x, y in self._points(alarm, "p_miss"):
            if x >= alarms:
                share = (alarms - at) / (x - at) if x > at else 0.0
                return (area + (alarms - at) * (height + height + (y - height) * share) / 2) / alarms
            if x > 0:
                area += (x - at) * (height + y) / 2
            at, height = x, y
        return (area + (alarms - at) * height) / alarms

    def _points(self, alarm: FalseAlarm, miss: Miss) -> list[tuple[float, float]]:
        """Returns false alarms and misses, those with the highest confidence first."""
        alarms: Float64 = getattr(self, alarm)
        misses: Float64 = getattr(self, miss)
        return list(zip(alarms.tolist(), misses.tolist(), strict=True))


def mean_of_known(values: Sequence[float | None]) -> float | None:
    """Returns the mean without None; None if nothing is left."""
    known = [value for value in values if value is not None]
    return float(np.sum(known)) / len(known) if known else None


def error_curve(
    references: Sequence[ActivityInstance],
    detections: Sequence[ActivityInstance],
    matches: Sequence[ActivityMatch],
    n_mides: Sequence[float | None],
    files: FileIndex,
    minutes: float,
    time_alarms: TimeAlarms,
) -> ErrorCurve:
    """Returns the curve of one activity.

    Args:
        n_mides: of the matches.
        minutes: duration of all files.
    """
    confidence = np.array([each.confidence for each in detections], np.float64)
    threshold = np.unique(confidence)[::-1]
    order = np.argsort(-confidence, kind="stable")
    ends = np.searchsorted(-confidence[order], -threshold, side="right")  # detections at each threshold
    matched = np.zeros(len(detections), np.bool_)
    matched[[match.row for match in matches]] = True
    hits = np.concatenate([[0], np.cumsum(matched[order])])[ends]
    missed = len(references) - hits
    false_frames, free_frames = _time_alarms(references, [detections[row] for row in order], files, time_alarms)
    tfa_frames = np.concatenate([[0], np.cumsum(false_frames)])[ends]
    return ErrorCurve(
        threshold=threshold,
        p_miss=missed / len(references) if references else np.full(len(threshold), np.nan),
        w_p_miss=(missed + _PRIOR_MISSES) / (len(references) + _PRIOR_REFERENCES)
        if references
        else np.full(len(threshold), np.nan),
        n_mide=_mean_n_mides(threshold, matches, n_mides),
        rfa=(ends - hits) / minutes,
        tfa=_share(tfa_frames, free_frames) if time_alarms != "none" else np.full(len(threshold), np.nan),
        tfa_frames=tfa_frames.astype(np.int64),
        free_frames=free_frames,
    )


def _mean_n_mides(threshold: Float64, matches: Sequence[ActivityMatch], n_mides: Sequence[float | None]) -> Float64:
    """Returns the mean ``(K,)`` over the matches at each threshold that have one."""
    known = [
        (match.detection.confidence, value) for match, value in zip(matches, n_mides, strict=True) if value is not None
    ]
    at = [[value for confidence, value in known if confidence >= least] for least in threshold]
    return np.array([np.mean(values) if values else np.nan for values in at], np.float64)


def _share(false_frames: Int64, free_frames: int) -> Float64:
    """Returns the share of false frames; 1 if every frame shows the activity, as NIST's scorer says."""
    return false_frames / free_frames if free_frames else np.ones(len(false_frames))


def _time_alarms(
    references: Sequence[ActivityInstance],
    detections: Sequence[ActivityInstance],
    files: FileIndex,
    time_alarms: TimeAlarms,
) -> tuple[Int64, int]:
    """Returns the false frames ``(N,)`` that each detection adds to those before it, and the number of free frames."""
    added = np.zeros(len(detections), np.int64)
    if time_alarms == "none":
        return added, 0
    free = 0
    for name, file in files.items():
        of_file = [each.frames for each in (*references, *detections) if each.file == name]
        first = min([0, *(start for frames in of_file for start, _ in frames)])
        last = max([file.length, *(end for frames in of_file for _, end in frames)])
        true = np.zeros(last - first, np.int32)
        for each in references:
            if each.file == name:
                for part in _slices(each.frames, first):
                    true[part] += 1
        free += int((true[-first : file.length - first] == 0).sum())
        counted = np.zeros_like(true)
        for row, each in enumerate(detections):
            if each.file == name:
                for part in _slices(each.frames, first):
                    false = counted[part] >= true[part] if time_alarms == "excess" else true[part] == 0
                    added[row] += int(np.sum(false))
                    counted[part] += 1
    return added, free


def _slices(frames: tuple[FrameRange, ...], first: int) -> list[slice]:
    return [slice(start - first, end - first) for start, end in frames]
