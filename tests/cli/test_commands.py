"""The command line loads what a command needs, and not more."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.commands import COMMANDS, GROUPS, Command

SLOW = ["ray", "torch", "torchvision", "ultralytics", "transformers", "openvino", "onnxruntime", "cv2", "scipy", "av",
        "geopandas", "shapely", "pyogrio", "pandas", "ops", "jobs.planning.configure"]  # fmt: skip
"""Modules that take long to load, or load others that do."""

PROGRAM = """
import sys
from cli.main import main
try:
    main()
except SystemExit as end:
    code = end.code
loaded = [name for name in {names!r} if name in sys.modules]
print("loaded", *loaded, file=sys.stderr)
sys.exit(code)
"""


def loaded(names: list[str], *arguments: object) -> set[str]:
    """Runs a command in a new process, and returns which of the modules it has loaded."""
    command = [sys.executable, "-c", PROGRAM.format(names=names), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr  # 1: a file of the site is cut off
    *_, last = done.stderr.splitlines()
    first, *found = last.split()
    assert first == "loaded"
    return set(found)


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_loads_no_libraries(argument: str) -> None:
    assert loaded([*SLOW, "pyarrow", "duckdb", "numpy", "pydantic", "pyproj"], argument) == set()


@pytest.mark.parametrize("query", ["SELECT 1", "SELECT count(*) FROM counts", "SHOW TABLES"])
def test_a_query_loads_neither_ops_nor_gis_libraries(used_site: Path, query: str) -> None:
    # DuckDB itself loads pandas where a query reads files, whose names a Python function tells it.
    allowed = {"pandas"} if "counts" in query else set()
    assert loaded([*SLOW, "pyproj", "fsspec", "rich.progress"], "sql", query, "--site", used_site) <= allowed


@pytest.mark.parametrize("query", ["SELECT x_m FROM cameras", "SELECT * FROM features"])
def test_a_query_of_places_checks_the_crs(used_site: Path, query: str) -> None:
    file = used_site / "site.toml"
    file.write_text(file.read_text().replace('crs = "EPSG:28992"', 'crs = "EPSG:4326"'))
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "sql", query, "--site", used_site],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    line = file.read_text().splitlines().index('crs = "EPSG:4326"') + 1
    assert f"line {line}" in done.stderr and "is not projected" in done.stderr


def test_garbage_is_collected_again_once_a_command_is_loaded() -> None:
    program = "import gc; from cli.main import run_cli; gc.disable(); run_cli(['--version']); print(gc.isenabled())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"


EVERY = COMMANDS | {f"{word} {name}": each for word, group in GROUPS.items() for name, each in group.commands.items()}


@pytest.mark.parametrize("command", EVERY.values(), ids=EVERY)
def test_the_list_of_commands_has_the_words_of_each_command(command: Command) -> None:
    function = command.load()
    assert function.__name__ == command.function
    assert command.summary() == (function.__doc__ or "").strip() != ""


def test_nothing_to_do_loads_no_networks(used_site: Path) -> None:
    networks = ["ray", "torch", "ultralytics", "transformers", "openvino", "onnxruntime", "scipy"]
    assert loaded(networks, "run", "--site", used_site, "--json") == set()
