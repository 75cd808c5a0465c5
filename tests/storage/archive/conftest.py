"""Archives of one small clip, for tests of scans."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.archive import scan as scan_module
from tests.storage.archive.scanned import OLD_NS, settle
from tests.support import clips


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    return clips.write_clip(folder / "good.mp4", clips.steady_pts(60), options={"movflags": "faststart"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "archive" / "door").mkdir(parents=True)
    return tmp_path / "archive"


@pytest.fixture
def put(folder: Path, good: Path) -> Callable[..., Path]:
    def copy(name: str, mtime_ns: int = OLD_NS) -> Path:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(good, folder / name)
        return settle(folder / name, mtime_ns)

    return copy


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of files that were hashed or probed."""
    done: list[str] = []

    def noted(name: str) -> None:
        inner = getattr(scan_module, name)
        monkeypatch.setattr(
            scan_module, name, lambda path, *more: (done.append(f"{name} {path.name}"), inner(path, *more))[1]
        )

    noted("sha256_file")
    noted("probe")
    return done
