"""What a worker process may use: threads of its libraries, and how long it lives before another takes its place."""

BATCHES_PER_WORKER = 2000
"""Batches after which a worker is replaced, whatever its memory: libraries leak slowly."""

GROWTH = 2.0
"""How many times its memory after the first batch a worker may hold, and ``LEAST_WORN_BYTES`` in any case."""

LEAST_WORN_BYTES = 1_500_000_000

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


def thread_limits(cpus: int) -> dict[str, str]:
    """Returns environment variables that keep the libraries of a process to so many threads.

    Without them each worker starts a thread per core of the machine, and workers crowd each other out. OpenCV, Arrow,
    FFmpeg, OpenVINO and torch get theirs by calls when they are used.
    """
    return dict.fromkeys(_THREAD_VARIABLES, str(cpus))


def is_worn(batches: int, first_bytes: int, now_bytes: int) -> bool:
    """Returns whether a worker is to be replaced.

    Args:
        batches: number of batches that it has ended.
        first_bytes: its memory after the first of them.
        now_bytes: its memory now.
    """
    return batches >= BATCHES_PER_WORKER or now_bytes > max(GROWTH * first_bytes, LEAST_WORN_BYTES)
