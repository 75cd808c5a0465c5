"""Writes a camera's interactions as NIST's JSON: a system output, or labels to correct."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from jobs.commands.excerpts import find_camera
from jobs.commands.results import connect
from jobs.footage_frames import footage_frames
from jobs.interaction_frames import INTERACTION_TABLES, interactions_in, watched_file
from jobs.site import Site, refuse_within_site
from schemas.activities import ActivityInstance, ActivityLabels
from schemas.errors import SelectionError, UserError
from storage.activity_files.labels import write_labels

JSON_SUFFIX = ".json"


@dataclass(frozen=True)
class InteractionExportRequest:
    """What to write.

    Attributes:
        footage: paths in the archive of the files whose frames are numbered; none for the camera's only one.
        labels: labels to correct, without scores, instead of a system output.
        as_of: run after which the interactions are read; None for now.
    """

    camera: str
    target: Path
    footage: tuple[str, ...] = ()
    labels: bool = False
    as_of: str | None = None


@dataclass(frozen=True)
class InteractionExport:
    """What was written.

    Attributes:
        footage: paths in the archive.
        interactions: number in the file.
        frames: number of frames in which interactions were looked for.
        frames_left_out: number of frames in which they were not, or not yet.
    """

    footage: tuple[str, ...]
    interactions: int
    frames: int
    frames_left_out: int


def export_interactions(site: Site, request: InteractionExportRequest) -> InteractionExport:
    """Writes interactions with the frames that they cover, numbered from 1 in their footage.

    Raises:
        UserError: the target is no JSON file, lies in the archive or the store, or cannot be written.
        SelectionError: there is no such camera, footage or run, or interactions were not looked for yet.
        CorruptFootage: footage cannot be read.
    """
    if request.target.suffix.lower() != JSON_SUFFIX:
        raise UserError(f"--output {request.target}: give a name that ends in {JSON_SUFFIX}")
    refuse_within_site(site, request.target, "--output")
    camera = find_camera(site, request.camera)
    footage = [footage_frames(site, camera, path) for path in request.footage or (None,)]
    found: list[ActivityInstance] = []
    with closing(connect(site, as_of=request.as_of, for_query=INTERACTION_TABLES)) as connection:
        watched = sum(watched_file(connection, frames).length for frames in footage)
        for frames in footage:
            found += interactions_in(connection, frames, len(found) + 1)
    paths = tuple(frames.path for frames in footage)
    if not watched:
        raise SelectionError(
            f"interactions were not looked for yet in {', '.join(paths)}: `nightshift run --camera {camera}` does it, "
            "and `nightshift status` says what could not be done"
        )
    try:
        write_labels(ActivityLabels(paths, tuple(found)), request.target, system=not request.labels)
    except OSError as error:
        raise UserError(f"cannot write {request.target}: {error.strerror}; name another file with -o FILE") from error
    return InteractionExport(paths, len(found), watched, sum(map(len, footage)) - watched)
