from collections import Counter
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.errors import SelectionError
from schemas.tables import TABLES
from schemas.values import Receipt
from storage.blobs import LocalBlobs
from storage.maintenance.compaction import compact
from storage.store.journal import Journal, RunRecord
from storage.store.snapshot import LiveFiles, Snapshot, end_of_run, take_snapshot
from storage.store.store import Store
from tests.storage.rows import NOW, make_rows, print_of, put, put_scan
from tests.storage.watched import Between, Count, contents, read

HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(LocalBlobs(tmp_path / "store"))


def versions_of_a_unit(store: Store, count: int = 3, unit: str = "day") -> list[Receipt]:
    """Commits versions of a unit an hour apart, each with one row more, in runs 0, 1, ...."""
    return [
        put(
            store,
            "counts",
            make_rows("counts", number + 1, first=10 * number),
            unit,
            print_of(unit, number),
            committed=NOW + number * HOUR,
            run_id=str(number),
        )
        for number in range(count)
    ]


def live_tags(store: Store, snapshot: Snapshot) -> Counter[str]:
    return Counter(row[-2] for row in read(store, snapshot).get("counts", Counter()))


def test_an_empty_store(store: Store) -> None:
    snapshot = Snapshot(store)
    assert snapshot.files == {} and snapshot.versions() == {}
    assert len(snapshot.unit_tags()) == 0
    assert snapshot.receipts().equals(TABLES["receipts"].empty())


def test_the_newest_of_each_unit_is_live(store: Store) -> None:
    units = {unit: versions_of_a_unit(store, unit=unit) for unit in ("day", "s1")}
    newest = [receipts[-1] for receipts in units.values()]
    snapshot = Snapshot(store)
    assert snapshot.files == {"counts": LiveFiles(tuple(sorted(each.files["counts"] for each in newest)))}
    assert set(snapshot.unit_tags().to_pylist()) == {each.unit_tag for each in newest}
    every = sorted(each.files["counts"] for receipts in units.values() for each in receipts)
    assert snapshot.versions() == {"counts": tuple(every)}
    table = snapshot.receipts()
    assert table.num_rows == 6
    assert set(table.filter(table["current"])["fingerprint"].to_pylist()) == {each.fingerprint for each in newest}


@pytest.mark.slow
@pytest.mark.parametrize("compacted", [False, True])
def test_as_of_each_moment(store: Store, compacted: bool) -> None:
    receipts = versions_of_a_unit(store)
    if compacted:
        compact(store)
    for number, receipt in enumerate(receipts):
        for until in (receipt.committed, receipt.committed + HOUR / 2):
            snapshot = Snapshot(store, until=until)
            assert live_tags(store, snapshot) == {receipt.unit_tag: number + 1}
            assert snapshot.receipts().num_rows == number + 1
    before = Snapshot(store, until=NOW - HOUR)
    assert before.files == {} and before.receipts().num_rows == 0


def test_as_of_a_run(store: Store) -> None:
    receipts = versions_of_a_unit(store)
    journal = Journal(store.blobs)
    ended = NOW + HOUR + timedelta(minutes=30)
    journal.finish_run(RunRecord("1", NOW, ended=ended, state="done"))
    journal.write_run(RunRecord("2", NOW))
    assert end_of_run(store, "1") == ended
    assert end_of_run(store, "2") == receipts[2].committed, "a run that never ended: its last commit"
    for run in ("0", "1", "2"):
        snapshot = take_snapshot(store, run)
        assert live_tags(store, snapshot) == {receipts[int(run)].unit_tag: int(run) + 1}
    with pytest.raises(SelectionError, match="no run '9', or it committed nothing; the last runs are 1, 2"):
        take_snapshot(store, "9")


@pytest.mark.slow
def test_as_of_before_the_footage_was_lost(store: Store) -> None:
    put_scan(store, ["day"])
    receipt = put(store, "counts", make_rows("counts"), committed=NOW + HOUR)
    put_scan(store, [], committed=NOW + 2 * HOUR)
    for _ in range(2):
        assert contents(store).get("counts") is None
        assert live_tags(store, Snapshot(store, until=NOW + HOUR)) == {receipt.unit_tag: 3}
        compact(store)


def test_rows_of_later_work_in_a_merged_file_are_not_live_as_of_before(store: Store) -> None:
    first = put(store, "counts", make_rows("counts", 2), unit="a")
    second = put(store, "counts", make_rows("counts", 3, first=5), unit="b", committed=NOW + HOUR)
    compact(store)
    now, then = Snapshot(store), Snapshot(store, until=NOW)
    assert len(now.files["counts"].whole) == 1 and now.files["counts"].partial == ()
    assert then.files["counts"] == LiveFiles(partial=now.files["counts"].whole)
    assert live_tags(store, now) == {first.unit_tag: 2, second.unit_tag: 3}
    assert live_tags(store, then) == {first.unit_tag: 2}


def test_a_reprocessed_unit_hides_its_former_rows_in_a_merged_file(store: Store) -> None:
    other = put(store, "counts", make_rows("counts", 2), unit="a")
    put(store, "counts", make_rows("counts", 3, first=5), unit="b")
    compact(store)
    (merged,) = Snapshot(store).files["counts"].whole
    newer = put(store, "counts", make_rows("counts", 4, first=5), "b", "e" * 64, committed=NOW + HOUR)
    snapshot = Snapshot(store)
    assert snapshot.files["counts"] == LiveFiles((newer.files["counts"],), (merged,))
    assert live_tags(store, snapshot) == {other.unit_tag: 2, newer.unit_tag: 4}


@pytest.mark.slow
@pytest.mark.parametrize("compacted", [False, True])
def test_a_snapshot_does_not_change(store: Store, compacted: bool) -> None:
    first, *_ = versions_of_a_unit(store, 1)
    other = put(store, "counts", make_rows("counts", 4, first=50), unit="s1")
    if compacted:
        compact(store)
    snapshot = Snapshot(store)
    for hour in (1, 2):
        put(store, "counts", make_rows("counts", 9), fingerprint=print_of(hour), committed=NOW + hour * HOUR)
        compact(store)
        assert live_tags(store, snapshot) == {first.unit_tag: 1, other.unit_tag: 4}
    assert live_tags(store, Snapshot(store)) == {print_of(2)[:16]: 9, other.unit_tag: 4}


def test_a_compacted_store_opens_without_its_receipts(store: Store) -> None:
    versions_of_a_unit(store)
    compact(store)
    count = Count()
    watched = Store(Between(store.blobs, count))
    assert Snapshot(watched).files == Snapshot(store).files
    assert count.calls["open"] == 1, "the list of the files that readers read"
    assert count.calls["read"] == 1, "the head"


def test_work_without_rows_is_live_without_files(store: Store) -> None:
    versions_of_a_unit(store, 1)
    put(store, "counts", TABLES["counts"].empty(), fingerprint="e" * 64, committed=NOW + HOUR)
    assert Snapshot(store).files == {}
    compact(store)
    assert Snapshot(store).files == {}
    assert Snapshot(store).unit_tags().equals(pa.array(["e" * 16]))
