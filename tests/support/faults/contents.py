"""What a store holds, without what names times and runs, so that two stores can be compared row by row."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobs.site import open_site
from schemas.tables import TABLES
from schemas.values import Quarantined
from storage.files import sha256_file
from storage.store.parquet import DATE_COLUMN, UNIT_COLUMN
from storage.store.snapshot import take_snapshot
from storage.store.store import VIDEO_SUFFIX
from storage.store.video_files import PARTS_TABLE, PUBLISHED_TABLE

QUARANTINE = "quarantine"

_OTHER_EACH_TIME = {PARTS_TABLE: "path"}
"""A column that is not the same when the same work is done again: names of files that nobody else names."""

Key = tuple[str, ...]
Row = tuple[Key, str]
"""A row: its key, and all of it as text."""


@dataclass(frozen=True)
class Difference:
    """What a store has less, or more, or other than it should.

    Attributes:
        rows_lost, rows_doubled: rows that are missing by their table's key, and rows that are there too often.
        rows_altered: rows that have the right key and another content.
        units: units of work that count in one store and not in the other.
        videos: published files that are missing, altered or named by nobody.
        where: tables that are concerned.
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
    """What a site's readers see.

    Attributes:
        rows: of each table that has any, its rows as often as they are there.
        units: (op, camera, date, unit, fingerprint) of every receipt that counts.
        videos: sha256 of every published file that a row names, by path; empty text where the file is not there.
    """

    rows: Mapping[str, Counter[Row]]
    units: Counter[Key]
    videos: Mapping[str, str]

    def difference(self, right: "Contents") -> Difference:
        """What is wrong with these contents, where ``right`` ones are what they should be."""
        total = Difference()
        for table in sorted({*self.rows, *right.rows}):
            lost, doubled, altered = _compare(self.rows.get(table, Counter()), right.rows.get(table, Counter()))
            if lost or doubled or altered:
                total = Difference(
                    total.rows_lost + lost,
                    total.rows_doubled + doubled,
                    total.rows_altered + altered,
                    where=(*total.where, table),
                )
        units = (self.units - right.units).total() + (right.units - self.units).total()
        videos = len(set(self.videos.items()) ^ set(right.videos.items()))
        return Difference(total.rows_lost, total.rows_doubled, total.rows_altered, units, videos, total.where)

    def doubled_beside(self, right: "Contents") -> int:
        """Rows that are there more often than in ``right``: of a night that is not done, none may be."""
        tables = {*self.rows, *right.rows}
        return sum(_compare(self.rows.get(t, Counter()), right.rows.get(t, Counter()))[1] for t in tables)


def contents_of(site: Path) -> Contents:
    """What readers of a site see now."""
    opened = open_site(site)
    snapshot = take_snapshot(opened.store)
    marks = set(snapshot.marks().to_pylist())
    found: dict[str, Counter[Row]] = {QUARANTINE: Counter(map(_set_aside, opened.journal.quarantined()))}
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
    seen = receipts.filter(receipts["current"])
    columns = [seen[name].to_pylist() for name in ("op", "camera", "date", "unit", "fingerprint")]
    videos = {path: _hash_of(Path(opened.files.store, path)) for path in paths}
    return Contents({table: rows for table, rows in found.items() if rows}, Counter(zip(*columns, strict=True)), videos)


def published_files(site: Path) -> set[str]:
    """Every published file that stands in the store, named by a row or not."""
    store = Path(open_site(site).files.store)
    return {path.relative_to(store).as_posix() for path in (store / PUBLISHED_TABLE).rglob(f"*{VIDEO_SUFFIX}")}


def _row(row: Mapping[str, object], key: tuple[str, ...], table: str) -> Row:
    left_out = _OTHER_EACH_TIME.get(table)
    # repr keeps apart what differs in the last bit, and takes NaN for NaN.
    return tuple(repr(row[name]) for name in key), repr([value for name, value in row.items() if name != left_out])


def _set_aside(entry: Quarantined) -> Row:
    return (entry.op, entry.camera, entry.unit, entry.fingerprint), f"{entry.kind} {entry.reason}"


def _compare(mine: Counter[Row], right: Counter[Row]) -> tuple[int, int, int]:
    """Rows lost, doubled and altered."""
    my_keys, right_keys = _keys(mine), _keys(right)
    lost, doubled = (right_keys - my_keys).total(), (my_keys - right_keys).total()
    return lost, doubled, max(0, (right - mine).total() - lost)


def _keys(rows: Counter[Row]) -> Counter[Key]:
    keys: Counter[Key] = Counter()
    for (key, _), often in rows.items():
        keys[key] += often
    return keys


def _hash_of(path: Path) -> str:
    return sha256_file(path) if path.is_file() else ""
