"""What a store and claims promise holds in a bucket of S3 as well: one winner, and nothing lost on the way."""

import multiprocessing
from collections.abc import Iterator

import pytest

from schemas.errors import TransientError
from storage.blobs import open_blobs
from storage.coordination import CLAIMS_FOLDER, Claims
from storage.maintenance.compaction import compact
from storage.maintenance.verify import verify
from storage.store.reader import open_store
from storage.store.store import Store
from tests.storage.claiming import PARTITION, acquire_at_once
from tests.storage.putting import commit
from tests.storage.rows import CAMERA, DATE, make_receipt, make_rows, print_of, receipts_of
from tests.storage.s3_server import S3Server, Wire, new_bucket, s3_serving
from tests.storage.small_store import DATES, contents, night

pytestmark = pytest.mark.slow

OTHER = ("cam1", "2026-03-02", "segment/2")
NEVER_S = 3600.0


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_serving() as server:
        yield server


@pytest.fixture
def location(server: S3Server) -> Iterator[str]:
    with new_bucket(server.endpoint) as bucket:
        yield f"{bucket}/store"


def test_of_two_processes_that_commit_the_same_work_one_wins(location: str) -> None:
    store = Store.create(location)
    rows, print_ = make_rows("counts"), print_of("one")
    receipts = []
    for run in ("a", "b"):
        file, digest = store.write_table("counts", rows, camera=CAMERA, date=DATE, unit="day", fingerprint=print_)
        receipts.append(make_receipt({"counts": file}, fingerprint=print_, run_id=run, sha256={"counts": digest}))
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(2), context.Queue()
    processes = [context.Process(target=commit, args=(store, receipt, start, results)) for receipt in receipts]
    for process in processes:
        process.start()
    first, second = results.get(timeout=60), results.get(timeout=60)
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert first == second
    assert [receipt.run_id for receipt in receipts_of(store)] == [first.run_id]
    assert [blob.name for blob in store.blobs.list("counts")] == [first.files["counts"]], "the other's file is gone"


def test_a_commit_whose_answer_is_lost_finds_its_own_receipt(server: S3Server) -> None:
    with Wire(server.endpoint) as wire, new_bucket(wire.endpoint) as bucket:
        store = Store.create(f"{bucket}/store")
        file, _ = store.write_table(
            "counts", make_rows("counts"), camera=CAMERA, date=DATE, unit="day", fingerprint=print_of("one")
        )
        receipt = make_receipt({"counts": file}, fingerprint=print_of("one"))
        wire.deaf_after = 0
        with pytest.raises(TransientError):
            store.commit(receipt)
        wire.deaf_after = None
        assert store.commit(receipt) == receipt
        assert [blob.name for blob in store.blobs.list("counts")] == [file]
        wire.deaf_after = 0
        with pytest.raises(TransientError):
            store.read_units("counts", file, ["camera"], None)


def test_a_small_store_is_made_compacted_and_read(location: str, tmp_path, no_sync: None) -> None:
    here, there = Store.create(tmp_path / "store"), Store.create(location)
    for store in (here, there):
        night(store, DATES[1:3])
    before = contents(here)
    assert contents(there) == before
    assert compact(there, grace_h=0).merged > 0
    assert contents(there) == before
    assert not verify(there).to_repair
    assert compact(there, grace_h=0).merged == 0
    query = "SELECT camera, date, count(*) FROM detections GROUP BY ALL ORDER BY ALL"
    with open_store(tmp_path / "store") as one, open_store(location) as other:
        assert other.sql(query).fetchall() == one.sql(query).fetchall() != []


def test_claims_hold_while_their_heart_beats(location: str) -> None:
    blobs = open_blobs(location)
    now_s = 0.0
    dead = Claims(blobs, "dead", beat_s=NEVER_S)
    dead.__enter__()
    assert dead.acquire(PARTITION)
    with Claims(blobs, "b", lease_s=60.0, beat_s=NEVER_S, clock=lambda: now_s) as b:
        assert b.met_other_runs and not b.acquire(PARTITION) and b.acquire(OTHER)
        assert not dead.acquire(OTHER)
        now_s = 61.0
        dead._write_beat()
        assert not b.acquire(PARTITION), "its heart has beaten since"
        now_s = 122.0
        assert b.acquire(PARTITION)
        dead.__exit__(None, None, None)
        assert not Claims(blobs, "c", beat_s=NEVER_S).acquire(PARTITION), "the former holder takes nothing back"
    assert list(blobs.list(CLAIMS_FOLDER)) == []


def test_of_many_who_want_a_partition_at_once_one_has_it(location: str) -> None:
    blobs = open_blobs(location)
    assert sorted(acquire_at_once(blobs)) == [False] * 7 + [True]
    assert list(blobs.list(CLAIMS_FOLDER)) == []
