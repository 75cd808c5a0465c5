"""`sql`, `export` and `map`: results, as tables, files and a page."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import duckdb
import pyarrow as pa
import typer

from cli.options import HERE, Json, Site
from cli.output import Output
from jobs import api, reading
from schemas.errors import QueryError
from storage.exports.results import write_result
from storage.sql import run_query

ROWS_SHOWN = 200
Format = Literal["table", "csv", "json", "parquet"]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="RUN", help="As it was when this run ended.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("sql")(sql)
    app.command("export")(export)
    app.command("map")(draw_map)


def sql(
    query: Annotated[str | None, typer.Argument(help="A SELECT; without one, a shell.", show_default=False)] = None,
    site: Site = HERE,
    form: Annotated[Format, typer.Option("--format", help="How the result is written.")] = "table",
    target: Annotated[Path | None, typer.Option("-o", "--output", help="File to write to.", show_default=False)] = None,
    as_of: AsOf = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="The query may also read and write other files, and change settings.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Query the store with DuckDB, read-only."""
    output = Output(as_json)
    opened = api.open_site(site)
    if query is None:
        _shell(reading.connect(opened, unsafe, as_of), output)
        return
    _show(reading.query(opened, query, unsafe, as_of), "json" if as_json else form, target, output)


def _show(result: pa.Table, form: Format, target: Path | None, output: Output) -> None:
    if form == "table" and target is None:
        rows = result.slice(0, ROWS_SHOWN).to_pylist()
        output.table(result.column_names, [list(row.values()) for row in rows])
        if result.num_rows > ROWS_SHOWN:
            output.say(f"… {result.num_rows - ROWS_SHOWN} more rows; -o FILE writes them all")
        return
    text = write_result(result, "csv" if form == "table" else form, target)
    output.out.file.write(text)
    if target is not None:
        output.err.print(f"{result.num_rows} rows written to {target}", highlight=False)


def _shell(connection: duckdb.DuckDBPyConnection, output: Output) -> None:
    """Reads queries, each ended by a semicolon, until the input ends."""
    interactive = sys.stdin.isatty()
    if interactive:
        import readline  # noqa: F401  it gives input() its history

        output.say("SQL, ended by a semicolon; SHOW TABLES lists the tables; Ctrl-D leaves")
    lines: list[str] = []
    while True:
        try:
            line = input(("nightshift> " if not lines else "       ...> ") if interactive else "")
        except EOFError:
            break
        lines.append(line)
        if line.rstrip().endswith(";"):
            _answer(connection, "\n".join(lines), output)
            lines = []
    if any(line.strip() for line in lines):
        _answer(connection, "\n".join(lines), output)


def _answer(connection: duckdb.DuckDBPyConnection, query: str, output: Output) -> None:
    try:
        result = run_query(connection, query)
    except QueryError as error:
        output.err.print(str(error), highlight=False, markup=False)
        return
    _show(result, "json" if output.as_json else "table", None, output)


def export(
    what: Annotated[str, typer.Argument(metavar="TABLE_OR_QUERY", help="A table's name, or a SELECT.")],
    target: Annotated[Path, typer.Option("-o", "--output", help=".geojson, .gpkg, .parquet or .csv")],
    site: Site = HERE,
    lines: Annotated[bool, typer.Option("--lines", help="Positions as one line a track instead of points.")] = False,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Write a table or a query's result as GeoJSON, GeoPackage, GeoParquet or CSV."""
    output = Output(as_json)
    rows = reading.export_result(api.open_site(site), what, target, lines, as_of)
    if as_json:
        output.json({"file": str(target), "rows": rows})
    else:
        output.say(f"{rows} rows written to {target}")


def draw_map(
    target: Annotated[Path, typer.Option("-o", "--output", help="The page.")] = Path("map.html"),
    site: Site = HERE,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Write one page that opens without a network: cameras, zones, tracks on the ground, density."""
    output = Output(as_json)
    positions = reading.draw_map(api.open_site(site), target, as_of)
    if as_json:
        output.json({"file": str(target), "positions": positions})
    else:
        output.say(f"{positions} positions drawn on {target}")
