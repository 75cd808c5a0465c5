"""`export` to files of labels: boxes of tracks as text, and interactions as NIST's JSON, by frames of footage."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import Output, counted
from jobs.site import open_site
from schemas.errors import UserError
from storage.box_files.formats import BoxFormat

if TYPE_CHECKING:
    from jobs.commands.box_exports import BoxExport
    from jobs.commands.interaction_exports import InteractionExport

_TRACK_TABLES, _BOX3D_TABLE = ("tracks", "track_points"), "boxes3d"
"""Tables of boxes."""
_INTERACTION_TABLE = "interactions"
LABEL_SUFFIXES = (_TEXT, _JSON) = (".txt", ".json")
"""Suffixes of boxes as text, and of NIST's activities."""


@dataclass(frozen=True)
class LabelOptions:
    """Options of files of labels."""

    camera: Annotated[
        str | None, typer.Option("--camera", help="Of .txt and .json: id of the camera.", show_default=False)
    ] = None
    footage: Annotated[
        list[str] | None,
        typer.Option(
            "--footage",
            metavar="PATH",
            help="Of .txt and .json: footage of the frames; repeatable for .json.",
            show_default="the only file",
        ),
    ] = None
    form: Annotated[BoxFormat, typer.Option("--format", help="Of .txt: format.")] = "mot"
    label: Annotated[
        str | None,
        typer.Option("--label", help="Of .txt: whom or what.", show_default="person; of boxes3d all"),
    ] = None
    labels: Annotated[
        bool, typer.Option("--labels", help="Of .json and boxes3d: labels to correct, without scores.")
    ] = False


def export_labels(
    output: Output, folder: Path, what: str, target: Path, asked: LabelOptions, as_of: str | None
) -> None:
    """Writes boxes of tracks to a text file, or interactions to a JSON file, and says how many.

    Raises:
        UserError: the table does not fit the file, or the camera or one footage file is not named.
    """
    if target.suffix.lower() == _JSON:
        if what != _INTERACTION_TABLE or asked.camera is None:
            raise UserError(
                f"{target} is for interactions: nightshift export interactions -o {target} --camera CAMERA; for rows "
                f"of a query as JSON, nightshift sql QUERY --format json -o {target}"
            )
        _export_interactions(output, folder, target, asked.camera, asked, as_of)
        return
    if what not in (*_TRACK_TABLES, _BOX3D_TABLE) or asked.camera is None:
        raise UserError(
            f"{target} is for boxes of tracks: nightshift export tracks -o {target} --camera CAMERA; or, in 3D, "
            f"nightshift export boxes3d -o {target} --camera CAMERA"
        )
    if len(asked.footage or ()) > 1:
        raise UserError(f"{target} numbers the frames of one file: give --footage once")
    _export_boxes(output, folder, what, target, asked.camera, asked, as_of)


def _export_interactions(
    output: Output, folder: Path, target: Path, camera: str, asked: LabelOptions, as_of: str | None
) -> None:
    from jobs.commands.interaction_exports import InteractionExportRequest, export_interactions  # reads footage

    request = InteractionExportRequest(camera, target, tuple(asked.footage or ()), asked.labels, as_of)
    _show_interactions(output, target, export_interactions(open_site(folder), request))


def _export_boxes(
    output: Output, folder: Path, what: str, target: Path, camera: str, asked: LabelOptions, as_of: str | None
) -> None:
    from jobs.commands import box_exports  # reads footage, as no other export does

    file = asked.footage[0] if asked.footage else None
    if what == _BOX3D_TABLE:
        request3d = box_exports.Box3dExportRequest(camera, target, file, asked.label, asked.labels, as_of)
        done = box_exports.export_boxes3d(open_site(folder), request3d)
    else:
        request = box_exports.BoxExportRequest(camera, target, asked.form, file, asked.label or "person", as_of)
        done = box_exports.export_boxes(open_site(folder), request)
    _show_boxes(output, target, done)


def _show_boxes(output: Output, target: Path, done: "BoxExport") -> None:
    if output.as_json:
        output.json({"file": str(target), **asdict(done)})
        return
    boxes = "1 box" if done.boxes == 1 else f"{done.boxes:,} boxes"
    whose = f"{boxes} of {counted(done.ids, 'track')} in {counted(done.frames, 'frame')}"
    output.say(f"{whose} of {done.footage} written to {target}")
    if done.frames_left_out:
        output.warn(f"{counted(done.frames_left_out, 'frame')} are left out: nobody was tracked there yet")


def _show_interactions(output: Output, target: Path, done: "InteractionExport") -> None:
    if output.as_json:
        output.json({"file": str(target), **asdict(done)})
        return
    whose = done.footage[0] if len(done.footage) == 1 else f"{len(done.footage)} files"
    output.say(f"{counted(done.interactions, 'interaction')} of {whose} written to {target}")
    if done.frames_left_out:
        output.warn(
            f"{counted(done.frames_left_out, 'frame')} are not covered: interactions were not looked for there yet"
        )
