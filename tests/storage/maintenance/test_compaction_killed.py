"""Compaction that is killed, or that meets a full disk."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from schemas.errors import StoreFull
from storage.maintenance.compaction import Compaction, compact
from storage.store.store import Store
from tests.storage.maintenance.compacting import MANY, Again, moments, put_unit
from tests.storage.rows import print_of
from tests.storage.watched import Between, Full, Kill, Killed, at_rest, check, contents

pytestmark = [pytest.mark.usefixtures("no_sync"), pytest.mark.slow]


def killed_at_writes(again: Again, act: Callable[[Store], Compaction], step: int = 1) -> Iterator[Store]:
    """Stores in which ``act`` was killed before its first write, its second, and so on; last one where it was not."""
    for passes in range(0, MANY, step):
        store = again()
        kill = Kill(passes)
        try:
            act(Store(Between(store.blobs, kill)))
        except Killed:
            yield store
        else:
            assert passes > 10
            yield store
            return
        assert kill.dead
    raise AssertionError(f"still not done after {MANY} writes")


# Killed


def test_killed_at_any_write_it_leaves_what_readers_saw_and_the_next_finishes(base: Store, again: Again) -> None:
    before = moments(base)
    for store in killed_at_writes(again, compact):
        assert moments(store) == before
        check(store)
        compact(store)
        assert moments(store) == before
        check(store)
        assert not store.has_loose_receipts()
        assert compact(store).written == 0


def test_killed_while_it_removes_old_files_it_leaves_what_readers_saw(base: Store, again: Again, step: int) -> None:
    before = moments(base)
    for store in killed_at_writes(again, lambda store: compact(store, grace_h=0), step):
        assert moments(store) == before
        check(store)
        compact(store, grace_h=0)
        assert moments(store) == before
        check(store)


def test_killed_while_rows_are_dropped_each_unit_is_whole_or_gone(base: Store, again: Again, step: int) -> None:
    gone = [print_of("2026-03-02", "a", 0), print_of("2026-03-02", "c", 0)]  # one of the manifest, one that is loose
    tags = {each[:16] for each in gone}
    before = contents(base)["counts"]
    units = {tag: Counter({row: count for row, count in before.items() if row[-2] == tag}) for tag in tags}
    stay = Counter({row: count for row, count in before.items() if row[-2] not in tags})
    for store in killed_at_writes(again, lambda store: compact(store, drop=gone), step):
        check(store)
        found = contents(store)["counts"]
        assert found - sum(units.values(), Counter()) == stay
        assert all(found & rows in (rows, Counter()) for rows in units.values())
        compact(store, drop=gone)
        assert contents(store)["counts"] == stay
        compact(store, grace_h=0)
        assert contents(store)["counts"] == stay
        check(store)


@pytest.mark.parametrize("graces_h", [(0, 0), (24, 0, 0)])
def test_what_was_to_go_and_was_kept_by_a_kill_stays_whole(
    base: Store, again: Again, step: int, graces_h: tuple[float, ...]
) -> None:
    """The loose receipt survived: what it names must then not go with the grace of what was to go."""
    alone = put_unit(base, "d", "2026-03-01")  # so that its file is not merged, and keeps its name
    gone = [alone.fingerprint]
    for store in killed_at_writes(again, lambda store: compact(store, drop=gone), step):
        found = contents(store)
        for grace_h in graces_h:
            compact(store, grace_h=grace_h)
            assert contents(store) == found
            check(store)


# A disk that fills up


def test_on_a_full_disk_it_changes_nothing_and_leaves_nothing(base: Store, again: Again, step: int) -> None:
    before, old = contents(base), at_rest(base)
    for passes in range(0, MANY, step):
        store, full = again(), Full(passes)
        try:
            compact(Store(Between(store.blobs, full)))
        except StoreFull:
            assert contents(store) == before
            # When the head itself is refused it is unknown whether it was written: then what it names has to stay.
            is_head = any("/head-" in name for name in full.refused)
            assert is_head or all(name.startswith("_manifest/") for name in at_rest(store) - old)
        else:
            break
    assert passes > 10 and not full.refused
    assert contents(store) == before
