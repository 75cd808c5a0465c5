"""A purge deletes what is past its limit by each camera's calendar, from every file, and nothing else."""

import io
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from jobs.commands.purge import apply_purge, plan_purge
from schemas.errors import SiteError, StoreFull
from schemas.values import FOOTAGE_OP
from storage.blobs import LocalBlobs
from storage.maintenance import retention
from storage.maintenance.compaction import compact
from storage.maintenance.tombstones import purges_table, read_tombstones
from storage.maintenance.verify import verify
from storage.store.store import Store
from tests.jobs.commands.purging import ALL, NOW, OLD, YOUNG, purged, site_with, store_of
from tests.storage.rows import receipts_of
from tests.storage.small_store import CAMERAS, DATES, FOOTAGE, contents, fill_archive, footage_id, footage_path, night

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of which some is compacted and some is not."""
    root = tmp_path_factory.mktemp("purge") / "site"
    fill_archive(root / "archive")
    store = Store.create(root / "store")
    night(store, DATES[:3])
    compact(store)
    night(store)
    return root


@pytest.fixture
def root(undisturbed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(undisturbed, tmp_path / "site"))


@pytest.fixture(scope="module")
def young(undisturbed: Path) -> dict[Any, Any]:
    """What a purge leaves."""
    return {name: rows for name, rows in contents(store_of(undisturbed)).items() if name[2] in YOUNG}


def bytes_in(path: Path) -> Iterator[bytes]:
    """A file's bytes, and if it is Parquet its decoded values."""
    content = path.read_bytes()
    yield content
    if path.suffix == ".parquet":
        yield str(pq.read_table(io.BytesIO(content)).to_pylist()).encode()


def files_with(root: Path, mark: str) -> list[str]:
    return [
        path.relative_to(root).as_posix()
        for path in sorted(root.rglob("*"))
        if path.is_file() and any(mark.encode() in content for content in bytes_in(path))
    ]


