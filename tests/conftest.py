"""Fixtures shared by all tests: the sample site before and after a run, the command line, the real material."""

import gc
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import settings

from cli.main import run_cli
from sample_site import TINY, build_sample_site
from tests.support.shared import build_once
from tests.support.small_site import SMALL

# No test asserts a time: machines are noisy. The same code is tested with the same examples on every machine;
# --hypothesis-profile=search looks for others.
settings.register_profile("search", deadline=None, print_blob=True)
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, max_examples=40)
settings.register_profile("long", settings.get_profile("repeatable"), max_examples=100)
settings.load_profile("repeatable")


# Thousands of tests are collected that all stay: the garbage collector would search them again and again in vain.
gc.disable()


def pytest_collection_finish() -> None:
    """Turns the garbage collector on again, which leaves out what exists by now."""
    gc.freeze()
    gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--long``: tests that search for rare orders of events take minutes instead of seconds."""
    parser.addoption("--long", action="store_true", help="search longer for rare orders of events")


def pytest_configure(config: pytest.Config) -> None:
    """Tries more examples of each property with ``--long``."""
    if config.getoption("--long"):
        settings.load_profile("long")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts test files: those with Ray or real footage come first, then those with many slow tests.

    With ``--no-loadscope-reorder`` the processes take files in this order, so that no long one is left for the end.
    """
    heavy = Counter(item.path for item in items for mark in item.iter_markers() if mark.name in ("ray", "assets"))
    slow = Counter(item.path for item in items for mark in item.iter_markers("slow"))
    items.sort(key=lambda item: (heavy[item.path] == 0, -slow[item.path]))


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether tests that search for rare orders of events may take minutes."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session", autouse=True)
def no_sync() -> Iterator[None]:
    """Replaces ``os.fsync``, which is most of the time of many tests, with a no-op: no test cuts the power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def unhashed_extension() -> Iterator[None]:
    """Lets DuckDB load the spatial extension without a check of its signature, for which it hashes 81 MB in 0.3 s.

    ``tests/storage/sql/test_macros.py`` loads it with the check.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", partial(duckdb.connect, config={"allow_unsigned_extensions": True}))
        yield


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real footage, ground truth and weights; without it the test is skipped."""
    folder = Path(os.environ.get("NIGHTSHIFT_ASSETS", Path(__file__).parents[2] / "shared" / "assets"))
    if not folder.is_dir():
        pytest.skip(f"no real material at {folder}: set NIGHTSHIFT_ASSETS to run this")
    return folder


@pytest.fixture(scope="session", autouse=True)
def no_user_weights(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hides the user's own weights from all tests."""
    os.environ.pop("NIGHTSHIFT_MODELS", None)
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@dataclass(frozen=True)
class CommandResult:
    """Exit code and output of a command line."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The standard output, as JSON."""
        return json.loads(self.out)


Nightshift = Callable[..., CommandResult]


@pytest.fixture
def nightshift(capsys: pytest.CaptureFixture[str]) -> Nightshift:
    """Runs a command line in this process, as in ``nightshift("scan", "--site", folder)``."""

    def run(*arguments: object) -> CommandResult:
        capsys.readouterr()
        code = run_cli([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return CommandResult(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of this run's processes together."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def built_site(shared_folder: Path) -> Path:
    """The tiny sample site before any run, built once for all processes. Tests copy it and never change it."""
    return build_once(shared_folder / "sample" / "site", lambda root: build_sample_site(root, spec=TINY))


@pytest.fixture(scope="session")
def night_site(built_site: Path, shared_folder: Path) -> Path:
    """The tiny sample site after a run in one process, for all. Tests copy it and never change it."""

    def run(root: Path) -> None:
        shutil.copytree(built_site, root)
        assert run_cli(["run", "--site", str(root), "--in-process", "--json"]) == 1, "one file is cut off"

    return build_once(shared_folder / "night" / "site", run)


@pytest.fixture(scope="session")
def built_small_site(shared_folder: Path) -> Path:
    """A site of one camera before any run, built once for all processes. Tests copy it and never change it."""
    return build_once(shared_folder / "small" / "site", lambda root: build_sample_site(root, spec=SMALL))


@pytest.fixture(scope="session")
def small_night(built_small_site: Path, shared_folder: Path) -> Path:
    """The site of one camera after a run in one process, for all. Tests copy it and never change it."""

    def run(root: Path) -> None:
        shutil.copytree(built_small_site, root)
        assert run_cli(["run", "--site", str(root), "--in-process", "--json"]) == 0

    return build_once(shared_folder / "small-night" / "site", run)


@pytest.fixture
def small_site(built_small_site: Path, tmp_path: Path) -> Path:
    """A copy of the site of one camera, free to change: for tests that run a night and do not ask what is in it."""
    return Path(shutil.copytree(built_small_site, tmp_path / "site"))


@pytest.fixture
def fresh_site(built_site: Path, tmp_path: Path) -> Path:
    """A copy of the tiny sample site, free to change."""
    return Path(shutil.copytree(built_site, tmp_path / "site"))


@pytest.fixture
def used_site(night_site: Path, tmp_path: Path) -> Path:
    """A copy of the tiny sample site after its run, free to change."""
    return Path(shutil.copytree(night_site, tmp_path / "site"))
