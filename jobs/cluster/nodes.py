"""Checks the machines of a cluster before a run begins, each from a task on that machine.

What is wrong with one machine would otherwise show as failures of the units that happen to run there: weights that are
missing, an archive that is not mounted, results that go to a local disk instead of the shared one.
"""

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jobs.cluster.placement import Machine
from jobs.cluster.versions import own_version
from jobs.engine.failures import one_line
from jobs.engine.tasks import WorkerSetup
from schemas.errors import NightshiftError, UserError
from storage.blobs import open_blobs

MAX_SKEW_S = 2.0
"""Seconds by which a machine's clock may be off, without a warning."""

LOW_BYTES = 2 * 10**9
"""Free space of a machine's scratch folder below which a warning says so; footage of object stores is read there."""

TIMEOUT_S = 120.0


class NodeNeeds(NamedTuple):
    """What a run needs of each machine.

    Attributes:
        archive, store: locations.
        witness: a file that this run has written to the store.
        weights: files or folders with weights.
    """

    archive: str
    store: str
    witness: str
    weights: tuple[str, ...]

    @classmethod
    def of(cls, setup: WorkerSetup, witness: str) -> "NodeNeeds":
        """Returns the needs of workers."""
        paths = {model.path for ready in setup.ops.values() for model in ready.models.values() if model is not None}
        return cls(setup.archive, setup.store, witness, tuple(sorted(paths)))


@dataclass(frozen=True)
class NodeReport:
    """What a task found on its machine.

    Attributes:
        time_s: its clock, as seconds since 1970.
        problems: why no unit can run there, one line each.
        free_bytes: of its scratch folder.
    """

    host: str
    nightshift: str
    time_s: float
    problems: tuple[str, ...]
    scratch: str
    free_bytes: int


def examine(needs: NodeNeeds) -> NodeReport:
    """Looks at the machine that it runs on."""
    problems = [f"lacks the weights {path}" for path in needs.weights if not Path(path).exists()]
    try:
        open_blobs(needs.archive).check_readable()
    except (NightshiftError, OSError) as error:
        problems.append(f"cannot read the archive: {one_line(str(error))}")
    try:
        open_blobs(needs.store).read(needs.witness)
    except (NightshiftError, OSError):
        problems.append(f"does not see the store {needs.store}: another folder is there, or none")
    scratch = tempfile.gettempdir()
    free = shutil.disk_usage(scratch).free
    return NodeReport(platform.node(), own_version(), time.time(), tuple(problems), scratch, free)


def clock_offset_s(asked_s: float, there_s: float, answered_s: float) -> float:
    """Returns by how much a clock is surely off, seconds: more than 0 if it is ahead, 0 if it may be right.

    Args:
        asked_s, answered_s: this machine's clock before the question and after the answer.
        there_s: the other clock, at some time between the two.
    """
    return max(there_s - answered_s, 0.0) + min(there_s - asked_s, 0.0)


def judge(report: NodeReport, offset_s: float) -> tuple[list[str], list[str]]:
    """Returns why a machine cannot take part in a run, and what a user should know about it, one line each."""
    problems = [f"{report.host} {problem}" for problem in report.problems]
    if report.nightshift != own_version():
        problems.append(f"{report.host} has Nightshift {report.nightshift}, and the run Nightshift {own_version()}")
    warnings = []
    if abs(offset_s) > MAX_SKEW_S:
        side = "ahead of" if offset_s > 0 else "behind"
        warnings.append(
            f"the clock of {report.host} is {abs(offset_s):.0f} s {side} this machine's, and commits carry it: "
            "synchronise both"
        )
    if report.free_bytes < LOW_BYTES:
        warnings.append(f"{report.host} has {report.free_bytes / 1e9:.1f} GB free in {report.scratch}: free some space")
    return problems, warnings


def check_nodes(needs: NodeNeeds, on_warning: Callable[[str], None]) -> None:
    """Checks every machine of the cluster that Ray is connected to.

    Raises:
        UserError: a machine cannot take part; one line names each, and what it lacks.
    """
    problems: list[str] = []
    for report, offset_s in _reports(needs):
        found, warnings = judge(report, offset_s)
        problems += found
        for warning in warnings:
            on_warning(warning)
    if problems:
        raise UserError(
            f"machines of the cluster are not ready: {'; '.join(problems)}; mount or install the same on "
            "each, under the same path, or take them out of the cluster"
        )


def cluster_machines() -> list[Machine]:
    """Returns the machines with CPUs of the cluster that Ray is connected to."""
    import ray

    known = ray.nodes()  # type: ignore[no-untyped-call]
    return [Machine.of(node) for node in known if node["Alive"] and node["Resources"].get("CPU")]


def _reports(needs: NodeNeeds) -> list[tuple[NodeReport, float]]:
    """Returns what each machine with a CPU reports, and by how much its clock is surely off."""
    import ray

    nodes = [machine.node for machine in cluster_machines()]
    try:
        _ask_all(needs, nodes)  # starts a process on each, which takes seconds: the second answer is for the clocks
        return _ask_all(needs, nodes)
    except (ray.exceptions.RayError, TimeoutError) as error:
        raise UserError(f"a machine of the cluster does not answer: {one_line(str(error))}") from error


def _ask_all(needs: NodeNeeds, nodes: Sequence[str]) -> list[tuple[NodeReport, float]]:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    # As workers get it: credentials of object stores are looked for there.
    environment = {"env_vars": {"HOME": os.environ["HOME"]}} if "HOME" in os.environ else {}
    asked_s, waiting = time.time(), {}
    for node in nodes:
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        task = ray.remote(examine).options(
            num_cpus=0, max_retries=0, scheduling_strategy=there, runtime_env=environment
        )
        waiting[task.remote(needs)] = node
    answers = []
    while waiting:
        done, _ = ray.wait(list(waiting), num_returns=1, timeout=TIMEOUT_S)
        answered_s = time.time()
        if not done:
            raise TimeoutError(f"no answer within {TIMEOUT_S:.0f} s")
        report: NodeReport = ray.get(done[0])
        waiting.pop(done[0])
        answers.append((report, clock_offset_s(asked_s, report.time_s, answered_s)))
    return answers
