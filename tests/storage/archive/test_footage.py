"""Rows of footage that are known need no second reading."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from schemas.tables import TABLES
from storage.archive.footage import segments_of_footage
from storage.archive.segments import segment_maker, segments_from_tables
from tests.storage.archive.scanned import OLD_NS, rows, scan, segments_of, settle
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
    put("door/copy of 2026-03-02T10-00-00.mp4", OLD_NS + 10**9)
    put("gate/2026-03-02T10-00-00.mp4")
    first = scan(folder)
    found = rows(first)
    copy = found["door/copy of 2026-03-02T10-00-00.mp4"]
    assert copy["copy_of"] == "door/2026-03-02T10-00-00.mp4"
    assert copy["damage_detail"] == "same content as door/2026-03-02T10-00-00.mp4"
    assert copy["footage_id"] == found["door/2026-03-02T10-00-00.mp4"]["footage_id"]
    assert sum(row["duration_s"] for row in found.values() if row["camera"] == "door") == pytest.approx(2.4, abs=0.01)
    assert [row["damage"] for row in found.values()] == [None] * 3
    assert {(segment.camera, segment.path) for segment in segments_of(first)} == {
        ("door", "door/2026-03-02T10-00-00.mp4"),
        ("gate", "gate/2026-03-02T10-00-00.mp4"),
    }
    assert first.quarantined == ()
    (folder / "door" / "2026-03-02T10-00-00.mp4").unlink()
    second = scan(folder, first)
    assert rows(second)[copy["path"]]["copy_of"] is None
    assert {segment.path for segment in segments_of(second) if segment.camera == "door"} == {copy["path"]}


def test_one_content_under_two_times_is_processed_at_the_first_and_named(
    folder: Path, put: Callable[..., Path], work: list[str]
) -> None:
    put("door/2026-03-03T10-00-00.mp4")
    put("door/2026-03-02T10-00-00.mp4")
    first = scan(folder)
    work.clear()
    for result in (first, scan(folder, first)):
        assert {segment.path for segment in segments_of(result)} == {"door/2026-03-02T10-00-00.mp4"}
        assert len(set(result.segments["segment_id"].to_pylist())) == result.segments.num_rows == 2
        (entry,) = result.quarantined
        assert (entry.path, entry.reason, entry.date) == ("door/2026-03-03T10-00-00.mp4", "second_clock", "2026-03-03")
        assert "same content as door/2026-03-02T10-00-00.mp4" in entry.detail
        assert "2026-03-02 09:00:00+00:00 instead of 2026-03-03 09:00:00+00:00" in entry.detail
        assert [row["damage"] for row in rows(result).values()] == [None, "second_clock"]
    assert work == []


def test_damage_that_lies_at_two_paths_is_one_row(folder: Path, good: Path, put: Callable[..., Path]) -> None:
    cut = settle(damage.truncated(good, folder / "door" / "2026-03-02T10-00-00.mp4"))
    shutil.copy2(cut, folder / "door" / "copy.mp4")
    assert [entry.path for entry in scan(folder).quarantined] == ["door/2026-03-02T10-00-00.mp4"]


def test_segments_come_back_from_the_tables_alone(folder: Path, put: Callable[..., Path]) -> None:
    put("door/2026-03-02T10-00-00.mp4")
    turned = damage.rotated(put("gate/2026-03-02T10-00-00.mp4"), folder / "gate" / "2026-03-02T11-00-00.mp4", 90)
    settle(turned)
    result = scan(folder)
    shutil.rmtree(folder)
    cut = [s for row in result.footage.to_pylist() for s in segments_of_footage(row, "Europe/Amsterdam")]
    assert segments_from_tables(result.footage, result.segments) == segment_columns(cut)
    assert len(cut) == 6
    assert {(segment.width, segment.height) for segment in segments_of(result)} == {(208, 120), (120, 208)}


def test_pixels_that_are_not_square_are_recorded_and_may_be_missing_in_older_scans(folder: Path) -> None:
    path = folder / "door" / "2026-03-02T10-00-00.mp4"
    settle(clips.write_clip(path, clips.steady_pts(30), pixel_aspect=Fraction(12, 11)))
    found = scan(folder)
    (row,) = rows(found).values()
    assert (row["pixel_aspect_num"], row["pixel_aspect_den"]) == (12, 11)
    table = segments_from_tables(found.footage, found.segments)
    assert segment_maker(table)(0).pixel_aspect == Fraction(12, 11)
    turned = {**row, "rotation_deg": 90}
    assert segments_of_footage(turned, "UTC")[0].pixel_aspect == Fraction(11, 12)
    older = found.footage.drop_columns(["pixel_aspect_num", "pixel_aspect_den"])
    older = TABLES["footage"].conform(older)
    assert segment_maker(segments_from_tables(older, found.segments))(0).pixel_aspect == 1
