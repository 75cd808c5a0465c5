"""What this process may use of its machine: CPUs and memory, by affinity and control groups; its home.

A container or a systemd service often gets a part of its machine. Counts of the whole machine start workers that wait
for each other, or that the kernel kills for their memory.
"""

import ctypes
import math
import os
import platform
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from storage.files import private_scratch

_ROOT = Path("/")
_V1_UNLIMITED = 2**60
"""Version 1 writes "no limit" as the largest multiple of the page size."""

REUSED_BYTES = 32_000_000
"""Blocks of up to this size are taken from memory that was freed: as much as glibc allows, five frames of 1920x1080."""

KEPT_BYTES = 64_000_000
"""Freed memory that a process keeps at most at the end of its heap."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of <malloc.h>


def usable_cpus(root: Path = _ROOT) -> int:
    """Returns the number of CPUs that this process may use, at least 1; part of one counts as one.

    Args:
        root: where ``/proc`` and ``/sys`` are; tests give their own.
    """
    cpus = [float(len(os.sched_getaffinity(0)))]
    for folder in _control_groups(root, "cpu"):
        quota = _words(folder / "cpu.max")  # version 2: "QUOTA PERIOD", or "max PERIOD"
        if not quota:
            quota = _words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us")
        if len(quota) == 2 and quota[0].isdigit():  # "max" and "-1" are no limit
            cpus.append(int(quota[0]) / int(quota[1]))
    return max(1, math.ceil(min(cpus)))


def usable_memory_bytes(root: Path = _ROOT) -> int:
    """Returns the memory that this process and its children may use together.

    Args:
        root: where ``/proc`` and ``/sys`` are; tests give their own.
    """
    limits = [_total_memory_bytes(root)]
    for folder in _control_groups(root, "memory"):
        limit = _words(folder / "memory.max") or _words(folder / "memory.limit_in_bytes")
        if limit and limit[0].isdigit() and int(limit[0]) < _V1_UNLIMITED:
            limits.append(int(limit[0]))
    return min(limits)


def resident_bytes() -> int:
    """Returns the memory that this process holds now."""
    pages = int((_ROOT / "proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def reuse_freed_memory() -> None:
    """Lets this process use freed memory again, in place of giving it back to the system after each frame.

    By default, glibc gives back what is larger than some 100 kB, and the system clears each page before a process gets
    it again: of 1920x1080, that takes as long as the conversion to BGR. Other C libraries are left as they are.
    """
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, REUSED_BYTES)
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)


def home_folder() -> Path | None:
    """Returns this account's home; None where it has none, as services and containers of a bare number do."""
    written = os.path.expanduser("~")  # noqa: PTH111  Path.home raises an error where there is none
    return Path(written) if written != "~" else None


def require_home() -> None:
    """Gives an account without a home one to this process: a private scratch folder. Some libraries need one."""
    if home_folder() is None:
        os.environ["HOME"] = str(private_scratch())


def _total_memory_bytes(root: Path) -> int:
    for line in (root / "proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/meminfo does not say how much memory this machine has")


def _control_groups(root: Path, controller: str) -> Iterator[Path]:
    """Gives the folder of this process's control group and those of its parents, whose limits hold too."""
    groups = {}
    for line in _lines(root / "proc/self/cgroup"):  # "4:cpu,cpuacct:/a/b" in version 1, "0::/a/b" in version 2
        _, controllers, group = line.split(":", 2)
        groups[controllers] = group
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        system, _, options = after.split(" ", 2)
        shown, mount = before.split(" ")[3:5]
        if system == "cgroup2" and "" in groups:
            group = groups[""]
        elif system == "cgroup" and controller in options.split(" ")[-1].split(","):
            group = next((path for names, path in groups.items() if controller in names.split(",")), "/")
        else:
            continue
        yield from _with_parents(root / mount.lstrip("/"), shown, group)


def _with_parents(mount: Path, shown: str, group: str) -> Iterator[Path]:
    """Gives the folders of a group and its parents within a mount that shows the group ``shown`` and those below."""
    path = PurePosixPath(group)
    # A container often sees its own group as the mount, under the name that the group has outside.
    inside = path.relative_to(shown) if path.is_relative_to(shown) else PurePosixPath()
    for part in (inside, *inside.parents):
        if ".." not in part.parts:
            yield mount / part


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []


def _words(path: Path) -> list[str]:
    return path.read_text().split() if path.is_file() else []
