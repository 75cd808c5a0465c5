"""A view per table of the newest committed version of each unit, whose files are looked up when it is queried.

A view reads lists of files, not a glob: files that no receipt names do not exist. It is a union of branches, one for
each month, so that a query of some days does not even look at the files of other months; within a branch, camera and
date in a file's path prune it before it is opened, and in a file of a month the statistics of ``_date`` skip row
groups of other days.
"""

import tempfile
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.tables import TABLES, TableSpec
from storage.sql.lazy import AS_ONE_WORD, INTERNAL, create_lazy
from storage.sql.text import escape_glob, quote_name, quote_text
from storage.store.parquet import DATE_COLUMN, UNIT_COLUMN, file_schema
from storage.store.snapshot import LiveFiles, Snapshot

_RECORDS = ("cameras", "runs", "receipts", "quarantine", "purges", "exports")

IN_FILES: Mapping[str, TableSpec] = {name: spec for name, spec in TABLES.items() if name not in _RECORDS}
"""Tables whose rows stand in files, by camera and date."""

BY_DATE, BY_MONTH = "date", "month"
"""The second partition of a file's path: of files of one unit or one day, and of one month."""

_TYPES = {
    "string": "VARCHAR",
    "binary": "BLOB",
    "bool": "BOOLEAN",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date32[day]": "DATE",
    "timestamp[us, tz=UTC]": "TIMESTAMP WITH TIME ZONE",
}
"""DuckDB's types by Arrow's."""

_LISTS = "_nightshift_files"
_MARKS = f"{INTERNAL}.marks"

Names = Sequence[str]
IsQueried = Callable[[str], bool]


