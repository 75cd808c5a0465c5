"""Creates a view ``TABLE_all`` per table: every committed version of its rows, with the receipt of each row."""

from collections.abc import Callable, Mapping
from functools import cache

import duckdb

from schemas.tables import Privacy, TableSpec
from schemas.values import UNIT_TAG_DIGITS
from storage.sql.dates import Dates
from storage.sql.text import quote_name, quote_text
from storage.sql.views import (
    BY_DATE,
    BY_MONTH,
    IN_FILES,
    FileLists,
    IsQueried,
    Names,
    TakeSnapshot,
    no_rows,
    partition_of,
    rows_sql,
    unit_day,
)
from storage.store.parquet import UNIT_COLUMN
from storage.store.snapshot import Snapshot

VERSIONS_SUFFIX = "_all"

Versions = Callable[[], Mapping[str, Names]]
"""Returns all files by table."""

ADDED = {
    "unit": "VARCHAR",
    "fingerprint": "VARCHAR",
    "run_id": "VARCHAR",
    "committed": "TIMESTAMPTZ",
    "op_version": "INTEGER",
    "current": "BOOLEAN",
}
"""Added columns and their types."""

_SENSITIVE = frozenset(name for name, spec in IN_FILES.items() if spec.privacy is Privacy.SENSITIVE)

_FILE = "regexp_extract(filename, '[^/]+/[^/]+/[^/]+/[^/]+$')"
"""SQL for a file's name relative to the store."""


def create_versions(
    con: duckdb.DuckDBPyConnection,
    lists: FileLists,
    take_snapshot: TakeSnapshot,
    is_queried: IsQueried,
    dates: Dates,
) -> None:
    """Creates the queried views: a table's columns, then unit, fingerprint, run_id, committed, op_version and current.

    Reaffirmed work has its rows once, with the run and time of its newest receipt
    (docs/decisions/0009-results-become-live-again.md).

    Args:
        con: the connection.
        lists: file lists, in their placeholder context.
        take_snapshot: as for ``create_views``.
        is_queried: returns whether a query may read the view of this name.
        dates: how to show dates.
    """
    versions = cache(lambda: take_snapshot().versions())  # reads all receipts, so only when a query needs it
    some = (
        _some_file(take_snapshot(), versions)
        if any(is_queried(f"{name}{VERSIONS_SUFFIX}") for name in IN_FILES)
        else []
    )
    for name, spec in IN_FILES.items():
        if not is_queried(name + VERSIONS_SUFFIX):
            continue
        sql = _versions_sql(spec, lists, versions, some[0], dates) if some else no_rows(spec, ADDED)
        con.execute(f"CREATE VIEW {quote_name(name + VERSIONS_SUFFIX)} AS {sql}")


def _some_file(snapshot: Snapshot, versions: Versions) -> Names:
    """Returns a file that is there, in a list; none if there is no file.

    It is not of a sensitive table if possible: a connection for an export may not even name its files.
    """
    live = {table: (files.whole or files.partial)[:1] for table, files in snapshot.files.items()}
    return [name for names in _open_first(live) for name in names] or [
        name for names in _open_first(versions()) for name in names[:1]
    ]


def _open_first(files: Mapping[str, Names]) -> list[Names]:
    """Returns the files of each table, those of sensitive tables last."""
    return [files[name] for name in sorted(files, key=lambda name: name in _SENSITIVE)]


def _versions_sql(spec: TableSpec, lists: FileLists, versions: Versions, some_file: str, dates: Dates) -> str:
    rows = " UNION ALL ".join(_rows_sql(spec, lists, kind, versions, some_file, dates) for kind in (BY_DATE, BY_MONTH))
    name = f"files ->> {quote_text('$.' + spec.name)}"
    return f"""
    SELECT rows.* EXCLUDE (_file, _unit_tag, _day), {", ".join(ADDED)}
    FROM ({rows}) AS rows JOIN (
        SELECT camera AS _camera, "date"::DATE AS _day, fingerprint[:{UNIT_TAG_DIGITS}] AS _unit_tag, unit, fingerprint,
            max_by({name}, committed) AS _file, max_by(run_id, committed) AS run_id, max(committed) AS committed,
            max_by(version, committed) AS op_version, bool_or("current") AS "current"
        FROM receipts WHERE {name} <> '' GROUP BY op, camera, "date", unit, fingerprint
    ) AS work ON camera = _camera AND rows._day = work._day AND rows._unit_tag = work._unit_tag
        AND rows._file = work._file
    """


def _rows_sql(spec: TableSpec, lists: FileLists, kind: str, versions: Versions, some_file: str, dates: Dates) -> str:
    def names() -> Names:
        # DuckDB needs at least one file; the condition below prunes it before it is opened.
        return [name for name in versions().get(spec.name, ()) if partition_of(name)[0] == kind] or [some_file]

    files = lists.sql(f"{spec.name}{VERSIONS_SUFFIX}/{kind}", names)
    more = f", {_FILE} AS _file, {quote_name(UNIT_COLUMN)} AS _unit_tag, {unit_day(kind)} AS _day"
    own = quote_text(f"/{spec.name}/camera=[^/]*/{kind}=[^/]*/[^/]*$")
    return rows_sql(spec, kind, files, dates, more, lambda _: [f"regexp_matches(filename, {own})"])
