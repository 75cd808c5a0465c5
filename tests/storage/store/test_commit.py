import errno
import multiprocessing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from storage.blobs import LocalBlobs
from storage.maintenance.compaction import compact
from storage.store.live_rows import newest_receipts
from storage.store.receipts import receipt_path, receipts_from_rows
from storage.store.store import Store
from tests.storage.rows import (
    CAMERA,
    DATE,
    NOW,
    make_receipt,
    make_rows,
    print_of,
    put,
    receipts_of,
    root_of,
    rows_of,
    write,
)
from tests.storage.watched import Between


def files_in(store: Store) -> list[str]:
    return sorted(path.relative_to(root_of(store)).as_posix() for path in root_of(store).rglob("*.parquet"))


def test_only_what_is_committed_is_there(store: Store) -> None:
    file = write(store, "detections", make_rows("detections"))
    assert receipts_of(store) == []
    receipt = make_receipt({"detections": file}, fingerprint=print_of("detections", "day"))
    assert store.commit(receipt) == receipt
    assert receipts_of(store) == [receipt]


def test_receipts_of_some_ops(store: Store) -> None:
    for op in ("detect", "track", "scan"):
        store.commit(make_receipt(op=op))
    assert [receipt.op for receipt in receipts_of(store, ["track", "scan", "link"])] == ["scan", "track"]
    assert len(receipts_of(store)) == 3
    assert receipts_of(store, []) == []


def test_of_the_same_work_done_twice_the_first_stays(store: Store) -> None:
    rows = make_rows("detections")
    first = put(store, "detections", rows)
    second = put(store, "detections", rows, committed=NOW + timedelta(hours=1))
    assert second == first
    assert receipts_of(store) == [first]
    assert files_in(store) == [first.files["detections"]]


def test_a_receipt_that_is_delivered_twice_keeps_its_files(store: Store) -> None:
    receipt = put(store, "detections", make_rows("detections"))
    assert store.commit(receipt) == receipt
    assert rows_of(store, receipt).num_rows == 3


def _contend(root: Path, number: int, start: Barrier) -> None:
    start.wait()
    put(Store(LocalBlobs(root)), "detections", make_rows("detections", 50), committed=NOW + timedelta(seconds=number))


@pytest.mark.slow
def test_two_processes_commit_the_same_unit_once(store: Store) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    workers = [context.Process(target=_contend, args=(root_of(store), number, start)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    (receipt,) = receipts_of(store)
    assert files_in(store) == [receipt.files["detections"]]
    assert rows_of(store, receipt).num_rows == 50


@pytest.mark.parametrize("content", [b"", b'{"format": 1, "op": "det', b"\x00" * 400])
def test_a_torn_receipt_is_reported_and_its_unit_can_be_done_again(store: Store, content: bytes) -> None:
    whole = put(store, "detections", make_rows("detections"), unit="whole")
    torn = root_of(store) / receipt_path(make_receipt(op="detections"))
    torn.parent.mkdir(parents=True, exist_ok=True)
    torn.write_bytes(content)
    assert receipts_of(store) == [whole]
    (problem,) = store.read_receipts().problems
    assert receipt_path(make_receipt(op="detections")) in problem
    assert problem.endswith("ignored, its unit runs again")

    again = put(store, "detections", make_rows("detections"))
    assert sorted(receipt.unit for receipt in receipts_of(store)) == ["day", "whole"]
    assert torn.read_bytes() == content, "another worker may be about to pass it by too"
    assert rows_of(store, again).num_rows == 3
    assert put(store, "detections", make_rows("detections")) == again
    assert store.read_receipts().problems == (problem,)


def test_an_unreadable_receipt_is_reported(store: Store) -> None:
    receipt = put(store, "detections", make_rows("detections"))
    bad = put(store, "detections", make_rows("detections"), unit="bad")

    def refuse(operation: str, name: str) -> None:
        if (operation, name) == ("read", receipt_path(bad)):
            raise PermissionError(errno.EACCES, "Permission denied")

    reader = Store(Between(store.blobs, refuse))
    assert receipts_of(reader) == [receipt]
    assert reader.read_receipts().problems == (
        f"receipt {receipt_path(bad)}: Permission denied; ignored, its unit runs again",
    )


def test_hidden_and_foreign_files_are_no_receipts(store: Store) -> None:
    receipt = put(store, "detections", make_rows("detections"))
    folder = (root_of(store) / receipt_path(receipt)).parent
    (folder / ".tmp-0123").write_bytes(b"half")
    (folder / ".tmp-0123.json").write_bytes(b"half")
    (folder / "README.txt").write_bytes(b"hello")
    assert receipts_of(store) == [receipt]
    assert store.read_receipts().problems == ()


def test_setting_back_is_a_second_receipt_of_the_same_work(store: Store) -> None:
    old = put(store, "counts", make_rows("counts", 3), fingerprint="a" * 64)
    new = put(store, "counts", make_rows("counts", 5), fingerprint="b" * 64, committed=NOW + timedelta(hours=1))
    again = store.reaffirm(old, "run-2")
    assert again == replace(old, run_id="run-2", committed=again.committed)
    assert again.committed > new.committed
    assert receipts_of(store) == [old, new, again]
    assert store.reaffirm(old, "run-3", NOW + timedelta(hours=2)).committed == NOW + timedelta(hours=2)
    assert len(receipts_of(store)) == 4


def test_setting_back_twice_in_a_run_is_once(store: Store) -> None:
    old = put(store, "counts", make_rows("counts", 3))
    first = store.reaffirm(old, "run-2")
    store.reaffirm(old, "run-2")
    assert receipts_of(store) == [old, first]


def test_find_receipt_is_of_exactly_this_work(store: Store) -> None:
    receipt = put(store, "counts", make_rows("counts"), fingerprint="a" * 64)
    for find in (store.find_receipt, Store.open(root_of(store)).find_receipt):
        assert find("counts", CAMERA, DATE, "day", "a" * 64) == receipt
        for other in (("detect", CAMERA, DATE, "day"), ("counts", "cam2", DATE, "day"), ("counts", CAMERA, DATE, "s1")):
            assert find(*other, "a" * 64) is None
        assert find("counts", CAMERA, DATE, "day", "b" * 64) is None
    compact(store)
    found = store.find_receipt("counts", CAMERA, DATE, "day", "a" * 64)
    assert found is not None and rows_of(store, found, "counts").equals(make_rows("counts"))
    assert found == replace(receipt, files=found.files, sha256=found.sha256)
    for other in (("detect", CAMERA, DATE, "day"), ("counts", "cam2", DATE, "day"), ("counts", CAMERA, DATE, "s1")):
        assert store.find_receipt(*other, "a" * 64) is None
    assert store.find_receipt("counts", CAMERA, "2026-02-02", "day", "a" * 64) is None


def test_a_slow_commit_in_the_past_is_older(store: Store) -> None:
    """A clock that was set back does not lose the receipt, only its place."""
    late = put(store, "counts", make_rows("counts"), fingerprint="a" * 64)
    early = replace(late, fingerprint="b" * 64, committed=datetime(2020, 1, 1, tzinfo=UTC), files={})
    assert store.commit(early) == early
    assert receipts_from_rows(newest_receipts(store.read_receipts().rows)) == [late]
    assert receipts_of(store) == [early, late]
