"""Checks the architecture: rooms import in one direction, without cycles; each library is used in its room only."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("nightshift", "cli", "jobs", "ops", "storage", "schemas", "sample_site", "bench", "tools")
SOURCES = {
    path.relative_to(ROOT): ast.parse(path.read_text())
    for room in (*ROOMS, "tests")
    for path in sorted((ROOT / room).rglob("*.py"))
}
MODULES = {path: tree for path, tree in SOURCES.items() if path.parts[0] in ROOMS}
MAY_IMPORT = {
    "schemas": {"schemas"},
    "storage": {"storage", "schemas"},
    "ops": {"ops", "schemas"},
    "jobs": {"jobs", "ops", "storage", "schemas"},
    "nightshift": {"nightshift", "jobs", "storage", "schemas"},
    "sample_site": {"sample_site", "ops", "storage", "schemas"},
    "cli": {"cli", "jobs", "storage", "schemas", "sample_site"},  # `nightshift demo` builds the sample site
    "bench": {"bench", "sample_site", "tests", "jobs", "ops", "storage", "schemas"},
    "tools": {"tools", "cli", "jobs", "ops", "storage", "schemas"},
}
LIBRARY_ROOMS = {
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
LONGEST_FILE = 350


def imports(tree: ast.AST) -> Iterator[str]:
    """Yields the full names of everything that a file imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_name(path: Path) -> str:
    """Returns the dotted name of a file's module."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def test_rooms_import_in_one_direction() -> None:
    wrong = [
        f"{path} may not import {name}"
        for path, tree in MODULES.items()
        for name in imports(tree)
        if (room := name.split(".")[0]) in {*MAY_IMPORT, "tests"} and room not in MAY_IMPORT[path.parts[0]]
    ]
    assert not wrong, "\n".join(wrong)


def test_modules_import_without_cycles() -> None:
    names = {module_name(path) for path in MODULES}
    graph = {
        module_name(path): {
            target
            for name in imports(tree)
            if (target := name if name in names else name.rpartition(".")[0]) in names and target != module_name(path)
        }
        for path, tree in MODULES.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


def test_libraries_are_used_in_their_rooms() -> None:
    wrong = [
        f"{path} imports {name}, which belongs to {rooms}"
        for path, tree in MODULES.items()
        for name in imports(tree)
        for library, rooms in LIBRARY_ROOMS.items()
        if f"{name}.".startswith(f"{library}.") and path.parts[0] not in rooms
    ]
    assert not wrong, "\n".join(wrong)


def test_only_storage_opens_data_files() -> None:
    wrong = [
        f"{path} calls {node.func.attr}"
        for path, tree in MODULES.items()
        if path.parts[0] in ("ops", "jobs", "cli")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FILE_CALLS
    ]
    assert not wrong, "\n".join(wrong)


def test_files_are_short_enough_to_read() -> None:
    lines = {path: len((ROOT / path).read_text().splitlines()) for path in SOURCES}
    wrong = [f"{path} has {count} lines" for path, count in lines.items() if count > LONGEST_FILE]
    assert not wrong, f"more than {LONGEST_FILE}: split by subject\n" + "\n".join(wrong)


def test_modules_and_public_definitions_have_docstrings() -> None:
    bare = [f"{path}: the module" for path, tree in MODULES.items() if len(ast.get_docstring(tree) or "") <= 3]
    bare += [
        f"{path}: {node.name}, line {node.lineno}"
        for path, tree in MODULES.items()
        for node in _public(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not bare, "no docstring:\n" + "\n".join(bare)


def _public(tree: ast.Module) -> list[ast.AST]:
    """Returns the functions and classes of a module, and the methods of its public classes that override none."""
    found: list[ast.AST] = list(tree.body)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not node.bases:
            found += node.body
    return found


def test_every_room_has_files() -> None:
    assert {path.parts[0] for path in MODULES} == set(MAY_IMPORT)


def test_one_function_gives_a_camera_its_ground() -> None:
    """Who asks control points alone, knows nothing of a ground that people or depth measure: ``known_ground`` does."""
    allowed = {Path("ops/ground") / name for name in ("places.py", "sources.py", "survey.py")}
    allowed.add(Path("jobs/planning/camera_checks.py"))  # it judges control points
    wrong = [
        f"{path} asks control points for the ground; take known_ground of ops/ground/places.py"
        for path, tree in MODULES.items()
        if path.parts[0] != "bench" and path not in allowed and "ops.ground.homography.ground_plane" in imports(tree)
    ]
    assert not wrong, "\n".join(wrong)
