"""A job of Ray's Jobs API: sends a folder and a command to a cluster, follows the output, and stops it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.cluster.authentication import use_own_token
from jobs.engine.failures import one_line
from schemas.errors import NightshiftError, UserError

POLL_S = (0.5, 3.0)
"""Delay after the first look at a job, and the longest one: it grows while nothing is new."""

FORGIVEN_LOOKS = 20
"""Looks in a row that may fail, about a minute: a network that is gone for a moment ends no job."""

EXTRA = "`submit` needs what Ray clusters need: `make install-cluster`, or pip install 'nightshift[cluster]'"


@dataclass(frozen=True)
class JobEnd:
    """How a job ended.

    Attributes:
        status: Ray's word: ``SUCCEEDED``, ``FAILED`` or ``STOPPED``.
        exit_code: of its command; None where the command never ran, or was stopped.
        message: Ray's last line about it.
    """

    status: str
    exit_code: int | None
    message: str


class ClusterJobs:
    """The Jobs API of a cluster.

    Args:
        address: of the head's dashboard, as ``http://127.0.0.1:8265``.

    Attributes:
        ray_version: of the cluster.

    Raises:
        UserError: nothing answers there, it does not accept this user's token, or Ray's job client is not installed.
    """

    def __init__(self, address: str) -> None:
        use_own_token()
        from ray.exceptions import RayError

        try:
            from ray.job_submission import JobSubmissionClient

            self._client: Any = JobSubmissionClient(address)
        except ImportError as error:
            raise UserError(f"{EXTRA} ({error})") from error
        except (OSError, RuntimeError, ValueError, RayError) as error:  # requests' errors are OSErrors
            if "ray[default]" in str(error):
                raise UserError(f"{EXTRA}") from error
            raise UserError(
                f"--address {address}: no job server answers ({one_line(str(error))}); "
                "`ray dashboard ray_cluster.yaml` brings the head's to http://127.0.0.1:8265"
            ) from error
        self.ray_version = str(self._client._server_ray_version)  # get_version is that of the API

    def submit(self, command: str, folder: Path, environment: Mapping[str, str], metadata: Mapping[str, str]) -> str:
        """Sends a job. Returns its id.

        Args:
            command: for the shell of the head, in a copy of the folder.
            environment: variables beside those of the head; they are stored with the job, so they hold no secrets.

        Raises:
            NightshiftError: the cluster refuses it.
        """
        runtime_env = {"working_dir": str(folder), "env_vars": dict(environment)}
        try:
            return str(self._client.submit_job(entrypoint=command, runtime_env=runtime_env, metadata=dict(metadata)))
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise NightshiftError(f"the cluster refuses the job: {one_line(str(error))}") from error

    def stop(self, job: str) -> None:
        """Asks a job to end. Its run finishes the units in flight, within the time of its environment."""
        self._look(self._client.stop_job, job)

    def follow(self, job: str, on_line: Callable[[str], None], asked_to_stop: Callable[[], bool]) -> JobEnd:
        """Waits until a job ends, gives its output line by line, and stops it when asked.

        Raises:
            NightshiftError: the cluster does not answer any more; the job may go on.
        """
        shown, delay_s, stopping = 0, POLL_S[0], False
        while True:
            details = self._look(self._client.get_job_info, job)
            ended = bool(details.status.is_terminal())
            lines = self._look(self._client.get_job_logs, job).splitlines(keepends=True)
            whole = lines if ended or not lines or lines[-1].endswith("\n") else lines[:-1]
            for line in whole[shown:]:
                on_line(line.rstrip("\n"))
            delay_s = POLL_S[0] if len(whole) > shown else min(delay_s * 1.5, POLL_S[1])
            shown = len(whole)
            if ended:
                return JobEnd(details.status.value, details.driver_exit_code, one_line(details.message or ""))
            if asked_to_stop() and not stopping:
                stopping = True
                self.stop(job)
            time.sleep(delay_s)

    def _look(self, ask: Callable[[str], Any], job: str) -> Any:
        """Asks the cluster, again where it does not answer."""
        for left in reversed(range(FORGIVEN_LOOKS)):
            try:
                return ask(job)
            except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
                if not left:
                    raise NightshiftError(
                        f"the cluster does not answer ({one_line(str(error))}); job {job} may go on: "
                        f"`ray job status {job}` shows it"
                    ) from error
                time.sleep(POLL_S[1])
        raise AssertionError("the loop returns or raises")
