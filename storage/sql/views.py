"""Creates a view per table of its live rows: the newest committed version of each unit.

A view reads lists of files, not a glob: files that no receipt names do not exist. The lists are looked up when a query
binds the view (docs/decisions/0013-object-stores-and-sql.md). A view is a union of branches, one per month, so that a
query of some days does not touch the files of other months. Within a branch, camera and date in a file's path prune it
before it is opened, and in a file of a month the statistics of ``_date`` skip the row groups of other days.
"""

import tempfile
from calendar import monthrange
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.tables import TABLES, TableSpec
from storage.sql.dates import DatedRows, Dates, NamedDay, dated_rows
from storage.sql.lazy import INTERNAL, create_lazy
from storage.sql.text import escape_glob, quote_name, quote_text
from storage.store.parquet import DATE_COLUMN, UNIT_COLUMN, file_schema
from storage.store.snapshot import LiveFiles, Snapshot

_RECORDS = (
    "cameras",
    "runs",
    "layer_versions",
    "receipts",
    "quarantine",
    "purges",
    "holds",
    "exports",
    "sign_offs",
    "interaction_reviews",
)

IN_FILES: Mapping[str, TableSpec] = {name: spec for name, spec in TABLES.items() if name not in _RECORDS}
"""Tables that are stored as files by camera and date."""

BY_DATE, BY_MONTH = "date", "month"
"""Second partition key of a file's path: ``date`` for files of one unit or day, ``month`` for files of a month."""

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
"""DuckDB types by Arrow type."""

_LISTS = "_nightshift_files"
_UNIT_TAGS = f"{INTERNAL}.unit_tags"

Names = Sequence[str]
IsQueried = Callable[[str], bool]
TakeSnapshot = Callable[[], Snapshot]
"""Returns the snapshot of a connection, always the same one; the first call reads the store's receipts."""


class FileLists:
    """Lists of files by key, in a function that DuckDB calls when it binds a query that reads them.

    So a connection opens without touching any file, and a query pays for the files of its own tables only. DuckDB's
    variables would not do: cursors do not see them.

    Args:
        con: the connection.
        root: prefix of all file names.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, root: str) -> None:
        self._root = root
        self._lists: dict[str, Callable[[], Names]] = {}
        self._placeholder: list[str] = []
        con.create_function(_LISTS, self._find, ["VARCHAR"], duckdb.list_type("VARCHAR"))

    def sql(self, key: str, names: Callable[[], Names]) -> str:
        """Returns SQL for the list of files that ``names`` will return; it must return at least one."""
        self._lists[key] = names
        return f"{_LISTS}({quote_text(key)})"

    @contextmanager
    def placeholder(self) -> Iterator[None]:
        """Makes every list one empty file while views are created, since DuckDB opens the files of a new view."""
        with tempfile.TemporaryDirectory(prefix="nightshift-sql-") as folder:
            path = Path(folder, "camera=none", "date=1970-01-01", "empty.parquet")
            path.parent.mkdir(parents=True)
            pq.write_table(pa.table({"none": pa.array([], pa.int8())}), path)
            self._placeholder = [escape_glob(str(path))]
            try:
                yield
            finally:
                self._placeholder = []

    def _find(self, key: str) -> list[str]:
        return self._placeholder or [escape_glob(f"{self._root}/{name}") for name in self._lists[key]()]


def create_views(
    con: duckdb.DuckDBPyConnection,
    lists: FileLists,
    take_snapshot: TakeSnapshot,
    is_queried: IsQueried,
    dates: Dates,
    only: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Creates a view for each queried table of ``IN_FILES``: its columns, and ``date`` at the end where it has none.

    Args:
        con: the connection.
        lists: file lists, in their placeholder context.
        take_snapshot: returns the store's snapshot; it is not called for a query that reads none of the tables.
        is_queried: returns whether a query may read the view of this name.
        dates: how to show dates.
        only: SQL conditions of rows that a view shows, by table; without one it shows all.
    """
    found = take_snapshot().files if any(map(is_queried, IN_FILES)) else {}
    if any(files.partial for files in found.values()):
        # Read now, not at query time: a commit in between would supersede units of this snapshot.
        unit_tags = pa.table({"unit_tag": take_snapshot().unit_tags()})
        create_lazy(con, "unit_tags", unit_tags.schema, lambda: unit_tags, internal=True)
    for name, spec in IN_FILES.items():
        if not is_queried(name):
            continue
        sql = _live_sql(spec, lists, found.get(name, LiveFiles()), dates)
        shown = f"SELECT * FROM ({sql}) WHERE {only[name]}" if name in only else sql
        con.execute(f"CREATE VIEW {quote_name(name)} AS {shown}")


