"""Scores a camera's tracks against boxes that a person drew on one of its footage files."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from jobs.commands.excerpts import find_camera
from jobs.commands.local_times import moments
from jobs.commands.results import connect
from jobs.footage_frames import FootageFrames, boxes_at_frames, footage_frames, tracked_numbers
from jobs.published_leaks import PublishedLeaks, measure_leaks
from jobs.site import Site
from ops.boxes import centre
from ops.tracking.scores import TrackScores, score_tracks
from schemas.errors import UserError
from schemas.frame_boxes import FrameBoxes
from schemas.values import Int64
from storage.box_files.formats import FIRST_FRAME, BoxFormat, format_of, read_boxes

_MOST_OUTSIDE = 0.05
"""Share of true boxes that may lie outside the picture: people who leave it. More are of another picture size."""


@dataclass(frozen=True)
class EvaluationRequest:
    """What to score.

    Attributes:
        truth: file of the true boxes.
        form: its format; None to find out.
        footage: path in the archive of the file that the truth numbers the frames of; None for the camera's only one.
        start: local time of the truth's first frame number, if the truth is of a part of the footage.
        truth_size: (width, height) of the picture that the truth was drawn on; None for that of the footage.
        label: whom or what to score.
        first_frame, last_frame: numbers in the truth; None for the first and the last that has a box.
        as_of: run after which the tracks are read; None for now.
        leaks: whether to look for bare heads in published video, if people are scored.
    """

    camera: str
    truth: Path
    form: BoxFormat | None = None
    footage: str | None = None
    start: datetime | None = None
    truth_size: tuple[int, int] | None = None
    label: str = "person"
    first_frame: int | None = None
    last_frame: int | None = None
    as_of: str | None = None
    leaks: bool = True


@dataclass(frozen=True)
class Evaluation:
    """Scores of one footage file.

    Attributes:
        footage: path in the archive.
        first_frame, last_frame: numbers in the truth between which frames count.
        frames: number of frames that were scored.
        frames_left_out: number of frames between them in which people were not tracked, or not yet.
        duration_s: time from the first to the last of them.
        true_boxes, ignored_boxes: boxes of the truth that count, and those to ignore, in the scored frames.
        scores: with boxes on ignored people as errors.
        forgiving: without boxes on ignored people; None where the truth ignores nobody.
        leaks: true heads that published video leaves bare, in all frames between them; None if not asked for.
    """

    camera: str
    footage: str
    label: str
    first_frame: int
    last_frame: int
    frames: int
    frames_left_out: int
    duration_s: float
    true_boxes: int
    ignored_boxes: int
    scores: TrackScores
    forgiving: TrackScores | None
    leaks: PublishedLeaks | None


def evaluate(site: Site, request: EvaluationRequest) -> Evaluation:
    """Scores tracks against truth.

    Raises:
        UserError: the truth is malformed, or fits neither the footage nor the request.
        SelectionError: there is no such camera, footage or run, or nobody was tracked in the footage yet.
        CorruptFootage: the footage cannot be read.
    """
    camera = find_camera(site, request.camera)
    form = request.form or format_of(request.truth)
    truth = read_boxes(request.truth, form, request.label)
    start = None
    if request.start is not None:
        start = min(moments("--from", request.start, ZoneInfo(site.files.config.camera_view(camera).timezone)))
    footage = footage_frames(site, camera, request.footage, start)
    truth = _in_pixels(truth, footage, request)
    first, last = _frame_range(truth, request, FIRST_FRAME[form])
    offset = 0 if start is None else footage.at(start) - 1
    numbers = _numbers(first, last, offset, footage, request, FIRST_FRAME[form])
    truth = _shifted(truth, offset, numbers)
    with closing(connect(site, as_of=request.as_of, for_query="track_boxes, track_points, receipts")) as connection:
        scored = tracked_numbers(connection, footage, numbers, request.label)
        tracks = boxes_at_frames(connection, footage, request.label, scored)
    wants_leaks = request.leaks and request.label == "person"
    leaks = measure_leaks(site, footage, truth, request.as_of) if wants_leaks else None
    truth = truth.take(np.isin(truth.frame, scored))
    ignores = bool((~truth.counts).any())
    return Evaluation(
        camera=camera,
        footage=footage.path,
        label=request.label,
        first_frame=first - 1 + FIRST_FRAME[form],
        last_frame=last - 1 + FIRST_FRAME[form],
        frames=len(scored),
        frames_left_out=len(numbers) - len(scored),
        duration_s=float(footage.time_us[numbers[-1] - 1] - footage.time_us[numbers[0] - 1]) / 1e6,
        true_boxes=int(truth.counts.sum()),
        ignored_boxes=int((~truth.counts).sum()),
        scores=score_tracks(truth, tracks, frames=scored),
        forgiving=score_tracks(truth, tracks, forgive_ignored=True, frames=scored) if ignores else None,
        leaks=leaks,
    )


def _in_pixels(truth: FrameBoxes, footage: FootageFrames, request: EvaluationRequest) -> FrameBoxes:
    """Returns the truth in pixels of the footage."""
    width, height = footage.size_px
    drawn_width, drawn_height = request.truth_size or footage.size_px
    scaled = truth.scaled(width / drawn_width, height / drawn_height)
    centres = centre(scaled.box[scaled.counts])
    outside = float(np.mean(((centres < 0) | (centres > [width, height])).any(axis=1)))
    if outside > _MOST_OUTSIDE:
        right, bottom = truth.box[:, 2:].max(axis=0)
        size = "--truth-size WIDTHxHEIGHT" if request.truth_size is None else "another --truth-size"
        raise UserError(
            f"{outside:.0%} of the boxes of {request.truth} lie outside the {width} x {height} pixels of "
            f"{footage.path}: they reach {right:.0f} x {bottom:.0f}; give the size of the picture that they were drawn "
            f"on as {size}"
        )
    return scaled


def _frame_range(truth: FrameBoxes, request: EvaluationRequest, least: int) -> tuple[int, int]:
    """Returns the first and the last frame that count, from 1."""
    shift = 1 - least
    first = int(truth.frame.min()) if request.first_frame is None else request.first_frame + shift
    last = int(truth.frame.max()) if request.last_frame is None else request.last_frame + shift
    if first < 1:
        raise UserError(f"--first-frame {request.first_frame}: the first frame of this format is {least}")
    if not (truth.counts & (truth.frame >= first) & (truth.frame <= last)).any():
        raise UserError(f"{request.truth} has no box that counts in frames {first - shift} to {last - shift}")
    return first, last


def _numbers(
    first: int, last: int, offset: int, footage: FootageFrames, request: EvaluationRequest, least: int
) -> Int64:
    """Returns the numbers of frames of the footage, from 1."""
    if last + offset > len(footage):
        there = f"it has {len(footage)}" if not offset else f"it has {len(footage) - offset} from --from on"
        raise UserError(
            f"{request.truth} has frame {last - 1 + least}, but {footage.path} ends before: {there}. Is the truth of "
            "other footage?"
        )
    return np.arange(first + offset, last + offset + 1)


def _shifted(truth: FrameBoxes, offset: int, numbers: Int64) -> FrameBoxes:
    frame = truth.frame + offset
    moved = FrameBoxes(frame, truth.identity, truth.box, truth.counts)
    return moved.take((frame >= numbers[0]) & (frame <= numbers[-1]))
