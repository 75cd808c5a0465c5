"""Keeps a Ray on one machine to itself: a private folder, a token of its own, and loopback as its only interface.

Ray has no documented option for any of these. What each setting prevents was observed on sockets and files of Ray
2.60, and ``tests/jobs/engine/test_local_ray.py`` looks at them again.
"""

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import UserError

SOCKET_PATH_BYTES = 107
"""Length of the longest path that Linux gives a socket (``man 7 unix``)."""

_LONGEST_SOCKET = "/ray-12345678/r/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
_OTHER_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
_LOOPBACK_TIMEOUT_S = 2.0


class PrivateFolder:
    """A folder of mode 0700 for Ray's logs and sockets, and for nobody else. ``remove`` deletes it.

    Ray makes its own folder writable for everybody (mode 0777), so that folder lies within this one.

    Raises:
        UserError: no folder can be made whose sockets have short enough paths.
    """

    def __init__(self) -> None:
        self.path = _make_private_folder()
        self.ray = self.path / "r"
        self.home = self.path / "home"
        self.ray.mkdir()
        self.home.mkdir()
        # Ray reads from its user's home how its cluster came to be. Where it finds nothing it asks the metadata
        # services of three clouds over the network, even with its usage statistics disabled.
        (self.home / "ray_bootstrap_config.yaml").write_text("{}\n")

    def remove(self) -> None:
        """Deletes the folder. Files that cannot be deleted are left to the system: nobody else can read them."""
        shutil.rmtree(self.path, ignore_errors=True)


def _make_private_folder() -> Path:
    chosen = os.environ.get("RAY_TMPDIR")
    variable, parents = ("RAY_TMPDIR", [chosen]) if chosen else ("TMPDIR", _usual_parents())
    longest = SOCKET_PATH_BYTES - len(_LONGEST_SOCKET)
    problems = []
    for parent in parents:
        length = len(os.fsencode(Path(parent).absolute()))
        if length > longest:
            problems.append(f"the path {parent} has {length} bytes, and Ray's sockets leave room for {longest}")
            continue
        try:
            return Path(tempfile.mkdtemp(prefix="ray-", dir=Path(parent).absolute()))
        except OSError as error:
            problems.append(f"{parent}: {error.strerror}")
    raise UserError(
        f"Ray has no place for its files: {'; '.join(problems)}; set {variable} to a folder that you may write to, "
        f"with a path of at most {longest} bytes"
    )


def _usual_parents() -> list[str]:
    chosen = os.environ.get("TMPDIR")
    return list(dict.fromkeys(([chosen] if chosen else []) + list(_OTHER_FOLDERS)))


def require_loopback() -> None:
    """Checks that processes of this machine can reach each other.

    Raises:
        UserError: they cannot. Ray itself would wait for minutes.
    """
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), _LOOPBACK_TIMEOUT_S).close()
    except OSError as error:
        raise UserError(
            f"the loopback interface 127.0.0.1 does not answer ({error.strerror or error}), and the workers of this "
            "machine need it; `ip link set lo up` starts it, `nightshift run --in-process` works without"
        ) from error


@contextmanager
def private_environment(folder: PrivateFolder) -> Iterator[None]:
    """Sets what Ray's processes inherit, as long as they are being started."""
    settings = {
        "HOME": str(folder.home),
        "RAY_AUTH_MODE": "token",
        # A token of this run: the one that Ray keeps in the home of its user is readable for all users.
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        # Named for other systems, the setting works on Linux too: without clusters, Ray listens on loopback only.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }
    former = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        _restore(former)


@contextmanager
def without_agent_extras() -> Iterator[None]:
    """Starts Ray as if it were installed without its extra ``default``: with no job server and no exporter of metrics.

    Where the extra is installed, each machine's agent loads them all, for some seconds of CPU, and listens for their
    clients. A cluster needs them; one machine does not.
    """
    from ray._private import utils

    found = utils.get_dashboard_dependency_error
    utils.get_dashboard_dependency_error = lambda: ImportError("not for one machine")
    try:
        yield
    finally:
        utils.get_dashboard_dependency_error = found


def _restore(former: Mapping[str, str | None]) -> None:
    for name, value in former.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
