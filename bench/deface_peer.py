"""The peer of the anonymizer's benchmark: deface, the package, as its users run it.

It is never a dependency: whoever benchmarks installs the extra ``bench``, here or in an environment of its own.
"""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_ABOUT = (
    "import importlib.util as u; from importlib.metadata import version; "
    "print(version('deface'), 'onnxruntime' if u.find_spec('onnxruntime') else 'opencv')"
)


@dataclass(frozen=True)
class Peer:
    """deface in a Python environment.

    Attributes:
        python: the environment's interpreter.
        backend: what it runs its network with.
    """

    python: str
    version: str
    backend: str


@dataclass(frozen=True)
class Defaced:
    """How a call of deface ended. ``target`` need not be there."""

    target: Path
    exit_code: int
    wall_s: float


def find_peer(python: str = sys.executable) -> Peer | None:
    """The peer in an environment, None if it is not installed there."""
    asked = subprocess.run([python, "-c", _ABOUT], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        return None
    version, backend = asked.stdout.split()
    return Peer(python, version, backend)


def deface(peer: Peer, clip: Path, target: Path, *options: str) -> Defaced:
    """Runs deface on a file, by its defaults unless options say otherwise."""
    command = [peer.python, "-m", "deface.deface", str(clip), "--output", str(target), *options]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return Defaced(target, done.returncode, time.perf_counter() - began)
