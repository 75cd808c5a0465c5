"""Scanning an archive: every file gets its row, and damage gets its reason."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from schemas.camera_ids import camera_id
from schemas.errors import DAMAGE_REASONS, SiteError
from schemas.tables import TABLES
from storage.archive import scan as scan_module
from storage.archive.scan import scan_archive
from storage.blobs import LocalBlobs, open_blobs
from storage.video.probe import probe
from tests.storage.archive.scanned import NOW, OLD_NS, config, rows, scan, segments_of, settle
from tests.storage.fake_s3 import REGISTRY, ClientError, FakeS3, behind_s3
from tests.support import clips, damage


def test_an_empty_archive(folder: Path) -> None:
    result = scan(folder)
    assert (result.footage.num_rows, result.segments.num_rows, segments_of(result), result.quarantined) == (
        0,
        0,
        (),
        (),
    )
    assert result.footage.schema.equals(TABLES["footage"].schema)


def test_a_missing_archive_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"no folder .*: make it, mount it, or correct the path in site.toml"):
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
    assert [segment.date for segment in segments_of(result)] == ["2026-03-02", "2026-03-03"]
    assert [segment.frames for segment in segments_of(result)] == [40, 20] == result.segments["frames"].to_pylist()
    assert result.quarantined == ()
    assert result.footage.schema.equals(TABLES["footage"].schema, check_metadata=True)
    assert result.segments.schema.equals(TABLES["segments"].schema, check_metadata=True)


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
        "Back Door/clip.mp4": (camera_id("Back Door"), "mtime"),
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
    assert segments_of(result)[0].start == datetime(2026, 3, 2, 14, 59, 58, tzinfo=UTC)
    assert [segment.date for segment in segments_of(result)] == ["2026-03-02", "2026-03-02"]


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
def test_bad_files_are_quarantined_and_the_rest_goes_on(  # type: ignore[no-untyped-def]
    folder: Path, put: Callable[..., Path], good: Path, make, reason: str, usable: bool
) -> None:
    put("gate/2026-03-02T10-00-00.mp4")
    settle(make(good, folder / "door" / "2026-03-02T10-00-00.mp4"))
    result = scan(folder)
    row = rows(result)["door/2026-03-02T10-00-00.mp4"]
    assert (row["damage"], row["start_source"]) == (reason, "name")
    (entry,) = result.quarantined
    assert reason in DAMAGE_REASONS
    assert (entry.camera, entry.path, entry.reason) == ("door", "door/2026-03-02T10-00-00.mp4", reason)
    assert (entry.unit, entry.date) == (row["footage_id"], "2026-03-02")
    assert entry.detail == row["damage_detail"]
    assert {segment.camera for segment in segments_of(result)} == ({"door", "gate"} if usable else {"gate"})
    assert (row["lost_s"] > 0) == usable


def test_a_clock_that_no_recorder_can_mean_is_said_and_the_footage_is_processed(folder: Path) -> None:
    pts = clips.steady_pts(200, 909, Fraction(1, 90_000))
    path = folder / "door" / "2026-03-02T10-00-00.mp4"
    settle(clips.write_clip(path, pts, time_base=Fraction(1, 90_000)))
    first = scan(folder)
    for result in (first, scan(folder, first)):
        (entry,) = result.quarantined
        assert entry.reason == "wrong_clock" and "909 frames a second" in entry.detail
        assert [segment.frames for segment in segments_of(result)] == [200]


def test_a_file_still_being_written(folder: Path, put: Callable[..., Path]) -> None:
    just_now = round((NOW - timedelta(seconds=20)).timestamp() * 1e9)
    path = put("door/2026-11-20T12-00-00.mp4", just_now)
    first = scan(folder)
    assert first.quarantined == ()
    (entry,) = first.waiting
    assert (entry.reason, entry.unit) == ("still_written", "door/2026-11-20T12-00-00.mp4")
    # Local time: the scan is at 12:00 UTC, and the file is read a minute after its last change.
    changed = "it changed at 2026-11-20 12:59:40+01:00"
    assert entry.detail == f"{changed}: scans from 2026-11-20 13:00:40+01:00 on read it"
    assert segments_of(first) == ()
    assert rows(first)["door/2026-11-20T12-00-00.mp4"]["content_sha256"] is None
    settle(path)
    second = scan(folder, first)
    assert second.quarantined == second.waiting == ()
    assert len(segments_of(second)) == 2


def test_a_file_that_grows_while_it_is_hashed(
    folder: Path, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("door/2026-03-02T10-00-00.mp4")
    hash_file = scan_module.sha256_file

    def hash_and_grow(file: Path) -> str:
        digest = hash_file(file)
        damage.grow(file)
        return digest

    monkeypatch.setattr(scan_module, "sha256_file", hash_and_grow)
    result = scan(folder)
    assert [entry.reason for entry in result.waiting] == ["still_written"]
    assert result.quarantined == ()
    assert segments_of(result) == ()
    assert path.exists()


def test_what_cannot_be_read(folder: Path, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    put("gate/2026-03-02T10-00-00.mp4")
    hash_file = scan_module.sha256_file

    def refuse_the_door(file: Path) -> str:
        if file.parent.name == "door":
            raise PermissionError(13, "Permission denied", str(file))
        return hash_file(file)

    monkeypatch.setattr(scan_module, "sha256_file", refuse_the_door)
    result = scan(folder)
    assert [(entry.path, entry.reason) for entry in result.quarantined] == [
        ("door/2026-03-02T10-00-00.mp4", "unreadable")
    ]
    assert "Permission denied" in result.quarantined[0].detail
    assert {segment.camera for segment in segments_of(result)} == {"gate"}
    assert rows(result)["door/2026-03-02T10-00-00.mp4"]["content_sha256"] is None


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


def test_the_second_hour_of_two_is_told_by_modification_times_alone(folder: Path, put: Callable[..., Path]) -> None:
    written = datetime(2026, 10, 25, 1, 30, 3, tzinfo=UTC)
    put("door/2026-10-25T02-30-00.mp4", round(written.timestamp() * 1e9))
    put("gate/2026-10-25T02-30-00.mp4", round((written - timedelta(hours=1)).timestamp() * 1e9))
    hours = {path[:4]: row["start_time"].hour for path, row in rows(scan(folder)).items()}
    assert hours == {"door": 1, "gate": 0}


def test_progress_is_reported(folder: Path, put: Callable[..., Path]) -> None:
    put("door/a.mp4")
    put("door/b.mp4")
    reported: list[tuple[int, int]] = []
    scan_archive(LocalBlobs(folder), config(), None, NOW, lambda done, total: reported.append((done, total)))
    assert reported == [(1, 2), (2, 2)]


@pytest.mark.assets
def test_real_clips(assets: Path, folder: Path) -> None:
    for clip in sorted((assets / "video").glob("*.*")):
        (folder / "door" / clip.name).symlink_to(clip)
    result = scan(folder, segment_s=30, settle_s=0)
    assert result.quarantined == ()
    assert sum(segment.frames for segment in segments_of(result)) == sum(result.footage["frames"].to_pylist()) == 3806
    assert probe(folder / segments_of(result)[0].path).frames == rows(result)[segments_of(result)[0].path]["frames"]


def test_a_missing_bucket_says_what_to_do() -> None:
    with behind_s3(), pytest.raises(SiteError, match="this bucket does not exist"):
        scan_archive(open_blobs("s3://other"), config(), None, NOW)


def test_footage_in_cold_storage_is_quarantined() -> None:
    class Frozen(FakeS3):
        def get_file(self, rpath: str, lpath: str, **_: object) -> None:
            raise PermissionError("frozen") from ClientError("InvalidObjectState")

    with behind_s3(), pytest.MonkeyPatch.context() as patch:
        remote = open_blobs("s3://bucket")
        remote.write("door/2026-03-02T10-00-00.mp4", b"x")
        patch.setitem(REGISTRY._registry, "s3", Frozen)
        result = scan_archive(remote, config(), None, datetime.now(UTC) + timedelta(hours=1))
    (entry,) = result.quarantined
    assert entry.reason == "unreadable"
    assert "in cold storage" in entry.detail
