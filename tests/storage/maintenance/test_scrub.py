"""Whatever a killed writer left, a purge leaves no row and no picture of what it purges, and touches nothing else."""

import io
import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from storage.blobs import LocalBlobs
from storage.files import temporary_path
from storage.maintenance.compaction import compact, drop_units
from storage.maintenance.scrub import scrub
from storage.maintenance.sweep import sweep
from storage.maintenance.tombstones import PurgedUnit, PurgeRecord, write_tombstones
from storage.maintenance.verify import verify
from storage.store.layout import PENDING_FOLDER, part_file, video_file
from storage.store.manifest import Manifest
from storage.store.store import Store
from tests.storage.rows import make_rows, print_of, receipts_of
from tests.storage.small_store import DATES, contents, footage_id, night

pytestmark = pytest.mark.slow

DAY = DATES[0]
MARK = footage_id("gate", DAY, "f1")
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scrub") / "store"
    night(Store.create(root))
    return root


@pytest.fixture
def store(undisturbed: Path, tmp_path: Path) -> Store:
    return Store.open(shutil.copytree(undisturbed, tmp_path / "store"))


def purge_day(store: Store) -> None:
    """Purges a camera-day, as ``retention.delete`` does, but for what it leaves to scrubbing."""
    gone = [receipt for receipt in receipts_of(store) if (receipt.camera, receipt.date) == ("gate", DAY)]
    units = tuple(PurgedUnit(receipt.op, receipt.unit, receipt.fingerprint) for receipt in gone)
    record = PurgeRecord("video_days = 30", "video", "gate", DAY, units, 1, 1, 1)
    write_tombstones(store, "p", NOW, [record])
    store.blobs.delete(
        blob.name for blob in store.blobs.list(f"anonymized/camera=gate/date={DAY}") if "mp4" in blob.name
    )
    drop_units(store, {receipt.fingerprint for receipt in gone})
    scrub(store, time.time())
    sweep(store)


def _contents_of(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    yield content
    if path.suffix == ".parquet":
        yield str(pq.read_table(io.BytesIO(content)).to_pylist()).encode()


def with_mark(store: Store, mark: str = MARK) -> list[str]:
    """Files with rows or pictures of the purged day; lists of files name its units."""
    root = Path(store.blobs.url)
    paths = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}
    lists = ("_tombstones/", *(f"_manifest/{kind}-" for kind in ("receipts", "retired", "live", "files")))
    return [
        name
        for name, path in paths.items()
        if not name.startswith(lists) and any(mark.encode() in content for content in _contents_of(path))
    ]


def test_a_compaction_that_was_killed_before_its_head(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Manifest, "publish", _killed)
        patch.setattr(LocalBlobs, "delete", lambda *_: None)  # what it would clean up, if it were not killed
        compact(store)
    wanted = {unit: rows for unit, rows in contents(store).items() if unit[1:3] != ("gate", DAY)}
    assert any("month-" in name for name in with_mark(store))
    purge_day(store)
    assert with_mark(store) == []
    assert contents(store) == wanted
    assert verify(store).to_repair == []


def _killed(*_: object) -> bool:
    raise KeyboardInterrupt


def test_files_that_killed_workers_wrote(store: Store) -> None:
    rows = make_rows("detections", camera="gate")
    unit = {"camera": "gate", "date": DAY, "unit": MARK, "fingerprint": print_of("detect", "gate", DAY, MARK)}
    store.write_table("detections", rows, **unit)
    for name in (
        part_file("gate", DAY, MARK, "f" * 64),
        video_file("gate", DAY, "lost"),
        f"{PENDING_FOLDER}/{video_file('gate', DAY, 'lost')}",
    ):
        store.blobs.write(name, b"picture of " + MARK.encode())
    other = video_file("hall", DAY, "young")
    store.blobs.write(other, b"of a worker")
    purge_day(store)
    assert with_mark(store) == []
    assert store.blobs.exists(other)


def test_unfinished_files_go_once_their_process_is_gone(store: Store) -> None:
    folder = Path(store.blobs.url) / f"detections/camera=gate/date={DAY}"
    child = os.fork()
    if not child:
        temporary_path(folder / "x").write_bytes(MARK.encode())
        os._exit(0)
    os.waitpid(child, 0)
    mine = temporary_path(folder.parent / "x")
    mine.write_bytes(b"still written")
    strange = folder.parent / ".tmp-0123456789ab-1-0123456789abcdef"
    strange.write_bytes(b"of another machine")
    purge_day(store)
    assert with_mark(store) == []
    assert mine.exists() and strange.exists()


@pytest.mark.parametrize("harm", [b"", b"PAR1 torn"])
def test_an_unreadable_file_may_hold_anything(store: Store, harm: bytes) -> None:
    name = f"detections/camera=gate/date={DAY}/day-0123abcd.parquet"
    store.blobs.write(name, harm)
    purge_day(store)
    assert not store.blobs.exists(name)


def test_files_that_are_about_to_be_named_stay(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a compaction that began after the purge, and of results that were asked for again."""
    purge_day(store)
    publish, seen = Manifest.publish, list[str]()

    def purge_meanwhile(manifest: Manifest, head: object) -> bool:
        seen.extend(scrub(store, time.time() + 60))
        return publish(manifest, head)  # type: ignore[arg-type]

    night(store)
    wanted = contents(store)
    monkeypatch.setattr(Manifest, "publish", purge_meanwhile)
    compact(store, grace_h=0)
    assert seen == []
    assert contents(store) == wanted and verify(store).to_repair == []


def test_young_files_and_other_days_stay(store: Store) -> None:
    rows = make_rows("detections", camera="gate")
    unit = {"camera": "gate", "unit": MARK, "fingerprint": print_of("detect", "gate", DAY, MARK)}
    purge_day(store)
    young = store.write_table("detections", rows, date=DAY, **unit)[0]
    other = store.write_table("detections", rows, date=DATES[2], **unit)[0]
    assert scrub(store, time.time() - 60) == []
    assert scrub(store, time.time() + 60) == [young]
    assert store.blobs.exists(other)
    assert scrub(Store(LocalBlobs(Path(store.blobs.url) / "none")), time.time()) == []
