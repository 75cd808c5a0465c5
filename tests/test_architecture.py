"""The house holds: arrows between rooms point one way, and each library lives in its room."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = {
    path.relative_to(ROOT): ast.parse(path.read_text())
    for room in ("nightshift", "cli", "jobs", "ops", "storage", "schemas", "sample_site", "bench", "tools")
    for path in sorted((ROOT / room).rglob("*.py"))
}
MAY_IMPORT = {
    "schemas": {"schemas"},
    "storage": {"storage", "schemas"},
    "ops": {"ops", "schemas"},
    "jobs": {"jobs", "ops", "storage", "schemas"},
    "nightshift": {"nightshift", "jobs", "storage", "schemas"},
    "sample_site": {"sample_site", "ops", "storage", "schemas"},
    "cli": {"cli", "jobs", "storage", "schemas", "sample_site"},  # sample_site is what `nightshift demo` shows
    "bench": {"bench", "sample_site", "tests", "jobs", "ops", "storage", "schemas"},
    "tools": {"tools", "cli", "jobs", "ops", "storage", "schemas"},
}
LIVES_IN = {
    "ray": {"jobs"},
    "typer": {"cli", "tools"},
    "av": {"storage", "sample_site", "bench"},
    "ffmpeg": {"storage"},
    "imageio_ffmpeg": {"storage"},
    "pyarrow.parquet": {"storage"},
    "pyarrow.dataset": {"storage"},
    "pyogrio": {"storage"},
}
FILE_CALLS = {"read_file", "to_file", "read_parquet", "to_parquet", "VideoCapture", "VideoWriter", "imread", "imwrite"}
LONGEST_FILE = 400


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of all that a file imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_rooms_import_in_one_direction(path: Path) -> None:
    wrong = [
        name
        for name in imports(SOURCES[path])
        if (top := name.split(".")[0]) in MAY_IMPORT and top not in MAY_IMPORT[path.parts[0]]
    ]
    assert not wrong, f"{path} may not import {wrong}"


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_libraries_live_in_their_rooms(path: Path) -> None:
    for name in imports(SOURCES[path]):
        for library, rooms in LIVES_IN.items():
            if f"{name}.".startswith(f"{library}."):
                assert path.parts[0] in rooms, f"{path} imports {name}, which belongs to {rooms}"


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parts[0] in ("ops", "jobs", "cli")], ids=str)
def test_files_of_data_are_opened_in_storage_only(path: Path) -> None:
    calls = [node.func for node in ast.walk(SOURCES[path]) if isinstance(node, ast.Call)]
    wrong = [call.attr for call in calls if isinstance(call, ast.Attribute) and call.attr in FILE_CALLS]
    assert not wrong, f"{path} calls {wrong}"


@pytest.mark.parametrize("path", sorted(SOURCES), ids=str)
def test_a_file_is_short_enough_to_be_read(path: Path) -> None:
    lines = len((ROOT / path).read_text().splitlines())
    assert lines <= LONGEST_FILE, f"{path} has {lines} lines: look for the wall"


def test_every_room_has_files() -> None:
    assert {path.parts[0] for path in SOURCES} == set(MAY_IMPORT)
