"""`export`: writes tables, queries and the whole site to files for other programs."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import HERE, AsOf, Json, SiteFolder
from cli.output import Output, counted
from jobs.commands.exports import export_result
from jobs.site import open_site
from schemas.errors import UserError
from storage.box_files.formats import BoxFormat

if TYPE_CHECKING:
    from jobs.commands.box_exports import BoxExport
    from jobs.commands.interaction_exports import InteractionExport

TEXT_SUFFIX, TRACK_TABLES, BOX3D_TABLE = ".txt", ("tracks", "track_points"), "boxes3d"
"""Suffix of boxes as text, and the tables that have them."""
JSON_SUFFIX, INTERACTION_TABLE = ".json", "interactions"
"""Suffix of NIST's activities, and the table that has them."""
LEAST_PEOPLE, CELL_M = 5, 0.5
"""Defaults: of what third parties get, the least number of people of a row; edge of a cell of density."""


def export(
    what: Annotated[
        str | None, typer.Argument(metavar="TABLE_OR_QUERY", help="A table's name, or a SELECT.", show_default=False)
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help=".gpkg, .geojson, .parquet, .fgb, .pmtiles, .mfjson (paths), .tif (density), .png, .svg or .csv; "
            ".txt for tracks or boxes3d of a camera",
            show_default=False,
        ),
    ] = None,
    folder: SiteFolder = HERE,
    site_target: Annotated[
        Path | None,
        typer.Option(
            "--site-gpkg", metavar="FILE", help="Write the whole site to one GeoPackage for QGIS.", show_default=False
        ),
    ] = None,
    references: Annotated[
        list[str] | None,
        typer.Option("--reference", metavar="LAYER", help="Of --site-gpkg: reference layer to add; repeatable."),
    ] = None,
    third: Annotated[
        bool,
        typer.Option("--for-third-parties", help="Leave out pseudonyms, and rows of fewer people than --least-people."),
    ] = False,
    least: Annotated[
        int, typer.Option("--least-people", min=2, help="Of --for-third-parties: least number of people of a row.")
    ] = LEAST_PEOPLE,
    cell_m: Annotated[
        float, typer.Option("--cell-m", min=0.01, help="Of .tif and --site-gpkg: edge of a cell of density, in metres.")
    ] = CELL_M,
    lines: Annotated[
        bool, typer.Option("--lines", help="Write positions as one line per track instead of points.")
    ] = False,
    camera: Annotated[
        str | None, typer.Option("--camera", help="Of .txt and .json: id of the camera.", show_default=False)
    ] = None,
    footage: Annotated[
        list[str] | None,
        typer.Option(
            "--footage",
            metavar="PATH",
            help="Of .txt and .json: footage of the frames; repeatable for .json.",
            show_default="the only file",
        ),
    ] = None,
    form: Annotated[BoxFormat, typer.Option("--format", help="Of .txt: format.")] = "mot",
    label: Annotated[
        str | None,
        typer.Option("--label", help="Of .txt: whom or what.", show_default="person; of boxes3d all"),
    ] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="Of .json and boxes3d: labels to correct, without scores.")
    ] = False,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Write a table, a query or the whole site as a file for GIS, or tracks or interactions as files of labels."""
    output = Output(as_json)
    least_people = least if third else 0
    if site_target is not None:
        if what is not None or target is not None or lines or camera is not None or footage:
            raise UserError("--site-gpkg writes all of the site: give no table, query, -o, --lines or --camera with it")
        _export_site(output, folder, site_target, tuple(references or ()), least_people, cell_m, as_of)
        return
    if what is None or target is None:
        raise UserError(
            "what to export, and to which file? nightshift export TABLE_OR_QUERY -o FILE, or nightshift export "
            "--site-gpkg FILE for all of the site"
        )
    if references:
        raise UserError(f"--reference is for --site-gpkg: export the layer itself, layer_{references[0]}")
    if target.suffix.lower() in (TEXT_SUFFIX, JSON_SUFFIX):
        if third:
            raise UserError(f"{target} has boxes or interactions of single people, which are not for third parties")
        write_labels = _export_boxes if target.suffix.lower() == TEXT_SUFFIX else _export_interactions
        write_labels(output, folder, what, target, camera, footage or [], form, label, labels, as_of)
        return
    if camera is not None or footage is not None:
        raise UserError(f"--camera and --footage are for {TEXT_SUFFIX} and {JSON_SUFFIX} files, not for {target}")
    from storage.exports.geo import ExportOptions  # GIS libraries

    options = ExportOptions(as_lines=lines, least_people=least_people, cell_m=cell_m)
    done = export_result(open_site(folder), what, target, options, as_of)
    if as_json:
        output.json({"file": str(target), "rows": done.rows} | ({"note": done.note} if done.note else {}))
        return
    output.say(f"{done.rows} rows written to {target}")
    if done.note:
        output.say(done.note)


def _export_site(
    output: Output,
    folder: Path,
    target: Path,
    references: tuple[str, ...],
    least_people: int,
    cell_m: float,
    as_of: str | None,
) -> None:
    from jobs.commands.site_exports import export_site

    done = export_site(open_site(folder), target, references, least_people, cell_m, as_of)
    if output.as_json:
        output.json({"file": str(target), **asdict(done)})
        return
    output.table(("layer", "features"), list(done.features.items()))
    output.say(f"{counted(len(done.features), 'layer')} written to {target}")
    if done.note:
        output.say(done.note)


def _export_interactions(
    output: Output,
    folder: Path,
    what: str,
    target: Path,
    camera: str | None,
    footage: list[str],
    _form: BoxFormat,
    _label: str | None,
    labels: bool,
    as_of: str | None,
) -> None:
    if what != INTERACTION_TABLE or camera is None:
        raise UserError(
            f"{target} is for interactions: nightshift export interactions -o {target} --camera CAMERA; for rows "
            f"of a query as JSON, nightshift sql QUERY --format json -o {target}"
        )
    from jobs.commands.interaction_exports import InteractionExportRequest, export_interactions  # reads footage

    asked = InteractionExportRequest(camera, target, tuple(footage), labels, as_of)
    _show_interactions(output, target, export_interactions(open_site(folder), asked))


def _export_boxes(
    output: Output,
    folder: Path,
    what: str,
    target: Path,
    camera: str | None,
    footage: list[str],
    form: BoxFormat,
    label: str | None,
    labels: bool,
    as_of: str | None,
) -> None:
    if what not in (*TRACK_TABLES, BOX3D_TABLE) or camera is None:
        raise UserError(
            f"{target} is for boxes of tracks: nightshift export tracks -o {target} --camera CAMERA; or, in 3D, "
            f"nightshift export boxes3d -o {target} --camera CAMERA"
        )
    if len(footage) > 1:
        raise UserError(f"{target} numbers the frames of one file: give --footage once")
    file = footage[0] if footage else None
    from jobs.commands import box_exports  # reads footage, as no other export does

    if what == BOX3D_TABLE:
        asked3d = box_exports.Box3dExportRequest(camera, target, file, label, labels, as_of)
        done = box_exports.export_boxes3d(open_site(folder), asked3d)
    else:
        request = box_exports.BoxExportRequest(camera, target, form, file, label or "person", as_of)
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
