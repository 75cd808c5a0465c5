"""Compaction while readers, writers and other compactions are at work."""

import multiprocessing
import threading
from collections import Counter
from datetime import datetime
from functools import partial
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import pytest

from schemas.errors import TransientError
from schemas.tables import TABLES
from schemas.values import Receipt, UnitFile
from storage.blobs import LocalBlobs
from storage.maintenance.compaction import Compaction, compact
from storage.store.manifest import Head
from storage.store.store import Store
from tests.storage.maintenance.compacting import MANY, Again, moments, put_unit
from tests.storage.rows import NOW, print_of, receipts_of
from tests.storage.watched import WRITES, At, Between, at_rest, check, contents, rows_in

pytestmark = [pytest.mark.usefixtures("no_sync"), pytest.mark.slow]


# Readers and writers


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
            for each in receipts_of(store)
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
    named = {name for each in receipts_of(store) for name in each.files.values()}
    assert {name for name in at_rest(store) if name.partition("/")[0] in TABLES} == named
    parts = {part.name for part in store.manifest.head().parts()}
    assert {name for name in at_rest(store) if name.startswith("_manifest/") and "head-" not in name} == parts


@pytest.mark.parametrize("drop", [(), (print_of("2026-03-02", "a", 0),)])
def test_one_who_is_overtaken_more_than_once_loses_too(again: Again, drop: tuple[str, ...]) -> None:
    """The head it wants to write came and was itself replaced, without any grace."""
    store = again()

    def overtake(operation: str, name: str) -> None:
        if (operation, name) == ("put_if_absent", Head(2).name):
            for number in range(3):
                put_unit(store, f"s-{2000 + number}", run_id="beside")
                compact(store, grace_h=0)

    with pytest.raises(TransientError, match="came first"):
        compact(Store(Between(store.blobs, overtake)), drop=drop)
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
        found = contents(store)["counts"]
    finally:
        stop.set()
        for worker in workers:
            worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert contents(store)["counts"] == found
    assert found > before and set(found.values()) == {1}
    assert {each.unit_tag for each in new} <= {row[-2] for row in found}
    compact(store)
    assert contents(store)["counts"] == found
    check(store)