def rows_sql(
    spec: TableSpec,
    partition: str,
    files: str,
    dates: Dates,
    more: str = "",
    conditions: Callable[[DatedRows], Iterable[str]] = lambda _: (),
    day: NamedDay | None = None,
) -> str:
    """Returns SQL for the rows of files of one partition kind: columns as in the view, then ``more``.

    Args:
        spec: the table.
        partition: ``BY_DATE`` or ``BY_MONTH``.
        files: SQL for the list of files.
        dates: how to show dates.
        more: further items of the select list; they may use ``_unit``, ``filename`` and ``unit_day``.
        conditions: returns conditions of the rows, for a part of them.
        day: the day of all units in these files, where a query names it.
    """
    selected = ", ".join(
        f"{_CAMERA} AS camera" if name == "camera" else quote_name(name) for name in plain_columns(spec)
    )
    # With a given schema no file is opened to bind a query, and a column that is newer than a file is null there.
    source = f"read_parquet({files}, schema = {_schema_sql(spec)}, filename = true)"
    own = [DatedRows('"date"::DATE')]
    parts = own if _has_date(spec) else dated_rows(spec, dates, unit_day(partition), _CAMERA, day)
    branches = []
    for part in parts:
        kept = [*([part.condition] if part.condition else []), *conditions(part)]
        where = f" WHERE {' AND '.join(kept)}" if kept else ""
        branches.append(f'SELECT {selected}, {part.date} AS "date"{more} FROM {source}{where}')
    return " UNION ALL ".join(branches)


def no_rows(spec: TableSpec, more: Mapping[str, str] = MappingProxyType({}), refusal: str | None = None) -> str:
    """Returns SQL for no rows of a table: columns as in the view, then ``more``.

    Args:
        spec: the table.
        more: types of further columns, by name.
        refusal: message of the error that a query gets which reads it; None for no error.
    """
    types = _types(spec)
    kinds = {**{name: types[name] for name in plain_columns(spec)}, "date": "DATE", **more}
    return _repeated("NULL", kinds, "range(1)") if refusal is None else refused_rows(kinds, refusal)


def refused_rows(kinds: Mapping[str, str], refusal: str) -> str:
    """Returns SQL for columns, by name with their types, that raise an error if a query reads any of them.

    Args:
        kinds: DuckDB's types.
        refusal: message of the error.
    """
    # Columns raise the error too: with constants in their place, a filter on one would be found false before any row is
    # read, and the query would be answered as if the table were empty.
    # The error is written once, since most views of a connection are such views, and DuckDB binds each of them.
    return _repeated("refused", kinds, f"(SELECT error({quote_text(refusal)}) AS refused)")


def _repeated(value: str, kinds: Mapping[str, str], source: str) -> str:
    """Returns SQL for one row of a source with the same value in each column; for no row if the value is NULL."""
    columns = ", ".join(f"CAST({value} AS {kind}) AS {quote_name(name)}" for name, kind in kinds.items())
    return f"SELECT {columns} FROM {source} WHERE {value} IS NOT NULL"


def plain_columns(spec: TableSpec) -> list[str]:
    """Returns a table's columns without ``date``, which every view has at its end."""
    return [column.name for column in spec.columns if column.name != "date"]


def unit_day(partition: str) -> str:
    """Returns SQL for the local date of the unit that wrote a row."""
    return _DAY if partition == BY_DATE else quote_name(DATE_COLUMN)


def partition_of(name: str) -> tuple[str, str]:
    """Returns partition kind and month of a file below the store, such as ``("date", "2026-03")``."""
    kind, _, span = name.split("/")[2].partition("=")
    return kind, span[: len("2026-03")]


