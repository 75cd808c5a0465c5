"""A view ``TABLE_all`` per table: every committed version of its rows, and which work each row is of."""

from collections.abc import Callable, Mapping
from functools import cache, partial

import duckdb

from schemas.tables import TableSpec
from schemas.values import UNIT_TAG_DIGITS
from storage.sql.text import quote_name, quote_text
from storage.sql.views import (
    BY_DATE,
    BY_MONTH,
    IN_FILES,
    FileLists,
    IsQueried,
    Names,
    no_rows,
    partition_of,
    rows_sql,
    unit_day,
    unqueried_rows,
)
from storage.store.parquet import UNIT_COLUMN
from storage.store.snapshot import Snapshot

VERSIONS_SUFFIX = "_all"

_ADDED = {
    "unit": "VARCHAR",
    "fingerprint": "VARCHAR",
    "run_id": "VARCHAR",
    "committed": "TIMESTAMPTZ",
    "op_version": "INTEGER",
    "current": "BOOLEAN",
}
"""Columns beside the table's own, and their types."""

_FILE = "regexp_extract(filename, '[^/]+/[^/]+/[^/]+/[^/]+$')"
"""A file's name below the store, wherever that is."""


def create_versions(
    con: duckdb.DuckDBPyConnection, lists: FileLists, snapshot: Snapshot, is_queried: IsQueried
) -> None:
    """Creates the views: the table's columns, then unit, fingerprint, run_id, committed, op_version and current.

    Work that was said to hold again has its rows once, with run and time of the last that said so.

    Args:
        lists: which must stand in.
        is_queried: says of a view's name whether anybody may ask for its rows.
    """
    versions = cache(snapshot.versions)  # of all receipts, which nobody reads before they are asked for
    seen = [name for files in snapshot.files.values() for name in (files.whole or files.partial)[:1]]
    some = seen or [name for names in versions().values() for name in names[:1]]
    added = "".join(f", NULL::{kind} AS {name}" for name, kind in _ADDED.items())
    for spec in IN_FILES.values():
        if not is_queried(spec.name + VERSIONS_SUFFIX):
            sql = unqueried_rows(spec, added)
        elif some:
            sql = _versions_sql(spec, lists, partial(_names, versions, spec.name), some[0])
        else:
            sql = no_rows(spec, added)
        con.execute(f"CREATE VIEW {quote_name(spec.name + VERSIONS_SUFFIX)} AS {sql}")


def _names(versions: Callable[[], Mapping[str, Names]], table: str) -> Names:
    return versions().get(table, ())


def _versions_sql(spec: TableSpec, lists: FileLists, names: Callable[[], Names], some_file: str) -> str:
    rows = " UNION ALL ".join(_rows(spec, lists, kind, names, some_file) for kind in (BY_DATE, BY_MONTH))
    name = f"files ->> {quote_text('$.' + spec.name)}"
    return f"""
    SELECT rows.* EXCLUDE (_file, _mark, _day), {", ".join(_ADDED)}
    FROM ({rows}) AS rows JOIN (
        SELECT camera AS _camera, "date"::DATE AS _day, fingerprint[:{UNIT_TAG_DIGITS}] AS _mark, unit, fingerprint,
            max_by({name}, committed) AS _file, max_by(run_id, committed) AS run_id, max(committed) AS committed,
            max_by(version, committed) AS op_version, bool_or("current") AS "current"
        FROM receipts WHERE {name} <> '' GROUP BY op, camera, "date", unit, fingerprint
    ) AS works ON camera = _camera AND rows._day = works._day AND rows._mark = works._mark AND rows._file = works._file
    """


def _rows(
    spec: TableSpec,
    lists: FileLists,
    kind: str,
    names: Callable[[], Names],
    some_file: str,
) -> str:
    def of_kind() -> Names:
        # DuckDB wants a file; the condition below keeps it from being opened.
        return [name for name in names() if partition_of(name)[0] == kind] or [some_file]

    files = lists.sql(f"{spec.name}{VERSIONS_SUFFIX}/{kind}", of_kind)
    more = f", {_FILE} AS _file, {quote_name(UNIT_COLUMN)} AS _mark, {unit_day(kind)} AS _day"
    own = quote_text(f"/{spec.name}/camera=[^/]*/{kind}=[^/]*/[^/]*$")
    return f"{rows_sql(spec, kind, files, more)} WHERE regexp_matches(filename, {own})"
