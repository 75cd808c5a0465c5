"""Builds what all processes of a test run read, once."""

import fcntl
from collections.abc import Callable
from pathlib import Path


def build_once(folder: Path, build: Callable[[Path], object]) -> Path:
    """Returns a folder that the first caller of all processes builds while the others wait.

    Args:
        folder: where it is built; its name has no meaning for ``build``, which gets another one.
        build: called with a folder that does not exist, and creates it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            build(unfinished)
            unfinished.rename(folder)
    return folder
