"""Compaction that is killed, that meets a full disk, or that others are at work beside."""

import multiprocessing
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import pytest

from schemas.errors import StoreFull, TransientError
from schemas.tables import TABLES
from schemas.values import Receipt, UnitFile
from storage.blobs import LocalBlobs
from storage.maintenance.compaction import Compaction, compact
from storage.store.manifest import Head
from storage.store.store import Store
from tests.storage.rows import NOW, make_rows, print_of, put
from tests.storage.watched import WRITES, At, Between, Contents, Full, Kill, Killed, at_rest, check, contents, rows_in

HOUR = timedelta(hours=1)
MANY = 200
"""More operations than a compaction of the small store has."""

pytestmark = [pytest.mark.usefixtures("no_sync"), pytest.mark.slow]


def put_unit(store: Store, unit: str, day: str = "2026-03-02", version: int = 0, run_id: str = "") -> Receipt:
    """A unit whose rows tell units and versions apart."""
    first = 100 * int(unit.strip("abcdefghijklmnopqrstuvwxyz-") or ord(unit)) + 10 * version
    return put(
        store,
        "counts",
        make_rows("counts", 2 + version, first=first),
        unit,
        print_of(day, unit, version),
        date=day,
        committed=NOW + version * HOUR,
        run_id=run_id or f"run-{version}",
    )


@pytest.fixture
def base(tmp_path: Path) -> Store:
    """A small store: a past month and a day that are merged, then a unit of each done anew, and another beside it."""
    store = Store(LocalBlobs(tmp_path / "base"))
    for day in ("2026-02-28", "2026-03-02"):
        for unit in "ab":
            put_unit(store, unit, day)
    compact(store)
    for day in ("2026-02-28", "2026-03-02"):
        put_unit(store, "b", day, version=1)
    put_unit(store, "c")
    return store


Again = Callable[[], Store]


@pytest.fixture
def again(base: Store, tmp_path: Path) -> Again:
    """Makes a new copy of the small store."""
    copies = iter(range(10 * MANY))

    def copy() -> Store:
        folder = tmp_path / f"copy-{next(copies)}"
        shutil.copytree(base.blobs.url, folder)
        return Store(LocalBlobs(folder))

    return copy


@pytest.fixture
def step(long: bool) -> int:
    """Of how many moments one is tried, where others are tried in full."""
    return 1 if long else 4


def moments(store: Store) -> list[Contents]:
    """What readers see now, and as of the first run."""
    return [contents(store), contents(store, NOW)]


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
    marks = {each[:16] for each in gone}
    before = contents(base)["counts"]
    units = {mark: Counter({row: count for row, count in before.items() if row[-2] == mark}) for mark in marks}
    stay = Counter({row: count for row, count in before.items() if row[-2] not in marks})
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
            # When the head itself is refused nobody knows whether it stands: then what it names has to stay.
            is_head = any("/head-" in name for name in full.refused)
            assert is_head or all(name.startswith("_manifest/") for name in at_rest(store) - old)
        else:
            break
    assert passes > 10 and not full.refused
    assert contents(store) == before


# Readers and writers at work beside it


def test_a_reader_at_any_moment_of_a_compaction_sees_every_row_once(base: Store, again: Again) -> None:
    before = contents(base)
    store = again()
    reads = 0

    def look(operation: str, name: str) -> None:
        nonlocal reads
        if operation in WRITES:
            assert contents(store) == before, f"before {operation} {name}"
            reads += 1

    compact(Store(Between(store.blobs, look)))
    assert reads > 10
    assert contents(store) == before


@pytest.mark.parametrize("until", [None, NOW])
def test_a_compaction_at_any_moment_of_a_reader_is_not_noticed(
    base: Store, again: Again, step: int, until: datetime | None
) -> None:
    before = contents(base, until)
    for moment in range(0, MANY, step):
        store = again()
        hook = At(moment, partial(compact, store))
        assert contents(Store(Between(store.blobs, hook)), until) == before, f"at operation {moment}"
        if not hook.acted:
            break
    assert moment > 10 and not hook.acted


def test_a_reader_of_units_does_not_notice_a_compaction(base: Store, again: Again, step: int) -> None:
    def rows(store: Store) -> dict[str, object]:
        return {
            each.fingerprint: store.read_tables("counts", [UnitFile(each.files["counts"], each.unit_tag)]).to_pydict()
            for each in store.receipts()
        }

    before = rows(base)
    for moment in range(0, MANY, step):
        store = again()
        hook = At(moment, partial(compact, store))
        assert rows(Store(Between(store.blobs, hook))) == before, f"at operation {moment}"
        if not hook.acted:
            break
    assert moment > 10 and not hook.acted


