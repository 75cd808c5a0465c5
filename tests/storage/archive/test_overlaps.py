"""What two files of a camera show is used once, and named; overlaps that recorders make are none."""

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from ops.bins import Stretches
from storage.archive.scan import ScanResult
from tests.storage.archive.scanned import rows, scan, segments_of, settle
from tests.storage.video.reading import EVERY, numbers, read
from tests.support import clips

BASE = datetime(2026, 3, 2, 10)
FPS = 5
MILLISECONDS = Fraction(1, 1000)


def record(folder: Path, begin_s: int, length_s: float, camera: str = "door", more: str = "") -> str:
    """Writes a clip of 5 frames a second, the last of them short, and returns its path in the archive."""
    start = BASE + timedelta(seconds=begin_s)
    path = folder / camera / f"{start:%Y-%m-%dT%H-%M-%S}{more}.mkv"
    pts = clips.steady_pts(round(FPS * length_s), FPS, MILLISECONDS)
    # The size of its pictures makes each file's content its own.
    size_px = (208, 120 + 2 * len(list(folder.rglob("*.mkv"))))
    settle(clips.write_clip(path, pts, time_base=MILLISECONDS, size_px=size_px, b_frames=0, keyframe_every=40))
    return f"{camera}/{path.name}"


def used_s(result: ScanResult) -> float:
    return sum(segment.duration_s for segment in segments_of(result))


def union_s(result: ScanResult) -> float:
    stretches = Stretches.of(segments_of(result))
    return float((stretches.end_us - stretches.start_us).sum() / 1e6)


def test_what_a_second_file_shows_too_is_used_once(folder: Path, work: list[str]) -> None:
    one, two = record(folder, 0, 30), record(folder, 20, 30)
    first = scan(folder, segment_s=300)
    assert used_s(first) == pytest.approx(union_s(first))
    assert union_s(first) == pytest.approx(50, abs=0.5)
    row = rows(first)[two]
    assert (row["overlap_with"], row["damage"]) == (one, None)
    assert (row["overlap_s"], row["recorded_s"]) == pytest.approx((10, 20), abs=0.5)
    assert rows(first)[one]["overlap_s"] == 0
    assert first.notices == (f"door: 9.8 s lie in two files and are used once; left out: {two} (9.8 s of {one})",)
    assert first.quarantined == ()
    trimmed = segments_of(first)[-1]
    assert (trimmed.path, trimmed.frames) == (two, 100)
    (given,), reader = read(folder / two, trimmed, EVERY)
    assert numbers(given) == list(range(50, 150))
    assert reader.lost == ()
    work.clear()
    again = scan(folder, first, segment_s=300)
    assert again.footage.equals(first.footage) and again.segments.equals(first.segments)
    assert work == []


@pytest.mark.parametrize(
    ("files", "union", "left_out"),
    [
        ([(0, 60), (20, 10)], 60, {1: 10}),  # a file within a file
        ([(0, 20), (0, 60)], 60, {0: 20}),  # the same start, other lengths
        ([(0, 30), (20, 30), (25, 40)], 65, {1: 10, 2: 25}),  # three files
        ([(0, 60), (10, 20), (40, 40)], 80, {1: 20, 2: 20}),
        ([(0, 30), (30, 30)], 60, {}),
        ([(0, 30.2), (30, 30)], 60, {}),  # names have whole seconds
        ([(0, 31.8), (30, 30)], 60, {}),
        ([(0, 32.4), (30, 30)], 60, {1: 2.4}),
        ([(0, 10), (30, 10)], 20, {}),
    ],
)
def test_overlaps(folder: Path, files: list[tuple[int, float]], union: float, left_out: dict[int, float]) -> None:
    paths = [record(folder, begin, length, more=f"_{number}") for number, (begin, length) in enumerate(files)]
    result = scan(folder, segment_s=25, pattern="{camera}/%Y-%m-%dT%H-%M-%S_{*}")
    found = {number: rows(result)[path]["overlap_s"] for number, path in enumerate(paths)}
    assert {number: seconds for number, seconds in found.items() if seconds} == pytest.approx(left_out, abs=0.5)
    assert union_s(result) == pytest.approx(union, abs=0.5)
    assert used_s(result) - union_s(result) <= 2
    assert result.segments["frames"].to_numpy().sum() == pytest.approx(FPS * used_s(result), abs=2)
    assert len(set(result.segments["segment_id"].to_pylist())) == result.segments.num_rows


def test_other_cameras_and_pauses_do_not_overlap(folder: Path) -> None:
    record(folder, 0, 30)
    record(folder, 0, 30, "gate")
    pts = [round(at * 12800 / FPS) + 12800 * 100 * (at >= 50) for at in range(100)]
    settle(clips.write_clip(folder / "yard" / "2026-03-02T10-00-00.mp4", pts))
    record(folder, 20, 30, "yard")
    result = scan(folder)
    assert result.notices == ()
    assert not any(row["overlap_s"] for row in rows(result).values())


def test_nothing_is_left_out_where_names_give_no_time_of_day(folder: Path) -> None:
    for number in range(3):
        record(folder, number, 20 + number)
    for pattern in ("{camera}/%Y-%m-%dT{*}", "{camera}/%Y"):
        result = scan(folder, pattern=pattern)
        assert not any(row["overlap_s"] for row in rows(result).values())
        assert used_s(result) == pytest.approx(63, abs=0.5)


def test_footage_is_whole_again_when_the_other_file_is_gone(folder: Path, work: list[str]) -> None:
    one, two = record(folder, 0, 30), record(folder, 20, 30)
    first = scan(folder)
    (folder / one).unlink()
    work.clear()
    second = scan(folder, first)
    assert work == []
    row = rows(second)[two]
    assert (row["used_cuts"], row["overlap_s"]) == (None, 0)
    assert row["recorded_s"] == pytest.approx(30, abs=0.5)
    assert np.sum([frames for _, _, frames in json.loads(row["cuts"])]) == second.segments["frames"].to_numpy().sum()


@pytest.mark.parametrize("source", ["container", "mtime"])
def test_overlaps_by_containers_or_modification_times_are_named_and_nothing_is_left_out(
    folder: Path, source: str
) -> None:
    for number, (name, start_s) in enumerate((("a", 0), ("b", 20), ("c", 100))):
        start = BASE.replace(tzinfo=UTC) + timedelta(seconds=start_s)
        metadata = {"creation_time": start.isoformat()} if source == "container" else {}
        pts = clips.steady_pts(FPS * 30, FPS, MILLISECONDS)
        size_px = (208, 120 + 2 * number)
        path = clips.write_clip(
            folder / "door" / f"{name}.mkv", pts, time_base=MILLISECONDS, size_px=size_px, b_frames=0, tags=metadata
        )
        settle(path, round((start.timestamp() + 30) * 1e9))
    result = scan(folder, segment_s=300)
    found = rows(result)
    assert {row["start_source"] for row in found.values()} == {source}
    assert {row["overlap_s"] for row in found.values()} == {0.0}
    assert used_s(result) == pytest.approx(90, abs=1)
    (notice,) = (each for each in result.notices if "counts twice" in each)
    assert notice.startswith("door: 1 file shows times that other files show too")
    assert "door/b.mkv (" in notice and "of door/a.mkv)" in notice
