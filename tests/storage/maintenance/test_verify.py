"""Verification names every damaged file with its units, and nothing that is sound."""

from collections.abc import Callable
from pathlib import Path

import pytest

from storage.maintenance.compaction import compact
from storage.maintenance.problems import ProblemKind
from storage.maintenance.verify import verify
from storage.store.layout import part_file
from storage.store.store import Store
from tests.storage.maintenance.damaging import age, flip, one, to_repair
from tests.storage.rows import make_receipt, make_rows, put_all, receipts_of
from tests.storage.small_store import CAMERAS, DATES, FOOTAGE, footage_id


def test_a_sound_store_has_no_faults_and_every_file_is_hashed(root: Path) -> None:
    found = verify(Store.open(root))
    tables, videos = list(root.rglob("*.parquet")), list(root.rglob("*.mp4"))
    assert found.problems == ()
    assert found.files == len(tables) + len(videos)
    assert found.size_bytes == sum(path.stat().st_size for path in (*tables, *videos))


def test_a_compacted_store_is_sound_and_its_replaced_files_are_no_orphans(root: Path) -> None:
    compact(Store.open(root))
    for path in root.rglob("*.parquet"):
        age(path)
    assert verify(Store.open(root)).problems == ()


def test_progress_ends_at_all_bytes(root: Path) -> None:
    calls: list[tuple[int, int]] = []
    verify(Store.open(root), lambda done, total: calls.append((done, total)))
    assert calls[-1][0] == calls[-1][1] > 0
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


@pytest.mark.slow
@pytest.mark.parametrize(("harm", "kind"), [(Path.unlink, ProblemKind.MISSING), (flip, ProblemKind.ALTERED)])
@pytest.mark.parametrize("is_compacted", [False, True])
def test_a_table_file_is_named_with_its_units(
    root: Path, harm: Callable[[Path], None], kind: ProblemKind, is_compacted: bool
) -> None:
    if is_compacted:
        compact(Store.open(root), grace_h=0)
    path = one(root, "detections/camera=gate/*=2026-01*/*.parquet")
    harm(path)
    (problem,) = verify(Store.open(root)).to_repair
    assert (problem.kind, problem.name) == (kind, path.relative_to(root).as_posix())
    places = [(date, footage) for date in DATES[:2] for footage in FOOTAGE] if is_compacted else [(DATES[0], "f1")]
    assert [(unit.op, unit.camera, unit.date, unit.unit) for unit in problem.units] == [
        ("detect", "gate", date, footage_id("gate", date, footage)) for date, footage in places
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("harm", "kind"), [(Path.unlink, ProblemKind.MISSING), (flip, ProblemKind.ALTERED)])
def test_published_video_is_named_with_what_is_needed_to_make_it_again(
    compacted: Path, harm: Callable[[Path], None], kind: ProblemKind
) -> None:
    path = one(compacted, "anonymized/camera=hall/date=2026-03-02/*.mp4")
    harm(path)
    found = verify(Store.open(compacted)).to_repair
    assert (kind, path.relative_to(compacted).as_posix()) in [(problem.kind, problem.name) for problem in found]
    named = {(unit.op, unit.camera, unit.date, unit.unit) for problem in found for unit in problem.units}
    unit = ("hall", DATES[2], footage_id("hall", DATES[2], "f1"))
    assert named == {("publish", *unit), ("anonymize", *unit)}


def test_a_part_that_waits_to_be_joined_has_to_be_there(root: Path) -> None:
    store = Store.open(root)
    for name, receipt in store.read_loose_receipts(["publish"]).rows.items():
        if receipt.unit == footage_id("gate", DATES[2], "f2"):
            store.blobs.delete([name])
    missing = [problem for problem in verify(store).to_repair if problem.kind is ProblemKind.MISSING]
    assert [problem.name.split("/")[0] for problem in missing] == ["_parts"]
    assert [(unit.op, unit.unit) for unit in missing[0].units] == [("anonymize", footage_id("gate", DATES[2], "f2"))]


@pytest.mark.parametrize("content", [b"", b'{"format": 2, "op": "det', b"\x00" * 300])
def test_a_torn_receipt_is_named_and_then_nothing_is_called_an_orphan(root: Path, content: bytes) -> None:
    torn = one(root, "_receipts/detect/gate/*/*.json")
    torn.write_bytes(content)
    for path in root.rglob("*.parquet"):
        age(path)
    assert to_repair(root) == [(ProblemKind.TORN, torn.relative_to(root).as_posix())]


def test_what_nothing_names_is_an_orphan_once_it_is_old(root: Path) -> None:
    store = Store.open(root)
    names = [
        store.write_table(
            "detections", make_rows("detections"), camera="cam1", date=DATES[0], unit=unit, fingerprint="e"
        )[0]
        for unit in ("old", "young")
    ]
    lost = part_file("gate", DATES[0], "f1", "e")
    store.blobs.write(lost, b"video")
    for name in (names[0], lost):
        age(root / name)
    found = {problem.name: problem.kind for problem in verify(store).problems}
    assert found == {names[0]: ProblemKind.ORPHANED, names[1]: ProblemKind.YOUNG, lost: ProblemKind.ORPHANED}
    assert len(verify(store).to_repair) == 2


def test_a_compaction_in_between_is_no_fault(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open(root)
    real, done = store.read_loose_receipts, []

    def and_then_compact(*arguments):  # type: ignore[no-untyped-def]
        found = real(*arguments)
        if not done:
            done.append(True)
            compact(Store.open(root), grace_h=0)
        return found

    monkeypatch.setattr(store, "read_loose_receipts", and_then_compact)
    assert [problem.kind for problem in verify(store).to_repair] == []
    assert done


def test_work_that_was_done_twice_needs_its_files_once(root: Path) -> None:
    store = Store.open(root)
    (receipt,) = [each for each in receipts_of(store, ["scan"]) if (each.camera, each.date) == (CAMERAS[0], DATES[0])]
    store.reaffirm(receipt, "later")
    put_all(store, "plain", {}, camera="gate", date=DATES[0])
    store.commit(make_receipt(op="empty", camera="gate"))
    assert verify(store).problems == ()
