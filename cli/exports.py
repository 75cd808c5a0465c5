"""`export`: writes tables, queries and the whole site to files for other programs."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from cli.label_exports import LABEL_SUFFIXES, LabelOptions, export_labels
from cli.options import HERE, AsOf, Json, SiteFolder, with_shared_options
from cli.output import Output, counted
from jobs.commands.exports import export_result
from jobs.site import open_site
from schemas.errors import UserError

LEAST_PEOPLE, CELL_M = 5, 0.5
"""Defaults: of what third parties get, the least number of people of a row; edge of a cell of density."""


@dataclass(frozen=True)
class WholeSiteOptions:
    """Options of the file of the whole site."""

    site_target: Annotated[
        Path | None,
        typer.Option(
            "--site-gpkg", metavar="FILE", help="Write the whole site to one GeoPackage for QGIS.", show_default=False
        ),
    ] = None
    references: Annotated[
        list[str] | None,
        typer.Option("--reference", metavar="LAYER", help="Of --site-gpkg: reference layer to add; repeatable."),
    ] = None


@dataclass(frozen=True)
class RowOptions:
    """Options that say what is made of rows."""

    third: Annotated[
        bool,
        typer.Option("--for-third-parties", help="Leave out pseudonyms, and rows of fewer people than --least-people."),
    ] = False
    least: Annotated[
        int, typer.Option("--least-people", min=2, help="Of --for-third-parties: least number of people of a row.")
    ] = LEAST_PEOPLE
    cell_m: Annotated[
        float, typer.Option("--cell-m", min=0.01, help="Of .tif and --site-gpkg: edge of a cell of density, in metres.")
    ] = CELL_M
    lines: Annotated[bool, typer.Option("--lines", help="Write positions as one line per track instead of points.")] = (
        False
    )

    @property
    def least_people(self) -> int:
        """Least number of people of a row; 0 for one's own exports, which have all rows."""
        return self.least if self.third else 0


@with_shared_options
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
    *,
    folder: SiteFolder = HERE,
    whole: WholeSiteOptions,
    rows: RowOptions,
    labels: LabelOptions,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Write a table, a query or the whole site as a file for GIS, or tracks or interactions as files of labels."""
    output = Output(as_json)
    if whole.site_target is not None:
        if what is not None or target is not None or rows.lines or labels.camera is not None or labels.footage:
            raise UserError("--site-gpkg writes all of the site: give no table, query, -o, --lines or --camera with it")
        _export_site(output, folder, whole.site_target, tuple(whole.references or ()), rows, as_of)
        return
    if what is None or target is None:
        raise UserError(
            "what to export, and to which file? nightshift export TABLE_OR_QUERY -o FILE, or nightshift export "
            "--site-gpkg FILE for all of the site"
        )
    if whole.references:
        raise UserError(f"--reference is for --site-gpkg: export the layer itself, layer_{whole.references[0]}")
    if target.suffix.lower() in LABEL_SUFFIXES:
        if rows.third:
            raise UserError(f"{target} has boxes or interactions of single people, which are not for third parties")
        export_labels(output, folder, what, target, labels, as_of)
        return
    if labels.camera is not None or labels.footage is not None:
        raise UserError(f"--camera and --footage are for {' and '.join(LABEL_SUFFIXES)} files, not for {target}")
    _export_rows(output, folder, what, target, rows, as_of)


def _export_rows(output: Output, folder: Path, what: str, target: Path, asked: RowOptions, as_of: str | None) -> None:
    from storage.exports.geo import ExportOptions  # GIS libraries

    options = ExportOptions(as_lines=asked.lines, least_people=asked.least_people, cell_m=asked.cell_m)
    done = export_result(open_site(folder), what, target, options, as_of)
    if output.as_json:
        output.json({"file": str(target), "rows": done.rows} | ({"note": done.note} if done.note else {}))
        return
    output.say(f"{done.rows} rows written to {target}")
    if done.note:
        output.say(done.note)


def _export_site(
    output: Output, folder: Path, target: Path, references: tuple[str, ...], asked: RowOptions, as_of: str | None
) -> None:
    from jobs.commands.site_exports import export_site

    done = export_site(open_site(folder), target, references, asked.least_people, asked.cell_m, as_of)
    if output.as_json:
        output.json({"file": str(target), **asdict(done)})
        return
    output.table(("layer", "features"), list(done.features.items()))
    output.say(f"{counted(len(done.features), 'layer')} written to {target}")
    if done.note:
        output.say(done.note)