# DuckDB's own hive partitioning does not work with a given schema. The pattern matches the path's end, since the store
# itself may be below a folder camera=x.
_CAMERA = "regexp_extract(filename, '/camera=([^/]*)/[^/]*/[^/]*$', 1)"
_DAY = "CAST(regexp_extract(filename, '/date=([^/]*)/[^/]*$', 1) AS DATE)"


def _live_sql(spec: TableSpec, lists: FileLists, files: LiveFiles, dates: Dates) -> str:
    has_date = _has_date(spec)
    named = dates.named if spec.row_time and dates.filtered and not has_date else frozenset()
    branches = [
        _branch(spec, lists, part, names, is_partial, dates)
        for is_partial, every in ((False, files.whole), (True, files.partial))
        for part, names in _parts(every, has_date, named, dates.zones).items()
    ]
    return " UNION ALL ".join(branches) or no_rows(spec)


class _Part(NamedTuple):
    """Rows that one branch of a view reads.

    Attributes:
        kind, month: of the files; no month where files of all months are together.
        day: the day of the units, where the query names it.
        other_than: the days whose rows other branches read.
    """

    kind: str
    month: str
    day: NamedDay | None = None
    other_than: tuple[date, ...] = ()


def _parts(
    names: Iterable[str], are_together: bool, named: Collection[date], zones: Mapping[str, str]
) -> dict[_Part, list[str]]:
    """Groups files by partition kind and month, and the days that a query names by day and time zone.

    Files are together where rows have dates of their own: a filter on these says nothing about a file's month.
    """
    parts: dict[_Part, list[str]] = {}
    for name in names:
        kind, month = partition_of(name)
        zone = zones.get(name.split("/")[1].removeprefix("camera="))
        days = sorted(day for day in named if zone and f"{day:%Y-%m}" == month)
        if kind == BY_DATE:
            days = [day for day in days if f"/date={day}/" in name]
        for day in days:
            parts.setdefault(_Part(kind, month, NamedDay(day, zone or "")), []).append(name)
        if kind == BY_MONTH or not days:
            rest = _Part(kind, "" if are_together else month, None, tuple(days))
            parts.setdefault(rest, []).append(name)
    return parts


def _branch(spec: TableSpec, lists: FileLists, part: _Part, names: Names, is_partial: bool, dates: Dates) -> str:
    kind, month, day, other_than = part
    days = [*([str(part.day)] if part.day else []), *(f"not {day}" for day in part.other_than)]
    key = "/".join((spec.name, part.kind, part.month, *days, "partial" if is_partial else "whole"))

    def conditions(rows: DatedRows) -> Iterator[str]:
        if kind == BY_MONTH and day:
            yield f"{quote_name(DATE_COLUMN)} = DATE '{day.date}'"
        if other_than:
            others = ", ".join(f"DATE '{each}'" for each in other_than)
            yield f"{quote_name(DATE_COLUMN)} NOT IN ({others})"
        if month and rows.shift is not None and day is None:
            # True for every row; for a query of other days DuckDB finds a contradiction and drops the branch.
            first = date.fromisoformat(f"{month}-01") + timedelta(rows.shift)
            last = first + timedelta(monthrange(*map(int, month.split("-")))[1] - 1)
            yield f"{rows.date} BETWEEN DATE '{first}' AND DATE '{last}'"
        if is_partial:
            yield f"{quote_name(UNIT_COLUMN)} IN (FROM {_UNIT_TAGS})"

    return rows_sql(spec, kind, lists.sql(key, lambda: names), dates, conditions=conditions, day=day)


def _has_date(spec: TableSpec) -> bool:
    """Returns whether rows have a date of their own, which the view then shows instead of the unit's."""
    return any(column.name == "date" for column in spec.columns)


def _schema_sql(spec: TableSpec) -> str:
    entries = (
        f"{quote_text(name)}: {{name: {quote_text(name)}, type: {quote_text(kind)}, default_value: NULL}}"
        for name, kind in _types(spec).items()
    )
    return f"MAP {{{', '.join(entries)}}}"


def _types(spec: TableSpec) -> dict[str, str]:
    """Returns the DuckDB types of the columns in a table's files."""
    return {field.name: _TYPES[str(field.type)] for field in file_schema(spec)}
