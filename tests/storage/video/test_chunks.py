"""Chunks: what is looked at before it is kept is what players show, and merged chunks are one sound stream."""

import gc
import re
import subprocess
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

import av
import ffmpeg
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from schemas.errors import CoverageError
from schemas.values import FrameBatch, Segment, Uint8
from storage.blobs import LocalBlobs
from storage.video import PartWriter, chunks, merge_parts
from storage.video.chunks import EncodedChunk
from storage.video.ffmpeg import ffmpeg_path
from storage.video.h264 import renumbered
from tests.support import clips
from tests.support.fakes import make_segment

START_US = 1_772_488_800_000_000
CUTS = (1, 1, 7, 1, 12, 1, 1, 1, 30)
SIZES = [(208, 120), (207, 61), (640, 481)]


def pictures(count: int, width: int = 208, height: int = 120, first: int = 0) -> Uint8:
    """Numbered frames with noise, so that every block is coded."""
    random = np.random.default_rng(first + 7)
    images = []
    for number in range(first, first + count):
        image = clips.numbered_frame(number, max(width, 208), height)[:, :width]
        noise = random.integers(0, 24, image.shape, dtype=np.uint8)
        images.append(np.clip(image.astype(np.int16) + noise, 0, 255).astype(np.uint8))
    return np.stack(images)


def batch_of(images: Uint8, first: int = 0, step: int = 512) -> FrameBatch:
    """Frames number ``first`` and on; their wall times are odd on purpose, so that nobody can work them out."""
    numbers = first + np.arange(len(images), dtype=np.int64)
    return FrameBatch(images, numbers * step, START_US + numbers * 40_001 + numbers % 3)


