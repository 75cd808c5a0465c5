"""Files of chunks: what is verified before it is kept is what every player shows, as one valid stream."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from schemas.values import Segment, Uint8
from storage.blobs import LocalBlobs
from storage.video.writer import merge_parts
from tests.storage.video.encoded import (
    CUTS,
    SIZES,
    batch_of,
    chunk_of,
    cut_into_chunks,
    decode_file,
    decode_with_ffmpeg,
    luma,
    nal_types,
    pictures,
    sink_of,
    whole,
)
from tests.support import clips
from tests.support.fakes import make_segment


@pytest.mark.slow
@pytest.mark.parametrize("size_px", SIZES, ids=str)
def test_decoded_chunks_are_what_the_file_shows(tmp_path: Path, size_px: tuple[int, int]) -> None:
    width, height = size_px
    images = pictures(sum(CUTS), width, height)
    sink = sink_of(tmp_path)
    decoded = whole(cut_into_chunks(sink, images, CUTS))
    made = sink.close()
    pts, frames = decode_file(tmp_path / made.path)
    written = batch_of(images)
    assert made.frames == len(images)
    assert frames.shape == (len(images), height + height % 2, width + width % 2, 3)
    np.testing.assert_array_equal(decoded.frames, frames[:, :height, :width])
    np.testing.assert_array_equal(decoded.pts, written.pts)
    np.testing.assert_array_equal(decoded.times_us, written.times_us)
    assert pts == written.pts.tolist()
    assert np.abs(decoded.frames.astype(int) - images).mean() < 12, "encoded, and still the same pictures"
    if width >= 208:
        assert [clips.frame_number(image) for image in decoded.frames[:, :, :208]] == list(range(len(images)))


@pytest.mark.parametrize("cuts", [CUTS, (1,) * 12, (53,)], ids=str)
def test_other_players_show_every_frame_too(tmp_path: Path, cuts: tuple[int, ...]) -> None:
    sink = sink_of(tmp_path)
    cut_into_chunks(sink, pictures(sum(cuts)), cuts)
    path = tmp_path / sink.close().path
    expected = luma(path)
    assert len(expected) == sum(cuts)
    np.testing.assert_array_equal(decode_with_ffmpeg(path, 208, 120), expected)
    bare = tmp_path / "bare.h264"  # without a container only the headers show where a picture ends
    with av.open(str(path)) as container:
        to_bare = BitStreamFilterContext("h264_mp4toannexb", container.streams.video[0])
        packets = [out for packet in container.demux(video=0) if packet.size for out in to_bare.filter(packet)]
    bare.write_bytes(b"".join(bytes(packet) for packet in packets))
    np.testing.assert_array_equal(decode_with_ffmpeg(bare, 208, 120), expected)


def test_every_chunk_can_be_seeked_to_and_decoded(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    decoded = whole(cut_into_chunks(sink, pictures(sum(CUTS)), CUTS))
    path = tmp_path / sink.close().path
    starts = [0, *np.cumsum(CUTS[:-1]).tolist()]
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for start in [*starts[::-1], *starts]:
            container.seek(int(decoded.pts[start]), stream=stream, backward=True)
            frame = next(container.decode(stream))
            assert (frame.pts, frame.key_frame) == (decoded.pts[start], True)
            np.testing.assert_array_equal(frame.to_ndarray(format="bgr24"), decoded.frames[start])


def test_frames_of_a_file_are_of_one_size(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    chunk = chunk_of(sink, batch_of(pictures(2)))
    with pytest.raises(ValueError, match="one size: 224x120 comes after"):
        chunk.write(batch_of(pictures(1, 224), 2))
    sink.keep(chunk)
    with pytest.raises(ValueError, match="does not fit those kept before"):
        sink.keep(chunk_of(sink, batch_of(pictures(2, 224), 5)))
    sink.keep(chunk_of(sink, batch_of(pictures(2), 5)))
    assert sink.close().frames == 4


def test_times_rise_from_chunk_to_chunk(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    sink.keep(chunk_of(sink, batch_of(pictures(4), 10)))
    for first in (0, 9, 13):
        with pytest.raises(ValueError, match="PTS must rise"):
            sink.keep(chunk_of(sink, batch_of(pictures(2), first)))
    sink.keep(chunk_of(sink, batch_of(pictures(2), 14)))
    assert sink.close().frames == 6


def test_the_last_frame_lasts_to_the_end_of_the_segment(tmp_path: Path) -> None:
    segment = make_segment(0)
    for cuts in ((6,), (5, 1), (1,) * 6):
        sink = sink_of(tmp_path)
        cut_into_chunks(sink, pictures(6), cuts)
        path = tmp_path / sink.close().path
        with av.open(str(path)) as container:
            lengths = [packet.duration for packet in container.demux(video=0) if packet.size]
        assert lengths == [512] * 5 + [segment.end_pts - 5 * 512]


def test_same_frames_in_the_same_chunks_give_the_same_bytes(tmp_path: Path) -> None:
    images = pictures(sum(CUTS))
    contents = []
    for name in ("a.mp4", "b.mp4"):
        sink = sink_of(tmp_path, name)
        cut_into_chunks(sink, images, CUTS)
        contents.append((tmp_path / sink.close().path).read_bytes())
    assert contents[0] == contents[1]


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
    decoded = whole(cut_into_chunks(sink, images, cuts))
    path = tmp_path / sink.close().path
    pts, frames = decode_file(path)
    np.testing.assert_array_equal(decoded.frames, frames)
    assert pts == decoded.pts.tolist()
    np.testing.assert_array_equal(decode_with_ffmpeg(path, 480, 360), luma(path))
