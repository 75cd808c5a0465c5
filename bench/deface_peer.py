"""Runs the peer of the anonymization benchmark: the package deface, as its users run it.

It is never a dependency: the extra ``bench`` installs it, in this environment or in another one.
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
        backend: runtime of its network.
    """

    python: str
    version: str
    backend: str


@dataclass(frozen=True)
class DefaceResult:
    """The result of a call of deface; ``target`` may be missing."""

    target: Path
    exit_code: int
    wall_s: float


def find_peer(python: str = sys.executable) -> Peer | None:
    """Finds the peer in an environment; None if it is not installed there."""
    asked = subprocess.run([python, "-c", _ABOUT], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        return None
    version, backend = asked.stdout.split()
    return Peer(python, version, backend)


def deface(peer: Peer, clip: Path, target: Path, *options: str) -> DefaceResult:
    """Runs deface on a file, with its defaults and these options."""
    command = [peer.python, "-m", "deface.deface", str(clip), "--output", str(target), *options]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return DefaceResult(target, done.returncode, time.perf_counter() - began)
