"""What all tests share."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from cli.main import run_cli
from sample_site import TINY, build_sample_site

settings.register_profile("no clock", settings.get_profile("default"), deadline=None)
settings.load_profile("no clock")  # machines are noisy: no test asserts a time


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--long``: tests that look for rare orders of events look for minutes, not for seconds."""
    parser.addoption("--long", action="store_true", help="look longer for rare orders of events")


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether tests may take minutes."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session", autouse=True)
def no_sync() -> Iterator[None]:
    """Does not wait for the disk at each file, which is most of the time of many tests: nobody cuts the power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real footage, ground truth and weights; the test is skipped where there is none."""
    folder = Path(os.environ.get("NIGHTSHIFT_ASSETS", Path(__file__).parents[2] / "shared" / "assets"))
    if not folder.is_dir():
        pytest.skip(f"no real material at {folder}: set NIGHTSHIFT_ASSETS to run this")
    return folder


@pytest.fixture(scope="session", autouse=True)
def no_weights_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests see no weights but their own, whatever this user has."""
    os.environ.pop("NIGHTSHIFT_MODELS", None)
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@dataclass(frozen=True)
class Said:
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


Nightshift = Callable[..., Said]


@pytest.fixture
def nightshift(capsys: pytest.CaptureFixture[str]) -> Nightshift:
    """Runs a command line in this process: ``nightshift("scan", "--site", folder)``."""

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        code = run_cli([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny sample site, before any night. Not to be changed: copy it."""
    root = tmp_path_factory.mktemp("sample") / "site"
    build_sample_site(root, spec=TINY)
    return root


@pytest.fixture(scope="session")
def night_site(built_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny sample site after a night in this process. Not to be changed: copy it."""
    root = tmp_path_factory.mktemp("night") / "site"
    shutil.copytree(built_site, root)
    assert run_cli(["run", "--site", str(root), "--in-process", "--json"]) == 1, "one file is cut off"
    return root


@pytest.fixture
def fresh_site(built_site: Path, tmp_path: Path) -> Path:
    """A copy of the tiny sample site, to do anything with."""
    return Path(shutil.copytree(built_site, tmp_path / "site"))


@pytest.fixture
def used_site(night_site: Path, tmp_path: Path) -> Path:
    """A copy of the tiny sample site after its night, to do anything with."""
    return Path(shutil.copytree(night_site, tmp_path / "site"))
