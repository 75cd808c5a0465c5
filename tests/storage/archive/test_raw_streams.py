"""Raw streams in an archive: where their times come from, and what is refused."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from tests.storage.archive.scanned import rows, scan, segments_of, settle
from tests.support.dhav import write_dav
from tests.support.raw import write_raw

NAME = "door/2026-03-02T10-00-00"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
AT_10 = [{"id": "door", "raw_fps": 10}]


@pytest.mark.parametrize("suffix", [".264", ".h264", ".265", ".h265", ".hevc"])
def test_the_stream_says_its_rate(folder: Path, suffix: str) -> None:
    path = settle(write_raw(folder / f"{NAME}{suffix}", fps=12))
    result = scan(folder)
    (row,) = rows(result).values()
    assert (row["damage"], row["frames"], row["duration_s"]) == (None, 60, 5.0)
    assert (row["raw_fps_source"], row["raw_fps_num"], row["raw_fps_den"]) == ("stream", 12, 1)
    assert (row["start_time"], row["start_source"]) == (START, "name")
    assert row["footage_id"] == row["content_sha256"][:16], "the original's"
    assert row["size_bytes"] == path.stat().st_size
    segments = segments_of(result)
    assert {segment.raw_fps for segment in segments} == {Fraction(12)}
    assert {segment.path for segment in segments} == {f"{NAME}{suffix}"}
    assert sum(segment.frames for segment in segments) == 60
    assert (result.quarantined, result.notices) == ((), ())


def test_a_stream_that_does_not_say_its_rate_needs_the_sites(folder: Path) -> None:
    settle(write_raw(folder / f"{NAME}.h265", timing=False))
    refused = scan(folder)
    (row,) = rows(refused).values()
    assert (row["damage"], row["cuts"]) == ("no_times", None)
    assert row["damage_detail"].endswith("give the camera door its raw_fps in site.toml")
    (entry,) = refused.quarantined
    assert (entry.reason, entry.detail) == ("no_times", row["damage_detail"])

    given = scan(folder, refused, cameras=AT_10)
    (row,) = rows(given).values()
    assert (row["damage"], row["duration_s"]) == (None, 6.0)
    assert (row["raw_fps_source"], row["raw_fps_num"], row["raw_fps_den"]) == ("site", 10, 1)
    assert given.quarantined == ()


def test_the_sites_rate_counts_before_the_streams(folder: Path, work: list[str]) -> None:
    settle(write_raw(folder / f"{NAME}.264", fps=12))
    first = scan(folder)
    given = scan(folder, first, cameras=AT_10)
    assert [row["duration_s"] for row in (*rows(first).values(), *rows(given).values())] == [5.0, 6.0]
    done = len(work)
    assert rows(scan(folder, given, cameras=AT_10)) == rows(given)
    assert len(work) == done, "the same rate: nothing is read again"
    changed = scan(folder, given, cameras=[{"id": "door", "raw_fps": 29.97}])
    (row,) = rows(changed).values()
    assert Fraction(row["raw_fps_num"], row["raw_fps_den"]) == Fraction(2997, 100)
    assert rows(scan(folder, changed)) == rows(first), "the stream's own again"


def test_the_rate_of_another_camera_is_not_taken(folder: Path) -> None:
    settle(write_raw(folder / f"{NAME}.264", fps=12))
    (row,) = rows(scan(folder, cameras=[{"id": "gate", "raw_fps": 10}])).values()
    assert row["raw_fps_source"] == "stream"


def test_footage_with_times_has_no_rate_of_its_own(folder: Path, put) -> None:  # type: ignore[no-untyped-def]
    put(f"{NAME}.mp4")
    (row,) = rows(scan(folder, cameras=AT_10)).values()
    assert (row["raw_fps_source"], row["raw_fps_num"]) == (None, None)


def test_frames_of_a_raw_stream_are_limited(folder: Path) -> None:
    settle(write_raw(folder / f"{NAME}.264"))
    (row,) = rows(scan(folder, max_megapixels=0.01)).values()
    assert row["damage"] == "too_large"


def test_a_stream_of_noise_is_refused(folder: Path) -> None:
    path = write_raw(folder / f"{NAME}.264")
    path.write_bytes(b"\0\0\1" + bytes(range(1, 128)) * 50)
    settle(path)
    (row,) = rows(scan(folder)).values()
    assert row["damage"] == "not_a_video"


def test_footage_of_dahua_recorders_is_read_with_its_pauses(folder: Path) -> None:
    raw = write_raw(folder.parent / "a.264", fps=10, b_frames=0)
    written = write_dav(folder / f"{NAME}.dav", raw, datetime(2026, 3, 2, 10), 10, range(25, 50))
    settle(folder / f"{NAME}.dav")
    result = scan(folder)
    (row,) = rows(result).values()
    assert (row["damage"], row["frames"], row["pauses"], row["codec"]) == (None, written, 1, "h264")
    assert row["recorded_s"] == pytest.approx(3.5)
    assert [(each.start - START).total_seconds() for each in segments_of(result)][-1] == 5.0
    assert row["raw_fps_source"] is None
