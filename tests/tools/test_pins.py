"""constraints.txt pins all that is installed, with hashes, and what pyproject.toml requires; install.sh obeys."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.pins import CLUSTER, HEADLESS, RUN, TEST, entries, known_versions

ROOT = Path(__file__).parents[2]
PINS = (ROOT / "constraints.txt").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def section(heading: str) -> dict[str, str]:
    return entries(re.split(r"(?m)^# ---.*\n", PINS)[[RUN, CLUSTER, TEST, HEADLESS].index(heading) + 1])


@pytest.mark.parametrize("name", entries(PINS))
def test_every_pin_has_hashes_and_nothing_else(name):
    heads = [line for line in entries(PINS)[name].splitlines() if line[0] != " "]
    hashes = [line for line in entries(PINS)[name].splitlines() if line[0] == " "]
    assert heads and all(re.match(rf"{re.escape(name)}==\S+( ; .+)? \\$", head) for head in heads)
    assert hashes and all(HASH.fullmatch(line) for line in hashes)


@pytest.mark.parametrize("extra", ["", *PROJECT["optional-dependencies"]])
def test_what_the_project_requires_is_pinned_at_a_version_that_it_allows(extra):
    wanted = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    pinned = (
        section(RUN) | (section(CLUSTER) if extra else {}) | (section(TEST) if extra not in ("", "cluster") else {})
    )
    for requirement in map(Requirement, wanted):
        block = pinned[canonicalize_name(requirement.name)]
        version = block.split()[0].split("==")[1]
        assert requirement.specifier.contains(version), requirement


def test_ray_has_an_upper_bound_since_its_private_settings_are_used():
    ray = next(Requirement(each) for each in PROJECT["dependencies"] if each.startswith("ray"))
    assert ray.specifier.contains("2.60.0") and not ray.specifier.contains("2.61.0")


def test_a_package_with_two_entries_keeps_their_markers():
    heads = ["a==1 ; python_version < '3.12'", "a==2 ; python_version >= '3.12'", "b==3"]
    assert known_versions("".join(f"{head} \\\n    --hash=x\n" for head in heads)) == heads


STUB = """#!/bin/sh
case "$*" in
*pins.txt*) for last; do :; done; echo "$*" >> "$LOG"; cat "$last" >> "$LOG" ;;
*) echo "$*" >> "$LOG" ;;
esac
"""


def test_install_lists_exactly_one_section_and_demands_hashes(tmp_path):
    log, venv = tmp_path / "log", tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    for name in ("python", "uv"):
        (venv / "bin" / name).write_text(STUB)
        (venv / "bin" / name).chmod(0o755)

    def installed(what: str) -> str:
        log.unlink(missing_ok=True)
        environment = os.environ | {"LOG": str(log)}
        command = ["sh", str(ROOT / "tools" / "install.sh"), str(venv), what]
        subprocess.run(command, check=True, cwd=ROOT, env=environment)
        return log.read_text()

    run, cluster, test = map(installed, ("run", "cluster", "test"))
    assert set(entries(section_of(run))) == set(section(RUN)) - {"opencv-python"}
    on_cluster = set(section(RUN)) | set(section(CLUSTER))
    assert set(entries(section_of(cluster))) == on_cluster - {"opencv-python"}
    assert set(entries(section_of(test))) == (on_cluster | set(section(TEST))) - {"opencv-python"}
    downloads = [line for line in run.splitlines() if " install " in line and "-e ." not in line]
    assert downloads and all("--require-hashes" in line for line in downloads)


def section_of(log: str) -> str:
    return "\n".join(line for line in log.splitlines() if "==" in line or line.startswith("    --hash"))
