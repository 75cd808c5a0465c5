"""OpenVINO on the CPU, the same for every network: which file to read, and how a worker shares the machine."""

from pathlib import Path

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
