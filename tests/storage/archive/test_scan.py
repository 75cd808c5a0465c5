"""Scanning an archive: every file gets its row, damage gets its reason, and nothing is read twice."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.errors import DAMAGE_REASONS, SiteError
from schemas.site import SiteConfig
from schemas.tables import TABLES
from storage.archive import scan as archive_module
from storage.archive.scan import ScanResult, scan_archive, segments_from_tables
from storage.blobs import LocalBlobs, open_blobs
from storage.video import probe
from tests.storage.fake_s3 import REGISTRY, ClientError, FakeS3, behind_s3
from tests.support import clips, damage

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OLD_NS = round(datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1e9)


def config(**changes: object) -> SiteConfig:
    plain = {"name": "test", "crs": "EPSG:28992", "timezone": "Europe/Amsterdam", "segment_s": 1}
    return SiteConfig.model_validate({**plain, **changes})


def scan(folder: Path, known: ScanResult | None = None, **changes: object) -> ScanResult:
    return scan_archive(LocalBlobs(folder), config(**changes), known.footage if known else None, NOW)


def settle(path: Path, mtime_ns: int = OLD_NS) -> Path:
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def rows(result: ScanResult) -> dict[str, dict]:
    return {row["path"]: row for row in result.footage.to_pylist()}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    return clips.write_clip(folder / "good.mp4", clips.steady_pts(60), options={"movflags": "faststart"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "archive" / "door").mkdir(parents=True)
    return tmp_path / "archive"


@pytest.fixture
def put(folder: Path, good: Path) -> Callable[..., Path]:
    def copy(name: str, mtime_ns: int = OLD_NS) -> Path:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(good, folder / name)
        return settle(folder / name, mtime_ns)

    return copy


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of files that were hashed or probed."""
    done: list[str] = []

    def noted(name: str) -> None:
        inner = getattr(archive_module, name)
        monkeypatch.setattr(archive_module, name, lambda path: (done.append(f"{name} {path.name}"), inner(path))[1])

    noted("sha256_file")
    noted("probe")
    return done


def test_an_empty_archive(folder: Path) -> None:
    result = scan(folder)
    assert (result.footage.num_rows, result.segments.num_rows, result.plan, result.quarantined) == (0, 0, (), ())
    assert result.footage.schema.equals(TABLES["footage"].schema)


def test_a_missing_archive_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"no folder .*: make it, mount it, or correct its place in site.toml"):
        scan(tmp_path / "nowhere")


def test_a_good_file(folder: Path, put: Callable[..., Path]) -> None:
    path = put("door/2026-03-02T23-59-59.mp4")
    result = scan(folder)
    (row,) = result.footage.to_pylist()
    assert (row["camera"], row["path"], row["start_source"]) == ("door", "door/2026-03-02T23-59-59.mp4", "name")
    assert row["start_time"] == datetime(2026, 3, 2, 22, 59, 59, tzinfo=UTC)
    assert row["content_sha256"][:16] == row["footage_id"]
    assert (row["frames"], row["codec"], row["fps_num"], row["damage"]) == (60, "h264", 25, None)
    assert (row["size_bytes"], row["mtime_ns"]) == (path.stat().st_size, OLD_NS)
    assert [segment.date for segment in result.plan] == ["2026-03-02", "2026-03-03"]
    assert [segment.frames for segment in result.plan] == [40, 20] == result.segments["frames"].to_pylist()
    assert result.quarantined == ()
    assert result.footage.schema.equals(TABLES["footage"].schema, check_metadata=True)
    assert result.segments.schema.equals(TABLES["segments"].schema, check_metadata=True)


def test_segments_come_back_from_the_tables_alone(folder: Path, put: Callable[..., Path]) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    turned = damage.rotated(put("gate/2026-03-02T10-00-00.mp4"), folder / "gate" / "2026-03-02T11-00-00.mp4", 90)
    settle(turned)
    result = scan(folder)
    shutil.rmtree(folder)
    assert segments_from_tables(result.footage, result.segments) == result.plan
    assert len(result.plan) == 6
    assert {(segment.width, segment.height) for segment in result.plan} == {(208, 120), (120, 208)}


