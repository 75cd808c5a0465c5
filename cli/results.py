"""`sql` and `export`: shows results as tables and files."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import pyarrow as pa
import typer

from cli.options import HERE, AsOf, Json, SiteFolder
from cli.output import Output, counted
from cli.shell import Mode, Shell
from jobs.commands.results import connect, export_result, query
from jobs.site import open_site
from schemas.errors import UserError
from storage.box_files.formats import BoxFormat
from storage.exports.results import result_rows, write_result

if TYPE_CHECKING:
    from jobs.commands.box_exports import BoxExport
    from jobs.commands.interaction_exports import InteractionExport

ROWS_SHOWN = 200
TEXT_SUFFIX, TRACK_TABLES, BOX3D_TABLE = ".txt", ("tracks", "track_points"), "boxes3d"
"""Suffix of boxes as text, and the tables that have them."""
JSON_SUFFIX, INTERACTION_TABLE = ".json", "interactions"
"""Suffix of NIST's activities, and the table that has them."""

Format = Literal["table", "csv", "json", "parquet"]


def sql(
    statement: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="A SELECT; without one, a shell opens.", show_default=False)
    ] = None,
    folder: SiteFolder = HERE,
    form: Annotated[Format, typer.Option("--format", help="Format of the result.")] = "table",
    target: Annotated[Path | None, typer.Option("-o", "--output", help="File to write to.", show_default=False)] = None,
    as_of: AsOf = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Let the query also read and write other files, and change settings.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Query the store with DuckDB, read-only."""
    output = Output(as_json)
    site = open_site(folder, checks_crs=False)
    if statement is None:
        mode: Mode = "json" if as_json else "table" if form == "parquet" else form
        Shell(connect(site, unsafe, as_of), output, mode, lambda rows, as_: _show(rows, as_, None, output)).run()
        return
    _show(query(site, statement, unsafe, as_of), "json" if as_json else form, target, output)


def _show(result: pa.Table, form: Format, target: Path | None, output: Output) -> None:
    if form == "table" and target is None:
        output.table(result.column_names, result_rows(result.slice(0, ROWS_SHOWN)))
        if result.num_rows > ROWS_SHOWN:
            output.say(f"… {result.num_rows - ROWS_SHOWN} more rows; -o FILE writes them all")
        return
    text = write_result(result, "csv" if form == "table" else form, target)
    output.write(text)
    if target is not None:
        output.log(f"{result.num_rows} rows written to {target}")


def export(
    what: Annotated[str, typer.Argument(metavar="TABLE_OR_QUERY", help="A table's name, or a SELECT.")],
    target: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help=".geojson, .gpkg, .parquet or .csv; .txt for tracks or boxes3d of a camera"
        ),
    ],
    folder: SiteFolder = HERE,
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
    """Write a table or query as GeoJSON, GeoPackage, GeoParquet or CSV; tracks or interactions as files of labels."""
    output = Output(as_json)
    if target.suffix.lower() == JSON_SUFFIX:
        if what != INTERACTION_TABLE or camera is None:
            raise UserError(
                f"{target} is for interactions: nightshift export interactions -o {target} --camera CAMERA; for rows "
                f"of a query as JSON, nightshift sql QUERY --format json -o {target}"
            )
        from jobs.commands.interaction_exports import InteractionExportRequest, export_interactions  # reads footage

        asked = InteractionExportRequest(camera, target, tuple(footage or ()), labels, as_of)
        _show_interactions(output, target, export_interactions(open_site(folder), asked))
        return
    if target.suffix.lower() == TEXT_SUFFIX:
        if what not in (*TRACK_TABLES, BOX3D_TABLE) or camera is None:
            raise UserError(
                f"{target} is for boxes of tracks: nightshift export tracks -o {target} --camera CAMERA; or, in 3D, "
                f"nightshift export boxes3d -o {target} --camera CAMERA"
            )
        if footage and len(footage) > 1:
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
        return
    if camera is not None or footage is not None:
        raise UserError(f"--camera and --footage are for {TEXT_SUFFIX} and {JSON_SUFFIX} files, not for {target}")
    rows = export_result(open_site(folder), what, target, lines, as_of)
    if as_json:
        output.json({"file": str(target), "rows": rows})
    else:
        output.say(f"{rows} rows written to {target}")


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
