"""Runs Nightshift in processes that can be killed.

Processes are forked from a server that has the libraries loaded, so that dozens of them are cheap; each one then runs
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
_POLL_S = 0.005
_BUG = 70
_LOADED = ("cli.run", "cli.site", "cli.results", "cli.reprocess", "cli.demo", "cli.maintenance")
_LOADED_WHEN_NEEDED = (
    "ffmpeg",
    "geopandas",
    "imageio_ffmpeg",
    "pyarrow.dataset",
    "pyogrio",
    "rich.progress",
    "trackers",  # and with it scipy and supervision: a second of processor time for each process
)

Job = Callable[[], None]
"""The work of a process; it must be picklable."""

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([*_LOADED, *_LOADED_WHEN_NEEDED])


@dataclass(frozen=True)
class Nightshift:
    """A command line.

    Attributes:
        at: number of the write point to strike; None for none.
        act: the fault.
        counted: file that receives the number of points passed; None if not needed.
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
    """Runs a site's units in one process."""
    return Nightshift(("run", "--site", str(site), "--in-process", "--json"))


def ray_night(site: Path) -> Nightshift:
    """Runs a site's units on an embedded Ray with two workers."""
    return Nightshift(("run", "--site", str(site), "--workers", "2", "--json"))


def compaction(site: Path) -> Nightshift:
    """Compacts a site's store."""
    return Nightshift(("compact", "--site", str(site), "--json"))


def repair(site: Path) -> Nightshift:
    """Repairs a site's store."""
    return Nightshift(("repair", "--site", str(site), "--yes", "--json"))


def purge(site: Path) -> Nightshift:
    """Purges a site's expired results."""
    return Nightshift(("purge", "--site", str(site), "--yes", "--json"))


@dataclass(frozen=True)
class ExitResult:
    """The exit code of a process, negative for a signal, and its output."""

    code: int
    out: str
    err: str


@dataclass
class RunningJob:
    """A running process, the leader of its process group."""

    process: BaseProcess
    log: Path
    began: float = field(default_factory=time.monotonic)

    @property
    def pid(self) -> int:
        """Process id."""
        assert self.process.pid is not None
        return self.process.pid

    def is_running(self) -> bool:
        """Returns whether the process still runs."""
        return self.process.is_alive()

    def kill(self, with_group: bool = False) -> bool:
        """Kills the process, with or without its group. Returns False if it had ended already."""
        if not self.is_running():
            return False
        (os.killpg if with_group else os.kill)(self.pid, signal.SIGKILL)
        return self.end().code == -signal.SIGKILL

    def kill_after(self, delay_s: float, with_group: bool = False) -> bool:
        """Kills the process after a delay. Returns False if it had ended by then."""
        self.wait_for(lambda: False, delay_s)
        return self.kill(with_group)

    def wait_for(self, happened: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
        """Waits for a condition. Returns False if the process ends first, or after ``patience_s``."""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            if happened():
                return True
            if not self.is_running():
                return happened()
            time.sleep(_POLL_S)
        return False

    def end(self) -> ExitResult:
        """Waits until the process ends."""
        self.process.join(PATIENCE_S)
        code = self.process.exitcode
        if code is None:
            self.kill(with_group=True)
            raise TimeoutError(f"a process did not end in {PATIENCE_S:.0f} s; {self.log}.err says what it printed")
        out, err = (self.log.with_suffix(suffix).read_text() for suffix in (".out", ".err"))
        return ExitResult(code, out, err)


def start_job(job: Job, log: Path) -> RunningJob:
    """Starts a process, and returns when it begins its work.

    Args:
        log: path without suffix; output goes to ``.out`` and ``.err``.
    """
    for suffix in (".out", ".err"):
        log.with_suffix(suffix).unlink(missing_ok=True)
    process = _forks.Process(target=_do, args=(job, str(log)))
    process.start()
    started = RunningJob(process, log)
    started.wait_for(log.with_suffix(".err").exists)
    started.began = time.monotonic()
    return started


def run_job(job: Job, log: Path) -> ExitResult:
    """Starts a process and waits until it ends."""
    return start_job(job, log).end()


def children_of(pid: int) -> Mapping[int, str]:
    """Returns the descendants of a process, with their command lines."""
    found: dict[int, str] = {}
    waiting = [pid]
    while waiting:
        for listed in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                for child in map(int, listed.read_text().split()):
                    found[child] = _command_of(child)
                    waiting.append(child)
    return found


def kill_process(pid: int) -> bool:
    """Kills a process. Returns False if it had ended already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def stop_processes(known: Mapping[int, str], patience_s: float) -> None:
    """Waits until orphaned processes have ended, and kills those that do not."""

    def left() -> list[int]:
        return [pid for pid, command in known.items() if command and _command_of(pid) == command]

    until = time.monotonic() + patience_s
    while left() and time.monotonic() < until:
        time.sleep(_POLL_S)
    for pid in left():
        kill_process(pid)


def _do(job: Job, log: str) -> None:
    """Redirects the output of a forked process and runs its job."""
    os.setsid()  # its own group, so that `kill(with_group=True)` reaches the processes that it starts
    os.fsync = lambda fd: None  # no test cuts the power
    for stream, suffix in ((1, ".out"), (2, ".err")):
        descriptor = os.open(f"{log}{suffix}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(descriptor, stream)
        os.close(descriptor)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    try:
        job()
    except Exception:  # noqa: BLE001  the waiting process reads it
        traceback.print_exc()
        raise SystemExit(_BUG) from None
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _command_of(pid: int) -> str:
    """Returns a process's command line; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""
