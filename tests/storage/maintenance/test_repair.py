"""Whatever is damaged, after a repair and a night the store has what the undisturbed one has, and nothing else ran."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage.maintenance.compaction import compact
from storage.maintenance.repair import repair
from storage.maintenance.tombstones import PurgedUnit, PurgeRecord, write_tombstones
from storage.maintenance.verify import verify
from storage.store.snapshot import Snapshot
from storage.store.store import Store
from tests.storage.maintenance.damaging import age, flip, one
from tests.storage.rows import NOW, receipts_of
from tests.storage.small_store import DATES, contents, footage_id, night

pytestmark = pytest.mark.slow

Harm = Callable[[Path], object]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def empty(path: Path) -> None:
    path.write_bytes(b"")


HARMS = pytest.mark.parametrize("harm", [Path.unlink, cut])
FILES = {
    "file of one unit": "detections/camera=gate/date=2026-03-03/*.parquet",
    "file of many units": "detections/camera=gate/month=*/*.parquet",
    "what the scan knew": "segments/camera=gate/month=*/*.parquet",
    "what the scan knew, loose": "segments/camera=gate/date=2026-03-03/*.parquet",
    "rows of parts": "anonymized_segments/camera=hall/month=*/*.parquet",
    "rows of video": "anonymized/camera=hall/month=*/*.parquet",
    "video": "anonymized/camera=hall/date=2026-01-30/*.mp4",
    "loose video": "anonymized/camera=hall/date=2026-03-03/*.mp4",
    "video of a day": "anonymized/camera=hall/date=2026-03-02/*.mp4",
    "receipt": "_receipts/detect/gate/*/*.json",
    "receipt of the scan": "_receipts/scan/gate/*/*.json",
    "head": "_manifest/head-000001.json",
    "shard": "_manifest/receipts-*.parquet",
    "list of merged files": "_manifest/files-*.parquet",
    "list of live files": "_manifest/live-*.parquet",
    "list of retired files": "_manifest/retired-*.parquet",
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[Any, Any]]:
    """A store of which two months are compacted and one is not, and what is in it."""
    root = tmp_path_factory.mktemp("repair") / "store"
    store = Store.create(root)
    night(store, DATES[:3])
    compact(store)
    night(store)
    return root, contents(store)


@pytest.fixture
def root(undisturbed: tuple[Path, dict[Any, Any]], tmp_path: Path) -> Path:
    return Path(shutil.copytree(undisturbed[0], tmp_path / "store"))


@pytest.mark.parametrize("what", FILES)
@HARMS
def test_any_file_can_be_lost(root: Path, undisturbed: tuple[Path, dict[Any, Any]], what: str, harm: Harm) -> None:
    path = one(root, FILES[what])
    harm(path)
    store = Store.open(root)
    assert harm is Path.unlink or what.startswith("receipt") or verify(store).to_repair
    done = repair(store)
    assert verify(store).to_repair == []
    assert night(store) == len(done.dropped) + done.lost_receipts + ("receipt" in what)
    assert contents(store) == undisturbed[1]
    assert verify(store).to_repair == []
    assert {name for files in Snapshot(store).files.values() for name in files.partial} == set()


def test_a_sound_store_is_left_as_it_is(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    done = repair(Store.open(root))
    assert (done.dropped, done.deleted, done.manifest, done.lost_receipts) == ((), (), (), 0)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_only_what_is_damaged_runs_again(root: Path) -> None:
    one(root, FILES["video"]).unlink()
    done = repair(Store.open(root))
    unit = ("hall", DATES[0], footage_id("hall", DATES[0], "f1"))
    assert [tuple(name)[:4] for name in done.dropped] == [("anonymize", *unit), ("publish", *unit)]
    assert night(Store.open(root)) == 2


def test_much_can_be_lost_at_once(root: Path, undisturbed: tuple[Path, dict[Any, Any]]) -> None:
    for what in ("file of many units", "what the scan knew", "video", "receipt", "head", "list of merged files"):
        flip(one(root, FILES[what])) if what != "receipt" else empty(one(root, FILES[what]))
    store = Store.open(root)
    cut(one(root, FILES["head"]))
    repair(store)
    assert verify(store).to_repair == []
    night(store)
    assert contents(store) == undisturbed[1]


def test_a_lost_head_is_put_together_without_a_loss(root: Path, undisturbed: tuple[Path, dict[Any, Any]]) -> None:
    compact(Store.open(root))
    cut(root / "_manifest" / "head-000002.json")
    store = Store.open(root)
    done = repair(store)
    assert [problem.name for problem in done.manifest] == ["_manifest/head-000002.json"]
    assert (done.lost_receipts, done.dropped) == (0, ())
    assert contents(store) == undisturbed[1]
    assert night(store) == 0


def test_a_lost_shard_says_how_many_receipts_went_with_it(root: Path) -> None:
    one(root, FILES["shard"]).unlink()
    store = Store.open(root)
    done = repair(store)
    assert done.lost_receipts == night(store) > 0


def test_what_was_purged_does_not_come_back_with_an_old_shard(root: Path) -> None:
    store = Store.open(root)
    gone = [receipt for receipt in receipts_of(store, ["detect"]) if receipt.date == DATES[0]]
    compact(store, drop=[receipt.fingerprint for receipt in gone])
    purged = tuple(PurgedUnit(receipt.op, receipt.unit, receipt.fingerprint) for receipt in gone)
    write_tombstones(
        store, "p1", NOW.replace(year=2027), [PurgeRecord("r", "tables", "gate", DATES[0], purged, 1, 1, 1)]
    )
    cut(one(root, "_manifest/head-000002.json"))
    repair(store)
    assert [receipt for receipt in receipts_of(store, ["detect"]) if receipt.date == DATES[0]] == []


def test_old_orphans_are_swept(root: Path) -> None:
    orphan = age(Path(shutil.copy(one(root, FILES["file of one unit"]), root / "detections/camera=gate/lost.parquet")))
    done = repair(Store.open(root))
    assert done.deleted == (orphan.relative_to(root).as_posix(),)
    assert not orphan.exists()
