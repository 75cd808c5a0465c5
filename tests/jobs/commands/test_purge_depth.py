"""Rasters of depth go with their rows, unless they are held, and nothing of them is left."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.maintenance.holds import Hold, Release, write_hold, write_release
from storage.maintenance.tombstones import purges_table
from storage.maintenance.verify import verify
from storage.store.store import Store
from tests.jobs.commands.purging import NOW, purged, store_of
from tests.storage.maintenance.test_depth_files import put_rasters, put_rasters_of_a_killed_worker
from tests.storage.rows import CAMERA, receipts_of

DAY = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "archive").mkdir()
    store = Store.create(tmp_path / "store")
    put_rasters(store)
    return tmp_path


def test_rasters_go_with_footage_and_so_does_what_killed_workers_left(root: Path) -> None:
    put_rasters_of_a_killed_worker(store_of(root))
    assert len(purged(root, {"footage_days": 1}).named) == 1
    assert list((root / "store").rglob("*.zip")) == [] and receipts_of(store_of(root)) == []
    assert verify(store_of(root)).to_repair == []
    (row,) = purges_table(store_of(root)).to_pylist()
    assert (row["rule"], row["what"], row["units"]) == ("footage_days = 1", "tables", 1)
    assert row["files"] == 2, "the rows, and the file that they name"


def test_rasters_within_their_limit_stay(root: Path) -> None:
    assert purged(root, {"footage_days": 2, "tables_days": 30}).named == ()
    assert verify(store_of(root)).problems == ()


def test_rasters_that_are_held_stay_until_they_are_released(root: Path) -> None:
    store = store_of(root)
    write_hold(store, Hold("h1", NOW, "ada", CAMERA, DAY, NOW, "a theft"))
    assert purged(root, {"footage_days": 1}).named == () and list((root / "store").rglob("*.zip"))
    write_release(store, Release("h1", NOW, "ada", "settled"))
    assert len(purged(root, {"footage_days": 1}).named) == 1
