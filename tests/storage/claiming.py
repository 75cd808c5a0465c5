"""Runs that claim one partition at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

from storage.blobs import Blobs
from storage.coordination import Claims, Partition

PARTITION: Partition = ("cam1", "2026-03-02", "segment/1")
RUNS = 8


def acquire_at_once(blobs: Blobs) -> list[bool]:
    """Lets ``RUNS`` runs claim ``PARTITION`` at once; returns which of them got it."""
    start = Barrier(RUNS)

    def acquire(claims: Claims) -> bool:
        start.wait()
        return claims.acquire(PARTITION)

    with ExitStack() as stack, ThreadPoolExecutor(RUNS) as pool:
        runs = [stack.enter_context(Claims(blobs, f"run{number}")) for number in range(RUNS)]
        return list(pool.map(acquire, runs))
