"""Scores a camera's interactions against labels in NIST's JSON."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from jobs.commands.excerpts import find_camera
from jobs.commands.results import connect
from jobs.footage_frames import FootageFrames, footage_frames
from jobs.interaction_frames import INTERACTION_TABLES, interactions_in, watched_file
from jobs.site import Site
from ops.interactions.scores.activities import ActivityScore, ActivityScores, score_activities
from ops.interactions.scores.error_curves import FalseAlarm
from ops.interactions.scores.momentary import widened
from ops.interactions.scores.protocols import AUDC_POINTS, PROTOCOLS, Protocol
from schemas.activities import ActivityFile, ActivityInstance, ActivityLabels, FileIndex, FrameRange, shared_length
from schemas.errors import SelectionError, UserError
from storage.activity_files.indexes import read_file_index
from storage.activity_files.labels import read_labels


@dataclass(frozen=True)
class InteractionEvaluationRequest:
    """What to score.

    Attributes:
        truth: labels, in NIST's JSON; ``filesProcessed`` names the footage that was labelled.
        protocol: one of ``PROTOCOLS``.
        verbs: to score; none for those of the labels.
        all_verbs: also scores verbs that have rows, but no label.
        least_s: length in seconds of interactions that are shorter, in labels and rows.
        file_index: NIST's file index, where only a part of the footage was labelled.
        as_of: run after which the interactions are read; None for now.
    """

    camera: str
    truth: Path
    protocol: str = "SDL_V2"
    verbs: tuple[str, ...] = ()
    all_verbs: bool = False
    least_s: float = 2.0
    file_index: Path | None = None
    as_of: str | None = None


@dataclass(frozen=True)
class VerbEvaluation:
    """Scores of one verb, or their means.

    Attributes:
        labels, rows: numbers of labels and of interactions that count.
        found, false_alarms: interactions that match a label, and the others.
        p_miss: share of the labels that are missed, by false alarms as ``0.04tfa``; None where it is not defined.
        naudc: normalized area under the misses, the same way.
    """

    labels: int
    rows: int
    found: int
    false_alarms: int
    p_miss: Mapping[str, float | None]
    naudc: Mapping[str, float | None]


@dataclass(frozen=True)
class InteractionEvaluation:
    """Scores of a camera's interactions.

    Attributes:
        footage: paths in the archive.
        frames, minutes: that count.
        frames_left_out: frames in which interactions were not looked for, or not yet, or that were not labelled.
        labels_left_out: labels that are not wholly in frames that count.
    """

    camera: str
    protocol: str
    footage: tuple[str, ...]
    frames: int
    minutes: float
    frames_left_out: int
    labels_left_out: int
    verbs: Mapping[str, VerbEvaluation]
    mean: VerbEvaluation


def evaluate_interactions(site: Site, request: InteractionEvaluationRequest) -> InteractionEvaluation:
    """Scores interactions against labels.

    Raises:
        UserError: the labels are malformed, name no footage, or have nothing to score.
        SelectionError: there is no such camera, footage or run, or interactions were not looked for yet.
        CorruptFootage: footage cannot be read.
    """
    if request.protocol not in PROTOCOLS:
        raise UserError(f"--protocol {request.protocol!r} is none of {', '.join(PROTOCOLS)}")
    protocol = PROTOCOLS[request.protocol]
    camera = find_camera(site, request.camera)
    labels = read_labels(request.truth)
    if not labels.files:
        raise UserError(f"{request.truth}: filesProcessed names no footage; list every file that was labelled")
    footage = {name: footage_frames(site, camera, name) for name in labels.files}
    given = None if request.file_index is None else read_file_index(request.file_index)
    files: dict[str, ActivityFile] = {}
    rows: list[ActivityInstance] = []
    with closing(connect(site, as_of=request.as_of, for_query=INTERACTION_TABLES)) as connection:
        for name, frames in footage.items():
            files[frames.path] = _selected(watched_file(connection, frames), name, given)
            rows += interactions_in(connection, frames, len(rows) + 1)
    if not any(file.length for file in files.values()):
        raise SelectionError(
            f"interactions were not looked for yet in {', '.join(files)}: `nightshift run --camera {camera}` does it, "
            "and `nightshift status` says what could not be done"
        )
    truth = _in_footage(labels, footage, request.truth)
    verbs = set(request.verbs) or {each.activity for each in (*truth, *(rows if request.all_verbs else ()))}
    wide = [_widened(each, request.least_s, files) for each in (truth, rows)]
    keeps = request.all_verbs or bool(request.verbs)
    scores = score_activities(wide[0], wide[1], files, protocol, verbs, keep_unreferenced=keeps)
    counted = sum(len(each.references) for each in scores.by_activity.values())
    frames_in_all = sum(map(len, footage.values()))
    return InteractionEvaluation(
        camera=camera,
        protocol=request.protocol,
        footage=tuple(files),
        frames=sum(file.length for file in files.values()),
        minutes=scores.minutes,
        frames_left_out=frames_in_all - sum(file.length for file in files.values()),
        labels_left_out=sum(each.activity in verbs for each in truth) - counted,
        verbs={verb: _verb(score, protocol) for verb, score in scores.by_activity.items()},
        mean=_mean(scores, protocol),
    )


def alarms_of(protocol: Protocol) -> tuple[FalseAlarm, ...]:
    """Returns the measures of false alarms that a protocol has."""
    return ("rfa",) if protocol.time_alarms == "none" else ("tfa", "rfa")


def _selected(file: ActivityFile, name: str, given: FileIndex | None) -> ActivityFile:
    """Returns the frames that count: those of the file index, if there is one."""
    if given is None:
        return file
    if name not in given:
        raise UserError(f"{name} is in filesProcessed of the labels, but not in the file index; add it there")
    both: list[FrameRange] = [
        (max(start, low), min(end, high))
        for start, end in file.selected
        for low, high in given[name].selected
        if max(start, low) < min(end, high)
    ]
    return ActivityFile(file.frame_rate, tuple(both))


def _in_footage(
    labels: ActivityLabels, footage: Mapping[str, FootageFrames], source: Path
) -> tuple[ActivityInstance, ...]:
    """Returns the labels with the paths of their footage.

    Raises:
        UserError: one is in another file than ``filesProcessed`` lists, or beyond the last frame.
    """
    truth = []
    for each in labels.instances:
        if each.file not in footage:
            raise UserError(
                f"{source}: activityID {each.identity} ({each.activity}) is in {each.file}, which filesProcessed does "
                "not name"
            )
        frames = footage[each.file]
        if shared_length(each.frames, ((1, len(frames) + 1),)) < each.length:
            raise UserError(
                f"{source}: activityID {each.identity} ({each.activity}) is in frames {each.frames[0][0]} to "
                f"{each.frames[-1][1] - 1}, but {frames.path} has frames 1 to {len(frames)}. Are the labels of other "
                "footage?"
            )
        truth.append(ActivityInstance(each.activity, frames.path, each.frames, each.identity))
    return tuple(truth)


def _widened(
    instances: tuple[ActivityInstance, ...] | list[ActivityInstance], least_s: float, files: FileIndex
) -> list[ActivityInstance]:
    return [widened(each, round(least_s * files[each.file].frame_rate), files[each.file]) for each in instances]


def _verb(score: ActivityScore, protocol: Protocol) -> VerbEvaluation:
    points = _points(protocol)
    return VerbEvaluation(
        labels=len(score.references),
        rows=len(score.detections),
        found=len(score.matches),
        false_alarms=len(score.detections) - len(score.matches),
        p_miss={_name(at, alarm): score.curve.at(at, alarm) for at, alarm in points},
        naudc={_name(at, alarm): score.curve.naudc(at, alarm) for alarm in alarms_of(protocol) for at in AUDC_POINTS},
    )


def _mean(scores: ActivityScores, protocol: Protocol) -> VerbEvaluation:
    """Returns the sums of the numbers, and the means of the measures."""
    each = list(scores.by_activity.values())
    return VerbEvaluation(
        labels=sum(len(score.references) for score in each),
        rows=sum(len(score.detections) for score in each),
        found=sum(len(score.matches) for score in each),
        false_alarms=sum(len(score.detections) - len(score.matches) for score in each),
        p_miss={_name(at, alarm): scores.mean_miss(at, alarm) for at, alarm in _points(protocol)},
        naudc={_name(at, alarm): scores.mean_naudc(at, alarm) for alarm in alarms_of(protocol) for at in AUDC_POINTS},
    )


def _points(protocol: Protocol) -> list[tuple[float, FalseAlarm]]:
    return [(at, alarm) for alarm in alarms_of(protocol) for at in protocol.miss_points]


def _name(at: float, alarm: FalseAlarm) -> str:
    return f"{at:g}{alarm}"