class FileLists:
    """Lists of files by key, which DuckDB asks for when it binds a query that reads them.

    So a connection opens without a look at any file, and a query pays for the files of its own tables. Cursors see it
    too, as they do not see DuckDB's variables.

    Args:
        root: what names of files are below.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, root: str) -> None:
        self._root = root
        self._lists: dict[str, Callable[[], Names]] = {}
        self._stand_in: list[str] = []
        con.create_function(_LISTS, self._find, ["VARCHAR"], duckdb.list_type("VARCHAR"))

    def sql(self, key: str, names: Callable[[], Names]) -> str:
        """SQL for the list of files that ``names`` will give; at least one."""
        self._lists[key] = names
        return f"{_LISTS}({quote_text(key)})"

    @contextmanager
    def standing_in(self) -> Iterator[None]:
        """While the block creates views, every list is of one empty file, so that no file of the store is looked at."""
        with tempfile.TemporaryDirectory(prefix="nightshift-sql-") as folder:
            path = Path(folder, "camera=none", "date=1970-01-01", "empty.parquet")
            path.parent.mkdir(parents=True)
            pq.write_table(pa.table({"none": pa.array([], pa.int8())}), path)
            self._stand_in = [escape_glob(str(path))]
            try:
                yield
            finally:
                self._stand_in = []

    def _find(self, key: str) -> list[str]:
        return self._stand_in or [escape_glob(f"{self._root}/{name}") for name in self._lists[key]()]


def create_views(con: duckdb.DuckDBPyConnection, lists: FileLists, snapshot: Snapshot, is_queried: IsQueried) -> None:
    """Creates a view for each table of ``IN_FILES``: its columns, and ``date`` at the end where it has none.

    Args:
        lists: which must stand in.
        is_queried: says of a view's name whether anybody may ask for its rows.
    """
    if any(files.partial for files in snapshot.files.values()):
        # Now, not when a query asks: what is committed in between must not take marks away.
        marks = pa.table({"mark": snapshot.unit_tags()})
        create_lazy(con, "marks", marks.schema, lambda: marks, internal=True)
    for name, spec in IN_FILES.items():
        sql = (
            _seen_sql(spec, lists, snapshot.files.get(name, LiveFiles())) if is_queried(name) else unqueried_rows(spec)
        )
        con.execute(f"CREATE VIEW {quote_name(name)} AS {sql}")


def rows_sql(spec: TableSpec, partition: str, files: str, more: str = "") -> str:
    """SQL for the rows of files of one kind: columns as in the view, then ``more``.

    Args:
        partition: ``BY_DATE`` or ``BY_MONTH``.
        files: SQL for the list of files.
        more: more of the select list; it may use ``_unit``, ``filename`` and what ``unit_day`` gives.
    """
    selected = [_CAMERA if name == "camera" else quote_name(name) for name in plain_columns(spec)]
    day = '"date"::DATE' if _has_date(spec) else unit_day(partition)
    # Types are given, not looked up, so that no file is opened to bind a query, and a column that is newer than a file
    # is null there.
    source = f"read_parquet({files}, schema = {_schema_sql(spec)}, filename = true)"
    return f'SELECT {", ".join(selected)}, {day} AS "date"{more} FROM {source}'


def no_rows(spec: TableSpec, more: str = "", condition: str = "false") -> str:
    """SQL for no rows of a table: columns as in the view, then ``more``."""
    types = _types(spec)
    columns = [f"NULL::{types[name]} AS {quote_name(name)}" for name in plain_columns(spec)]
    return f'SELECT {", ".join(columns)}, NULL::DATE AS "date"{more} FROM range(1) WHERE {condition}'


def unqueried_rows(spec: TableSpec, more: str = "") -> str:
    """SQL for a table that nobody was to ask for; who does is told how to."""
    return no_rows(spec, more, f"error({quote_text(AS_ONE_WORD)}) IS NOT NULL")


def plain_columns(spec: TableSpec) -> list[str]:
    """Columns of a table, without ``date``, which stands at the end of every view."""
    return [column.name for column in spec.columns if column.name != "date"]


def unit_day(partition: str) -> str:
    """SQL for the local date of the unit that wrote a row."""
    return _DAY if partition == BY_DATE else quote_name(DATE_COLUMN)


def partition_of(name: str) -> tuple[str, str]:
    """Kind and month of a file below the store, such as ``("date", "2026-03")``."""
    kind, _, span = name.split("/")[2].partition("=")
    return kind, span[: len("2026-03")]


# From the path, since DuckDB's own hive partitioning does not go with a given schema. The end of it counts: the store
# may itself stand below a folder camera=x.
_CAMERA = "regexp_extract(filename, '/camera=([^/]*)/[^/]*/[^/]*$', 1) AS \"camera\""
_DAY = "CAST(regexp_extract(filename, '/date=([^/]*)/[^/]*$', 1) AS DATE)"


def _seen_sql(spec: TableSpec, lists: FileLists, files: LiveFiles) -> str:
    branches = [
        _branch(spec, lists, part, names, is_partial)
        for is_partial, every in ((False, files.whole), (True, files.partial))
        for part, names in _by_month(every, _has_date(spec)).items()
    ]
    return " UNION ALL ".join(branches) or no_rows(spec)


def _by_month(names: Iterable[str], are_together: bool) -> dict[tuple[str, str], list[str]]:
    """Files by kind and month; by kind alone where the view's dates are not those of the units."""
    parts: dict[tuple[str, str], list[str]] = {}
    for name in names:
        kind, month = partition_of(name)
        parts.setdefault((kind, "" if are_together else month), []).append(name)
    return parts


def _branch(spec: TableSpec, lists: FileLists, part: tuple[str, str], names: Names, is_partial: bool) -> str:
    kind, month = part
    key = "/".join((spec.name, kind, month, "partial" if is_partial else "whole"))
    conditions = []
    if month:
        # True of every row; where a query asks for other days, DuckDB sees that both cannot be and drops the branch.
        conditions.append(f"{unit_day(kind)} BETWEEN {_days_of(month)}")
    if is_partial:
        conditions.append(f"{quote_name(UNIT_COLUMN)} IN (FROM {_MARKS})")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return rows_sql(spec, kind, lists.sql(key, lambda: names)) + where


def _days_of(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"DATE '{month}-01' AND DATE '{month}-{monthrange(year, number)[1]}'"


def _has_date(spec: TableSpec) -> bool:
    """Whether rows have a date of their own, which is then shown; the unit's may be another."""
    return any(column.name == "date" for column in spec.columns)


def _schema_sql(spec: TableSpec) -> str:
    entries = (
        f"{quote_text(name)}: {{name: {quote_text(name)}, type: {quote_text(kind)}, default_value: NULL}}"
        for name, kind in _types(spec).items()
    )
    return f"MAP {{{', '.join(entries)}}}"


def _types(spec: TableSpec) -> dict[str, str]:
    """DuckDB's types of the columns of a table's files."""
    return {field.name: _TYPES[str(field.type)] for field in file_schema(spec)}
