"""Nightshift as a program in a process of its own, which can be killed.

Processes are forked from a server that has the libraries loaded, so that dozens of them cost little; each then runs
``python -m cli.main`` from its first line.
"""

import multiprocessing
import os
import runpy
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.support.faults.points import Act, WritePoints, full_disk

PATIENCE_S = 300.0
_LOOK_S = 0.005
_BUG = 70
_LOADED = ("cli.run", "cli.site", "cli.results", "cli.reprocess", "cli.demo", "cli.maintenance")
_LOADED_WHEN_NEEDED = ("ffmpeg", "geopandas", "imageio_ffmpeg", "pyarrow.dataset", "pyogrio", "rich.progress")

Job = Callable[[], None]
"""What a process does; it pickles."""

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([*_LOADED, *_LOADED_WHEN_NEEDED])


@dataclass(frozen=True)
class Nightshift:
    """A command line.

    Attributes:
        at: number of the write point at which something happens; None for none.
        act: what happens there.
        counted: file for the number of points that were passed; None where nobody asks.
    """

    arguments: tuple[str, ...]
    at: int | None = None
    act: Act = full_disk
    counted: Path | None = None

    def __call__(self) -> None:
        points = WritePoints(self.at, self.act)
        sys.argv = ["nightshift", *self.arguments]
        try:
            with points.watched():
                runpy.run_module("cli.main", run_name="__main__", alter_sys=True)
        finally:
            if self.counted is not None:
                self.counted.write_text(str(points.passed))


def night(site: Path) -> Nightshift:
    """The night of a site, in one process."""
    return Nightshift(("run", "--site", str(site), "--in-process", "--json"))


def ray_night(site: Path) -> Nightshift:
    """The night of a site, on an embedded Ray with two workers."""
    return Nightshift(("run", "--site", str(site), "--workers", "2", "--json"))


def compaction(site: Path) -> Nightshift:
    """Compacts a site's store."""
    return Nightshift(("compact", "--site", str(site), "--json"))


def repair(site: Path) -> Nightshift:
    """Repairs a site's store."""
    return Nightshift(("repair", "--site", str(site), "--yes", "--json"))


def purge(site: Path) -> Nightshift:
    """Deletes what is past its time at a site."""
    return Nightshift(("purge", "--site", str(site), "--yes", "--json"))


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, negative for a signal, and what it printed."""

    code: int
    out: str
    err: str


@dataclass
class Started:
    """A process at work, the first of its own group."""

    process: BaseProcess
    log: Path
    began: float = field(default_factory=time.monotonic)

    @property
    def pid(self) -> int:
        """Its number."""
        assert self.process.pid is not None
        return self.process.pid

    def lives(self) -> bool:
        """Whether it is still at work."""
        return self.process.is_alive()

    def kill(self, with_group: bool = False) -> bool:
        """Kills it -9, with the processes that it started or without. False if it had ended already."""
        if not self.lives():
            return False
        (os.killpg if with_group else os.kill)(self.pid, signal.SIGKILL)
        return self.end().code == -signal.SIGKILL

    def kill_after(self, delay_s: float, with_group: bool = False) -> bool:
        """Kills it at a moment after it began to work; False if it had ended by then."""
        self.wait_for(lambda: False, delay_s)
        return self.kill(with_group)

    def wait_for(self, happened: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
        """Waits until something has happened; False if the process ended before, or it takes too long."""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            if happened():
                return True
            if not self.lives():
                return happened()
            time.sleep(_LOOK_S)
        return False

    def end(self) -> Ended:
        """Waits until it ends."""
        self.process.join(PATIENCE_S)
        code = self.process.exitcode
        if code is None:
            self.kill(with_group=True)
            raise TimeoutError(f"a process did not end in {PATIENCE_S:.0f} s; {self.log}.err says what it printed")
        out, err = (self.log.with_suffix(suffix).read_text() for suffix in (".out", ".err"))
        return Ended(code, out, err)


def start(job: Job, log: Path) -> Started:
    """Starts a process, and comes back when it begins with its work.

    Args:
        log: path without suffix; what is printed goes to ``.out`` and ``.err``.
    """
    for suffix in (".out", ".err"):
        log.with_suffix(suffix).unlink(missing_ok=True)
    process = _forks.Process(target=_do, args=(job, str(log)))
    process.start()
    started = Started(process, log)
    started.wait_for(log.with_suffix(".err").exists)
    started.began = time.monotonic()
    return started


def do(job: Job, log: Path) -> Ended:
    """Starts a process and waits until it ends."""
    return start(job, log).end()


def children_of(pid: int) -> Mapping[int, str]:
    """Processes below one, at any depth, with their command lines."""
    found: dict[int, str] = {}
    waiting = [pid]
    while waiting:
        for listed in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended while this one looked
                for child in map(int, listed.read_text().split()):
                    found[child] = _command_of(child)
                    waiting.append(child)
    return found


def kill_process(pid: int) -> bool:
    """Kills one process -9; False if it had ended already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def stop_processes(known: Mapping[int, str], patience_s: float) -> None:
    """Waits until processes have ended that were left without a parent, and kills those that will not."""

    def left() -> list[int]:
        return [pid for pid, command in known.items() if command and _command_of(pid) == command]

    until = time.monotonic() + patience_s
    while left() and time.monotonic() < until:
        time.sleep(_LOOK_S)
    for pid in left():
        kill_process(pid)


def _do(job: Job, log: str) -> None:
    """The first thing that a forked process does."""
    os.setsid()
    for stream, suffix in ((1, ".out"), (2, ".err")):
        descriptor = os.open(f"{log}{suffix}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(descriptor, stream)
        os.close(descriptor)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    try:
        job()
    except Exception:  # noqa: BLE001  whoever waits for this process reads it
        traceback.print_exc()
        raise SystemExit(_BUG) from None
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _command_of(pid: int) -> str:
    """Its command line; empty where there is no such process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""
