"""Writers of one file at the same moment. Imports little, so that processes start fast."""

from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

from schemas.values import Receipt
from storage.blobs import Blobs
from storage.store.store import Store

WRITERS = 8


def put_in_threads(blobs: Blobs, number: int, start: Barrier, results: "Queue[int]") -> None:
    """Puts in ``WRITERS`` threads at once; reports the number of the process for each put that won."""

    def put(thread: int) -> None:
        start.wait()
        if blobs.put_if_absent("race", f"{number}-{thread}".encode()):
            results.put(number)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(put, range(WRITERS)))


def commit(store: Store, receipt: Receipt, start: Barrier, results: "Queue[Receipt]") -> None:
    """Commits at the same moment as others; reports the receipt that counts."""
    start.wait()
    results.put(store.commit(receipt))
