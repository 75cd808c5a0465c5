"""The versions of Nightshift and Ray here and on a cluster: a run mixes none."""

import os
import re
from importlib.metadata import version

from schemas.errors import UserError

CLIENT_VERSION = "NIGHTSHIFT_CLIENT_VERSION"
"""Environment variable of a job: the version of the Nightshift that sent it."""

_RAY_AND_PYTHON = re.compile(r"Ray: (\S+)\s+Python: (\S+)")


def own_version() -> str:
    """Returns the version of this Nightshift."""
    return version("nightshift")


def require_client_version() -> None:
    """Checks, within a job, that the Nightshift that sent it has this one's version.

    Raises:
        UserError: it has another one.
    """
    sent_by = os.environ.get(CLIENT_VERSION)
    if sent_by and sent_by != own_version():
        raise UserError(
            f"the job comes from Nightshift {sent_by}, and the cluster has {own_version()}: install one version on "
            "both, on the cluster with `ray up ray_cluster.yaml`"
        )


def ray_versions_differ(on_cluster: str) -> str | None:
    """Returns what to say where a cluster has another Ray than this machine, or None."""
    here = version("ray")
    if on_cluster == here:
        return None
    return f"the cluster has Ray {on_cluster}, and this machine Ray {here}: the run uses the cluster's"


def ray_mismatch(message: str) -> str | None:
    """Returns what Ray says about two versions of itself in one line; None if the message is about something else."""
    pairs = _RAY_AND_PYTHON.findall(message)
    if "ersion mismatch" not in message or len(pairs) != 2:
        return None
    (ray, python), (own_ray, own_python) = pairs
    return (
        f"the cluster has Ray {ray} on Python {python}, and this machine Ray {own_ray} on Python {own_python}: "
        "install one version on both"
    )
