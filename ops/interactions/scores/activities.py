"""Scores activities in time as NIST's ActEV evaluations do: misses against false alarms.

github.com/usnistgov/ActEV_Scorer; the rules of each protocol are in ``protocols``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ops.interactions.scores.activity_matches import ActivityMatch, match_activity, normalized_confidences
from ops.interactions.scores.error_curves import ErrorCurve, FalseAlarm, Miss, error_curve, mean_of_known
from ops.interactions.scores.protocols import Protocol
from ops.interactions.scores.temporal_ap import TEMPORAL_IOUS, temporal_ap
from schemas.activities import ActivityInstance, FileIndex, shared_length
from schemas.errors import UserError


@dataclass(frozen=True)
class ActivityScore:
    """How well one activity is found.

    Attributes:
        references, detections: instances that count.
        matches: detections with their references.
        curve: misses and false alarms as the least confidence falls.
        n_mide: mean over matches of the missed share of the reference and the false share of the rest of the file; None
            without a match that has both.
        n_mide_rejected: matches that lack one of them.
    """

    references: tuple[ActivityInstance, ...]
    detections: tuple[ActivityInstance, ...]
    matches: tuple[ActivityMatch, ...]
    curve: ErrorCurve
    n_mide: float | None
    n_mide_rejected: int

    @cached_property
    def ap(self) -> Mapping[float, float]:
        """Average precision by least temporal overlap, 0..1."""
        return {iou: temporal_ap(self.references, self.detections, iou) for iou in TEMPORAL_IOUS}


@dataclass(frozen=True)
class ActivityScores:
    """Scores by activity, and their means.

    Attributes:
        minutes: duration of the selected frames.
    """

    minutes: float
    by_activity: Mapping[str, ActivityScore]

    def mean_miss(self, at: float, alarm: FalseAlarm, miss: Miss = "p_miss") -> float | None:
        """Returns the mean of ``ErrorCurve.at``; None if no activity has it."""
        return mean_of_known([score.curve.at(at, alarm, miss) for score in self.by_activity.values()])

    def mean_naudc(self, at: float, alarm: FalseAlarm) -> float | None:
        """Returns the mean of ``ErrorCurve.naudc`` over the activities that have a reference."""
        return mean_of_known([score.curve.naudc(at, alarm) for score in self.by_activity.values()])

    def mean_n_mide(self) -> float | None:
        """Returns the mean of ``n_mide`` over activities."""
        return mean_of_known([score.n_mide for score in self.by_activity.values()])

    def mean_ap(self, iou: float) -> float | None:
        """Returns the mean average precision at a least temporal overlap, 0..1."""
        return mean_of_known([score.ap[iou] for score in self.by_activity.values()])


def score_activities(
    references: Sequence[ActivityInstance],
    detections: Sequence[ActivityInstance],
    files: FileIndex,
    protocol: Protocol,
    activities: Iterable[str] | None = None,
    apply_no_score: bool = True,
    keep_unreferenced: bool = False,
) -> ActivityScores:
    """Scores detections against references.

    Args:
        references: the truth.
        detections: what a system found.
        files: all files that were watched, also those in which nothing happens.
        protocol: ``PROTOCOLS`` has them by name.
        activities: names to score; None for all.
        apply_no_score: leaves out instances that reach beyond the selected frames (option ``-i`` of NIST's scorer
            keeps them).
        keep_unreferenced: also scores activities that have no reference (option ``-I``).

    Raises:
        UserError: no file is given or none has a selected frame, an instance is in another file, or nothing is left to
            score.
    """
    _check_files([*references, *detections], files)
    names = {each.activity for each in (*references, *detections)} if activities is None else set(activities)
    truth = [each for each in references if each.activity in names and (not apply_no_score or _inside(each, files))]
    if not keep_unreferenced:
        names &= {each.activity for each in truth}
    if not names:
        raise UserError(
            "there is no reference to score: no activity to score has one that lies wholly in the selected frames of "
            "its file"
        )
    found = [each for each in detections if each.activity in names and (not apply_no_score or _inside(each, files))]
    sureness = normalized_confidences(found)
    rate = next(iter(files.values())).frame_rate
    by_activity = {}
    for name in sorted(names):
        rows = [row for row, each in enumerate(found) if each.activity == name]
        of_truth = tuple(each for each in truth if each.activity == name)
        of_system = tuple(found[row] for row in rows)
        matches = match_activity(of_truth, of_system, sureness[rows], protocol, rate)
        by_activity[name] = score_matched(of_truth, of_system, matches, files, protocol)
    return ActivityScores(_minutes(files), by_activity)


def score_matched(
    references: tuple[ActivityInstance, ...],
    detections: tuple[ActivityInstance, ...],
    matches: tuple[ActivityMatch, ...],
    files: FileIndex,
    protocol: Protocol,
) -> ActivityScore:
    """Scores one activity whose instances are matched; arguments as for ``score_activities``."""
    n_mides = [n_mide(match, files) for match in matches]
    curve = error_curve(references, detections, matches, n_mides, files, _minutes(files), protocol.time_alarms)
    return ActivityScore(
        references=references,
        detections=detections,
        matches=matches,
        curve=curve,
        n_mide=mean_of_known(n_mides),
        n_mide_rejected=n_mides.count(None),
    )


def n_mide(match: ActivityMatch, files: FileIndex) -> float | None:
    """Returns the normalized multiple instance detection error of one match; None if the reference covers its file.

    It is the missed share of the reference, plus the false share of the frames that the reference does not cover.
    """
    reference, detection = match.reference, match.detection
    shared = shared_length(reference.frames, detection.frames)
    others = files[reference.file].length - reference.length
    if not reference.length or others <= 0:
        return None
    return (reference.length - shared) / reference.length + (detection.length - shared) / others


def _check_files(instances: list[ActivityInstance], files: FileIndex) -> None:
    for each in instances:
        if each.file not in files:
            raise UserError(f"activity {each.identity} ({each.activity}) is in {each.file}, which is not to be scored")
    if not any(file.length for file in files.values()):
        raise UserError("there are no frames to score: no file has selected frames")


def _inside(instance: ActivityInstance, files: FileIndex) -> bool:
    return shared_length(instance.frames, files[instance.file].selected) == instance.length


def _minutes(files: FileIndex) -> float:
    return float(np.sum([file.length / file.frame_rate for file in files.values()])) / 60
