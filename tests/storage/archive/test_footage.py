"""Rows of footage that are known need no second reading."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.archive.footage import first_copies, segments_of_footage
from storage.archive.segments import segments_from_tables
from tests.storage.archive.scanned import rows, scan, segments_of, settle
from tests.support import clips, damage
from tests.support.fakes import segment_columns


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


def test_segments_come_back_from_the_tables_alone(folder: Path, put: Callable[..., Path]) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    turned = damage.rotated(put("gate/2026-03-02T10-00-00.mp4"), folder / "gate" / "2026-03-02T11-00-00.mp4", 90)
    settle(turned)
    result = scan(folder)
    shutil.rmtree(folder)
    cut = [s for row in first_copies(result.footage.to_pylist()) for s in segments_of_footage(row, "Europe/Amsterdam")]
    assert segments_from_tables(result.footage, result.segments) == segment_columns(cut)
    assert len(cut) == 6
    assert {(segment.width, segment.height) for segment in segments_of(result)} == {(208, 120), (120, 208)}