def whole(batches: Sequence[FrameBatch]) -> FrameBatch:
    parts = [[batch.frames, batch.pts, batch.times_us] for batch in batches]
    return FrameBatch(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def sink_of(folder: Path, name: str = "part.mp4", index: int = 0) -> PartWriter:
    return PartWriter(LocalBlobs(folder), name, make_segment(index))


def chunk_of(sink: PartWriter, *batches: FrameBatch) -> EncodedChunk:
    chunk = sink.new_chunk()
    for batch in batches:
        chunk.write(batch)
    return chunk


def cut_into_chunks(sink: PartWriter, images: Uint8, cuts: Sequence[int]) -> list[FrameBatch]:
    """Keeps all frames, one chunk for each of ``cuts``; gives what was played."""
    played: list[FrameBatch] = []
    first = 0
    for count in cuts:
        chunk = chunk_of(sink, batch_of(images[first : first + count], first))
        played += chunk.decode()
        sink.keep(chunk)
        first += count
    return played


def decoded(path: Path) -> tuple[list[int], Uint8]:
    """PTS and BGR frames of a file, as PyAV gives them."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert not any(frame.is_corrupt for frame in frames)
    return [frame.pts or 0 for frame in frames], np.stack([frame.to_ndarray(format="bgr24") for frame in frames])


def by_program(path: Path, width: int, height: int, **before: str) -> Uint8:
    """The luma planes ``(N, H, W)`` that the ffmpeg program decodes, every frame as it comes."""
    source = ffmpeg.input(f"file:{path}", **before)
    chain = source.output("pipe:", format="rawvideo", pix_fmt="yuv420p", fps_mode="passthrough")
    command = ffmpeg.compile(chain.global_args("-v", "error", "-nostdin"), cmd=ffmpeg_path())
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    frames = np.frombuffer(done.stdout, np.uint8).reshape(-1, height * 3 // 2, width)
    return frames[:, :height]


def luma(path: Path) -> Uint8:
    with av.open(str(path)) as container:
        planes = [frame.to_ndarray() for frame in container.decode(video=0)]
    return np.stack([plane[: len(plane) * 2 // 3] for plane in planes])


def idr_numbers(path: Path) -> list[int | None]:
    """``idr_pic_id`` of each picture, None where it is no key frame, as FFmpeg's own reader of headers tells it."""
    chain = ffmpeg.input(f"file:{path}").output("-", format="null", c="copy", **{"bsf:v": "trace_headers"})
    command = ffmpeg.compile(chain.global_args("-v", "info", "-nostdin"), cmd=ffmpeg_path())
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    found: list[int | None] = []
    for line in done.stderr.splitlines():
        if re.search(r"\bfirst_mb_in_slice\b.* = 0$", line):
            found.append(None)
        elif number := re.search(r"\bidr_pic_id\b.* = (\d+)$", line):
            found[-1] = int(number[1])
    return found


def nal_types(path: Path) -> set[int]:
    """Kinds of all units in a file's samples (ISO/IEC 14496-15: each after its length in four bytes)."""
    found = set()
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            content, at = bytes(packet), 0
            while at < len(content):
                found.add(content[at + 4] & 31)
                at += 4 + int.from_bytes(content[at : at + 4])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("size_px", SIZES, ids=str)
def test_what_is_played_is_what_the_file_shows(tmp_path: Path, size_px: tuple[int, int]) -> None:
    width, height = size_px
    images = pictures(sum(CUTS), width, height)
    sink = sink_of(tmp_path)
    played = whole(cut_into_chunks(sink, images, CUTS))
    made = sink.close()
    pts, shown = decoded(tmp_path / made.path)
    written = batch_of(images)
    assert made.frames == len(images)
    assert shown.shape == (len(images), height + height % 2, width + width % 2, 3)
    np.testing.assert_array_equal(played.frames, shown[:, :height, :width])
    np.testing.assert_array_equal(played.pts, written.pts)
    np.testing.assert_array_equal(played.times_us, written.times_us)
    assert pts == written.pts.tolist()
    assert np.abs(played.frames.astype(int) - images).mean() < 12, "encoded, and still the same pictures"
    if width >= 208:
        assert [clips.frame_number(image) for image in played.frames[:, :, :208]] == list(range(len(images)))


@pytest.mark.parametrize("cuts", [CUTS, (1,) * 12, (53,)], ids=str)
def test_other_players_show_every_frame_too(tmp_path: Path, cuts: tuple[int, ...]) -> None:
    sink = sink_of(tmp_path)
    cut_into_chunks(sink, pictures(sum(cuts)), cuts)
    path = tmp_path / sink.close().path
    expected = luma(path)
    assert len(expected) == sum(cuts)
    np.testing.assert_array_equal(by_program(path, 208, 120), expected)
    bare = tmp_path / "bare.h264"  # no container tells where a picture ends: its headers must
    with av.open(str(path)) as container:
        to_bare = BitStreamFilterContext("h264_mp4toannexb", container.streams.video[0])
        packets = [out for packet in container.demux(video=0) if packet.size for out in to_bare.filter(packet)]
    bare.write_bytes(b"".join(bytes(packet) for packet in packets))
    np.testing.assert_array_equal(by_program(bare, 208, 120), expected)


@pytest.mark.parametrize("cuts", [CUTS, (1,) * 12, (1,), (2, 1, 1, 2)], ids=str)
def test_neighbouring_key_frames_have_different_numbers(tmp_path: Path, cuts: tuple[int, ...]) -> None:
    parts = []
    for index in range(3):
        sink = sink_of(tmp_path, f"{index}.mp4", index)
        images, first = pictures(sum(cuts)), round(make_segment(index).start_pts / 512)
        for count in cuts:
            sink.keep(chunk_of(sink, batch_of(images[:count], first)))
            chunk_of(sink, batch_of(images[:1], first))  # and one that is dropped
            first += count
        parts.append(sink.close().path)
    merged = merge_parts(LocalBlobs(tmp_path), parts, "merged.mp4")
    numbers = idr_numbers(tmp_path / merged.path)
    assert len(numbers) == merged.frames == 3 * sum(cuts)
    assert sum(number is not None for number in numbers) >= 3 * len(cuts)
    pairs = [(a, b) for a, b in pairwise(numbers) if a is not None and b is not None]
    assert all(a != b for a, b in pairs)
    np.testing.assert_array_equal(by_program(tmp_path / merged.path, 208, 120), luma(tmp_path / merged.path))


def test_a_new_number_changes_no_pixel_whatever_the_picture_is(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    images = [np.full((96, 128, 3), 0, np.uint8), random.integers(0, 256, (96, 128, 3), dtype=np.uint8)]
    for image, number in zip(images * 3, (255, 256, 300, 383, 509, 510), strict=True):
        chunk = chunk_of(sink_of(tmp_path), batch_of(image[None]))
        before = whole(list(chunk.decode()))
        chunk.renumber(number)
        np.testing.assert_array_equal(whole(list(chunk.decode())).frames, before.frames)
        with pytest.raises(ValueError, match="a number already"):
            chunk.renumber(number)


def test_only_key_frames_of_the_encoder_get_a_number(tmp_path: Path) -> None:
    chunk = chunk_of(sink_of(tmp_path), batch_of(pictures(2)))
    chunk.end()
    key, follower = (bytes(packet) for packet in chunk.packets)
    with pytest.raises(ValueError, match="no IDR picture"):
        renumbered(follower, chunk.extradata, 300)
    with pytest.raises(ValueError, match="255 to 510, got 3"):
        renumbered(key, chunk.extradata, 3)
    with pytest.raises(ValueError, match="no sequence parameter set"):
        renumbered(key, b"", 300)


def test_every_take_can_be_sought_and_begun_at(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    played = whole(cut_into_chunks(sink, pictures(sum(CUTS)), CUTS))
    path = tmp_path / sink.close().path
    starts = [0, *np.cumsum(CUTS[:-1]).tolist()]
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for start in [*starts[::-1], *starts]:
            container.seek(int(played.pts[start]), stream=stream, backward=True)
            frame = next(container.decode(stream))
            assert (frame.pts, frame.key_frame) == (played.pts[start], True)
            np.testing.assert_array_equal(frame.to_ndarray(format="bgr24"), played.frames[start])


def test_a_chunk_that_is_not_kept_leaves_no_trace(tmp_path: Path) -> None:
    images = pictures(20)
    for name in ("plain.mp4", "tried.mp4"):
        sink = sink_of(tmp_path, name)
        sink.keep(chunk_of(sink, batch_of(images[:8])))
        if name == "tried.mp4":
            list(chunk_of(sink, batch_of(255 - images[8:], 8)).decode())
            dropped = chunk_of(sink, batch_of(255 - images[8:], 8))
            assert dropped is not None
        sink.keep(chunk_of(sink, batch_of(images[8:], 8)))
        if name == "tried.mp4":
            list(chunk_of(sink, batch_of(255 - images[8:], 20)).decode())
        sink.close()
    assert (tmp_path / "plain.mp4").read_bytes() == (tmp_path / "tried.mp4").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain.mp4", "tried.mp4"]


def test_chunks_that_nobody_kept_are_not_a_file(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    list(chunk_of(sink, batch_of(pictures(3))).decode())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CoverageError, match="no frame"):
        sink.close()
    sink.abort()
    assert list(tmp_path.iterdir()) == []


def test_a_sink_lets_go_of_chunks_that_are_dropped(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    chunk = chunk_of(sink, batch_of(pictures(3)))
    assert len(sink._open_chunks) == 1
    del chunk
    gc.collect()
    assert len(sink._open_chunks) == 0


def test_playing_twice_and_after_keeping_gives_the_same(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    chunk = chunk_of(sink, batch_of(pictures(5)), batch_of(pictures(4, first=5), 5))
    first, again = whole(list(chunk.decode())), whole(list(chunk.decode()))
    sink.keep(chunk)
    kept = whole(list(chunk.decode()))
    for other in (again, kept):
        np.testing.assert_array_equal(other.frames, first.frames)
        np.testing.assert_array_equal(other.times_us, first.times_us)


def test_playing_changes_nothing(tmp_path: Path) -> None:
    images = pictures(9)
    for name in ("looked.mp4", "blind.mp4"):
        sink = sink_of(tmp_path, name)
        chunk = chunk_of(sink, batch_of(images))
        if name == "looked.mp4":
            list(chunk.decode())
        sink.keep(chunk)
        sink.close()
    assert (tmp_path / "looked.mp4").read_bytes() == (tmp_path / "blind.mp4").read_bytes()


def test_a_chunk_ends_when_it_is_played_or_kept(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    played, kept = chunk_of(sink, batch_of(pictures(3))), chunk_of(sink, batch_of(pictures(3)))
    played.decode()
    sink.keep(kept)
    for chunk in (played, kept):
        with pytest.raises(ValueError, match="played or kept already"):
            chunk.write(batch_of(pictures(1), 5))


def test_a_chunk_is_kept_once_and_in_its_own_file(tmp_path: Path) -> None:
    sink, other = sink_of(tmp_path), sink_of(tmp_path, "other.mp4")
    chunk = chunk_of(sink, batch_of(pictures(3)))
    with pytest.raises(ValueError, match=r"not a chunk of other.mp4"):
        other.keep(chunk)
    sink.keep(chunk)
    with pytest.raises(ValueError, match="kept already"):
        sink.keep(chunk)
    late = chunk_of(sink, batch_of(pictures(3), 3))
    assert sink.close().frames == 3
    with pytest.raises(ValueError, match="file is closed"):
        sink.keep(late)


def test_an_empty_take_adds_nothing(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    nothing = sink.new_chunk()
    nothing.write(batch_of(pictures(1)[:0]))
    assert list(nothing.decode()) == []
    sink.keep(nothing)
    sink.keep(chunk_of(sink, batch_of(pictures(2))))
    sink.keep(sink.new_chunk())
    assert sink.close().frames == 2


def test_times_rise_from_take_to_take(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    sink.keep(chunk_of(sink, batch_of(pictures(4), 10)))
    for first in (0, 9, 13):
        with pytest.raises(ValueError, match="PTS must rise"):
            sink.keep(chunk_of(sink, batch_of(pictures(2), first)))
    sink.keep(chunk_of(sink, batch_of(pictures(2), 14)))
    assert sink.close().frames == 6


def test_frames_of_a_file_are_of_one_size(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    chunk = chunk_of(sink, batch_of(pictures(2)))
    with pytest.raises(ValueError, match="of one size: 224x120 comes after"):
        chunk.write(batch_of(pictures(1, 224), 2))
    sink.keep(chunk)
    with pytest.raises(ValueError, match="does not fit those kept before"):
        sink.keep(chunk_of(sink, batch_of(pictures(2, 224), 5)))
    sink.keep(chunk_of(sink, batch_of(pictures(2), 5)))
    assert sink.close().frames == 4


def test_the_last_frame_lasts_to_the_end_of_the_segment(tmp_path: Path) -> None:
    segment = make_segment(0)
    for cuts in ((6,), (5, 1), (1,) * 6):
        sink = sink_of(tmp_path)
        cut_into_chunks(sink, pictures(6), cuts)
        path = tmp_path / sink.close().path
        with av.open(str(path)) as container:
            lengths = [packet.duration for packet in container.demux(video=0) if packet.size]
        assert lengths == [512] * 5 + [segment.end_pts - 5 * 512]


def test_batches_that_are_played_are_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunk = chunk_of(sink_of(tmp_path), batch_of(pictures(12)))
    frame_bytes = 208 * 120 * 3
    for most_bytes, sizes in ((5 * frame_bytes + 7, [5, 5, 2]), (frame_bytes - 1, [1] * 12), (10**9, [12])):
        monkeypatch.setattr(chunks, "_BATCH_BYTES", most_bytes)
        batches = list(chunk.decode())
        assert [len(batch) for batch in batches] == sizes
        np.testing.assert_array_equal(whole(batches).times_us, batch_of(pictures(12)).times_us)


def test_same_frames_in_the_same_chunks_give_the_same_bytes(tmp_path: Path) -> None:
    images = pictures(sum(CUTS))
    contents = []
    for name in ("a.mp4", "b.mp4"):
        sink = sink_of(tmp_path, name)
        cut_into_chunks(sink, images, CUTS)
        contents.append((tmp_path / sink.close().path).read_bytes())
    assert contents[0] == contents[1]


def test_how_frames_come_in_batches_does_not_matter(tmp_path: Path) -> None:
    images = pictures(9)
    one = chunk_of(sink_of(tmp_path), batch_of(images))
    many = chunk_of(sink_of(tmp_path), *(batch_of(images[n : n + 1], n) for n in range(9)))
    for chunk in (one, many):
        chunk.end()
    assert [bytes(packet) for packet in one.packets] == [bytes(packet) for packet in many.packets]


def test_a_chunk_that_cannot_be_shown_is_not_vouched_for(tmp_path: Path) -> None:
    def spoilt(how: str) -> EncodedChunk:
        chunk = chunk_of(sink_of(tmp_path), batch_of(pictures(6)))
        chunk.end()
        if how == "noise":
            size = chunk.packets[3].size
            chunk.packets[3] = av.Packet(bytes(chunk.packets[3])[:8] + np.random.default_rng(1).bytes(size - 8))
            chunk.packets[3].pts = chunk.ticks[3]
        elif how == "missing":
            del chunk.packets[5]
        else:
            chunk.packets.append(chunk.packets[5])
        return chunk

    for how in ("noise", "missing", "more"):
        with pytest.raises(CoverageError, match=r"part.mp4"):
            list(spoilt(how).decode())


def test_nothing_but_pictures_is_in_the_file(tmp_path: Path) -> None:
    parts = []
    for index in range(2):
        sink = sink_of(tmp_path, f"{index}.mp4", index)
        first = round(make_segment(index).start_pts / 512)
        for cut, count in enumerate((5, 1, 1, 20)):
            sink.keep(chunk_of(sink, batch_of(pictures(count), first + 20 * cut)))
        parts.append(sink.close().path)
    merged = merge_parts(LocalBlobs(tmp_path), parts, "merged.mp4").path
    for name in (*parts, merged):
        path = tmp_path / name
        with av.open(str(path)) as container:
            assert [stream.type for stream in container.streams] == ["video"]
            stream = container.streams.video[0]
            # What the muxer writes into every MP4: its kind, and that its one track is video, of no language.
            assert set(container.metadata) == {"major_brand", "minor_version", "compatible_brands"}
            assert stream.metadata == {"language": "und", "handler_name": "VideoHandler"}
            assert stream.disposition == av.stream.Disposition.default
            frame = next(container.decode(stream))
            assert frame.rotation == 0
            assert not list(frame.side_data.keys())
            assert not frame.metadata
        assert nal_types(path) == {1, 5}, "slices, and neither SEI nor parameter sets beside the header's"
        content = path.read_bytes()
        words = (b"x264", b"Lavf", b"Lavc", b"\xa9too", b"uuid", b"covr", b"loci", b"tmcd", b"FFMP")
        assert not [word for word in words if word in content]
        assert content.count(b"ilst") == content.count(b"\0\0\0\x08ilst") == 1, "the list of tags is empty"
        # Seconds since 1904 of mvhd, tkhd and mdhd, made and changed: all 0.
        for box in (b"mvhd", b"tkhd", b"mdhd"):
            at = content.index(box) + 4
            assert content[at] == 0, "32-bit times"
            assert content[at + 4 : at + 12] == bytes(8)


@pytest.fixture(scope="module")
def real_frames(assets: Path) -> Iterator[tuple[Uint8, Segment]]:
    with av.open(str(assets / "video" / "pets09_s2l1_480x360.mp4")) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in islice(container.decode(video=0), 90)]
    yield np.stack(frames), make_segment(0, size_px=(480, 360))


@pytest.mark.slow
@pytest.mark.assets
def test_real_frames(tmp_path: Path, real_frames: tuple[Uint8, Segment]) -> None:
    images, _ = real_frames
    sink = sink_of(tmp_path)
    cuts = (40, 1, 1, 48)
    played = whole(cut_into_chunks(sink, images, cuts))
    path = tmp_path / sink.close().path
    pts, shown = decoded(path)
    np.testing.assert_array_equal(played.frames, shown)
    assert pts == played.pts.tolist()
    np.testing.assert_array_equal(by_program(path, 480, 360), luma(path))
