"""Verification of receipts: those that cannot be read, and those that name what is not theirs or no plausible time."""

import json
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import TIME
from storage.files import first_line
from storage.maintenance.problems import Problem, ProblemKind, UnitName, no_access
from storage.store.manifest import Head
from storage.store.receipt_checks import foreign_file, plausible_receipts
from storage.store.receipts import RECEIPT_SCHEMA, RECEIPTS_FOLDER, receipt_at
from storage.store.store import Store

_CLOCKS_DIFFER = timedelta(days=1)


def find_torn_receipts(store: Store) -> list[Problem]:
    """Returns a problem for each loose receipt that is refused."""
    problems = []
    for blob in store.blobs.list(RECEIPTS_FOLDER):
        try:
            receipt_at(blob.name, store.blobs.read(blob.name))
        except FileNotFoundError:
            continue  # a compaction moved it into the manifest
        except PermissionError as error:
            raise no_access(store.blobs, blob.name) from error
        except (OSError, ValueError) as error:
            detail = f"a receipt that is refused: {first_line(error)}"
            problems.append(Problem(ProblemKind.TORN, blob.name, detail))
    return problems


def find_foreign_receipts(store: Store, head: Head) -> list[Problem]:
    """Returns a problem for each shard of the manifest with receipts that are refused.

    Args:
        head: a head of the manifest, of which every shard can be read.
    """
    problems = []
    for part in head.shards.values():
        receipts = store.manifest.read(part, RECEIPT_SCHEMA)
        refused = refused_receipts(receipts)
        if refused:
            units = receipts.select(UnitName._fields).take(pa.array(refused, pa.int64())).to_pylist()
            why = f"of {units[0]['op']}, unit {units[0]['unit']}: {next(iter(refused.values()))}"
            named = tuple(sorted({UnitName(**unit) for unit in units}))
            detail = f"{len(refused)} of its receipts are refused; {why}"
            problems.append(Problem(ProblemKind.FOREIGN, part.name, detail, named))
    return problems


def find_future_receipts(receipts: pa.Table, now: datetime) -> list[Problem]:
    """Returns a problem if receipts were committed later than ``now``, by more than clocks of machines differ.

    They are not refused: it may be this machine's clock that is wrong, and every result would be made again.
    """
    ahead = receipts["committed"].filter(pc.greater(receipts["committed"], pa.scalar(now + _CLOCKS_DIFFER, TIME)))
    if not len(ahead):
        return []
    detail = (
        f"{len(ahead)} receipts were committed in the future, the last on {pc.max(ahead).as_py():%Y-%m-%d}: until then "
        "they count as the newest; set the clock of this machine right, or `reprocess` them"
    )
    return [Problem(ProblemKind.FUTURE, RECEIPTS_FOLDER, detail)]


def refused_receipts(receipts: pa.Table) -> dict[int, str]:
    """Returns which rows of ``RECEIPT_SCHEMA`` are refused, and why, by number of the row."""
    numbers = pa.array(range(receipts.num_rows), pa.int64())
    plausible = set(plausible_receipts(receipts.append_column("number", numbers))["number"].to_pylist())
    found = {}
    # Without the times: Python lacks some that Arrow has.
    for number, row in enumerate(receipts.select(["camera", "date", "unit", "fingerprint", "files"]).to_pylist()):
        if number not in plausible:
            found[number] = f"its time of commit, or its date {row['date']!r}, is not plausible"
        elif foreign := foreign_file(row | {"files": json.loads(row["files"])}):
            found[number] = f"it names {foreign!r}, which is no file of its table, camera, date and unit"
    return found
