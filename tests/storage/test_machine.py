"""CPUs and memory that a process may use, with control groups of both versions as containers and services show them."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from storage.machine import home_folder, require_home, usable_cpus, usable_memory_bytes

GIB = 2**30


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Makes a machine of 64 CPUs and 256 GiB with the given files below its root."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))

    def make(files: dict[str, str]) -> Path:
        for name, text in {"proc/meminfo": f"MemTotal: {256 * GIB // 1024} kB\n", **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return make


V2 = "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
V1_CPU = "32 31 0:29 {} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
V1_MEMORY = "33 31 0:30 {} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
V1_GROUPS = "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n"


def test_without_control_groups_it_is_the_affinity_and_all_memory(machine):
    assert (usable_cpus(machine({})), usable_memory_bytes(machine({}))) == (64, 256 * GIB)


def test_version_2_limits_of_the_group_and_of_its_parents_hold(machine):
    root = machine(
        {
            "proc/self/cgroup": "0::/system.slice/night.service\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/system.slice/night.service/cpu.max": "max 100000\n",
            "sys/fs/cgroup/system.slice/cpu.max": "350000 100000\n",
            "sys/fs/cgroup/system.slice/night.service/memory.max": f"{8 * GIB}\n",
            "sys/fs/cgroup/system.slice/memory.max": "max\n",
        }
    )
    assert (usable_cpus(root), usable_memory_bytes(root)) == (4, 8 * GIB)


def test_a_container_of_version_2_sees_its_group_as_the_root(machine):
    root = machine(
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/cpu.max": "50000 100000\n",
            "sys/fs/cgroup/memory.max": f"{2 * GIB}\n",
        }
    )
    assert (usable_cpus(root), usable_memory_bytes(root)) == (1, 2 * GIB)


@pytest.mark.parametrize(("shown", "place"), [("/", "docker/abc/"), ("/docker/abc", "")])
def test_version_1_on_the_machine_and_in_a_container(machine, shown, place):
    root = machine(
        {
            "proc/self/cgroup": V1_GROUPS,
            "proc/self/mountinfo": V1_CPU.format(shown) + V1_MEMORY.format(shown),
            f"sys/fs/cgroup/cpu,cpuacct/{place}cpu.cfs_quota_us": "200000\n",
            f"sys/fs/cgroup/cpu,cpuacct/{place}cpu.cfs_period_us": "100000\n",
            f"sys/fs/cgroup/memory/{place}memory.limit_in_bytes": f"{4 * GIB}\n",
        }
    )
    assert (usable_cpus(root), usable_memory_bytes(root)) == (2, 4 * GIB)


def test_version_1_without_limits(machine):
    root = machine(
        {
            "proc/self/cgroup": V1_GROUPS,
            "proc/self/mountinfo": V1_CPU.format("/") + V1_MEMORY.format("/"),
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "9223372036854771712\n",
        }
    )
    assert (usable_cpus(root), usable_memory_bytes(root)) == (64, 256 * GIB)


@pytest.mark.skipif(shutil.which("taskset") is None, reason="needs taskset")
def test_affinity_counts():
    cpu = str(min(os.sched_getaffinity(0)))
    command = ["taskset", "-c", cpu, sys.executable, "-c", "from storage.machine import *; print(usable_cpus())"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert ended.stdout.strip() == "1"


def test_an_account_without_a_home_gets_a_private_one(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    require_home()
    assert home_folder() == tmp_path and os.environ["HOME"] == str(tmp_path)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as where no account has this number
    assert home_folder() is None
    require_home()
    assert Path(os.environ["HOME"]).stat().st_mode & 0o777 == 0o700


FREES = """
import resource
from storage.machine import reuse_freed_memory
reuse_freed_memory()
faults = []
for _ in range(20):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    picture = b"x" * 24_000_000
    del picture
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(max(faults[1:]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has this setting")
def test_a_picture_takes_the_memory_of_the_one_before_it():
    ended = subprocess.run([sys.executable, "-c", FREES], capture_output=True, text=True, check=True)
    assert int(ended.stdout) < 100, "each of its 5,860 pages was cleared again"
