"""A scan after another: nothing is read twice, and the same content is processed once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.archive.scan import scan_archive
from storage.blobs import open_blobs
from tests.storage.archive.scanned import config, rows, scan, segments_of, settle
from tests.storage.fake_s3 import behind_s3
from tests.support import clips, damage


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
    assert (segments_of(second), second.quarantined) == (segments_of(first), first.quarantined)


def test_a_moved_file_is_hashed_but_not_probed(folder: Path, put: Callable[..., Path], work: list[str]) -> None:
    path = put("door/2026-03-02T10-00-00.mp4")
    first = scan(folder)
    work.clear()
    (folder / "gate").mkdir()
    path.rename(folder / "gate" / "2026-03-02T11-00-00.mp4")
    second = scan(folder, first)
    assert work == ["sha256_file 2026-03-02T11-00-00.mp4"]
    assert [segment.segment_id for segment in segments_of(second)] == [
        segment.segment_id for segment in segments_of(first)
    ]
    assert {(segment.camera, segment.path) for segment in segments_of(second)} == {
        ("gate", "gate/2026-03-02T11-00-00.mp4")
    }
    assert segments_of(second)[0].start - segments_of(first)[0].start == timedelta(hours=1)


def test_a_changed_file_is_read_again(folder: Path, put: Callable[..., Path], work: list[str]) -> None:
    path = put("door/2026-03-02T10-00-00.mp4")
    first = scan(folder)
    clips.write_clip(path, clips.uneven_pts(40))
    settle(path)
    work.clear()
    second = scan(folder, first)
    assert len(work) == 2
    assert rows(second)["door/2026-03-02T10-00-00.mp4"]["frames"] == 40
    assert segments_of(second)[0].footage_id != segments_of(first)[0].footage_id


def test_other_segments_or_another_clock_need_no_forgetting(
    folder: Path, put: Callable[..., Path], work: list[str]
) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    first = scan(folder)
    work.clear()
    moved = scan(folder, first, timezone="Asia/Tokyo")
    assert work == []
    assert segments_of(moved)[0].start == datetime(2026, 3, 2, 1, tzinfo=UTC)
    longer = scan(folder, first, segment_s=60)
    assert work == ["probe 2026-03-02T10-00-00.mp4"]
    assert [segment.frames for segment in segments_of(longer)] == [60]


def test_the_same_content_twice_is_processed_once(folder: Path, put: Callable[..., Path]) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    copy = put("door/2026-03-02T11-00-00.mp4")
    put("gate/2026-03-02T10-00-00.mp4")
    first = scan(folder)
    found = rows(first)
    assert found["door/2026-03-02T11-00-00.mp4"]["damage_detail"] == "same content as door/2026-03-02T10-00-00.mp4"
    assert [row["damage"] for row in found.values()] == [None] * 3
    assert {(segment.camera, segment.path) for segment in segments_of(first)} == {
        ("door", "door/2026-03-02T10-00-00.mp4"),
        ("gate", "gate/2026-03-02T10-00-00.mp4"),
    }
    assert first.quarantined == ()
    (folder / "door" / "2026-03-02T10-00-00.mp4").unlink()
    second = scan(folder, first)
    assert rows(second)["door/2026-03-02T11-00-00.mp4"]["damage_detail"] is None
    assert {segment.path for segment in segments_of(second) if segment.camera == "door"} == {f"door/{copy.name}"}


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
        assert segments_of(there) == segments_of(here)
        assert [(entry.path, entry.reason) for entry in there.quarantined] == [
            (entry.path, entry.reason) for entry in here.quarantined
        ]
        (row, *_) = there.footage.to_pylist()
        assert row["mtime_ns"] == remote.stat(row["path"]).modified_ns
        work.clear()
        fake.requests.clear()
        assert segments_of(scan_archive(remote, config(), there.footage, later)) == segments_of(here)
        assert work == []
        assert [verb for verb, _ in fake.requests] == ["list"], "what is known is not fetched again"
