"""OpenVINO on the CPU, the same for every network: without its telemetry; which file to read; how many threads."""

import sys
from pathlib import Path

# Importing OpenVINO sends a usage event over the network and leaves an identifier in the home of the user, unless the
# user has opted out. Without this package it imports a stub instead.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None: the import fails

CpuSettings = dict[str, str | int | bool]


def cpu_settings(cpus: int, streams: int | None = None) -> CpuSettings:
    """Returns compile settings for a worker that may use ``cpus`` threads.

    Args:
        cpus: threads that infer.
        streams: frames inferred at once, each by its share of the threads; None: one frame by all of them.
    """
    # Pinned, the one stream of every process sits on the first core, and two workers on one machine share it.
    settings: CpuSettings = {"INFERENCE_NUM_THREADS": cpus, "ENABLE_CPU_PINNING": False}
    if streams is None:
        return settings | {"PERFORMANCE_HINT": "LATENCY"}
    return settings | {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": streams}


def graph_file(path: Path) -> Path:
    """Returns the file that OpenVINO reads: of a folder with OpenVINO IR its graph, else the path itself."""
    return next(iter(sorted(path.glob("*.xml"))), path) if path.is_dir() else path


def reason_of(error: Exception) -> str:
    """Returns the last line of OpenVINO's message, which says what is wrong; those before say where in its sources."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
