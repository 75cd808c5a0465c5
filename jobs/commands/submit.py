"""Submits a run to a Ray cluster as a job: the head plans and drives it, also while this machine is off."""

import os
import shlex
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.cluster.job import ClusterJobs, JobEnd
from jobs.cluster.sent_site import copy_site
from jobs.cluster.versions import CLIENT_VERSION, own_version, ray_versions_differ
from jobs.site import Site

STOP_WAIT_S = 600
"""Seconds that a stopped run has for the units in flight; Ray's own 3 seconds would lose their work."""

INTERRUPTED = 130


@dataclass(frozen=True)
class SubmittedRun:
    """A run on a cluster, and how it ended.

    Attributes:
        job: its id on the cluster.
        files: what was sent, relative to the site's folder.
        end: None if nobody waited for it.
    """

    job: str
    files: tuple[str, ...]
    end: JobEnd | None = None

    @property
    def exit_code(self) -> int:
        """That of the run; 0 if nobody waited; 130 if it was stopped; 1 where the cluster could not run it."""
        if self.end is None:
            return 0
        if self.end.status == "STOPPED":
            return INTERRUPTED
        if self.end.exit_code is None:
            return 0 if self.end.status == "SUCCEEDED" else 1
        return self.end.exit_code


def submit_run(
    site: Site,
    arguments: Sequence[str],
    address: str,
    on_line: Callable[[str], None] = lambda _: None,
    on_warning: Callable[[str], None] = lambda _: None,
    stop: threading.Event | None = None,
    wait: bool = True,
) -> SubmittedRun:
    """Sends a site's settings and the command ``nightshift run`` to a cluster, and follows the run.

    Archive, store and weights stay where they are: machines of the cluster find them at the same absolute location.

    Args:
        arguments: options of ``nightshift run``.
        address: of the head's dashboard, as ``http://127.0.0.1:8265``.
        on_line: called with each line of the run's output.
        stop: once set, the run is stopped: it finishes its units in flight.
        wait: False returns as soon as the cluster has the job.

    Raises:
        UserError: nothing answers at the address, or a file cannot be sent.
        NightshiftError: the cluster refuses the job, or does not answer any more.
    """
    jobs = ClusterJobs(address)
    if differ := ray_versions_differ(jobs.ray_version):
        on_warning(differ)
    models = os.environ.get("NIGHTSHIFT_MODELS") or str(site.files.models.absolute())
    environment = {
        CLIENT_VERSION: own_version(),
        "NIGHTSHIFT_MODELS": models,
        "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_WAIT_S),
    }
    command = shlex.join(["nightshift", "run", "--site", ".", "--address", "auto", *arguments])
    with tempfile.TemporaryDirectory(prefix="nightshift-job-") as folder:
        files = copy_site(site.files, Path(folder))
        job = jobs.submit(command, Path(folder), environment, {"site": site.files.config.name})
    submitted = SubmittedRun(job, tuple(files))
    on_line(f"job {job}: {command}")
    if not wait:
        return submitted
    asked = stop or threading.Event()
    return SubmittedRun(job, submitted.files, jobs.follow(job, on_line, asked.is_set))
