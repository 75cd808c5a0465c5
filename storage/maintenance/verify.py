"""Verification of a store: hashes every file again and compares it with the recorded hash; looks at permissions."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import NightshiftError
from storage.arrow_sql import numbered, query
from storage.blobs import Blob
from storage.files import first_line
from storage.maintenance.links import find_outward_links
from storage.maintenance.permissions import find_exposed
from storage.maintenance.problems import Problem, ProblemKind, UnitName, hash_blob
from storage.maintenance.sweep import SWEEP_AGE_H, manifest_files, sweepable_files
from storage.maintenance.tombstones import TOMBSTONES_FOLDER, read_tombstones
from storage.maintenance.verify_manifest import find_headless_shards, verify_manifest
from storage.maintenance.verify_receipts import find_future_receipts, find_torn_receipts
from storage.maintenance.verify_records import find_record_problems
from storage.store.layer_versions import recorded_layer_files
from storage.store.layout import LAYER_FILES, pending_file
from storage.store.manifest import MERGED_SCHEMA
from storage.store.named_files import (
    AUDITS_TABLE,
    PARTS_TABLE,
    PUBLISHED_TABLE,
    RASTERS_TABLE,
    VIDEO_TABLES,
    present_name,
    split_file_rows,
)
from storage.store.parquet import UNIT_COLUMN
from storage.store.receipts import OWN_FILE, merge_receipts, receipts_to_arrow, unit_tags
from storage.store.store import Store

_THREADS = 2

# A merged file's hash is in the manifest; a file of one unit has it in its receipt.
_EXPECTED = f"""
WITH entries AS (
    SELECT unnest(map_entries(files::JSON::MAP(VARCHAR, VARCHAR))) AS entry, camera, "date",
        sha256::JSON::MAP(VARCHAR, VARCHAR) AS hashes, number
    FROM receipts WHERE files <> '{{}}'
), files AS (
    SELECT entry.value AS "name", any_value(entry.key) AS "table", max(hashes[entry.key]) AS sha256,
        list(number ORDER BY number) AS numbers
    FROM entries WHERE {OWN_FILE} GROUP BY "name"
)
SELECT files."name", files."table", coalesce(merged.sha256, files.sha256) AS sha256, numbers
FROM files LEFT JOIN merged ON merged."name" = files."name" ORDER BY files."name"
"""


@dataclass(frozen=True)
class Verification:
    """The result of a verification.

    Attributes:
        problems: by kind and name, with young files.
        files, size_bytes: number of files that were compared with their hash, and their size.
    """

    problems: tuple[Problem, ...]
    files: int
    size_bytes: int

    @property
    def to_repair(self) -> list[Problem]:
        """Returns the problems without young files, which a worker may be about to commit."""
        return [problem for problem in self.problems if problem.kind is not ProblemKind.YOUNG]


def verify(
    store: Store, on_progress: Callable[[int, int], None] = lambda _done, _total: None, young_h: float = SWEEP_AGE_H
) -> Verification:
    """Compares every file of a store with its hash; changes nothing.

    Args:
        on_progress: called with bytes read, and bytes to read.
        young_h: age in hours below which a file that nothing names is young, not orphaned.

    Raises:
        SiteError: a newer Nightshift wrote the manifest, or this user may not read a file.
    """
    return _Verifier(store, on_progress, young_h).run()


class _Verifier:
    """One verification in progress."""

    def __init__(self, store: Store, on_progress: Callable[[int, int], None], young_h: float) -> None:
        self._store = store
        self._on_progress = on_progress
        self._oldest = time.time() - young_h * 3600
        self._hashed: dict[str, str] = {}
        self._files: dict[str, Blob] = {}
        self._layer_files: dict[str, Blob] = {}
        self._future: list[Problem] = []
        self._bytes = self._bytes_total = 0

    def run(self) -> Verification:
        problems = self._check()
        if any(problem.kind is ProblemKind.MISSING for problem in problems):
            # A compaction or a publication may have moved it meanwhile. Hashes are kept, so nothing is hashed twice.
            problems = self._check()
        problems += [*find_exposed(self._store), *find_outward_links(self._store), *self._future]
        problems += [*find_record_problems(self._store, datetime.now(UTC)), *self._layers()]
        problems.sort(key=lambda problem: (problem.kind, problem.name))
        return Verification(tuple(problems), len(self._hashed), self._bytes)

    def _check(self) -> list[Problem]:
        store = self._store
        # Files before receipts, for the reason given in sweep.py; loose receipts before the head, as in manifest.py.
        self._files = {blob.name: blob for blob in sweepable_files(store)}
        self._layer_files = {blob.name: blob for blob in store.blobs.list(LAYER_FILES)}
        self._bytes_total = sum(blob.size_bytes for blob in chain(self._files.values(), self._layer_files.values()))
        torn = [*find_torn_receipts(store), *_torn_tombstones(store)]
        loose = receipts_to_arrow(store.read_loose_receipts().rows.values())
        broken, head = verify_manifest(store)
        receipts = merge_receipts(store.manifest.receipts(head), loose)
        self._future = find_future_receipts(receipts, datetime.now(UTC))
        expected = expected_files(receipts, store.manifest.read(head.merged, MERGED_SCHEMA))
        of_tables = self._tables(receipts, expected)
        # Rows that name video can only be read from sound files.
        sound = _without(receipts, expected, {problem.name for problem in of_tables})
        of_video, paths = self._video(sound)
        of_rasters, raster_paths = self._rasters(sound)
        of_video += of_rasters
        paths += raster_paths
        if not (torn or broken):
            known = manifest_files(store, head)
            broken = find_headless_shards(store, self._files.keys(), known, receipts)
            unnamed = self._unnamed({*expected["name"].to_pylist(), *paths, *known})
            return [*broken, *of_tables, *of_video, *([] if broken else unnamed)]
        # What cannot be read may name anything, so nothing counts as unnamed.
        return [*torn, *broken, *of_tables, *of_video]

    def _tables(self, receipts: pa.Table, expected: pa.Table) -> list[Problem]:
        wrong = self._compare(expected["name"].to_pylist(), expected["sha256"].to_pylist())
        return [
            Problem(kind, expected["name"][row].as_py(), detail, _units(receipts, expected["numbers"][row].as_py()))
            for row, (kind, detail) in wrong.items()
        ]

    def _video(self, receipts: pa.Table) -> tuple[list[Problem], list[str]]:
        """Returns the problems of video and audits that rows name, and every path that they may name.

        Publishing removes parts, so they need not exist once the footage's published file is sound.
        """
        times = _commit_times(receipts)
        published, *foreign = split_file_rows(self._store, receipts, PUBLISHED_TABLE)
        # A file that awaits its sign-off lies elsewhere.
        places = [present_name(path, self._files) for path in published["path"].to_pylist()]
        published = published.set_column(
            published.schema.get_field_index("path"), "path", pa.array(places, pa.string())
        )
        wrong = self._compare(places, published["sha256"].to_pylist())
        published_at: dict[tuple[str, str], datetime] = {}
        for number, row in enumerate(published.to_pylist()):
            footage, last = (row["camera"], row["footage_id"]), times[row[UNIT_COLUMN]][1]
            if number not in wrong:
                published_at[footage] = max(last, published_at.get(footage, last))
        parts, foreign_parts = split_file_rows(self._store, receipts, PARTS_TABLE)
        unpublished = []
        for row in parts.to_pylist():
            done = published_at.get((row["camera"], row["footage_id"]))
            # A part that is newer than the published file waits to be merged into the next.
            unpublished.append(done is None or done < times[row[UNIT_COLUMN]][0])
        waiting = parts.filter(pa.array(unpublished, pa.bool_()))
        wrong_parts = self._compare(waiting["path"].to_pylist(), waiting["sha256"].to_pylist())
        audits, foreign_audits = split_file_rows(self._store, receipts, AUDITS_TABLE)
        wrong_audits = self._compare(audits["path"].to_pylist(), audits["sha256"].to_pylist())
        problems = [
            Problem(kind, rows["path"][row].as_py(), detail, _units_tagged(receipts, rows[UNIT_COLUMN][row].as_py()))
            for rows, found in ((published, wrong), (waiting, wrong_parts), (audits, wrong_audits))
            for row, (kind, detail) in found.items()
        ]
        problems += _foreign(receipts, pa.concat_tables([*foreign, foreign_parts, foreign_audits]), "video")
        # While such a file is moved it exists twice.
        pending = [pending_file(path) for path in places]
        return problems, [*pending, *(path for rows in (published, parts, audits) for path in rows["path"].to_pylist())]

    def _rasters(self, receipts: pa.Table) -> tuple[list[Problem], list[str]]:
        """Returns the problems of rasters that rows name, and their paths."""
        rows, foreign = split_file_rows(self._store, receipts, RASTERS_TABLE)
        paths = rows["path"].to_pylist()
        problems = [
            Problem(kind, paths[row], detail, _units_tagged(receipts, rows[UNIT_COLUMN][row].as_py()))
            for row, (kind, detail) in self._compare(paths, rows["sha256"].to_pylist()).items()
        ]
        return [*problems, *_foreign(receipts, foreign, "file")], paths

    def _layers(self) -> list[Problem]:
        """Returns the problems of versions of layers. They belong to no unit: only a backup brings old ones back."""
        try:
            expected = recorded_layer_files(self._store)
        except NightshiftError:
            return []  # a record is torn, and named as such
        names = sorted(expected)
        advice = "restore it from a backup; `nightshift run` writes only the present version again, once it is deleted"
        return [
            Problem(kind, names[number], f"a version of a layer: {detail}; {advice}")
            for number, (kind, detail) in self._compare(names, [expected[name] for name in names]).items()
        ]

    def _compare(self, names: Sequence[str], hashes: Sequence[str | None]) -> dict[int, tuple[ProblemKind, str]]:
        """Hashes files, two at a time; returns kind and detail of problems, by index in ``names``."""
        wrong = {}
        with ThreadPoolExecutor(_THREADS) as pool:
            for number, problem in enumerate(pool.map(self._compare_one, names, hashes)):
                if problem is not None:
                    wrong[number] = problem
        return wrong

    def _compare_one(self, name: str, sha256: str | None) -> tuple[ProblemKind, str] | None:
        known = self._hashed.get(name)
        if known is None:
            try:
                known = self._hashed[name] = hash_blob(self._store.blobs, name)
            except FileNotFoundError:
                return ProblemKind.MISSING, "it does not exist"
            except OSError as error:
                return ProblemKind.ALTERED, f"it cannot be read: {first_line(error)}"
            blob = self._files.get(name) or self._layer_files.get(name)
            self._bytes += blob.size_bytes if blob else 0
            self._on_progress(self._bytes, self._bytes_total)
        return None if sha256 in (None, known) else (ProblemKind.ALTERED, "its content is not what was written")

    def _unnamed(self, named: Collection[str]) -> Iterator[Problem]:
        for name, blob in self._files.items():
            if name not in named and blob.modified < self._oldest:
                yield Problem(ProblemKind.ORPHANED, name, "nothing names it")
            elif name not in named:
                yield Problem(ProblemKind.YOUNG, name, "nothing names it yet: a worker may be about to commit it")


def _foreign(receipts: pa.Table, rows: pa.Table, what: str) -> list[Problem]:
    """Returns a problem for each row that names a file that is none of its camera."""
    detail = f"a row names it, and it is no {what} of its camera"
    return [
        Problem(ProblemKind.FOREIGN, row["path"], detail, _units_tagged(receipts, row[UNIT_COLUMN]))
        for row in rows.to_pylist()
    ]


def _torn_tombstones(store: Store) -> list[Problem]:
    try:
        read_tombstones(store)
    except NightshiftError as error:
        return [Problem(ProblemKind.TORN, TOMBSTONES_FOLDER, str(error))]
    return []


def expected_files(receipts: pa.Table, merged: pa.Table) -> pa.Table:
    """Lists the files that receipts name, with the hashes that they should have.

    Args:
        merged: the manifest's merged files, rows of ``MERGED_SCHEMA``.

    Returns:
        Columns ``name``, ``table``, ``sha256`` (null if it is not known) and ``numbers`` (rows of the receipts).
    """
    return query(_EXPECTED, receipts=numbered(receipts, "camera", "date", "files", "sha256"), merged=merged)


def _without(receipts: pa.Table, expected: pa.Table, damaged: Collection[str]) -> pa.Table:
    """Returns the receipts that name no damaged file."""
    bad = expected.filter(pc.is_in(expected["name"], pa.array(sorted(damaged), pa.string())))
    numbers = np.unique(pc.list_flatten(bad["numbers"]).to_numpy())
    keep = np.ones(receipts.num_rows, dtype=bool)
    keep[numbers.astype(np.int64)] = False
    return receipts.filter(pa.array(keep))


def _units(receipts: pa.Table, numbers: Sequence[int]) -> tuple[UnitName, ...]:
    rows = receipts.select(UnitName._fields).take(pa.array(numbers, pa.int64()))
    return tuple(sorted({UnitName(**row) for row in rows.to_pylist()}))


def _units_tagged(receipts: pa.Table, unit_tag: str) -> tuple[UnitName, ...]:
    return _units(receipts, pc.indices_nonzero(pc.equal(unit_tags(receipts), unit_tag)).to_pylist())


def _commit_times(receipts: pa.Table) -> Mapping[str, tuple[datetime, datetime]]:
    """Returns by unit tag when work was first and last committed; only of ops that make video."""
    video = receipts.filter(pc.match_substring_regex(receipts["files"], f'"({"|".join(VIDEO_TABLES)})":'))
    table = pa.table({"unit_tag": unit_tags(video), "committed": video["committed"]})
    times = table.group_by("unit_tag").aggregate([("committed", "min"), ("committed", "max")])
    return {row["unit_tag"]: (row["committed_min"], row["committed_max"]) for row in times.to_pylist()}