def test_cameras_and_times_from_names_containers_and_file_times(folder: Path, put: Callable[..., Path]) -> None:
    put("Back Door/clip.mp4")
    tagged = clips.write_clip(
        folder / "gate" / "tagged.mp4", clips.steady_pts(25), tags={"creation_time": "2026-03-01T10:00:00Z"}
    )
    future = clips.write_clip(
        folder / "gate" / "future.mp4", clips.steady_pts(25), tags={"creation_time": "2030-03-01T10:00:00Z"}
    )
    settle(tagged)
    settle(future)
    put("loose.mp4")
    found = rows(scan(folder))
    written = datetime.fromtimestamp(OLD_NS / 1e9, UTC)
    assert {path: (row["camera"], row["start_source"]) for path, row in found.items()} == {
        "Back Door/clip.mp4": ("Back-Door", "mtime"),
        "gate/tagged.mp4": ("gate", "container"),
        "gate/future.mp4": ("gate", "mtime"),
        "loose.mp4": ("camera", "mtime"),
    }
    row = found["Back Door/clip.mp4"]
    assert row["start_time"] == written - timedelta(seconds=row["duration_s"])
    assert found["gate/tagged.mp4"]["start_time"] == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_a_camera_has_its_own_time_zone(folder: Path, put: Callable[..., Path]) -> None:
    put("door/2026-03-02T23-59-58.mp4")
    result = scan(folder, cameras=[{"id": "door", "timezone": "Asia/Tokyo"}])
    assert result.plan[0].start == datetime(2026, 3, 2, 14, 59, 58, tzinfo=UTC)
    assert [segment.date for segment in result.plan] == ["2026-03-02", "2026-03-02"]


@pytest.mark.parametrize(
    ("make", "reason", "usable"),
    [
        (lambda good, path: damage.empty(path), "empty_file", False),
        (lambda good, path: damage.random_bytes(path), "not_a_video", False),
        (damage.without_moov, "no_index", False),
        (lambda good, path: clips.write_sound(path), "no_video_stream", False),
        (damage.zero_length, "no_frames", False),
        (damage.noise_in_packets, "decode_error", False),
        (damage.truncated, "truncated", True),
    ],
)
def test_bad_files_are_set_aside_and_the_rest_goes_on(  # type: ignore[no-untyped-def]
    folder: Path, put: Callable[..., Path], good: Path, make, reason: str, usable: bool
) -> None:
    put("gate/2026-03-02T10-00-00.mp4")
    settle(make(good, folder / "door" / "2026-03-02T10-00-00.mp4"))
    result = scan(folder)
    row = rows(result)["door/2026-03-02T10-00-00.mp4"]
    assert (row["damage"], row["start_source"]) == (reason, "name")
    (aside,) = result.quarantined
    assert reason in DAMAGE_REASONS
    assert (aside.camera, aside.path, aside.reason) == ("door", "door/2026-03-02T10-00-00.mp4", reason)
    assert (aside.unit, aside.date) == (row["footage_id"], "2026-03-02")
    assert aside.detail == row["damage_detail"]
    assert {segment.camera for segment in result.plan} == ({"door", "gate"} if usable else {"gate"})
    assert (row["lost_s"] > 0) == usable


def test_a_file_still_being_written(folder: Path, put: Callable[..., Path]) -> None:
    just_now = round((NOW - timedelta(seconds=20)).timestamp() * 1e9)
    path = put("door/2026-11-20T12-00-00.mp4", just_now)
    first = scan(folder)
    assert [(aside.reason, aside.unit, aside.detail) for aside in first.quarantined] == [
        ("still_written", "door/2026-11-20T12-00-00.mp4", "it changed 20 s ago")
    ]
    assert first.plan == ()
    assert rows(first)["door/2026-11-20T12-00-00.mp4"]["content_sha256"] is None
    settle(path)
    second = scan(folder, first)
    assert second.quarantined == ()
    assert len(second.plan) == 2


