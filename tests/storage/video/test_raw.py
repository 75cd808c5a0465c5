"""Raw streams get times and an index in a private copy, and keep every picture."""

import errno
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from schemas.errors import CorruptFootage
from storage.files import private_scratch
from storage.video import raw
from storage.video.raw import own_fps, raw_codec, readable, remove_abandoned
from tests.storage.video.reading import EVERY, all_pts, numbers, read, segments_of
from tests.support import clips
from tests.support.raw import write_raw


def copies() -> list[Path]:
    return list((private_scratch() / "remuxed").glob("*"))


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))


@pytest.mark.parametrize(
    ("name", "codec", "b_frames", "timing", "fps"),
    [
        ("a.264", "h264", 0, True, 12),
        ("a.h264", "h264", 2, True, 12),
        ("a.265", "hevc", 0, True, 12),
        ("a.hevc", "hevc", 3, True, 12),
        ("a.h265", "hevc", 3, False, None),
    ],
)
def test_a_raw_stream_is_known_by_its_content(
    tmp_path: Path, name: str, codec: str, b_frames: int, timing: bool, fps: int | None
) -> None:
    path = write_raw(tmp_path / name, 30, b_frames=b_frames, timing=timing).rename(tmp_path / "x.mp4")
    assert raw_codec(path) == codec
    assert own_fps(path, raw_codec(path) or "h264") == fps


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi", ".mov"])
def test_a_container_is_no_raw_stream(tmp_path: Path, suffix: str) -> None:
    path = clips.write_clip(tmp_path / f"a{suffix}", clips.steady_pts(10))
    assert raw_codec(path) is None
    with readable(path, Fraction(12)) as whole:
        assert whole == path, "it is used where it is"


@pytest.mark.parametrize("content", [b"", b"\0\0\1", b"\0\0\1\xba" + bytes(99), b"\0\0\0\1\x67", bytes(5000)])
def test_other_bytes_are_no_raw_stream(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.264").write_bytes(content)
    assert raw_codec(tmp_path / "a.264") is None


@pytest.mark.parametrize(("name", "b_frames"), [("a.264", 0), ("a.264", 3), ("a.265", 0), ("a.265", 3)])
@pytest.mark.parametrize("fps", [Fraction(12), Fraction(30000, 1001)])
def test_every_picture_is_at_its_time(tmp_path: Path, name: str, b_frames: int, fps: Fraction) -> None:
    path = write_raw(tmp_path / name, b_frames=b_frames)
    with readable(path, fps) as whole:
        segments = segments_of(whole)
        assert len(segments) > 1, "decoding begins within the file, too"
        given = [read(whole, segment, EVERY)[0][0] for segment in segments]
    assert [number for batches in given for number in numbers(batches)] == list(range(60))
    times = [segments[0].time_base * pts for batches in given for pts in all_pts(batches)]
    assert times == [number / fps for number in range(60)]
    assert segments[-1].end_pts * segments[-1].time_base == 60 / fps


@pytest.mark.parametrize("name", ["a.264", "a.265"])
def test_pictures_that_are_stored_after_a_keyframe_and_shown_before_it_keep_their_times(
    tmp_path: Path, name: str
) -> None:
    path = write_raw(tmp_path / name, b_frames=3, open_gop=True)
    with readable(path, Fraction(12)) as whole:
        (segment,) = segments_of(whole)
        ((batches,), reader) = read(whole, segment, EVERY)
    assert numbers(batches) == list(range(60))
    assert [segment.time_base * pts for pts in all_pts(batches)] == [Fraction(number, 12) for number in range(60)]
    assert reader.lost == ()


@pytest.mark.parametrize("name", ["a.264", "a.265"])
def test_a_stream_that_was_cut_begins_with_its_first_keyframe(tmp_path: Path, name: str) -> None:
    path = write_raw(tmp_path / name, b_frames=3, open_gop=True)
    with av.open(str(path)) as container:
        packets = [(bytes(packet), packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
    second = [index for index, (_, is_key) in enumerate(packets) if is_key][1]
    path.write_bytes(b"".join(content for content, _ in packets[second - 3 :]))
    with readable(path, Fraction(12)) as whole:
        (segment,) = segments_of(whole)
        ((batches,), _) = read(whole, segment, EVERY)
    found = numbers(batches)
    assert found[-1] == 59
    assert found == list(range(found[0], 60)), "none is out of order, and none is missing between"
    steps = {later - earlier for earlier, later in zip(all_pts(batches), all_pts(batches)[1:], strict=False)}
    assert {step * segment.time_base for step in steps} == {Fraction(1, 12)}


def test_the_copy_is_private_and_goes(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "a.264", 10)
    before = path.read_bytes(), path.stat().st_mtime_ns
    with readable(path, Fraction(12)) as whole:
        assert whole.is_relative_to(private_scratch()), "never in the archive"
        assert stat.S_IMODE(whole.stat().st_mode) == 0o600
        for folder in (whole.parent, *whole.parent.parents[:2]):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
        first = whole.read_bytes()
    assert copies() == []
    with readable(path, Fraction(12)) as whole:
        assert whole.read_bytes() == first, "the same stream gives the same bytes"
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert {each.name for each in tmp_path.iterdir()} == {"a.264", "tmp"}


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "a.264", 10)
    program = f"""
import os, tempfile
from fractions import Fraction
from pathlib import Path
from storage.video.raw import readable
tempfile.tempdir = {str(tmp_path / "tmp")!r}
with readable(Path({str(path)!r}), Fraction(12)):
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 9
    assert len(copies()) == 1
    with readable(path, Fraction(12)) as whole:
        assert copies() == [whole.parent], "the one in use stays, and only that one"
        assert remove_abandoned() == 0
    assert copies() == []


def test_a_disk_without_space_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_raw(tmp_path / "a.264", 10)
    usage = shutil.disk_usage(tmp_path)._replace(free=path.stat().st_size)
    monkeypatch.setattr(raw.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match=r"to remux a\.264") as caught, readable(path, Fraction(12)):
        pass
    assert caught.value.errno == errno.ENOSPC
    assert copies() == []


@pytest.mark.parametrize("change", [lambda head: head, lambda head: head + bytes(3000)])
def test_a_stream_without_pictures_is_refused(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    path = write_raw(tmp_path / "a.264", 10)
    content = path.read_bytes()
    path.write_bytes(change(content[: content.index(b"\0\0\1\x65")]))
    with pytest.raises(CorruptFootage, match=r"a\.264: no picture"), readable(path, Fraction(12)):
        pass
