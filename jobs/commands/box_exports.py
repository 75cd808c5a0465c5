"""Writes the boxes of a camera's tracks at every frame of a footage file, in 2D or 3D, as labelling tools read."""

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from jobs.commands.excerpts import find_camera
from jobs.commands.results import connect
from jobs.footage_boxes3d import BOXES3D_TABLES, boxes3d_at_frames, camera_of, image_from_level
from jobs.footage_frames import boxes_at_frames, footage_frames, tracked_numbers
from jobs.site import Site, refuse_within_site
from schemas.errors import UserError
from storage.box_files.formats import BoxFormat, write_boxes
from storage.box_files.kitti3d import write_kitti3d

TEXT_SUFFIX = ".txt"


@dataclass(frozen=True)
class BoxExportRequest:
    """What to write.

    Attributes:
        footage: path in the archive of the file whose frames are numbered; None for the camera's only one.
        as_of: run after which the tracks are read; None for now.
    """

    camera: str
    target: Path
    form: BoxFormat = "mot"
    footage: str | None = None
    label: str = "person"
    as_of: str | None = None


@dataclass(frozen=True)
class BoxExport:
    """What was written.

    Attributes:
        footage: path in the archive.
        boxes, ids: numbers of boxes and of tracks.
        frames: number of frames whose boxes are in the file, those without anybody included.
        frames_left_out: number of frames in which nobody was tracked yet.
    """

    footage: str
    boxes: int
    ids: int
    frames: int
    frames_left_out: int


def export_boxes(site: Site, request: BoxExportRequest) -> BoxExport:
    """Writes boxes as MOT Challenge or KITTI text; ids are whole numbers from 1, in order of appearance.

    Raises:
        UserError: the target is no text file, lies in the archive or the store, or cannot be written.
        SelectionError: there is no such camera, footage or run, or nobody was tracked in the footage yet.
        CorruptFootage: the footage cannot be read.
    """
    if request.target.suffix.lower() != TEXT_SUFFIX:
        raise UserError(f"--output {request.target}: boxes at every frame are text, give a name that ends in .txt")
    refuse_within_site(site, request.target, "--output")
    camera = find_camera(site, request.camera)
    footage = footage_frames(site, camera, request.footage)
    with closing(connect(site, as_of=request.as_of, for_query="track_boxes, track_points, receipts")) as connection:
        tracked = tracked_numbers(connection, footage, np.arange(len(footage)) + 1, request.label)
        boxes = boxes_at_frames(connection, footage, request.label, tracked)
    try:
        write_boxes(boxes, request.target, request.form, request.label)
    except OSError as error:
        raise UserError(f"cannot write {request.target}: {error.strerror}; name another file with -o FILE") from error
    return BoxExport(
        footage.path, len(boxes), len(np.unique(boxes.identity)), len(tracked), len(footage) - len(tracked)
    )


@dataclass(frozen=True)
class Box3dExportRequest:
    """What to write.

    Attributes:
        footage: path in the archive of the file whose frames are numbered; None for the camera's only one.
        label: of the tracks; None for all.
        labels: leaves out scores, as labels to correct have none.
        as_of: run after which the boxes are read; None for now.
    """

    camera: str
    target: Path
    footage: str | None = None
    label: str | None = None
    labels: bool = False
    as_of: str | None = None


def export_boxes3d(site: Site, request: Box3dExportRequest) -> BoxExport:
    """Writes 3D boxes as KITTI tracking text, and the calibration beside it.

    Raises:
        UserError: the target is no text file, lies in the archive or the store, or cannot be written.
        SelectionError: there is no such camera, footage or run, nobody knows its ground, or nobody was tracked yet.
        CorruptFootage: the footage cannot be read.
    """
    if request.target.suffix.lower() != TEXT_SUFFIX:
        raise UserError(f"--output {request.target}: boxes at every frame are text, give a name that ends in .txt")
    refuse_within_site(site, request.target, "--output")
    camera = find_camera(site, request.camera)
    footage = footage_frames(site, camera, request.footage)
    with closing(connect(site, as_of=request.as_of, for_query=BOXES3D_TABLES)) as connection:
        geometry = camera_of(site, connection, footage)
        tracked = tracked_numbers(connection, footage, np.arange(len(footage)) + 1, request.label or "box")
        boxes = boxes3d_at_frames(connection, footage, tracked, request.label)
    if request.labels:
        boxes = replace(boxes, score=np.full(len(boxes), np.nan))
    try:
        write_kitti3d(boxes, image_from_level(geometry, footage), request.target)
    except OSError as error:
        raise UserError(f"cannot write {request.target}: {error.strerror}; name another file with -o FILE") from error
    return BoxExport(
        footage.path, len(boxes), len(np.unique(boxes.identity)), len(tracked), len(footage) - len(tracked)
    )
