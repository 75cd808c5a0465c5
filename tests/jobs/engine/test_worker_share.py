"""The arithmetic of workers on a machine: CPUs, memory, parts of a GPU."""

from dataclasses import replace

import pytest

from jobs.engine.worker_share import (
    BATCHES_PER_WORKER,
    LEAST_WORN_BYTES,
    PROCESS_MB,
    WorkerShare,
    gpu_share,
    is_worn,
    thread_limits,
    weight,
    worker_share,
)
from tests.jobs.pipeline import LINK, TRACK

LIGHT = replace(TRACK.spec, memory_mb=400)
HEAVY = replace(LINK.spec, memory_mb=4000, gpu_memory_mb=5000, cpus=2)
OTHER = replace(LINK.spec, memory_mb=900, gpu_memory_mb=2000)


def test_a_share_has_room_for_the_heaviest_op_and_for_all_models_on_the_gpu():
    share = worker_share([LIGHT, HEAVY, OTHER], gpu_memory_mb=24_000)
    assert share == WorkerShare(2, 0.3333, (PROCESS_MB + 4000) * 1_000_000)
    assert share.ray_options() == {"num_cpus": 2, "num_gpus": 0.3333, "memory": share.memory_bytes}
    assert worker_share([LIGHT]).ray_options() == {"num_cpus": 1, "memory": (PROCESS_MB + 400) * 1_000_000}
    assert worker_share([LIGHT, HEAVY]).gpus == 0, "without a GPU ops run on the CPU"


@pytest.mark.parametrize(
    ("gpus", "needed_mb", "gpu_mb", "share", "fit"),
    [
        (0, 0, 24_000, 0.0, 0),
        (0, 24_000, 24_000, 1.0, 1),
        (0, 8000, 24_000, 0.3333, 3),
        (0, 8001, 24_000, 0.5, 2),
        (0, 700, 24_000, 0.0294, 34),
        (0, 30_000, 24_000, 2.0, 0),
        (0.25, 100, 24_000, 0.25, 4),
        (2, 100, 24_000, 2.0, 0),
    ],
)
def test_as_many_workers_share_a_gpu_as_its_memory_holds(gpus, needed_mb, gpu_mb, share, fit):
    found = gpu_share([replace(LIGHT, gpus=gpus, gpu_memory_mb=needed_mb)], gpu_mb)
    assert found == share
    assert fit * needed_mb <= gpu_mb and (not fit or WorkerShare(1, found).workers_on({"CPU": 99, "GPU": 1}) == fit)


@pytest.mark.parametrize(
    ("resources", "workers"),
    [
        ({"CPU": 8, "memory": 64e9, "GPU": 1}, 3),
        ({"CPU": 2, "memory": 64e9, "GPU": 1}, 2),
        ({"CPU": 8, "memory": 7e9, "GPU": 4}, 2),
        ({"CPU": 8, "memory": 64e9}, 0),
        ({}, 0),
    ],
)
def test_the_scarcest_resource_decides_how_many_workers_fit(resources, workers):
    assert WorkerShare(1, 1 / 3, 3_000_000_000).workers_on(resources) == workers


def test_a_heavy_batch_takes_the_memory_of_several_workers():
    assert weight([LIGHT], 1_500_000_000) == 1 and weight([LIGHT, HEAVY], 1_500_000_000) == 4
    assert weight([HEAVY], 0) == 1 and weight([], 1_500_000_000) == 1


def test_every_library_of_a_worker_gets_its_number_of_threads():
    limits = thread_limits(2)
    assert set(limits.values()) == {"2"} and {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"} <= set(
        limits
    )
    assert set(thread_limits(0.5).values()) == {"1"}


def test_a_worker_is_replaced_after_many_batches_or_when_its_memory_doubles():
    most = LEAST_WORN_BYTES
    assert not is_worn(1, 400_000_000, most) and is_worn(2, 400_000_000, most + 1)
    assert not is_worn(2, most, 2 * most) and is_worn(2, most, 2 * most + 1)
    assert is_worn(BATCHES_PER_WORKER, 1, 1) and not is_worn(BATCHES_PER_WORKER - 1, 1, 1)