def test_a_plan_says_by_camera_and_date_what_would_be_purged_and_changes_nothing(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    plan = plan_purge(site_with(root, ALL), store_of(root), NOW)
    planned = {(record.camera, record.date, record.what): record for record in plan.records}
    assert {*planned} == {
        (camera, day, what) for camera in CAMERAS for day in OLD for what in ("footage", "tables", "video")
    }
    footage, tables, video = (planned["gate", OLD[0], what] for what in ("footage", "tables", "video"))
    size = sum(len(path.read_bytes()) for path in (root / "archive/gate" / OLD[0]).iterdir())
    assert (len(footage.units), footage.files, footage.rows, footage.size_bytes) == (2, 2, 0, size)
    assert (len(tables.units), tables.rows) == (3, 4 + 2 * 8)  # a scan, and two units of detect
    assert (len(video.units), video.rows, video.rule) == (4, 4, "video_days = 30")
    assert 0 < tables.size_bytes < sum(path.stat().st_size for path in (root / "store").rglob("*.parquet"))
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_without_rules_nothing_is_purged(root: Path) -> None:
    assert purged(root, {}).records == ()
    assert not (root / "store/_tombstones").exists()


def test_everything_past_its_limit_goes_and_the_rest_is_unchanged(root: Path, young: dict[Any, Any]) -> None:
    plan = purged(root, ALL)
    assert contents(store_of(root)) == young
    assert verify(store_of(root)).problems == ()
    films = {path.relative_to(root / "archive").as_posix() for path in (root / "archive").rglob("*.mp4")}
    assert films == {footage_path(camera, day, each) for camera in CAMERAS for day in YOUNG for each in FOOTAGE}
    assert len(plan.footage) == 8
    assert plan_purge(site_with(root, ALL), store_of(root), NOW).records == ()


def test_no_file_keeps_a_purged_row(root: Path) -> None:
    mark = footage_id("gate", OLD[0], "f1")
    assert any(name.endswith(".parquet") for name in files_with(root / "store", mark))
    purged(root, ALL)
    left = files_with(root / "store", mark)
    assert {name.split("/")[0] for name in left} <= {"_tombstones", "_manifest"}
    assert not {part.name for part in store_of(root).manifest.head().shards.values()} & {*left}
    assert files_with(root / "store", footage_id("gate", YOUNG[0], "f1"))


def test_tombstones_name_every_version_of_a_unit(root: Path) -> None:
    receipts = [each for each in receipts_of(store_of(root)) if each.date in OLD]
    purged(root, ALL)
    stones = read_tombstones(store_of(root))
    units = {(s.op, s.camera, s.date, s.unit, s.fingerprint) for s in stones if s.op != FOOTAGE_OP}
    assert units == {(r.op, r.camera, r.date, r.unit, r.fingerprint) for r in receipts}
    assert {(s.camera, s.unit) for s in stones if s.op == FOOTAGE_OP} == {
        (camera, footage_id(camera, day, each)) for camera in CAMERAS for day in OLD for each in FOOTAGE
    }
    assert {s.rule for s in stones} == {f"{key} = 30" for key in ALL} and {s.purged for s in stones} == {NOW}


def test_the_table_purges_accounts_for_every_purge(root: Path) -> None:
    plan = purged(root, ALL)
    rows = purges_table(store_of(root)).to_pylist()
    assert len(rows) == len(plan.records) == 12
    assert {(row["what"], row["units"]) for row in rows} == {("footage", 2), ("tables", 3), ("video", 4)}
    assert sum(row["rows"] for row in rows) == sum(record.rows for record in plan.records)


def test_a_day_is_past_its_limit_by_the_calendar_of_its_camera(root: Path) -> None:
    # At this moment it is 2 March in Auckland, and 1 March in Honolulu.
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    cameras = [{"id": "gate", "timezone": "Pacific/Auckland"}, {"id": "hall", "timezone": "Pacific/Honolulu"}]
    plan = plan_purge(site_with(root, {"video_days": 30}, cameras=cameras), store_of(root), now)
    assert [(record.camera, record.date) for record in plan.records] == [("gate", OLD[0])]


@pytest.mark.parametrize(("days", "past"), [(31, 2), (32, 1), (33, 0)])
def test_only_days_strictly_older_than_the_limit_go(root: Path, days: int, past: int) -> None:
    plan = plan_purge(site_with(root, {"video_days": days}), store_of(root), NOW)
    assert {record.date for record in plan.records} == set(OLD[:past])


def test_the_scan_stays_while_other_results_of_its_day_stay(root: Path) -> None:
    def scans() -> set[str]:
        return {receipt.date for receipt in receipts_of(store_of(root), ["scan"])}

    purged(root, {"tables_days": 30})
    assert scans() == set(DATES)  # there is footage, and video
    purged(root, {"tables_days": 30, "footage_days": 30})
    assert scans() == set(DATES)
    purged(root, {"tables_days": 30, "video_days": 30})
    assert scans() == set(YOUNG)


def test_days_of_single_tables(root: Path) -> None:
    names = ("detections", "observed_frames", "detector_reach", "detector_samples")
    own = {"tables": dict.fromkeys(names, 30)}
    plan = purged(root, own)
    assert {unit.op for record in plan.records for unit in record.units} == {"detect"}
    assert {record.rule for record in plan.records} == {"tables.detections = 30"}
    longer = {"tables_days": 1, "tables": dict.fromkeys(names, 400)}
    assert {
        unit.op for record in plan_purge(site_with(root, longer), store_of(root), NOW).records for unit in record.units
    } == set()


@pytest.mark.parametrize("tables", [{"detections": 30}, {"detections": 30, "observed_frames": 31}])
def test_tables_of_one_op_have_one_limit(root: Path, tables: dict[str, int]) -> None:
    with pytest.raises(
        SiteError, match="op detect writes detections, observed_frames, detector_reach, detector_samples together"
    ):
        plan_purge(site_with(root, {"tables": tables}), store_of(root), NOW)


def test_footage_that_is_not_what_the_scan_found_stays_and_is_named(root: Path) -> None:
    changed = root / "archive" / footage_path("gate", OLD[0], "f1")
    resized = root / "archive" / footage_path("gate", OLD[0], "f2")
    touched = root / "archive" / footage_path("gate", OLD[1], "f1")
    foreign = root / "archive/gate" / OLD[0] / "note.mp4"
    changed.write_bytes(changed.read_bytes()[::-1])
    resized.write_bytes(b"other")
    touched.touch()
    foreign.write_bytes(b"never scanned")
    site, store = site_with(root, {"footage_days": 30}), store_of(root)
    plan = plan_purge(site, store, NOW)
    left = apply_purge(site, store, plan, NOW)
    assert [(item.path, item.reason) for item in left] == [
        (footage_path("gate", OLD[0], "f1"), "its content has changed since the last scan"),
        (footage_path("gate", OLD[0], "f2"), "its size has changed since the last scan"),
    ]
    assert changed.exists() and resized.exists() and foreign.exists() and not touched.exists()
    buried = {stone.unit for stone in read_tombstones(store)}
    assert footage_id("gate", OLD[0], "f1") not in buried and footage_id("gate", OLD[1], "f1") in buried


def test_footage_that_cannot_be_deleted_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = LocalBlobs.delete

    def refuse(self: LocalBlobs, names: Any) -> None:
        if self.root == root / "archive":
            raise PermissionError(1, "Operation not permitted")
        real(self, names)

    monkeypatch.setattr(LocalBlobs, "delete", refuse)
    site, store = site_with(root, {"footage_days": 30}), store_of(root)
    left = apply_purge(site, store, plan_purge(site, store, NOW), NOW)
    assert len(left) == 8 and {item.reason for item in left} == {"it cannot be deleted: Operation not permitted"}


class _Killed(BaseException):
    """Simulates kill -9: no code catches it."""


class _Dying(LocalBlobs):
    """Dies at the Nth change of the disk."""

    def __init__(self, root: Path, lives: list[int]) -> None:
        super().__init__(root)
        self.lives = lives

    def _spend(self) -> None:
        if not self.lives[0]:
            raise _Killed
        self.lives[0] -= 1

    def write(self, name: str, content: bytes) -> None:
        self._spend()
        super().write(name, content)

    def put_if_absent(self, name: str, content: bytes) -> bool:
        self._spend()
        return super().put_if_absent(name, content)

    def delete(self, names: Any) -> None:
        for name in sorted(names):
            self._spend()
            super().delete([name])


@pytest.mark.parametrize("lives", [0, 1, 13, 21, 25, 30])
def test_killed_anywhere_the_next_purge_finishes(
    root: Path, young: dict[Any, Any], monkeypatch: pytest.MonkeyPatch, lives: int
) -> None:
    site, store = site_with(root, ALL), store_of(root)
    plan = plan_purge(site, store, NOW)
    left = [lives]
    monkeypatch.setattr("jobs.commands.purge.open_blobs", lambda _: _Dying(root / "archive", left))
    dying = Store(_Dying(root / "store", left))
    try:
        apply_purge(site, dying, plan, NOW)
    except _Killed:
        assert len(read_tombstones(store)) in (0, sum(len(record.units) for record in plan.records))
    monkeypatch.undo()
    again = purged(root, ALL, NOW + timedelta(minutes=5))
    assert contents(store_of(root)) == young
    assert verify(store_of(root)).to_repair == []
    assert len({(s.op, s.unit, s.fingerprint) for s in read_tombstones(store)}) == len(read_tombstones(store))
    mark = footage_id("gate", OLD[0], "f1")
    assert {name.split("/")[0] for name in files_with(root / "store", mark)} <= {"_tombstones", "_manifest"}
    assert not files_with(root / "archive", f"film of gate {OLD[0]}")
    assert again.kept == ()


def test_a_full_disk_leaves_a_purge_that_can_be_finished(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreFull("no space left")

    site, store = site_with(root, ALL), store_of(root)
    monkeypatch.setattr(retention, "drop_units", full)
    with pytest.raises(StoreFull):
        apply_purge(site, store, plan_purge(site, store, NOW), NOW)
    monkeypatch.undo()
    purged(root, ALL)
    assert {receipt.date for receipt in receipts_of(store)} == set(YOUNG)
    assert len(purges_table(store)) == 12
