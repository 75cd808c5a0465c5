"""Threads of a worker's libraries, and when another worker takes its place."""

from jobs.engine.worker_limits import BATCHES_PER_WORKER, LEAST_WORN_BYTES, is_worn, thread_limits


def test_every_library_of_a_worker_gets_its_number_of_threads():
    limits = thread_limits(2)
    assert set(limits.values()) == {"2"}
    assert {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"} <= set(limits)


def test_a_worker_is_replaced_after_many_batches_or_when_its_memory_doubles():
    most = LEAST_WORN_BYTES
    assert not is_worn(1, 400_000_000, most) and is_worn(2, 400_000_000, most + 1)
    assert not is_worn(2, most, 2 * most) and is_worn(2, most, 2 * most + 1)
    assert is_worn(BATCHES_PER_WORKER, 1, 1) and not is_worn(BATCHES_PER_WORKER - 1, 1, 1)
