"""Verification of the manifest: torn heads, damaged parts, and shards whose head is gone."""

from collections.abc import Collection
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import NightshiftError, SiteError
from storage.arrow_sql import numbered, query
from storage.blobs import Blobs
from storage.files import first_line
from storage.maintenance.problems import Problem, ProblemKind, hash_blob
from storage.maintenance.tombstones import read_tombstones
from storage.maintenance.verify_receipts import find_foreign_receipts
from storage.store.layout import MANIFEST_FOLDER, holds_rows
from storage.store.manifest import LIVE_SCHEMA, MERGED_SCHEMA, RETIRED_SCHEMA, Head, Manifest, Part
from storage.store.parquet import READING
from storage.store.receipts import RECEIPT_SCHEMA, files_of
from storage.store.store import Store

_SHARD = f"{MANIFEST_FOLDER}/receipts-"

# Receipts of a stray shard count only if nothing else has them, no purge dropped them, and their files exist.
_ONLY_THERE = """
SELECT count(DISTINCT fingerprint) AS units FROM stray
WHERE fingerprint NOT IN (SELECT fingerprint FROM receipts) AND fingerprint NOT IN (SELECT fingerprint FROM purged)
    AND fingerprint NOT IN (
        SELECT fingerprint FROM stray JOIN files USING (number) WHERE "name" NOT IN (SELECT "name" FROM names)
    )
"""


def verify_manifest(store: Store) -> tuple[list[Problem], Head]:
    """Returns the problems of the manifest, and the newest sound head, reduced to its sound parts."""
    torn, head = _newest_sound(store.manifest)
    damaged = [problem for part in head.parts() if (problem := _part_problem(store.blobs, part)) is not None]
    bad = {problem.name for problem in damaged}

    shards = {month: part for month, part in head.shards.items() if part.name not in bad}
    single = (head.merged, head.live, head.retired)
    merged, live, retired = (None if part is None or part.name in bad else part for part in single)
    sound = replace(head, shards=shards, merged=merged, live=live, retired=retired)
    return [*torn, *damaged, *find_foreign_receipts(store, sound), *_find_foreign_names(store.manifest, sound)], sound


def _find_foreign_names(manifest: Manifest, head: Head) -> list[Problem]:
    """Returns a problem for each list of files in which something is no file of rows."""
    problems = []
    for part, schema in ((head.merged, MERGED_SCHEMA), (head.live, LIVE_SCHEMA), (head.retired, RETIRED_SCHEMA)):
        foreign = [name for name in manifest.read(part, schema)["name"].to_pylist() if not holds_rows(name)]
        if part is not None and foreign:
            detail = f"it lists {len(foreign)} files that are no rows of this store, such as {foreign[0]!r}"
            problems.append(Problem(ProblemKind.FOREIGN, part.name, detail))
    return problems


def find_headless_shards(
    store: Store, names: Collection[str], known: Collection[str], receipts: pa.Table
) -> list[Problem]:
    """Returns shards with receipts that nothing else has: the head that named them is gone.

    Shards that a killed compaction left have no such receipts; those that a purge or repair dropped do not count.

    Args:
        names: the files that exist, listed before the receipts were read.
        known: files that the head names, or keeps for readers.
        receipts: every receipt, loose or in the manifest.
    """
    problems = []
    for name in sorted(name for name in names if name.startswith(_SHARD) and name not in known):
        try:
            with store.blobs.open(name) as file:
                stray = pq.read_table(file, **READING).select(RECEIPT_SCHEMA.names)
        except (OSError, pa.ArrowException, KeyError):
            continue  # a power cut left half of it, and no head ever named it
        found = query(
            _ONLY_THERE,
            stray=numbered(stray, "fingerprint"),
            files=files_of(stray),
            receipts=receipts,
            purged=_column("fingerprint", [each.fingerprint for each in read_tombstones(store)]),
            names=_column("name", names),
        )
        if count := found["units"][0].as_py():
            detail = f"only this file has the receipts of {count} units: the head that named it is gone"
            problems.append(Problem(ProblemKind.HEADLESS, name, detail))
    return problems


def _column(name: str, values: Collection[str]) -> pa.Table:
    return pa.table({name: pa.array(values, pa.string())})


def _newest_sound(manifest: Manifest) -> tuple[list[Problem], Head]:
    """Returns the newest sound head, and a problem for each torn head after it."""
    torn: list[Problem] = []
    for number in reversed(manifest.numbers()):
        try:
            return torn, manifest.head_of(number)
        except SiteError:
            raise
        except NightshiftError:
            torn.append(Problem(ProblemKind.TORN, Head(number).name, "a head of the manifest that cannot be read"))
    return torn, Head()


def _part_problem(blobs: Blobs, part: Part) -> Problem | None:
    detail = f"a part of the manifest, {part.rows} rows"
    try:
        sound = hash_blob(blobs, part.name) == part.sha256
    except FileNotFoundError:
        return Problem(ProblemKind.MISSING, part.name, detail)
    except OSError as error:
        return Problem(ProblemKind.ALTERED, part.name, f"{detail}: {first_line(error)}")
    return None if sound else Problem(ProblemKind.ALTERED, part.name, detail)
