"""Compaction: readers see the same before, in between and after."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow.compute as pc
import pytest

from schemas.values import Receipt
from storage.maintenance.compaction import Compaction, compact
from storage.store.live_rows import newest_receipts
from storage.store.manifest import RETIRED_SCHEMA
from storage.store.receipts import receipt_path, receipts_from_rows, unit_files
from storage.store.snapshot import Snapshot
from storage.store.store import Store
from tests.storage.maintenance.compacting import HOUR, TODAY, every_moment, fill, rows_of_units
from tests.storage.rows import NOW, make_rows, put, put_all, put_scan, receipts_of
from tests.storage.watched import Between, Count, at_rest, check, contents, read, rows_in

# Nothing changes for readers


@pytest.mark.slow
def test_readers_see_the_same_now_and_as_of_before(store: Store) -> None:
    fill(store)
    fill(store, "b", version=1)
    store.reaffirm(receipts_of(store, ["detect"])[0], "set back", NOW + 2 * HOUR)
    before, units = every_moment(store), rows_of_units(store)
    assert len(before) == 4
    for month_rows in (0, 1_000_000):
        compact(store, month_rows=month_rows)
        assert every_moment(store) == before
        assert rows_of_units(store) == units
        check(store)


def test_receipts_are_the_same_but_for_their_files(store: Store) -> None:
    fill(store)
    fill(store, "b", version=1)

    def plain(receipts: list[Receipt]) -> list[Receipt]:
        return [replace(each, files=dict.fromkeys(each.files, ""), sha256={}) for each in receipts]

    before = plain(receipts_of(store))
    assert compact(store).receipts == len(before)
    assert plain(receipts_of(store)) == before
    assert not store.has_loose_receipts()


def test_rows_of_several_units_of_a_merged_file_are_in_order(store: Store) -> None:
    late = put(store, "detections", make_rows("detections", 3, first=10), unit="a")
    early = put(store, "detections", make_rows("detections", 3), unit="b")
    files = unit_files(store.read_receipts().rows, "detections")
    before = store.read_tables("detections", files)
    compact(store)
    files = unit_files(store.read_receipts().rows, "detections")
    assert len({file.name for file in files}) == 1 and {file.unit_tag for file in files} == {
        late.unit_tag,
        early.unit_tag,
    }
    assert store.read_tables("detections", files).equals(before)
    assert store.read_tables("detections", files, ["detection"])["detection"].to_pylist() == [0, 1, 2, 10, 11, 12]


# Idle


def test_with_nothing_to_do_nothing_is_written(store: Store) -> None:
    fill(store)
    fill(store, "b", version=1)
    put_scan(store, ["a", "b"], committed=NOW + 2 * HOUR)
    done = compact(store)
    at = at_rest(store)
    count = Count()
    assert compact(Store(Between(store.blobs, count))) == Compaction(done.head)
    assert count.writes == 0 and count.calls["finish"] == 0
    assert at_rest(store) == at


def test_an_empty_store_is_left_as_it_is(store: Store) -> None:
    assert compact(store) == Compaction(0)
    assert not Path(store.blobs.url).exists()


def test_progress_is_reported(store: Store) -> None:
    fill(store, days=(TODAY,))
    calls: list[tuple[int, int]] = []
    compact(store, on_progress=lambda done, total: calls.append((done, total)))
    assert calls == [(number, 4) for number in range(1, 5)]


# Grace


def test_replaced_files_stay_for_their_time_and_go_then(store: Store) -> None:
    fill(store)
    old = {name for receipt in receipts_of(store) for name in receipt.files.values()}
    snapshot, before = Snapshot(store), contents(store)
    compact(store)
    compact(store)
    assert old <= at_rest(store)
    assert read(store, snapshot) == before
    assert compact(store, grace_h=0).deleted >= len(old)
    assert not old & at_rest(store)
    assert contents(store) == before
    assert compact(store, grace_h=0).deleted == 0
    check(store)


def test_without_grace_they_go_at_once(store: Store) -> None:
    fill(store)
    before = contents(store)
    old = at_rest(store)
    compact(store, grace_h=0)
    assert not old & at_rest(store)
    named = {name for receipt in receipts_of(store) for name in receipt.files.values()}
    head = store.manifest.head()
    assert at_rest(store) == named | {head.name} | {part.name for part in head.parts()}
    assert contents(store) == before


def test_the_time_of_grace_is_counted_from_when_it_was_replaced(store: Store) -> None:
    fill(store, days=(TODAY,))
    first = {name for receipt in receipts_of(store) for name in receipt.files.values()}
    compact(store)
    since = store.manifest.read(store.manifest.head().retired, RETIRED_SCHEMA)
    assert set(pc.unique(since["name"]).to_pylist()) == first
    fill(store, "c", (TODAY,))
    compact(store)
    again = store.manifest.read(store.manifest.head().retired, RETIRED_SCHEMA)
    kept = again.filter(pc.is_in(again["name"], since["name"]))
    assert kept.sort_by("name").equals(since.sort_by("name"))


# Work that is delivered twice


def test_a_late_worker_shows_nothing_double(store: Store) -> None:
    receipts = fill(store, "ab", (TODAY,))
    before, units = every_moment(store), rows_of_units(store)
    compact(store)
    late = fill(store, "a", (TODAY,))
    assert all(each not in receipts for each in late), "the loose receipt was gone, so that it could commit"
    assert every_moment(store) == before and rows_of_units(store) == units
    assert len(receipts_of(store)) == len(receipts)
    check(store)
    compact(store)
    assert every_moment(store) == before and rows_of_units(store) == units
    assert len(receipts_of(store)) == len(receipts)
    check(store)


def test_a_late_worker_of_another_run_shows_nothing_double(store: Store) -> None:
    fill(store, "ab", (TODAY,))
    before, units = contents(store), rows_of_units(store)
    compact(store)
    (receipt, *_) = receipts_of(store)
    rows = make_rows("detections", 3)
    put(store, "detections", rows, "a")  # another op, so that the camera-day changes as well
    put_all(store, "detect", {"detections": rows}, "a", receipt.fingerprint, run_id="late", committed=NOW + HOUR)
    for _ in range(2):
        assert contents(store)["observed_frames"] == before["observed_frames"]
        assert units == {each: rows_of_units(store)[each] for each in units}
        check(store)
        compact(store)


def test_of_two_torn_apart_commits_one_is_live(store: Store) -> None:
    """A torn receipt makes workers commit beside it: both of two may."""
    asked = put(store, "counts", make_rows("counts"))
    store.blobs.write(receipt_path(asked), b"{")
    two = [put(store, "counts", make_rows("counts"), run_id=run) for run in ("r1", "r2")]
    assert two[0].files != two[1].files
    for _ in range(2):
        assert sum(contents(store)["counts"].values()) == 3
        assert len({each.files["counts"] for each in receipts_of(store)}) == 1
        compact(store)


def test_receipts_keep_the_date_and_unit_of_their_rows(store: Store) -> None:
    fill(store)
    compact(store)
    newest = receipts_from_rows(newest_receipts(store.read_receipts().rows))
    for receipt in newest:
        rows = rows_in(store, receipt.files["detections"])
        days = {row["_date"] for row in rows if row["_unit"] == receipt.unit_tag}
        assert days == {date.fromisoformat(receipt.date)}
