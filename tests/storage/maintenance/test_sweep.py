"""Sweeping takes what is old and nobody names, and nothing at all while it cannot know who names what."""

import shutil
from pathlib import Path

import pytest

from storage.maintenance.compaction import compact
from storage.maintenance.sweep import sweep
from storage.store.layout import part_file, video_file
from storage.store.store import Store
from tests.storage.maintenance.damaging import age, one
from tests.storage.rows import make_receipt, make_rows, print_of, put
from tests.storage.small_store import DATES, night


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compacted in part, and all of it old."""
    root = tmp_path_factory.mktemp("sweep") / "store"
    store = Store.create(root)
    night(store, DATES[:3])
    compact(store)
    night(store)
    for path in root.rglob("*.*"):
        age(path)
    return root


@pytest.fixture
def root(undisturbed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(undisturbed, tmp_path / "store"))


def relative(root: Path, *paths: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in paths)


def test_what_is_named_stays_however_old(root: Path) -> None:
    before = sorted(root.rglob("*"))
    assert sweep(Store.open(root)) == []
    assert sorted(root.rglob("*")) == before


def test_what_nothing_names_goes_once_it_is_old(root: Path) -> None:
    store = Store.open(root)

    def lost(unit: str) -> Path:
        rows = make_rows("detections", camera="gate")
        return root / store.write_table("detections", rows, camera="gate", date=DATES[0], unit=unit, fingerprint="e")[0]

    young, table = lost("young"), age(lost("old"))
    part, video = root / part_file("gate", DATES[0], "f", "e"), root / video_file("gate", DATES[0], "lost")
    shard = root / "_manifest/files-0badbad0.parquet"
    temporary, foreign = root / "_receipts/.tmp-1", root / "notes.parquet"
    for path in (part, video, shard, temporary, foreign, root / "_runs/r1.json", root / "detections/README.txt"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left")
        age(path)
    assert sweep(store) == relative(root, table, part, video, shard, temporary)
    assert young.exists() and foreign.exists() and not table.exists()
    assert sweep(store) == []


def test_superseded_results_stay(root: Path) -> None:
    store = Store.open(root)
    files = [put(store, "counts", make_rows("counts"), fingerprint=print_of(n)).files["counts"] for n in range(2)]
    for name in files:
        age(root / name)
    assert sweep(store) == []


def test_all_is_kept_while_a_receipt_cannot_be_read(root: Path) -> None:
    store = Store.open(root)
    orphan = age(Path(shutil.copy(one(root, "detections/camera=gate/*/*.parquet"), root / "detections/lost.parquet")))
    temporary = root / ".tmp-1"
    temporary.touch()
    age(temporary)
    one(root, "_receipts/detect/gate/*/*.json").write_bytes(b"{")
    assert sweep(store) == [".tmp-1"]
    assert orphan.exists()


@pytest.mark.parametrize("what", ["head-*.json", "receipts-*.parquet", "retired-*.parquet"])
@pytest.mark.parametrize("content", [b"", None])
def test_all_is_kept_while_the_manifest_cannot_be_read(root: Path, what: str, content: bytes | None) -> None:
    orphan = age(Path(shutil.copy(one(root, "detections/camera=gate/*/*.parquet"), root / "detections/lost.parquet")))
    damaged = one(root, f"_manifest/{what}")
    damaged.unlink()
    if content is not None:
        damaged.write_bytes(content)
    before = sorted(root.rglob("*"))
    assert sweep(Store.open(root)) == []
    assert sorted(root.rglob("*")) == before and orphan.exists()


def test_a_commit_in_between_is_safe(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(root)
    rows = make_rows("counts", camera="gate")
    place = {"camera": "gate", "date": DATES[0], "unit": "day", "fingerprint": print_of("late")}
    file, digest = store.write_table("counts", rows, **place)
    age(root / file)
    real = store.read_receipts

    def late(*arguments):  # type: ignore[no-untyped-def]
        receipt = make_receipt({"counts": file}, "counts", sha256={"counts": digest}, **place)
        Store.open(root).commit(receipt)
        return real(*arguments)

    monkeypatch.setattr(store, "read_receipts", late)
    assert sweep(store) == []
    assert (root / file).exists()


def test_what_a_killed_compaction_left_goes_and_nothing_else(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> bool:
        raise Killed

    store, before = Store.open(root), set(root.rglob("*"))
    monkeypatch.setattr(store.manifest, "publish", die)
    with pytest.raises(Killed):
        compact(store)
    left = {path for path in set(root.rglob("*")) - before if path.is_file()}
    assert left
    for path in left:
        age(path)
    assert sweep(Store.open(root)) == relative(root, *left)
