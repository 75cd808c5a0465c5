"""Opening a file, and the times and pictures in it."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from schemas.errors import CorruptFootage
from schemas.op import FrameNeed
from storage.video.probe import probe
from storage.video.source import pts_to_us
from tests.storage.video.reading import EVERY, numbers, read, segments_of
from tests.support import clips, damage
from tests.support.failing_disk import fail_demuxing


def test_a_moov_that_is_cut_off_is_no_index(tmp_path: Path) -> None:
    plain = clips.write_clip(tmp_path / "plain.mp4", clips.steady_pts(100))
    with pytest.raises(CorruptFootage, match="no_index"):
        probe(damage.truncated(plain, tmp_path / "cut.mp4", 0.98))


def test_permissions(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise av.error.PermissionError(13, "Permission denied", str(good))

    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(CorruptFootage, match=r"unreadable: good.mp4 cannot be read: Permission denied"):
        probe(good)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permissions_for_real(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "locked.mp4"
    path.write_bytes(good.read_bytes())
    path.chmod(0)
    with pytest.raises(CorruptFootage, match="unreadable"):
        probe(path)


@pytest.mark.parametrize("packets", [0, 30])
def test_a_disk_that_fails_is_no_damage_of_the_file(good: Path, monkeypatch: pytest.MonkeyPatch, packets: int) -> None:
    (segment,) = segments_of(good, 3600)
    fail_demuxing(monkeypatch, packets, disk_fails=True)
    for use in (lambda: probe(good), lambda: read(good, segment, EVERY)):
        with pytest.raises(OSError, match="Input/output error"):
            use()


def test_a_disk_that_fails_while_a_file_is_opened_is_no_damage(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (segment,) = segments_of(good, 3600)
    fail_demuxing(monkeypatch, 0, disk_fails=True)

    def fail(*args: object, **kwargs: object) -> None:
        raise av.error.OSError(5, "Input/output error", str(good))

    monkeypatch.setattr(av, "open", fail)
    with pytest.raises(OSError, match="Input/output error"):
        read(good, segment, EVERY)


def test_a_demuxer_that_calls_damage_a_read_error_changes_nothing(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (segment,) = segments_of(good, 3600)
    fail_demuxing(monkeypatch, 30, disk_fails=False)
    found = probe(good)
    assert found.damage == "truncated" and 0 < found.frames < 100
    (batches,), reader = read(good, segment, EVERY)
    assert 0 < len(numbers(batches)) < 100
    assert [reason for _, _, reason in reader.lost] == ["truncated"]


def test_a_playlist_is_never_followed(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "list.mp4"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:4,\n{good}\n#EXT-X-ENDLIST\n")
    with pytest.raises(CorruptFootage, match="not_a_video"):
        probe(path)


def test_a_picture_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "picture.png"), "w", format="image2") as container:
        stream = container.add_stream("png")
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        container.mux([*stream.encode(frame), *stream.encode(None)])
    path = (tmp_path / "picture.png").rename(tmp_path / "picture.mp4")
    with pytest.raises(CorruptFootage, match="not_a_video"):
        probe(path)


def test_microseconds_are_rounded_exactly() -> None:
    assert pts_to_us(3, Fraction(1, 3)) == 1_000_000
    assert pts_to_us(1, Fraction(100, 2997)) == 33_367
    assert pts_to_us(-1, Fraction(1, 3)) == -333_333
    assert pts_to_us(2997 * 10**9, Fraction(100, 2997)) == 10**17


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_rotation_is_applied(tmp_path: Path, turn: int) -> None:
    plain = clips.write_clip(tmp_path / "plain.mp4", clips.steady_pts(5))
    path = damage.rotated(plain, tmp_path / "turned.mp4", turn) if turn else plain
    segment = segments_of(path)[0]
    (upright,), _ = read(path, segment, EVERY)
    (small,), _ = read(path, segment, FrameNeed(width_px=segment.width // 2))
    assert upright[0].frames.shape[1:3] == (segment.height, segment.width)
    turned_back = np.rot90(upright[0].frames, k=turn // 90, axes=(1, 2))
    assert [clips.frame_number(image) for image in turned_back] == [0, 1, 2, 3, 4]
    turned_back = np.rot90(small[0].frames, k=turn // 90, axes=(1, 2))
    assert [clips.frame_number(image) for image in turned_back] == [0, 1, 2, 3, 4]


def test_colours_are_blue_green_red(tmp_path: Path) -> None:
    path = clips.write_clip(tmp_path / "x.mp4", clips.steady_pts(1))
    (given,), _ = read(path, segments_of(path)[0], EVERY)
    np.testing.assert_allclose(given[0].frames[0, 80, 8], (40, 120, 220), atol=12)


def test_a_file_without_an_index_is_read_from_the_start(tmp_path: Path) -> None:
    whole = clips.write_clip(tmp_path / "whole.avi", range(110), time_base=Fraction(1, 25))
    path = damage.truncated(whole, tmp_path / "cut.avi", 0.9)
    parts = [read(path, segment, EVERY) for segment in segments_of(path)]
    given = numbers([batch for (batches,), _ in parts for batch in batches])
    assert given == list(range(len(given)))
    assert len(given) == probe(path).frames


def test_a_stream_whose_frames_become_too_large_loses_those_frames(tmp_path: Path) -> None:
    parts = [
        clips.write_clip(tmp_path / f"{number}.ts", clips.steady_pts(40)[20 * number :][:20], size_px=size, b_frames=0)
        for number, size in enumerate([(208, 120), (1280, 720)])
    ]
    path = tmp_path / "grows.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    (segment,) = segments_of(path, 3600)
    (whole,), _ = read(path, segment, EVERY)
    assert sum(len(batch.frames) for batch in whole) > 30
    (small,), reader = read(path, segment, EVERY, max_pixels=208 * 120)
    assert 18 <= len(numbers(small)) <= 20 and numbers(small) == list(range(len(numbers(small))))
    assert sum(end - start for start, end, _ in reader.lost) > 0
