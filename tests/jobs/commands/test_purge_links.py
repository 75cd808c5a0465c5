"""A purge deletes nothing outside the archive, whatever links and rows say."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.commands.purge import PurgePlan, apply_purge, plan_purge
from storage.blobs import LocalBlobs
from storage.maintenance.retention import ArchiveFiles
from storage.store.store import Store
from tests.jobs.commands.purging import ALL, NOW, OLD, purged, site_with, store_of
from tests.storage.small_store import fill_archive, footage_path, night

pytestmark = pytest.mark.slow


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A site with two days past their limit."""
    fill_archive(tmp_path / "site/archive")
    night(Store.create(tmp_path / "site/store"), OLD)
    return tmp_path / "site"


def _link_of_a_camera(archive: Path, outside: Path) -> Path:
    (archive / "gate").rename(outside / "gate")
    (archive / "gate").symlink_to(outside / "gate")
    return outside / "gate" / OLD[0] / "f1.mp4"


def _link_of_a_date(archive: Path, outside: Path) -> Path:
    (archive / "gate" / OLD[0]).rename(outside / "day")
    (archive / "gate" / OLD[0]).symlink_to(Path("../../outside/day"))
    return outside / "day/f1.mp4"


def _link_of_a_file(archive: Path, outside: Path) -> Path:
    (archive / "gate" / OLD[0] / "f1.mp4").rename(outside / "f1.mp4")
    (archive / "gate" / OLD[0] / "f1.mp4").symlink_to(outside / "f1.mp4")
    return outside / "f1.mp4"


@pytest.mark.parametrize("link", [_link_of_a_camera, _link_of_a_date, _link_of_a_file])
@pytest.mark.parametrize("planned_before", [False, True])
def test_footage_behind_a_link_out_of_the_archive_stays(
    root: Path, link: Callable[[Path, Path], Path], planned_before: bool
) -> None:
    """It is read, but it is not the archive's: it may be somebody else's, or the only copy."""
    outside = root / "outside"
    outside.mkdir()
    site, store = site_with(root, ALL), store_of(root)
    plan = plan_purge(site, store, NOW)
    theirs = link(root / "archive", outside)
    before = {path: path.read_bytes() for path in outside.rglob("*.mp4")}
    if not planned_before:
        plan = plan_purge(site, store, NOW)
    kept = {each.path: each.reason for each in apply_purge(site, store, plan, NOW)}
    assert {path: path.read_bytes() for path in outside.rglob("*.mp4")} == before
    path = footage_path("gate", OLD[0], "f1")
    assert theirs in before and "out of" in kept[path]
    assert (path in plan.footage) is planned_before
    assert not (root / "archive/hall" / OLD[0]).exists()


def test_of_hard_links_the_name_in_the_archive_goes(root: Path) -> None:
    elsewhere = root / "copy.mp4"
    elsewhere.hardlink_to(root / "archive" / footage_path("gate", OLD[0], "f1"))
    purged(root, ALL)
    assert elsewhere.exists() and not (root / "archive/gate" / OLD[0]).exists()


@pytest.mark.parametrize("path", ["../outside/f.mp4", "gate/../../outside/f.mp4", "/ABSOLUTE/outside/f.mp4"])
def test_footage_rows_that_name_files_outside_the_archive(root: Path, path: str) -> None:
    outside = root / "outside/f.mp4"
    outside.parent.mkdir()
    outside.write_bytes((root / "archive" / footage_path("gate", OLD[0], "f1")).read_bytes())
    shutil.copystat(root / "archive" / footage_path("gate", OLD[0], "f1"), outside)
    path = path.replace("/ABSOLUTE", str(root))
    archive = ArchiveFiles(LocalBlobs(root / "archive"))
    row = {"path": path, "size_bytes": outside.stat().st_size, "mtime_ns": outside.stat().st_mtime_ns}
    same, kept = archive.deletable([row | {"content_sha256": "0" * 64}])
    assert same == [] and [each.path for each in kept] == [path] and "leads out of the archive" in kept[0].reason
    assert not archive.has(path)
    site = site_with(root, ALL)
    assert [each.path for each in apply_purge(site, store_of(root), PurgePlan((), (path,)), NOW)] == [path]
    assert outside.exists()
