"""Many who write one file at once; processes start sooner for what is not imported here."""

from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

from schemas.values import Receipt
from storage.blobs import Blobs
from storage.store.store import Store

WRITERS = 8


def put_in_threads(blobs: Blobs, number: int, start: Barrier, told: "Queue[int]") -> None:
    """Puts in ``WRITERS`` threads at once; tells the process's number for each that won."""

    def put(thread: int) -> None:
        start.wait()
        if blobs.put_if_absent("race", f"{number}-{thread}".encode()):
            told.put(number)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(put, range(WRITERS)))


def commit(store: Store, receipt: Receipt, start: Barrier, told: "Queue[Receipt]") -> None:
    """Commits at the same moment as others; tells the receipt that stands."""
    start.wait()
    told.put(store.commit(receipt))
