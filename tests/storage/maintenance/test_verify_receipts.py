"""A receipt may say anything: what is not its own is neither read nor deleted, and named."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from schemas.errors import NightshiftError
from storage.maintenance.compaction import compact
from storage.maintenance.problems import ProblemKind
from storage.maintenance.repair import repair
from storage.maintenance.sweep import sweep
from storage.maintenance.verify import verify
from storage.store.manifest import LIVE_SCHEMA, RETIRED_SCHEMA
from storage.store.snapshot import Snapshot
from storage.store.store import Store
from tests.storage.maintenance.attacking import (
    Change,
    doctor_manifest,
    doctor_receipt,
    doctor_receipts,
    names_file,
    replace_part,
    tree,
)
from tests.storage.rows import NOW, receipts_of
from tests.storage.small_store import contents, night

pytestmark = pytest.mark.slow

DAY = "camera={camera}/date={date}"

NAMES = {
    "the original footage": "../archive/gate/f.mp4",
    "through the table's folder": f"detections/{DAY}/../../../../archive/gate/f.mp4",
    "a stranger's file": "../../strangers/f.parquet",
    "an absolute path": "/ABSOLUTE/archive/gate/f.mp4",
    "a record of the store": "_store.json",
    "a receipt": "_receipts/detect/gate/f.parquet",
    "another table": f"segments/{DAY}/day-0123abcd.parquet",
    "another camera": "detections/camera=yard/date={date}/day-0123abcd.parquet",
    "another date": "detections/camera={camera}/date=2026-02-01/day-0123abcd.parquet",
    "another unit": f"detections/{DAY}/gate-2026-01-30-f9-0123456789ab-0123abcd.parquet",
    "another month": "detections/camera={camera}/month=2026-04/month-0123abcd.parquet",
    "no name of this store": f"detections/{DAY}/mine.parquet",
}
"""What a receipt of detect, of a camera and date, names beside or in place of its own file."""


@pytest.fixture
def outside(root: Path) -> Path:
    """What lies beside the store."""
    for name in ("archive/gate/f.mp4", "archive/gate/f.parquet"):
        (root.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (root.parent / name).write_bytes(b"theirs")
    return root.parent / "archive"


def attack(root: Path, name: str) -> Change:
    """A receipt that names one of NAMES."""

    def change(receipt: dict[str, Any]) -> dict[str, Any]:
        place = {"camera": receipt["camera"], "date": str(receipt["date"])}
        text = NAMES[name].replace("/ABSOLUTE", str(root.parent)).format(**place)
        return names_file("detections", text)(receipt)

    return change


def everything(store: Store) -> None:
    """All that deletes files."""
    sweep(store, older_than_h=0)
    with suppress(NightshiftError):  # a file that is named and missing stops it
        compact(store, grace_h=0)
    repair(store)
    compact(store, grace_h=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_loose_receipt_is_refused_and_named(root: Path, outside: Path, name: str, long: bool) -> None:
    before, theirs = len(receipts_of(Store.open(root))), tree(outside)
    path = doctor_receipt(root, "detect", attack(root, name))
    store = Store.open(root)
    (problem,) = [each for each in verify(store).problems if each.kind is ProblemKind.TORN]
    assert problem.name == path.relative_to(root).as_posix()
    assert "names" in problem.detail and "no file of its table, camera, date and unit" in problem.detail
    assert len(receipts_of(store)) == before - 1
    if long:  # else they are attacked together below
        everything(store)
        assert tree(outside) == theirs and not path.exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_receipt_of_the_manifest_is_refused_and_named(compacted: Path, outside: Path, name: str, long: bool) -> None:
    before = tree(outside)
    doctor_manifest(compacted, "detect", attack(compacted, name))
    store = Store.open(compacted)
    (problem,) = [each for each in verify(store).problems if each.kind is ProblemKind.FOREIGN]
    assert problem.name.startswith("_manifest/receipts-2026-01-") and NAMES[name][-12:] in problem.detail
    assert [unit.op for unit in problem.units] == ["detect"]
    if long:
        everything(store)
        assert tree(outside) == before


@pytest.mark.parametrize("state", ["loose", "compacted"])
def test_the_units_of_refused_receipts_are_made_again(root: Path, outside: Path, state: str) -> None:
    wanted, before = contents(Store.open(root)), tree(outside)
    attacks = [attack(root, name) for name in NAMES]
    if state == "compacted":
        compact(Store.open(root), grace_h=0)
        doctor_manifest(root, "detect", *attacks)
    else:
        doctored = doctor_receipts(root, "detect", attacks)
    store = Store.open(root)
    everything(store)
    assert tree(outside) == before
    assert state == "compacted" or not [path for path in doctored if path.exists()]
    assert verify(store).to_repair == []
    assert night(store) == len(NAMES)
    assert contents(store) == wanted


CHANGES: dict[str, Change] = {
    "camera of another folder": lambda receipt: receipt | {"camera": "hall"},
    "camera that climbs": lambda receipt: receipt | {"camera": "../../archive"},
    "date of another folder": lambda receipt: receipt | {"date": "2026-01-31"},
    "far date": lambda receipt: receipt | {"date": "9999-12-31"},
    "first date": lambda receipt: receipt | {"date": "0001-01-01"},
    "no date": lambda receipt: receipt | {"date": "tomorrow"},
    "another form of date": lambda receipt: receipt | {"date": "20260130"},
    "far time": lambda receipt: receipt | {"committed": "9999-12-31T23:59:59.999999+00:00"},
    "first time": lambda receipt: receipt | {"committed": "0001-01-01T00:00:00+00:00"},
    "far zone": lambda receipt: receipt | {"committed": "9999-12-31T23:59:59-23:00"},
    "no number": lambda receipt: receipt | {"wall_s": float("nan")},
    "infinite": lambda receipt: receipt | {"media_s": float("inf")},
    "huge number": lambda receipt: receipt | {"counters": {"rows": 10**30}},
    "huge float": lambda receipt: receipt | {"wall_s": 10**400},
    "huge version": lambda receipt: receipt | {"version": 2**31},
    "list of rows": lambda receipt: receipt | {"counters": {"rows": [1]}},
    "number for a name": lambda receipt: receipt | {"files": {"detections": 5}},
    "number for a hash": lambda receipt: receipt | {"sha256": {"detections": 5}},
    "text for seconds": lambda receipt: receipt | {"stage_s": {"decode": "long"}},
    "no text": lambda receipt: receipt | {"run_id": "\udcff"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_implausible_receipts_are_refused(root: Path, change: str) -> None:
    path = doctor_receipt(root, "detect", CHANGES[change])
    store = Store.open(root)
    assert [each.name for each in verify(store).to_repair] == [path.relative_to(root).as_posix()]
    assert len(store.read_receipts().problems) == 1


@pytest.mark.parametrize("half", [0, 1])
def test_the_rest_goes_on_and_the_units_of_implausible_receipts_are_made_again(root: Path, half: int) -> None:
    wanted, changes = contents(Store.open(root)), [*CHANGES.values()][half::2]
    doctor_receipts(root, "detect", changes)
    store = Store.open(root)
    everything(store)
    assert verify(store).to_repair == []
    assert night(store) == len(changes)
    assert contents(store) == wanted


@pytest.mark.parametrize("column", ["committed", "date"])
@pytest.mark.parametrize("far", [True, False])
def test_implausible_times_in_the_manifest(compacted: Path, column: str, far: bool) -> None:
    wanted = contents(Store.open(compacted))
    value = ("9999-12-31" if far else "0001-01-01") if column == "date" else NOW.replace(year=9999 if far else 1)
    doctor_manifest(compacted, "detect", lambda row: row | {column: value})
    store = Store.open(compacted)
    (problem,) = verify(store).to_repair
    assert problem.kind is ProblemKind.FOREIGN and "not plausible" in problem.detail
    assert len(receipts_of(store)) == len(wanted) - 1
    everything(store)
    assert verify(store).to_repair == []
    assert night(store) == 1
    assert contents(store) == wanted


def test_lists_of_the_manifest_that_name_other_files(compacted: Path, outside: Path) -> None:
    """What is retired is deleted, and what is live is read."""
    before = tree(outside)
    theirs = ["../archive/gate/f.parquet", "_store.json", "_receipts/f.json", str(outside / "gate/f.parquet")]
    since = [NOW.replace(year=2020)] * len(theirs)
    replace_part(compacted, ("retired",), pa.table([theirs, since], schema=RETIRED_SCHEMA))
    listed = Store.open(compacted).manifest.read(Store.open(compacted).manifest.head().live, LIVE_SCHEMA).to_pylist()
    live = [*listed, *({"table": "detections", "name": name, "whole": True} for name in theirs)]
    replace_part(compacted, ("live",), pa.Table.from_pylist(live, LIVE_SCHEMA))
    store = Store.open(compacted)
    assert not {*Snapshot(store).files["detections"].whole} & {*theirs}
    named = [(problem.kind, problem.name.split("-")[0]) for problem in verify(store).to_repair]
    assert named == [(ProblemKind.FOREIGN, "_manifest/live"), (ProblemKind.FOREIGN, "_manifest/retired")]
    everything(store)
    assert tree(outside) == before and (compacted / "_store.json").exists()
    assert verify(store).to_repair == []


@pytest.mark.parametrize("name", ["../archive/gate/f.parquet", "_store.json", "detections/x-01234567.parquet"])
def test_a_head_that_names_other_files_is_torn(compacted: Path, outside: Path, name: str) -> None:
    before, wanted = tree(outside), contents(Store.open(compacted))
    head = sorted((compacted / "_manifest").glob("head-*.json"))[-1]
    text = head.read_text()
    part = Store.open(compacted).manifest.head().retired
    assert part is not None
    head.write_text(text.replace(part.name, name))
    store = Store.open(compacted)
    assert [problem.kind for problem in verify(store).to_repair if problem.name.endswith(".json")] == [ProblemKind.TORN]
    repair(store)
    everything(store)
    assert tree(outside) == before and (compacted / "_store.json").exists()
    night(store)
    assert contents(store) == wanted


def test_receipts_of_the_future_are_named_and_kept(root: Path) -> None:
    """A clock that ran ahead, or this machine's that is behind: no reason to make every result again."""
    wanted = contents(Store.open(root))
    doctor_receipt(root, "detect", lambda receipt: receipt | {"committed": "2150-01-01T00:00:00+00:00"})
    store = Store.open(root)
    (problem,) = verify(store).to_repair
    assert problem.kind is ProblemKind.FUTURE and "1 receipts were committed in the future" in problem.detail
    assert "2150-01-01" in problem.detail
    assert repair(store).unrepairable == [problem]
    assert night(store) == 0 and contents(store) == wanted
