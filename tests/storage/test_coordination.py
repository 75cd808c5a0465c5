"""Claims: one run per partition, leases that end by the observer's clock, and nothing left behind."""

import json
import platform
import subprocess
import sys
import threading

import pytest

from storage.blobs import LocalBlobs
from storage.coordination import CLAIMS_FOLDER, Claims
from tests.storage.claiming import PARTITION, acquire_at_once

OTHER = ("cam1", "2026-03-02", "segment/2")
NEVER_S = 3600.0


@pytest.fixture
def blobs(tmp_path):
    return LocalBlobs(tmp_path / "store")


class Clock:
    """A clock that the test moves."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


def left(blobs):
    return [blob.name for blob in blobs.list(CLAIMS_FOLDER)]


def test_a_place_is_one_runs_until_it_is_released(blobs):
    with Claims(blobs, "a") as a, Claims(blobs, "b") as b:
        assert a.acquire(PARTITION) and a.acquire(PARTITION) and not b.acquire(PARTITION)
        assert b.acquire(OTHER) and not a.acquire(OTHER)
        a.release(PARTITION)
        assert not b.acquire(PARTITION), "it was taken twice"
        a.release(PARTITION)
        assert b.acquire(PARTITION) and not a.acquire(PARTITION)
    assert left(blobs) == []


def test_a_run_that_ends_holds_nothing(blobs):
    with Claims(blobs, "b") as b:
        with Claims(blobs, "a") as a:
            assert a.acquire(PARTITION)
        assert b.acquire(PARTITION)


def stalled(blobs, run_id):
    """The claims of a run that was killed after its first heartbeat."""
    claims = Claims(blobs, run_id, beat_s=NEVER_S)
    claims.__enter__()
    return claims


def test_a_dead_runs_claim_is_taken_over_once_its_lease_has_passed_on_the_observers_clock(blobs):
    dead = stalled(blobs, "dead")
    assert dead.acquire(PARTITION)
    clock = Clock()
    with Claims(blobs, "b", lease_s=60.0, clock=clock) as b:
        assert not b.acquire(PARTITION)
        clock.now_s = 59.0
        assert not b.acquire(PARTITION)
        clock.now_s = 60.0
        assert b.acquire(PARTITION)
        dead.release(PARTITION)
        with Claims(blobs, "c") as c:
            assert not c.acquire(PARTITION), "the former holder takes nothing back"
    dead.__exit__(None, None, None)


def test_a_heartbeat_renews_the_lease(blobs):
    clock = Clock()
    beats = threading.Semaphore(0)

    class Watched(LocalBlobs):
        def write(self, name, content):
            super().write(name, content)
            beats.release()

    with (
        Claims(Watched(blobs.root), "a", beat_s=0.005) as a,
        Claims(blobs, "b", beat_s=NEVER_S, lease_s=60.0, clock=clock) as b,
    ):
        assert a.acquire(PARTITION)
        for _ in range(5):
            assert beats.acquire(timeout=60) and beats.acquire(timeout=60)
            assert not b.acquire(PARTITION), f"at {clock.now_s} s"
            clock.now_s += 61.0


def test_a_heart_that_cannot_write_beats_on(blobs):
    failed, recovered = threading.Event(), threading.Event()

    class Hiccups(LocalBlobs):
        def write(self, name, content):
            if recovered.is_set() or not list(self.list(CLAIMS_FOLDER)):
                super().write(name, content)
            elif failed.is_set():
                recovered.set()
            else:
                failed.set()
                raise OSError("the network is away")

    with Claims(Hiccups(blobs.root), "a", beat_s=0.005):
        assert failed.wait(60) and recovered.wait(60)


@pytest.mark.parametrize(("host", "gone"), [(platform.node(), True), ("elsewhere", False)])
def test_of_a_process_of_this_machine_that_is_gone_nothing_is_waited_for(blobs, host, gone):
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead = Claims(blobs, "dead")
    beat = {"beats": 1, "host": host, "pid": int(ended.stdout)}
    blobs.write(f"{CLAIMS_FOLDER}/run-dead.json", json.dumps(beat).encode())
    assert dead.acquire(PARTITION)
    with Claims(blobs, "b") as b:
        assert b.acquire(PARTITION) is gone


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}"])
def test_a_torn_claim_holds_nothing(blobs, content):
    with Claims(blobs, "a") as a:
        assert a.acquire(PARTITION)
        (name,) = [name for name in left(blobs) if "/partition-" in name]
        blobs.write(name, content)
        with Claims(blobs, "b") as b:
            assert b.acquire(PARTITION)


def test_of_many_who_want_a_partition_at_once_one_has_it(blobs):
    assert sorted(acquire_at_once(blobs)) == [False] * 7 + [True]
    assert left(blobs) == []


def test_a_run_knows_whether_others_are_about(blobs):
    with Claims(blobs, "a") as a:
        assert a.acquire(PARTITION) and not a.met_other_runs
        with Claims(blobs, "b") as b:
            assert b.met_other_runs
            assert a.acquire(OTHER) and a.met_other_runs
        assert a.met_other_runs, "what the other did while it was there is to be looked for"


def test_a_run_that_is_refused_knows_that_it_is_not_alone(blobs):
    with Claims(blobs, "a") as a, Claims(blobs, "b") as b:
        assert b.acquire(PARTITION)
        assert not a.acquire(PARTITION) and a.met_other_runs


def test_what_dead_runs_left_long_ago_is_cleared_away(blobs):
    import os

    dead = stalled(blobs, "dead")
    assert dead.acquire(PARTITION)
    for name in left(blobs):
        os.utime(blobs.root / name, (0, 0))
    with Claims(blobs, "b") as b:
        assert not b.met_other_runs and len(left(blobs)) == 1
    dead.__exit__(None, None, None)
