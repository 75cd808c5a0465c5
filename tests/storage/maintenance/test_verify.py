"""An audit names every damaged file with its units, and nothing that is sound."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.maintenance.compaction import compact
from storage.maintenance.faults import Fault
from storage.maintenance.verify import audit
from storage.store.store import Store
from tests.storage.rows import make_receipt, make_rows, put_all
from tests.storage.small_store import CAMERAS, DATES, FOOTAGE, footage_id, night

DAY_AGO_S = 25 * 3600


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("audit") / "store"
    night(Store.create(root))
    return root


@pytest.fixture
def root(undisturbed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(undisturbed, tmp_path / "store"))


@pytest.fixture
def compacted(root: Path) -> Path:
    compact(Store.open(root), grace_h=0)
    return root


def one(root: Path, pattern: str) -> Path:
    """The first file of a pattern."""
    return sorted(root.glob(pattern))[0]


def age(path: Path, seconds: float = DAY_AGO_S) -> Path:
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def flip(path: Path) -> None:
    """Changes one byte in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def faults(root: Path) -> list[tuple[Fault, str]]:
    return [(finding.fault, finding.name) for finding in audit(Store.open(root)).faults]


def test_a_sound_store_has_no_faults_and_every_file_is_hashed(root: Path) -> None:
    found = audit(Store.open(root))
    tables, videos = list(root.rglob("*.parquet")), list(root.rglob("*.mp4"))
    assert found.findings == ()
    assert found.files == len(tables) + len(videos)
    assert found.size_bytes == sum(path.stat().st_size for path in (*tables, *videos))


def test_a_compacted_store_is_sound_and_its_replaced_files_are_no_orphans(root: Path) -> None:
    compact(Store.open(root))
    for path in root.rglob("*.parquet"):
        age(path)
    assert audit(Store.open(root)).findings == ()


def test_progress_ends_at_all_bytes(root: Path) -> None:
    told: list[tuple[int, int]] = []
    audit(Store.open(root), lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > 0
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.slow
@pytest.mark.parametrize(("harm", "fault"), [(Path.unlink, Fault.MISSING), (flip, Fault.ALTERED)])
@pytest.mark.parametrize("is_compacted", [False, True])
def test_a_table_file_is_named_with_its_units(
    root: Path, harm: Callable[[Path], None], fault: Fault, is_compacted: bool
) -> None:
    if is_compacted:
        compact(Store.open(root), grace_h=0)
    path = one(root, "detections/camera=gate/*=2026-01*/*.parquet")
    harm(path)
    (finding,) = audit(Store.open(root)).faults
    assert (finding.fault, finding.name) == (fault, path.relative_to(root).as_posix())
    places = [(date, footage) for date in DATES[:2] for footage in FOOTAGE] if is_compacted else [(DATES[0], "f1")]
    assert [(unit.op, unit.camera, unit.date, unit.unit) for unit in finding.units] == [
        ("detect", "gate", date, footage_id("gate", date, footage)) for date, footage in places
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("harm", "fault"), [(Path.unlink, Fault.MISSING), (flip, Fault.ALTERED)])
def test_published_video_is_named_with_what_is_needed_to_make_it_again(
    compacted: Path, harm: Callable[[Path], None], fault: Fault
) -> None:
    path = one(compacted, "anonymized/camera=hall/date=2026-03-02/*.mp4")
    harm(path)
    found = audit(Store.open(compacted)).faults
    assert (fault, path.relative_to(compacted).as_posix()) in [(finding.fault, finding.name) for finding in found]
    named = {(unit.op, unit.camera, unit.date, unit.unit) for finding in found for unit in finding.units}
    unit = ("hall", DATES[2], footage_id("hall", DATES[2], "f1"))
    assert named == {("publish", *unit), ("anonymize", *unit)}


def test_a_part_that_waits_to_be_joined_has_to_be_there(root: Path) -> None:
    store = Store.open(root)
    for name, receipt in store.loose_receipts(["publish"]).items():
        if receipt.unit == footage_id("gate", DATES[2], "f2"):
            store.blobs.delete([name])
    missing = [finding for finding in audit(store).faults if finding.fault is Fault.MISSING]
    assert [finding.name.split("/")[0] for finding in missing] == ["_parts"]
    assert [(unit.op, unit.unit) for unit in missing[0].units] == [("anonymize", footage_id("gate", DATES[2], "f2"))]


@pytest.mark.parametrize("content", [b"", b'{"format": 2, "op": "det', b"\x00" * 300])
def test_a_torn_receipt_is_named_and_then_nothing_is_called_an_orphan(root: Path, content: bytes) -> None:
    torn = one(root, "_receipts/detect/gate/*/*.json")
    torn.write_bytes(content)
    for path in root.rglob("*.parquet"):
        age(path)
    assert faults(root) == [(Fault.TORN, torn.relative_to(root).as_posix())]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["receipts", "files", "seen", "retired"])
@pytest.mark.parametrize(("harm", "fault"), [(Path.unlink, Fault.MISSING), (flip, Fault.ALTERED)])
def test_a_part_of_the_manifest_is_named(
    compacted: Path, kind: str, harm: Callable[[Path], None], fault: Fault
) -> None:
    path = one(compacted, f"_manifest/{kind}-*.parquet")
    harm(path)
    assert faults(compacted) == [(fault, path.relative_to(compacted).as_posix())]


def test_a_torn_head_is_named(compacted: Path) -> None:
    head = one(compacted, "_manifest/head-*.json")
    head.write_bytes(head.read_bytes()[:50])
    assert (Fault.TORN, head.relative_to(compacted).as_posix()) in faults(compacted)


def test_what_nothing_names_is_an_orphan_once_it_is_old(root: Path) -> None:
    store = Store.open(root)
    names = [
        store.write_table(
            "detections", make_rows("detections"), camera="cam1", date=DATES[0], unit=unit, fingerprint="e"
        )[0]
        for unit in ("old", "young")
    ]
    lost = store.part_name("gate", DATES[0], "f1", "e")
    store.blobs.write(lost, b"video")
    for name in (names[0], lost):
        age(root / name)
    found = {finding.name: finding.fault for finding in audit(store).findings}
    assert found == {names[0]: Fault.ORPHANED, names[1]: Fault.YOUNG, lost: Fault.ORPHANED}
    assert len(audit(store).faults) == 2


def test_a_compaction_in_between_is_no_fault(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(root)
    real, done = store.loose_receipts, []

    def and_then_compact(*arguments):  # type: ignore[no-untyped-def]
        found = real(*arguments)
        if not done:
            done.append(True)
            compact(Store.open(root), grace_h=0)
        return found

    monkeypatch.setattr(store, "loose_receipts", and_then_compact)
    assert [finding.fault for finding in audit(store).faults] == []
    assert done


def test_work_that_was_done_twice_needs_its_files_once(root: Path) -> None:
    store = Store.open(root)
    (receipt,) = [each for each in store.receipts(["scan"]) if (each.camera, each.date) == (CAMERAS[0], DATES[0])]
    store.reaffirm(receipt, "later")
    put_all(store, "plain", {}, camera="gate", date=DATES[0])
    store.commit(make_receipt(op="empty", camera="gate"))
    assert audit(store).findings == ()