def test_what_is_committed_at_any_moment_of_a_compaction_is_kept(base: Store, again: Again) -> None:
    store = again()
    before = contents(base)["counts"]
    lock = threading.Lock()
    new: list[Receipt] = []

    def commit(operation: str, name: str) -> None:
        with lock:
            new.append(put_unit(store, f"s-{1000 + len(new)}", run_id="beside"))
            put_unit(store, "a")  # work that is in the manifest, or is about to be, by a worker who was late
            put_unit(store, "c")

    compact(Store(Between(store.blobs, commit)))
    assert len(new) > 20
    for _ in range(2):
        check(store)
        found = contents(store)["counts"]
        beside = {each.unit_tag for each in new}
        assert Counter({row: count for row, count in found.items() if row[-2] not in beside}) == before
        assert Counter(row[-2] for row in found if row[-2] in beside) == dict.fromkeys(beside, 2)
        assert set(found.values()) == {1}
        compact(store)


# Two compactions


def test_of_two_compactions_at_once_one_wins_and_the_other_leaves_nothing(base: Store, again: Again) -> None:
    store = again()
    before = moments(base)
    both_ready = threading.Barrier(2)
    outcomes: list[Compaction | TransientError] = []

    def wait(operation: str, name: str) -> None:
        if operation == "put_if_absent":
            both_ready.wait(60)

    def run() -> None:
        try:
            outcomes.append(compact(Store(Between(store.blobs, wait))))
        except TransientError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    (won,) = [each for each in outcomes if isinstance(each, Compaction)]
    (lost,) = [each for each in outcomes if isinstance(each, TransientError)]
    assert won.head == 2 and "another compaction of this store came first" in str(lost)
    assert moments(store) == before
    check(store)
    compact(store, grace_h=0)
    named = {name for each in store.receipts() for name in each.files.values()}
    assert {name for name in at_rest(store) if name.partition("/")[0] in TABLES} == named
    parts = {part.name for part in store.manifest.head().parts()}
    assert {name for name in at_rest(store) if name.startswith("_manifest/") and "head-" not in name} == parts


@pytest.mark.parametrize("without", [(), (print_of("2026-03-02", "a", 0),)])
def test_one_who_is_overtaken_more_than_once_loses_too(again: Again, without: tuple[str, ...]) -> None:
    """The head it wants to write came and was itself replaced, without any grace."""
    store = again()

    def overtake(operation: str, name: str) -> None:
        if (operation, name) == ("put_if_absent", Head(2).name):
            for number in range(3):
                put_unit(store, f"s-{2000 + number}", run_id="beside")
                compact(store, grace_h=0)

    with pytest.raises(TransientError, match="came first"):
        compact(Store(Between(store.blobs, overtake)), drop=without)
    check(store)
    found = contents(store)["counts"]
    assert store.manifest.head().number == 4
    assert set(found.values()) == {1}
    assert {print_of("2026-03-02", unit, version)[:16] for unit, version in (("a", 0), ("b", 1), ("c", 0))} <= {
        row[-2] for row in found
    }


class _LosesAnswers(Between):
    """An object store whose answer to a conditional put is lost, so that its client puts again, and is refused."""

    def put_if_absent(self, name: str, content: bytes) -> bool:
        super().put_if_absent(name, content)
        return super().put_if_absent(name, content)


def test_a_head_whose_answer_was_lost_is_not_taken_for_anothers(base: Store, again: Again) -> None:
    store = again()
    assert compact(Store(_LosesAnswers(store.blobs, lambda operation, name: None))).head == 2
    assert moments(store) == moments(base)
    check(store)
    receipt = put_unit(Store(_LosesAnswers(store.blobs, lambda operation, name: None)), "s-3000")
    assert len(rows_in(store, receipt.files["counts"])) == 2, "a receipt neither"


def _compact_until(root: Path, start: Barrier, stop: Event) -> None:
    store = Store(LocalBlobs(root))
    start.wait()
    while not stop.is_set():
        try:
            compact(store)
        except TransientError:
            continue


def test_processes_that_commit_and_compact_at_once_lose_nothing(again: Again) -> None:
    store = again()
    before = contents(store)["counts"]
    context = multiprocessing.get_context("spawn")
    start, stop = context.Barrier(3), context.Event()
    workers = [context.Process(target=_compact_until, args=(Path(store.blobs.url), start, stop)) for _ in range(2)]
    for worker in workers:
        worker.start()
    try:
        start.wait(120)
        new = [put_unit(store, f"s-{4000 + number}", run_id="beside") for number in range(40)]
        seen = contents(store)["counts"]
    finally:
        stop.set()
        for worker in workers:
            worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert contents(store)["counts"] == seen
    assert seen > before and set(seen.values()) == {1}
    assert {each.unit_tag for each in new} <= {row[-2] for row in seen}
    compact(store)
    assert contents(store)["counts"] == seen
    check(store)
