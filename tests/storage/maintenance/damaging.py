"""Damage to the files of a store, for tests."""

import os
import time
from pathlib import Path

from storage.maintenance.problems import ProblemKind
from storage.maintenance.verify import verify
from storage.store.store import Store

DAY_AGO_S = 25 * 3600


def one(root: Path, pattern: str) -> Path:
    """The first file of a pattern."""
    return sorted(root.glob(pattern))[0]


def age(path: Path, seconds: float = DAY_AGO_S) -> Path:
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def flip(path: Path) -> None:
    """Changes one byte in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def to_repair(root: Path) -> list[tuple[ProblemKind, str]]:
    return [(problem.kind, problem.name) for problem in verify(Store.open(root)).to_repair]
