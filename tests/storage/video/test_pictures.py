"""Packets that give no picture of their own: every frame once, at its time, and none called lost."""

from itertools import chain
from pathlib import Path

import av
import numpy as np
import pytest

from schemas.op import FrameNeed
from storage.video.probe import probe
from tests.storage.video.reading import EVERY, all_pts, numbers, read, segments_of
from tests.support import clips, damage
from tests.support.packed import BASE, FILLER, Piece, mpeg4_pieces, packed, stub, write_pieces

FRAMES = 110


def given_by_segment(path: Path, segment_s: float, threads: int = 1) -> tuple[list[int], list[int]]:
    """PTS and frame numbers, from all segments; none may be lost."""
    pts, seen = [], []
    for segment in segments_of(path, segment_s):
        (batches,), reader = read(path, segment, EVERY, threads=threads)
        assert reader.lost == ()
        pts += all_pts(batches)
        seen += numbers(batches)
    return pts, seen


def decoded_by_ffmpeg(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [clips.frame_number(frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]


@pytest.mark.parametrize("b_frames", [1, 2, 3])
@pytest.mark.parametrize("closed", [True, False])
def test_packed_pictures_have_a_frame_each(tmp_path: Path, b_frames: int, closed: bool) -> None:
    pieces = list(packed(mpeg4_pieces(tmp_path, FRAMES, b_frames, closed)))
    path = write_pieces(tmp_path / "packed.avi", pieces, tmp_path / "plain.avi")
    found = probe(path)
    assert (found.frames, found.fps, found.variable_fps, found.damage) == (FRAMES, 25, False, None)
    assert len(segments_of(path)) == (5 if closed else 1), "an open group cannot be decoded without the one before"
    for segment_s, threads in ((0.8, 1), (3600, 1), (0.8, 2)):
        pts, seen = given_by_segment(path, segment_s, threads)
        assert seen == list(range(FRAMES)) == decoded_by_ffmpeg(path)
        assert pts == found.pts.tolist()


def test_fillers_delay_the_first_picture(tmp_path: Path) -> None:
    first, *rest = packed(mpeg4_pieces(tmp_path, FRAMES, 2, closed=True))
    fillers = [Piece(FILLER, True)] * 2
    path = write_pieces(tmp_path / "late.avi", [first, *fillers, *rest], tmp_path / "plain.avi")
    found = probe(path)
    assert (found.frames, found.fps, found.first_pts) == (FRAMES, 25, 3)
    assert found.keyframe_pts[0] == 3
    pts, seen = given_by_segment(path, 0.8)
    assert (pts, seen) == (found.pts.tolist(), list(range(FRAMES)))


def test_a_stub_alone_repeats_the_picture_before_it(tmp_path: Path) -> None:
    pieces = mpeg4_pieces(tmp_path, FRAMES, 0, closed=True)
    with_stubs = chain.from_iterable(
        [piece, Piece(stub(piece.content))] if number % 7 == 3 else [piece] for number, piece in enumerate(pieces)
    )
    path = write_pieces(
        tmp_path / "stubs.avi", [*with_stubs, *[Piece(stub(pieces[-1].content))] * 50], tmp_path / "plain.avi"
    )
    found = probe(path)
    assert (found.frames, found.damage, found.duration_s) == (FRAMES, None, pytest.approx((FRAMES + 16 + 50) / 25))
    pts, seen = given_by_segment(path, 0.8)
    assert seen == list(range(FRAMES))
    assert pts == [number + (number + 3) // 7 for number in range(FRAMES)]


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_a_picture_twice_is_two_frames(tmp_path: Path, codec: str) -> None:
    plain = clips.write_clip(tmp_path / "plain.avi", range(FRAMES), time_base=BASE, b_frames=0, codec=codec)  # type: ignore[arg-type]
    with av.open(str(plain)) as container:
        pieces = [Piece(bytes(packet), packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
    doubled = chain.from_iterable([piece] * (1 + (number % 7 == 3)) for number, piece in enumerate(pieces))
    path = write_pieces(tmp_path / "double.avi", doubled, plain)
    pts, _ = given_by_segment(path, 0.8)
    assert np.diff(pts).tolist() == [1] * (FRAMES + 15)
    assert len(pts) == len(decoded_by_ffmpeg(path)) == probe(path).frames


@pytest.mark.parametrize("name", ["order.avi", "order.mkv", "order.mp4", "order.ts"])
def test_decode_times_are_no_presentation_times(tmp_path: Path, name: str) -> None:
    plain = clips.write_clip(
        tmp_path / f"plain{Path(name).suffix}", clips.steady_pts(FRAMES, time_base=BASE), time_base=BASE
    )
    with av.open(str(plain)) as container:
        pieces = [Piece(bytes(packet), packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
    path = write_pieces(tmp_path / name, pieces, plain)
    found = probe(path)
    for threads in (1, 2):
        pts, seen = given_by_segment(path, 0.8, threads)
        assert seen == list(range(FRAMES))
        assert pts == found.pts.tolist()


@pytest.mark.parametrize("suffix", ["mkv", "avi"])
def test_hidden_pictures_of_vp8(tmp_path: Path, suffix: str) -> None:
    plain = clips.write_clip(
        tmp_path / f"plain.{suffix}", range(FRAMES), time_base=BASE, b_frames=0, codec="libvpx", keyframe_every=20
    )
    pieces: list[Piece] = []
    with av.open(str(plain)) as container:
        for packet in container.demux(video=0):
            if packet.size:
                pieces.append(Piece(bytes(packet), packet.is_keyframe))
            if packet.is_keyframe:
                tag, *rest = bytes(packet)
                pieces.append(Piece(bytes([tag & ~16, *rest])))
    path = write_pieces(tmp_path / f"hidden.{suffix}", pieces, plain)
    assert len(pieces) == FRAMES + 6
    assert given_by_segment(path, 0.8)[1] == list(range(FRAMES)) == decoded_by_ffmpeg(path)
    assert probe(path).frames == FRAMES


@pytest.mark.parametrize("name", ["plain.avi", "packed.avi"])
def test_flipped_bits_are_still_found(tmp_path: Path, name: str) -> None:
    pieces = list(packed(mpeg4_pieces(tmp_path, FRAMES, 2, closed=True)))
    write_pieces(tmp_path / "packed.avi", pieces, tmp_path / "plain.avi")
    path = damage.flipped_bits(tmp_path / name, tmp_path / "bad.avi")
    (batches,), reader = read(path, segments_of(path, 3600)[0], EVERY)
    missing = set(range(FRAMES)) - set(numbers(batches))
    lost_us = sum(end_us - start_us for start_us, end_us, reason in reader.lost if reason == "decode_error")
    assert missing
    assert 0 < lost_us <= (len(missing) + 3) * 40_000
    assert (np.diff(all_pts(batches)) > 0).all()


@pytest.mark.assets
@pytest.mark.parametrize(("name", "frames", "fps"), [("highway", 748, 25), ("avenue", 1699, 60)])
def test_real_packed_footage(assets: Path, name: str, frames: int, fps: int) -> None:
    path = assets / "video" / "more" / f"{name}.avi"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    found = probe(path)
    assert (float(found.fps), found.variable_fps, found.damage) == (pytest.approx(fps, rel=1e-4), False, None)
    with av.open(str(path)) as container:
        plain = [frame.to_ndarray(format="gray").mean() for frame in container.decode(video=0)]
    assert len(plain) == frames
    for segment_s in (10, 3600):
        parts = [read(path, segment, FrameNeed(width_px=160)) for segment in segments_of(path, segment_s)]
        assert [reader.lost for _, reader in parts] == [()] * len(parts)
        pts = [value for (batches,), _ in parts for value in all_pts(batches)]
        assert np.diff(pts).tolist() == [1] * (frames - 1)
        light = [image.mean() for (batches,), _ in parts for batch in batches for image in batch.frames]
        np.testing.assert_allclose(light, plain, atol=25)
        assert np.corrcoef(light, plain)[0, 1] > 0.99