def test_a_file_that_grows_while_it_is_hashed(
    folder: Path, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("door/2026-03-02T10-00-00.mp4")
    hash_file = archive_module.sha256_file

    def hash_and_grow(file: Path) -> str:
        digest = hash_file(file)
        damage.grow(file)
        return digest

    monkeypatch.setattr(archive_module, "sha256_file", hash_and_grow)
    result = scan(folder)
    assert [(aside.reason, aside.detail) for aside in result.quarantined] == [
        ("still_written", "it changed while it was read")
    ]
    assert result.plan == ()
    assert path.exists()


def test_what_cannot_be_read(folder: Path, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    put("gate/2026-03-02T10-00-00.mp4")
    hash_file = archive_module.sha256_file

    def refuse_the_door(file: Path) -> str:
        if file.parent.name == "door":
            raise PermissionError(13, "Permission denied", str(file))
        return hash_file(file)

    monkeypatch.setattr(archive_module, "sha256_file", refuse_the_door)
    result = scan(folder)
    assert [(aside.path, aside.reason) for aside in result.quarantined] == [
        ("door/2026-03-02T10-00-00.mp4", "unreadable")
    ]
    assert "Permission denied" in result.quarantined[0].detail
    assert {segment.camera for segment in result.plan} == {"gate"}
    assert rows(result)["door/2026-03-02T10-00-00.mp4"]["content_sha256"] is None


def test_links(folder: Path, put: Callable[..., Path], tmp_path: Path) -> None:
    elsewhere = put("door/2026-03-02T10-00-00.mp4").rename(tmp_path / "elsewhere.mp4")
    (folder / "door" / "2026-03-02T10-00-00.mp4").symlink_to(elsewhere)
    (folder / "gate").mkdir()
    (folder / "gate" / "back").symlink_to(folder)
    (folder / "gate" / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (folder / "gate" / "itself").symlink_to(folder / "gate" / "itself")
    result = scan(folder)
    assert [(aside.path, aside.reason, aside.camera) for aside in result.quarantined] == [
        ("gate/back", "unreadable", "gate"),
        ("gate/gone.mp4", "unreadable", "gate"),
        ("gate/itself", "unreadable", "gate"),
    ]
    assert "a loop" in result.quarantined[0].detail
    assert set(rows(result)) == {"door/2026-03-02T10-00-00.mp4", "gate/gone.mp4"}
    assert len(result.plan) == 2


def test_a_folder_that_cannot_be_read(folder: Path, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    put("locked/2026-03-02T10-00-00.mp4")
    scandir = os.scandir

    def refuse(path: Path):  # type: ignore[no-untyped-def]
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    result = scan(folder)
    assert [(aside.path, aside.reason, aside.date) for aside in result.quarantined] == [("locked", "unreadable", None)]
    assert list(rows(result)) == ["door/2026-03-02T10-00-00.mp4"]


def test_hidden_unfinished_and_other_files_are_left_alone(folder: Path, put: Callable[..., Path]) -> None:
    for name in (".hidden.mp4", "x.mp4.part", "notes.txt", ".trash/x.mp4"):
        put(f"door/{name}")
    assert scan(folder).footage.num_rows == 0
    put("door/LOUD.MP4")
    assert list(rows(scan(folder))) == ["door/LOUD.MP4"]


def test_a_name_that_is_not_utf8(folder: Path, good: Path) -> None:
    shutil.copy(os.fsencode(good), os.fsencode(folder / "door") + b"/caf\xe9.mp4")
    result = scan(folder, settle_s=0)
    assert [(aside.path, aside.detail) for aside in result.quarantined] == [
        ("door/caf\\xe9.mp4", "its name is not UTF-8: rename it")
    ]


def test_an_unchanged_archive_is_not_read_again(
    folder: Path, put: Callable[..., Path], work: list[str], good: Path
) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    settle(damage.truncated(good, folder / "door" / "2026-03-02T11-00-00.mp4"))
    settle(damage.random_bytes(folder / "door" / "2026-03-02T12-00-00.mp4"))
    first = scan(folder)
    assert len(work) == 6
    work.clear()
    second = scan(folder, first)
    assert work == []
    assert second.footage.equals(first.footage)
    assert second.segments.equals(first.segments)
    assert (second.plan, second.quarantined) == (first.plan, first.quarantined)


def test_a_moved_file_is_hashed_but_not_probed(folder: Path, put: Callable[..., Path], work: list[str]) -> None:
    path = put("door/2026-03-02T10-00-00.mp4")
    first = scan(folder)
    work.clear()
    (folder / "gate").mkdir()
    path.rename(folder / "gate" / "2026-03-02T11-00-00.mp4")
    second = scan(folder, first)
    assert work == ["sha256_file 2026-03-02T11-00-00.mp4"]
    assert [segment.segment_id for segment in second.plan] == [segment.segment_id for segment in first.plan]
    assert {(segment.camera, segment.path) for segment in second.plan} == {("gate", "gate/2026-03-02T11-00-00.mp4")}
    assert second.plan[0].start - first.plan[0].start == timedelta(hours=1)


def test_a_changed_file_is_read_again(folder: Path, put: Callable[..., Path], work: list[str]) -> None:
    path = put("door/2026-03-02T10-00-00.mp4")
    first = scan(folder)
    clips.write_clip(path, clips.uneven_pts(40))
    settle(path)
    work.clear()
    second = scan(folder, first)
    assert len(work) == 2
    assert rows(second)["door/2026-03-02T10-00-00.mp4"]["frames"] == 40
    assert second.plan[0].footage_id != first.plan[0].footage_id


def test_other_segments_or_another_clock_need_no_forgetting(
    folder: Path, put: Callable[..., Path], work: list[str]
) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    first = scan(folder)
    work.clear()
    moved = scan(folder, first, timezone="Asia/Tokyo")
    assert work == []
    assert moved.plan[0].start == datetime(2026, 3, 2, 1, tzinfo=UTC)
    longer = scan(folder, first, segment_s=60)
    assert work == ["probe 2026-03-02T10-00-00.mp4"]
    assert [segment.frames for segment in longer.plan] == [60]


def test_the_same_content_twice_is_processed_once(folder: Path, put: Callable[..., Path]) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    copy = put("door/2026-03-02T11-00-00.mp4")
    put("gate/2026-03-02T10-00-00.mp4")
    first = scan(folder)
    found = rows(first)
    assert found["door/2026-03-02T11-00-00.mp4"]["damage_detail"] == "same content as door/2026-03-02T10-00-00.mp4"
    assert [row["damage"] for row in found.values()] == [None] * 3
    assert {(segment.camera, segment.path) for segment in first.plan} == {
        ("door", "door/2026-03-02T10-00-00.mp4"),
        ("gate", "gate/2026-03-02T10-00-00.mp4"),
    }
    assert first.quarantined == ()
    (folder / "door" / "2026-03-02T10-00-00.mp4").unlink()
    second = scan(folder, first)
    assert rows(second)["door/2026-03-02T11-00-00.mp4"]["damage_detail"] is None
    assert {segment.path for segment in second.plan if segment.camera == "door"} == {f"door/{copy.name}"}


def test_the_hour_that_comes_twice(folder: Path, tmp_path: Path) -> None:
    written = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    for hour, part in enumerate(("first", "second")):
        for minute in (0, 30):
            name = folder / "door" / f"2026-10-25T02-{minute:02d}-00_{part}.mp4"
            clips.write_clip(name, [50 * n + hour + minute for n in range(25)])
            settle(name, round((written + timedelta(hours=hour, minutes=minute + 1)).timestamp() * 1e9))
    found = rows(scan(folder, pattern="{camera}/%Y-%m-%dT%H-%M-%S_{*}"))
    starts = {Path(path).stem[14:]: (row["start_time"].hour, row["clock_note"]) for path, row in found.items()}
    assert starts == {
        "00-00_first": (0, "ambiguous"),
        "30-00_first": (0, "ambiguous"),
        "00-00_second": (1, "ambiguous"),
        "30-00_second": (1, "ambiguous"),
    }


def test_progress_is_told(folder: Path, put: Callable[..., Path]) -> None:
    put("door/a.mp4")
    put("door/b.mp4")
    told: list[tuple[int, int]] = []
    scan_archive(LocalBlobs(folder), config(), None, NOW, lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_the_scan_does_not_depend_on_the_order_of_the_disk(
    folder: Path, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for camera in ("gate", "door", "yard"):
        put(f"{camera}/2026-03-02T10-00-00.mp4")
    first = scan(folder)
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: reversed(list(scandir(path))))
    second = scan(folder)
    assert second.footage.equals(first.footage)
    assert second.plan == first.plan


@pytest.mark.assets
def test_real_clips(assets: Path, folder: Path) -> None:
    for clip in sorted((assets / "video").glob("*.*")):
        (folder / "door" / clip.name).symlink_to(clip)
    result = scan(folder, segment_s=30, settle_s=0)
    assert result.quarantined == ()
    assert sum(segment.frames for segment in result.plan) == sum(result.footage["frames"].to_pylist()) == 3806
    assert probe(folder / result.plan[0].path).frames == rows(result)[result.plan[0].path]["frames"]


def test_an_archive_in_an_object_store_gives_the_same_segments(
    folder: Path, put: Callable[..., Path], work: list[str]
) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    put("gate/2026-03-02T11-00-00.mp4")
    settle(damage.empty(folder / "gate" / "2026-03-02T12-00-00.mp4"))
    (folder / "gate" / "notes.txt").write_text("no footage")
    here = scan(folder)
    with behind_s3() as fake:
        remote = open_blobs("s3://bucket/archive")
        for path in folder.rglob("*.*"):
            remote.write(path.relative_to(folder).as_posix(), path.read_bytes())
        later = datetime.now(UTC) + timedelta(hours=1)
        there = scan_archive(remote, config(), None, later)
        assert there.plan == here.plan
        assert [(aside.path, aside.reason) for aside in there.quarantined] == [
            (aside.path, aside.reason) for aside in here.quarantined
        ]
        (row, *_) = there.footage.to_pylist()
        assert row["mtime_ns"] == remote.stat(row["path"]).modified_ns
        work.clear()
        fake.requests.clear()
        assert scan_archive(remote, config(), there.footage, later).plan == here.plan
        assert work == []
        assert [verb for verb, _ in fake.requests] == ["list"], "what is known is not fetched again"


def test_a_missing_bucket_says_what_to_do() -> None:
    with behind_s3(), pytest.raises(SiteError, match="there is no such bucket"):
        scan_archive(open_blobs("s3://other"), config(), None, NOW)


def test_footage_in_cold_storage_is_set_aside() -> None:
    class Frozen(FakeS3):
        def get_file(self, rpath: str, lpath: str, **_: object) -> None:
            raise PermissionError("frozen") from ClientError("InvalidObjectState")

    with behind_s3(), pytest.MonkeyPatch.context() as patch:
        remote = open_blobs("s3://bucket")
        remote.write("door/2026-03-02T10-00-00.mp4", b"x")
        patch.setitem(REGISTRY._registry, "s3", Frozen)
        result = scan_archive(remote, config(), None, datetime.now(UTC) + timedelta(hours=1))
    (aside,) = result.quarantined
    assert aside.reason == "unreadable"
    assert "in cold storage" in aside.detail
