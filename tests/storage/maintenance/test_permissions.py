"""Private folders of a store are for its owner only, whatever the umask; older stores are named, and mended."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.tables import TABLES, Privacy
from storage.blobs import LocalBlobs
from storage.blobs.remote import RemoteBlobs
from storage.exports.export_records import write_export_record
from storage.exports.sign_off_records import write_sign_off
from storage.maintenance.compaction import compact
from storage.maintenance.holds import write_hold
from storage.maintenance.permissions import find_exposed
from storage.maintenance.problems import ProblemKind
from storage.maintenance.repair import repair
from storage.maintenance.verify import verify
from storage.sql.views import IN_FILES
from storage.store.layout import PRIVATE_FOLDERS
from storage.store.store import Store
from tests.storage.maintenance.test_verify_records import EXPORT, HOLD, SIGN_OFF
from tests.storage.rows import make_rows, print_of, put
from tests.storage.small_store import DATES, FOOTAGE, footage_id, night

SENSITIVE = sorted(
    name
    for name, spec in IN_FILES.items()
    # Rows of depth_files name files, which verification would miss: test_depth_files.py.
    if spec.privacy is Privacy.SENSITIVE and name != "depth_files"
)


@pytest.fixture(params=[0, 0o022, 0o027])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    former = os.umask(request.param)
    yield request.param
    os.umask(former)


def fill(root: Path) -> Store:
    """Writes every kind of file, twice for each sensitive table, so that a compaction merges them."""
    store = Store.create(root)
    night(store)
    for name in SENSITIVE:
        for footage in FOOTAGE:
            unit = footage_id("hall", DATES[2], footage)
            where = {"camera": "hall", "date": DATES[2], "unit": unit, "fingerprint": print_of(name, unit)}
            put(store, name, make_rows(name, camera="hall"), **where)
    for record in ("x", "y"):
        write_hold(store, replace(HOLD, hold_id=record))
        write_sign_off(store, replace(SIGN_OFF, sign_off_id=record))
        write_export_record(store, replace(EXPORT, export_id=record))
    store.blobs.write("_parts/camera=gate/date=2026-03-03/waiting.mp4", b"part")
    return store


def wrong_modes(root: Path, umask: int) -> dict[str, str]:
    """Returns the files and folders with other permissions than they should have."""
    found = {}
    for path in root.rglob("*"):
        top = path.relative_to(root).parts[0]
        wanted = (0o700 if path.is_dir() else 0o600) if top in PRIVATE_FOLDERS else 0o777 if path.is_dir() else 0o666
        if path.stat().st_mode & 0o777 != wanted & ~(0 if top in PRIVATE_FOLDERS else umask):
            found[str(path)] = oct(path.stat().st_mode)
    return found


def test_what_is_private_is_what_the_privacy_classes_say() -> None:
    assert {name for name in TABLES if name in PRIVATE_FOLDERS} == {
        name for name, spec in TABLES.items() if spec.privacy is Privacy.SENSITIVE
    }
    assert {"_parts", "_exports", "backgrounds", "depth_maps"} <= PRIVATE_FOLDERS
    assert not {"anonymized", "audits", "counts", "_receipts", "_manifest"} & PRIVATE_FOLDERS


def test_private_folders_are_the_owners_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    root = tmp_path / "store"
    store = fill(root)
    assert {path.name for path in root.iterdir() if path.is_dir()} >= {"anonymized", "_parts", *SENSITIVE}
    assert wrong_modes(root, umask) == {} and find_exposed(store) == []
    compact(store, grace_h=0)
    assert [path for name in SENSITIVE for path in (root / name).rglob("day-*.parquet")], "merged files"
    assert wrong_modes(root, umask) == {}
    assert root.stat().st_mode & 0o777 == 0o777 & ~umask


def test_an_unfinished_file_is_private_from_its_first_byte(tmp_path: Path, umask: int) -> None:
    store = Store.create(tmp_path / "store")
    with store.blobs.create("backgrounds/camera=a/x.parquet") as path:
        path.write_bytes(b"half")
        assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "store/backgrounds/camera=a/x.parquet").stat().st_mode & 0o777 == 0o600


def test_a_private_file_that_comes_first_makes_no_private_root(tmp_path: Path) -> None:
    LocalBlobs(tmp_path / "new" / "store", {"secret"}).write("secret/x", b"")
    assert (tmp_path / "new" / "store").stat().st_mode & 0o077 and not (
        tmp_path / "new" / "store" / "secret"
    ).stat().st_mode & 0o077


def test_an_open_store_is_named_and_mended(tmp_path: Path) -> None:
    root = tmp_path / "store"
    fill(root)
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    store = Store.open(root)
    found = verify(store).to_repair
    assert {problem.kind for problem in found} == {ProblemKind.EXPOSED}
    assert {problem.name for problem in found} == {"_exports", "_holds", "_parts", "_sign_offs", *SENSITIVE}
    assert "other users may open 3 of its files and folders" in {each.name: each.detail for each in found}["_exports"]
    done = repair(store)
    assert list(done.exposed) == found and done.unrepairable == [] and done.deleted == () and done.dropped == ()
    assert wrong_modes(root, 0o022) == {} and verify(store).to_repair == [] and repair(store).exposed == ()


def test_what_a_killed_writer_left_is_found_too(tmp_path: Path) -> None:
    store = fill(tmp_path / "store")
    left = tmp_path / "store/backgrounds/.tmp-01"
    left.write_bytes(b"half a picture")
    left.chmod(0o644)
    (problem,) = find_exposed(store)
    assert problem.name == "backgrounds" and "may open 1 of" in problem.detail


def test_what_cannot_be_mended_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = fill(tmp_path / "store")
    folder = tmp_path / "store/backgrounds"
    folder.chmod(0o755)

    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "chmod", refuse)
    done = repair(store)
    assert [problem.name for problem in done.unrepairable] == ["backgrounds"]


def test_links_are_left_alone(tmp_path: Path) -> None:
    store = fill(tmp_path / "store")
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (tmp_path / "store/backgrounds/link").symlink_to(tmp_path / "elsewhere")
    assert find_exposed(store) == []


def test_an_object_store_has_no_permissions() -> None:
    assert find_exposed(Store(RemoteBlobs("memory://bucket/store"))) == []


@pytest.mark.slow
def test_a_night_leaves_nothing_open(night_site: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(night_site / "store", tmp_path / "store"))
    assert [path for path in (root / "backgrounds").rglob("*.parquet")] and find_exposed(Store.open(root)) == []
    published = [*(root / "anonymized").rglob("*.mp4"), *(root / "anonymized").rglob("*.audit.json")]
    assert published and all(path.stat().st_mode & 0o077 for path in published), "they are made to be shared"
