"""Runs one statement, after checking that it only reads."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import TypeVar

import duckdb
import pyarrow as pa

from schemas.errors import QueryError
from storage.sql.arrow_types import TOO_LARGE, fetch_arrow
from storage.sql.macros import ADVICE
from storage.sql.text import quote_name
from storage.sql.unqueried import create_unqueried

T = TypeVar("T")

_POLL_S = 0.1  # how soon Ctrl-C is noticed

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
"""Advice by DuckDB's message."""


def run_query(con: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """Returns the result of one statement, which must be read-only unless the connection was opened ``unsafe``.

    Types that Arrow or Parquet lack, such as intervals, become text: ``storage/sql/arrow_types.py``.

    Raises:
        QueryError: the statement is not read-only, or DuckDB rejects it; the message is one line.
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
    return table.rename_columns(_unique_names(table.column_names))


def _run(con: duckdb.DuckDBPyConnection, statements: Sequence[duckdb.Statement]) -> pa.Table:
    """Runs statements in a thread, so that Ctrl-C always ends them: DuckDB in the main thread may miss it."""

    def last_result() -> pa.Table:
        for statement in statements[:-1]:
            _with_unqueried(con, partial(con.execute, statement))
        return _with_unqueried(con, partial(fetch_arrow, con, statements[-1]))

    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(last_result)
        try:
            while not wait([result], _POLL_S).done:
                continue
            return result.result()
        except KeyboardInterrupt:
            # DuckDB forgets an interrupt that arrives between two steps of a query, so it is repeated.
            con.interrupt()
            while not wait([result], _POLL_S).done:
                con.interrupt()
            raise


def _with_unqueried(con: duckdb.DuckDBPyConnection, run: Callable[[], T]) -> T:
    """Runs a statement; if it names something unknown, once more when everything that is known has been created."""
    try:
        return run()
    except duckdb.CatalogException:
        if not create_unqueried(con):
            raise
        return run()


def as_query(table_or_query: str) -> str:
    """Returns a query; a bare name means all rows of that table."""
    return f"FROM {quote_name(table_or_query)}" if _NAME.fullmatch(table_or_query) else table_or_query


def check_read_only(con: duckdb.DuckDBPyConnection, statements: Sequence[duckdb.Statement]) -> None:
    """Rejects more than one statement, and one that does more than read.

    Raises:
        QueryError: it is rejected.
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
    """Returns DuckDB's message in one line, without the echoed query or the traceback of a lazy table, with advice."""
    if "Out of Memory Error" in str(error):
        return TOO_LARGE  # DuckDB advises to change its settings, which a query may not
    lines = [line.strip() for line in str(error).splitlines()]
    ends = (number for number, line in enumerate(lines) if re.match(r"LINE \d+:|At:$", line))
    message = " ".join(line for line in lines[: next(ends, len(lines))] if line)
    message, _, _ = message.partition(" Please try installing")  # queries may not install extensions
    hints = [hint for pattern, hint in _HINTS.items() if re.search(pattern, message, re.IGNORECASE)]
    return "; ".join([message, *hints])


def _is_unsafe(con: duckdb.DuckDBPyConnection) -> bool:
    found = con.execute("SELECT current_setting('enable_external_access')").fetchone()
    return bool(found and found[0])


def _unique_names(names: Sequence[str]) -> list[str]:
    """Returns column names with a number after repeated ones, since files and data frames need unique names."""
    unique: list[str] = []
    for name in names:
        candidate, number = name, 0
        while candidate in unique or (number and candidate in names):
            number += 1
            candidate = f"{name}_{number}"
        unique.append(candidate)
    return unique
