"""What a worker gets of its machine: CPUs, memory, a part of a GPU; and when it is worn out."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.op import OpSpec

PROCESS_MB = 600
"""Memory of a worker beside its ops: libraries, and decoded frames of 1920x1080."""

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
    "POLARS_MAX_THREADS",
)


@dataclass(frozen=True)
class WorkerShare:
    """What one worker gets of its machine.

    Attributes:
        cpus: cores, which limit its threads too.
        gpus: GPUs; a fraction such as 1/3 lets three workers share one.
        memory_bytes: what Ray sets aside for it; 0 where the number of workers bounds memory already.
    """

    cpus: float = 1
    gpus: float = 0
    memory_bytes: int = 0

    def ray_options(self) -> dict[str, float]:
        """Returns the resources of an actor, as Ray names them."""
        options: dict[str, float] = {"num_cpus": self.cpus}
        if self.gpus:
            options["num_gpus"] = self.gpus
        if self.memory_bytes:
            options["memory"] = self.memory_bytes
        return options

    def workers_on(self, resources: Mapping[str, float]) -> int:
        """Returns how many workers fit on a machine with these resources, as Ray names them."""
        needs = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory_bytes}
        # Fractions are a little less than they should be, never more: three thirds must fit.
        return min(int(resources.get(name, 0.0) / need + 1e-6) for name, need in needs.items() if need)


def worker_share(specs: Iterable[OpSpec], gpu_memory_mb: float = 0) -> WorkerShare:
    """Returns the share of a worker that runs these ops.

    Their models stay open, so memory on the GPU adds up. Main memory does not: an op frees most of its own at the end
    of a unit, and the heaviest counts.

    Args:
        gpu_memory_mb: of one GPU; 0 where there is none, and ops run on the CPU.
    """
    every = list(specs)
    return WorkerShare(
        cpus=max((spec.cpus for spec in every), default=1),
        gpus=gpu_share(every, gpu_memory_mb) if gpu_memory_mb else 0,
        memory_bytes=(PROCESS_MB + max((spec.memory_mb for spec in every), default=0)) * 1_000_000,
    )


def gpu_share(specs: Iterable[OpSpec], gpu_memory_mb: float) -> float:
    """Returns the part of a GPU that a worker gets: as many workers share one as its memory holds.

    Args:
        gpu_memory_mb: of one GPU.

    Returns:
        0 for no GPU, 1 / n where n workers share one, or a whole number of GPUs. Ray knows no other amounts.
    """
    every = list(specs)
    needed_mb = sum(spec.gpu_memory_mb for spec in every)
    share = max(needed_mb / gpu_memory_mb, max((spec.gpus for spec in every), default=0.0))
    if share > 1:
        return float(math.ceil(share))
    # Ray counts in ten-thousandths: rounded down, so that n shares fit into one GPU.
    return math.floor(10_000 / math.floor(1 / share + 1e-9)) / 10_000 if share else 0.0


def weight(specs: Iterable[OpSpec], memory_bytes: int) -> int:
    """Returns how many workers' memory a batch of these ops needs, at least 1.

    Args:
        memory_bytes: that there is for each worker.
    """
    needed = worker_share(specs).memory_bytes
    return max(1, math.ceil(needed / memory_bytes)) if memory_bytes else 1


def thread_limits(cpus: float) -> dict[str, str]:
    """Returns environment variables that keep the libraries of a process to so many threads.

    Without them each worker starts a thread per core of the machine, and workers crowd each other out. OpenCV, Arrow,
    FFmpeg, OpenVINO and torch get theirs by calls when they are used.
    """
    return dict.fromkeys(_THREAD_VARIABLES, str(max(1, int(cpus))))


def is_worn(batches: int, first_bytes: int, now_bytes: int) -> bool:
    """Returns whether a worker is to be replaced.

    Args:
        batches: number of batches that it has ended.
        first_bytes: its memory after the first of them.
        now_bytes: its memory now.
    """
    return batches >= BATCHES_PER_WORKER or now_bytes > max(GROWTH * first_bytes, LEAST_WORN_BYTES)
