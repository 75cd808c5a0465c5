"""Reads the contents of a store without times and run ids, so that two stores can be compared row by row."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobs.site import open_site
from schemas.tables import TABLES
from schemas.values import Quarantined
from storage.files import sha256_file
from storage.store.layout import VIDEO_SUFFIX
from storage.store.named_files import PARTS_TABLE, PUBLISHED_TABLE
from storage.store.parquet import DATE_COLUMN, UNIT_COLUMN
from storage.store.snapshot import take_snapshot

QUARANTINE = "quarantine"

_VARYING_COLUMNS = {PARTS_TABLE: "path"}
"""Columns that differ when the same work is done again: names of files that no other row names."""

Key = tuple[str, ...]
Row = tuple[Key, str]
"""A row: its key, and all of it as text."""


@dataclass(frozen=True)
class Difference:
    """The difference between a store and the expected one.

    Attributes:
        rows_lost, rows_doubled: missing rows and surplus rows, by their table's key.
        rows_altered: rows with the expected key and other content.
        units: units of work that are current in one store only.
        videos: published files that are missing, altered or not named by any row.
        where: the tables concerned.
    """

    rows_lost: int = 0
    rows_doubled: int = 0
    rows_altered: int = 0
    units: int = 0
    videos: int = 0
    where: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any((self.rows_lost, self.rows_doubled, self.rows_altered, self.units, self.videos))


@dataclass(frozen=True)
class Contents:
    """The contents of a site's store as readers get them.

    Attributes:
        rows: by table, the count of every row.
        units: (op, camera, date, unit, fingerprint) of every current receipt.
        videos: sha256 of every published file that a row names, by path; empty if the file is missing.
    """

    rows: Mapping[str, Counter[Row]]
    units: Counter[Key]
    videos: Mapping[str, str]

    def difference(self, expected: "Contents") -> Difference:
        """Returns the difference between these contents and the expected ones."""
        total = Difference()
        for table in sorted({*self.rows, *expected.rows}):
            lost, doubled, altered = _compare(self.rows.get(table, Counter()), expected.rows.get(table, Counter()))
            if lost or doubled or altered:
                total = Difference(
                    total.rows_lost + lost,
                    total.rows_doubled + doubled,
                    total.rows_altered + altered,
                    where=(*total.where, table),
                )
        units = (self.units - expected.units).total() + (expected.units - self.units).total()
        videos = len(set(self.videos.items()) ^ set(expected.videos.items()))
        return Difference(total.rows_lost, total.rows_doubled, total.rows_altered, units, videos, total.where)

    def doubled_rows(self, expected: "Contents") -> int:
        """Counts the rows that occur more often than expected; an unfinished run may have none."""
        tables = {*self.rows, *expected.rows}
        return sum(_compare(self.rows.get(t, Counter()), expected.rows.get(t, Counter()))[1] for t in tables)


def contents_of(site: Path) -> Contents:
    """Reads the contents of a site's store."""
    opened = open_site(site)
    snapshot = take_snapshot(opened.store)
    marks = set(snapshot.unit_tags().to_pylist())
    found: dict[str, Counter[Row]] = {QUARANTINE: Counter(map(_quarantine_row, opened.journal.read_quarantine().rows))}
    paths: set[str] = set()
    for table, files in snapshot.files.items():
        spec = TABLES[table]
        columns = [*spec.schema.names, UNIT_COLUMN, DATE_COLUMN]
        found[table] = Counter()
        for file in (*files.whole, *files.partial):
            rows = opened.store.read_units(table, file, columns, None if file in files.whole else marks).to_pylist()
            found[table].update(_row(row, spec.key, table) for row in rows)
            paths.update(row["path"] for row in rows if table == PUBLISHED_TABLE)
    receipts = snapshot.receipts()
    current = receipts.filter(receipts["current"])
    columns = [current[name].to_pylist() for name in ("op", "camera", "date", "unit", "fingerprint")]
    videos = {path: _hash_of(Path(opened.files.store, path)) for path in paths}
    return Contents({table: rows for table, rows in found.items() if rows}, Counter(zip(*columns, strict=True)), videos)


def published_files(site: Path) -> set[str]:
    """Returns every published file in the store, named by a row or not."""
    store = Path(open_site(site).files.store)
    return {path.relative_to(store).as_posix() for path in (store / PUBLISHED_TABLE).rglob(f"*{VIDEO_SUFFIX}")}


def _row(row: Mapping[str, object], key: tuple[str, ...], table: str) -> Row:
    left_out = _VARYING_COLUMNS.get(table)
    # repr distinguishes values that differ in the last bit, and treats NaN as equal to NaN.
    return tuple(repr(row[name]) for name in key), repr([value for name, value in row.items() if name != left_out])


def _quarantine_row(entry: Quarantined) -> Row:
    return (entry.op, entry.camera, entry.unit, entry.fingerprint), f"{entry.kind} {entry.reason}"


def _compare(mine: Counter[Row], expected: Counter[Row]) -> tuple[int, int, int]:
    """Returns the numbers of rows lost, doubled and altered."""
    my_keys, expected_keys = _keys(mine), _keys(expected)
    lost, doubled = (expected_keys - my_keys).total(), (my_keys - expected_keys).total()
    return lost, doubled, max(0, (expected - mine).total() - lost)


def _keys(rows: Counter[Row]) -> Counter[Key]:
    keys: Counter[Key] = Counter()
    for (key, _), often in rows.items():
        keys[key] += often
    return keys


def _hash_of(path: Path) -> str:
    return sha256_file(path) if path.is_file() else ""
