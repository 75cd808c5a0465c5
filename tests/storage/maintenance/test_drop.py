"""Dropping: the rows of dropped units go at once, from every file."""

from collections import Counter

import pytest

from storage.maintenance.compaction import Compaction, compact
from storage.store.store import Store
from tests.storage.maintenance.compacting import (
    TODAY,
    fill,
    tags_at_rest,
)
from tests.storage.rows import receipts_of
from tests.storage.watched import at_rest, check, contents


@pytest.mark.slow
@pytest.mark.parametrize("compacted", [False, True])
def test_what_is_dropped_goes_with_its_rows_at_once(store: Store, compacted: bool) -> None:
    receipts = fill(store)
    before = contents(store)
    if compacted:
        compact(store)
    goes = [each for each in receipts if each.unit == "a" and each.camera == "cam1"]
    compact(store, drop=[each.fingerprint for each in goes])
    tags = {each.unit_tag for each in goes}
    after = {
        table: Counter({row: count for row, count in rows.items() if row[-2] not in tags})
        for table, rows in before.items()
    }
    assert contents(store) == after
    assert not tags & tags_at_rest(store), "nowhere at all, not in files that were replaced before either"
    assert {each.fingerprint for each in receipts_of(store)} == {
        each.fingerprint for each in receipts if each not in goes
    }
    check(store)


def test_all_may_go(store: Store) -> None:
    receipts = fill(store)
    compact(store)
    compact(store, drop=[each.fingerprint for each in receipts])
    assert receipts_of(store) == [] and contents(store) == {}
    assert tags_at_rest(store) == set()
    compact(store, grace_h=0)
    assert {name.partition("/")[0] for name in at_rest(store)} == {"_manifest"}


def test_when_the_newest_is_dropped_the_one_before_is_live(store: Store) -> None:
    old = fill(store, "a", (TODAY,))
    was = contents(store)
    new = fill(store, "a", (TODAY,), version=1)
    compact(store)
    compact(store, drop=[each.fingerprint for each in new])
    assert contents(store) == was
    assert {each.fingerprint for each in receipts_of(store)} == {each.fingerprint for each in old}
    check(store)


def test_dropping_what_is_not_there_does_nothing(store: Store) -> None:
    fill(store)
    done = compact(store)
    assert compact(store, drop=["0" * 64]) == Compaction(done.head)


def test_what_was_dropped_can_be_done_again(store: Store) -> None:
    (receipt, *_) = fill(store, "a", (TODAY,))
    was = contents(store)
    compact(store)
    compact(store, drop=[receipt.fingerprint])
    fill(store, "a", (TODAY,))
    for grace_h in (24, 0, 0):
        assert contents(store) == was
        check(store)
        compact(store, grace_h=grace_h)
    assert contents(store) == was
