"""Links that lead out of a store: what lies there is read, and neither deleted nor changed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.blobs.remote import RemoteBlobs
from storage.maintenance.links import find_outward_links
from storage.maintenance.repair import repair
from storage.maintenance.verify import verify
from storage.store.store import Store
from tests.storage.maintenance.attacking import tree


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


def _link_of_the_table(root: Path, outside: Path) -> None:
    (root / "detections").rename(outside / "detections")
    (root / "detections").symlink_to(outside / "detections")


def _link_of_the_day(root: Path, outside: Path) -> None:
    folder = root / "detections/camera=gate/date=2026-01-30"
    folder.rename(outside / "day")
    folder.symlink_to(outside / "day")


@pytest.mark.slow
@pytest.mark.parametrize("link", [_link_of_the_table, _link_of_the_day])
def test_nothing_behind_a_link_is_deleted_or_changed(
    root: Path, outside: Path, link: Callable[[Path, Path], None]
) -> None:
    link(root, outside)
    for path in outside.rglob("*.parquet"):
        path.write_bytes(b"altered")
        path.chmod(0o644)
        os.utime(path, (0, 0))
    before = tree(outside)
    store = Store.open(root)
    (problem,) = find_outward_links(store)
    assert problem in verify(store).to_repair
    assert problem.name.startswith("detections") and "leads out of the store" in problem.detail
    with pytest.raises(OSError, match="a link leads from"):
        repair(store)
    assert tree(outside) == before
    assert {path.stat().st_mode & 0o777 for path in outside.rglob("*.parquet")} == {0o644}


def test_links_within_the_store_and_object_stores(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    store.blobs.write("runs/a", b"1")
    (tmp_path / "store/inside").symlink_to("runs")
    (tmp_path / "store/broken").symlink_to("nowhere")
    assert find_outward_links(store) == [] == find_outward_links(Store(RemoteBlobs("memory://bucket")))
    (tmp_path / "store/runs/out").symlink_to("../../other")
    assert [problem.name for problem in find_outward_links(store)] == ["runs/out"]
