import shutil
from pathlib import Path

import pytest

from storage.blobs import LocalBlobs
from storage.maintenance.compaction import compact
from storage.store.store import Store
from tests.storage.maintenance.compacting import MANY, Again, put_unit
from tests.storage.small_store import night


@pytest.fixture
def store(tmp_path: Path, no_sync: None) -> Store:
    return Store(LocalBlobs(tmp_path / "store"))


@pytest.fixture
def base(tmp_path: Path) -> Store:
    """A small store: a past month and a day that are merged, then a unit of each done anew, and another beside it."""
    store = Store(LocalBlobs(tmp_path / "base"))
    for day in ("2026-02-28", "2026-03-02"):
        for unit in "ab":
            put_unit(store, unit, day)
    compact(store)
    for day in ("2026-02-28", "2026-03-02"):
        put_unit(store, "b", day, version=1)
    put_unit(store, "c")
    return store


@pytest.fixture
def again(base: Store, tmp_path: Path) -> Again:
    """Makes a new copy of the small store."""
    copies = iter(range(10 * MANY))

    def copy() -> Store:
        folder = tmp_path / f"copy-{next(copies)}"
        shutil.copytree(base.blobs.url, folder)
        return Store(LocalBlobs(folder))

    return copy


@pytest.fixture
def step(long: bool) -> int:
    """Of how many moments one is tried, where others are tried in full."""
    return 1 if long else 4


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("verify") / "store"
    night(Store.create(root))
    return root


@pytest.fixture
def root(undisturbed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(undisturbed, tmp_path / "store"))


@pytest.fixture
def compacted(root: Path) -> Path:
    compact(Store.open(root), grace_h=0)
    return root
