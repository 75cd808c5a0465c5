"""Runs one statement, and sees to it that it only reads."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import duckdb
import pyarrow as pa

from schemas.errors import QueryError
from storage.sql.macros import ADVICE
from storage.sql.text import quote_name

LOOK_FOR_CTRL_C_S = 0.1

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_EXPLAIN = re.compile(r"\s*explain\b\s*(analyze\b\s*)?(\([^)]*\)\s*)?", re.IGNORECASE)
_READ_ONLY = "a query is SELECT, WITH, FROM, DESCRIBE, SHOW, SUMMARIZE, PRAGMA table_info, or EXPLAIN of one of these"
_HINTS = {
    r"No files found that match|Cannot open file .*No such file|FileNotFoundError": (
        "the store was compacted or purged since it was opened, or has lost this file: open the store again, "
        "and if that does not help, `nightshift verify` says what is missing"
    ),
    r"Function with name \W?st_\w+\W? (is not in the catalog|does not exist)": (
        f"spatial functions need the spatial extension: {ADVICE}"
    ),
}
"""What to do, by what DuckDB says."""


def run_query(con: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """The result of one statement, which must be read-only unless the connection was opened ``unsafe``.

    Raises:
        QueryError: the statement is not read-only, or DuckDB refuses it; one line.
    """
    try:
        statements = con.extract_statements(sql)
        if not _is_unsafe(con):
            check_read_only(con, statements)
        if not statements:
            raise QueryError("there is no statement in the query")
        table = _run(con, statements)
    except (duckdb.Error, pa.ArrowException) as error:
        raise QueryError(one_line_message(error)) from error
    return table.rename_columns(_told_apart(table.column_names))


def _run(con: duckdb.DuckDBPyConnection, statements: Sequence[duckdb.Statement]) -> pa.Table:
    """Runs statements in a thread, so that Ctrl-C always ends them: DuckDB in the main thread may miss it."""

    def last_result() -> pa.Table:
        for statement in statements[:-1]:
            con.execute(statement)
        return con.execute(statements[-1]).to_arrow_table()

    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(last_result)
        try:
            while not wait([result], LOOK_FOR_CTRL_C_S).done:
                continue
            return result.result()
        except KeyboardInterrupt:
            # Again and again: what is asked for between two steps of a query is forgotten.
            con.interrupt()
            while not wait([result], LOOK_FOR_CTRL_C_S).done:
                con.interrupt()
            raise


def as_query(table_or_query: str) -> str:
    """A query; of what is but a name, all rows of that table."""
    return f"FROM {quote_name(table_or_query)}" if _NAME.fullmatch(table_or_query) else table_or_query


def check_read_only(con: duckdb.DuckDBPyConnection, statements: Sequence[duckdb.Statement]) -> None:
    """Refuses more than one statement, and one that does more than read.

    Raises:
        QueryError: it is refused.
    """
    if len(statements) > 1:
        raise QueryError("one statement at a time (PIVOT needs its values named: PIVOT ... ON column IN (...))")
    for statement in statements:
        kind = statement.type
        if kind == duckdb.StatementType.EXPLAIN:
            # EXPLAIN ANALYZE runs what it explains, so that must be a query by itself.
            _, end = match.span() if (match := _EXPLAIN.match(statement.query)) else (0, 0)
            kinds = [inner.type for inner in con.extract_statements(statement.query[end:])] if end else []
            kind = kinds[0] if len(kinds) == 1 else kind
        if kind != duckdb.StatementType.SELECT:
            raise QueryError(f"{kind.name} refused: {_READ_ONLY}")


def one_line_message(error: Exception) -> str:
    """DuckDB's message without the echo of the query below it, or the traceback of a table that could not be made."""
    lines = [line.strip() for line in str(error).splitlines()]
    ends = (number for number, line in enumerate(lines) if re.match(r"LINE \d+:|At:$", line))
    message = " ".join(line for line in lines[: next(ends, len(lines))] if line)
    message, _, _ = message.partition(" Please try installing")  # an extension, which no query may
    hints = [hint for said, hint in _HINTS.items() if re.search(said, message, re.IGNORECASE)]
    return "; ".join([message, *hints])


def _is_unsafe(con: duckdb.DuckDBPyConnection) -> bool:
    found = con.execute("SELECT current_setting('enable_external_access')").fetchone()
    return bool(found and found[0])


def _told_apart(names: Sequence[str]) -> list[str]:
    """Column names, those that stand twice with a number behind them."""
    taken: list[str] = []
    for name in names:
        free, number = name, 0
        while free in taken or (number and free in names):
            number += 1
            free = f"{name}_{number}"
        taken.append(free)
    return taken
