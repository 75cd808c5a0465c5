"""`sql`: shows the results of queries as tables and files."""

from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
import typer

from cli.options import HERE, AsOf, Json, SiteFolder
from cli.output import Output
from cli.shell import Mode, Shell
from jobs.commands.results import connect, query
from jobs.site import open_site
from storage.exports.results import result_rows, write_result

ROWS_SHOWN = 200

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
