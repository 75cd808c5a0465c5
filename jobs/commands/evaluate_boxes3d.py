"""Scores a camera's 3D boxes against KITTI's labels."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jobs.commands.excerpts import find_camera
from jobs.commands.results import connect
from jobs.footage_boxes3d import BOXES3D_TABLES, boxes3d_at_frames, camera_of
from jobs.footage_frames import FootageFrames, footage_frames, tracked_numbers
from jobs.site import Site
from ops.boxes3d.average_precision import DIFFICULTIES, average_precision
from schemas.errors import UserError
from schemas.frame_boxes3d import FrameBoxes3d
from schemas.values import Int64
from storage.box_files.kitti3d import read_kitti3d


@dataclass(frozen=True)
class Boxes3dEvaluationRequest:
    """What to score.

    Attributes:
        truth: a text file of KITTI tracking, or a folder of its object benchmark; frames count from 0.
        footage: path in the archive of the file that was labelled; None for the camera's only one.
        kinds: KITTI's types to score; none for those of the truth.
        as_of: run after which the boxes are read; None for now.
    """

    camera: str
    truth: Path
    footage: str | None = None
    kinds: tuple[str, ...] = ()
    as_of: str | None = None


@dataclass(frozen=True)
class KindScore:
    """Scores of one type and difficulty.

    Attributes:
        truth: true boxes that count.
        bev, volume: average precision by the overlap from above and by that of volumes, 0..100; None without truth.
        bev_iou, volume_iou: overlap of each true box with the box that fits it best, on average.
    """

    truth: int
    bev: float | None
    volume: float | None
    bev_iou: float | None
    volume_iou: float | None


@dataclass(frozen=True)
class Boxes3dEvaluation:
    """Scores of a camera's 3D boxes.

    Attributes:
        footage: path in the archive.
        frames: that were scored.
        frames_left_out: labelled ones in which nothing was tracked yet.
        boxes: 3D boxes of the scored frames.
        scores: by type, and then by difficulty.
    """

    camera: str
    footage: str
    frames: int
    frames_left_out: int
    boxes: int
    scores: Mapping[str, Mapping[str, KindScore]]


def evaluate_boxes3d(site: Site, request: Boxes3dEvaluationRequest) -> Boxes3dEvaluation:
    """Scores 3D boxes against labels.

    Raises:
        UserError: the labels are malformed, are not of this footage, or have no 3D box to score.
        SelectionError: there is no such camera, footage or run, nobody knows its ground, or nothing was tracked.
        CorruptFootage: the footage cannot be read.
    """
    camera = find_camera(site, request.camera)
    truth = read_kitti3d(request.truth)
    kinds = request.kinds or tuple(sorted(set(truth.kind.tolist()) - {"DontCare"}))
    if not np.isin(np.char.lower(truth.kind), [each.lower() for each in kinds]).any() or not kinds:
        raise UserError(f"{request.truth} has no label of {', '.join(kinds) or 'any type but DontCare'}")
    footage = footage_frames(site, camera, request.footage)
    numbers = _labelled(truth, request.truth, footage)
    with closing(connect(site, as_of=request.as_of, for_query=BOXES3D_TABLES)) as connection:
        camera_of(site, connection, footage)
        scored = tracked_numbers(connection, footage, numbers, "box")
        found = boxes3d_at_frames(connection, footage, scored)
    truth = truth.take(np.isin(truth.frame, scored))
    return Boxes3dEvaluation(
        camera,
        footage.path,
        len(scored),
        len(numbers) - len(scored),
        len(found),
        {kind: _scores(truth, found, kind) for kind in kinds},
    )


def _labelled(truth: FrameBoxes3d, source: Path, footage: FootageFrames) -> Int64:
    """Returns the labelled frames: of a folder those with a label, of a file all from its first to its last.

    Raises:
        UserError: the footage has no such frame.
    """
    if truth.frame.max() > len(footage):
        raise UserError(
            f"{source} has labels up to frame {truth.frame.max() - 1}, but {footage.path} has frames 0 to "
            f"{len(footage) - 1}. Are the labels of other footage?"
        )
    if source.is_dir():
        return np.unique(truth.frame)
    return np.arange(truth.frame.min(), truth.frame.max() + 1)


def _scores(truth: FrameBoxes3d, found: FrameBoxes3d, kind: str) -> dict[str, KindScore]:
    scores: dict[str, KindScore] = {}
    for difficulty in DIFFICULTIES:
        bev, volume = (average_precision(truth, found, kind, each, difficulty) for each in ("bev", "3d"))
        scores[difficulty] = KindScore(bev.truth, bev.average, volume.average, bev.mean_iou, volume.mean_iou)
    return scores
