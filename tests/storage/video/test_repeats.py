"""Repeated pictures show what the picture before them shows, in every decoder."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.codec.context import CodecContext, Flags

from storage.blobs import LocalBlobs
from storage.video.chunks import EncodedChunk
from storage.video.repeats import Repeats
from storage.video.writer import PartWriter, merge_parts
from tests.storage.video.encoded import (
    SIZES,
    batch_of,
    chunk_of,
    decode_with_ffmpeg,
    luma,
    pictures,
    sink_of,
    whole,
)
from tests.support.fakes import make_segment


def with_repeats(sink: PartWriter, kinds: str, width: int = 208, height: int = 120, first: int = 0) -> EncodedChunk:
    """A chunk of new frames, ``n``, and repeats, ``r``."""
    chunk, images = sink.new_chunk(), iter(pictures(kinds.count("n"), width, height))
    for number, kind in enumerate(kinds, first):
        if kind == "n":
            chunk.write(batch_of(next(images)[None], number))
        else:
            at = batch_of(pictures(1), number)
            chunk.repeat(int(at.pts[0]), int(at.times_us[0]))
    return chunk


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("kinds", ["nr", "nrrrnnrn", "n" + 20 * "r" + "nnr", 5 * ("n" + 17 * "r")])
def test_repeats_change_no_other_frame_and_show_the_one_before(
    tmp_path: Path, kinds: str, size: tuple[int, int]
) -> None:
    sink = sink_of(tmp_path)
    chunk = with_repeats(sink, kinds, *size)
    frames = whole(list(chunk.decode()))
    plain = sink_of(tmp_path, "plain.mp4")
    news = [number for number, kind in enumerate(kinds) if kind == "n"]
    images = pictures(len(news), *size)
    alone = chunk_of(plain, *(batch_of(image[None], number) for image, number in zip(images, news, strict=True)))
    expected = whole(list(alone.decode())).frames
    shown = np.cumsum([kind == "n" for kind in kinds]) - 1
    np.testing.assert_array_equal(frames.frames, expected[shown])
    np.testing.assert_array_equal(frames.times_us, batch_of(np.repeat(pictures(1), len(kinds), axis=0)).times_us)
    sink.keep(chunk)
    sink.close()
    width, height = chunk.coded_size_px
    np.testing.assert_array_equal(decode_with_ffmpeg(tmp_path / "part.mp4", width, height), luma(tmp_path / "part.mp4"))
    assert max(packet.size for packet, kind in zip(chunk.packets, kinds, strict=True) if kind == "r") < 20


def test_frames_after_a_keyframe_within_a_chunk_are_numbered_anew(tmp_path: Path) -> None:
    kinds = 30 * "nr" + 230 * "n" + "rrnrn"  # x264 makes every 250th of its frames a keyframe
    sink = sink_of(tmp_path)
    chunk = with_repeats(sink, kinds)
    sink.keep(chunk)
    sink.close()
    assert [number for number, packet in enumerate(chunk.packets) if packet.is_keyframe] == [0, 280]
    decoded = decode_with_ffmpeg(tmp_path / "part.mp4", 208, 120)
    assert len(decoded) == len(kinds)
    for number, kind in enumerate(kinds):
        assert kind == "n" or (decoded[number] == decoded[number - 1]).all()


def test_parts_with_repeats_merge_and_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    merged = []
    for turn in range(2):
        parts = []
        for index, (kinds, more) in enumerate([("nrr", "n"), ("n", "nrrn")]):
            sink = sink_of(tmp_path, f"{turn}-{index}.mp4", index)
            first = round(make_segment(index).start_pts / 512)
            sink.keep(with_repeats(sink, kinds, first=first))
            sink.keep(with_repeats(sink, more, first=first + len(kinds)))
            parts.append(sink.close().path)
        merged.append(merge_parts(LocalBlobs(tmp_path), parts, f"merged{turn}.mp4"))
    assert merged[0].frames == 9
    assert merged[0].sha256 == merged[1].sha256
    path = tmp_path / merged[0].path
    decoded = decode_with_ffmpeg(path, 208, 120)
    np.testing.assert_array_equal(decoded, luma(path))
    same = [bool((one == other).all()) for one, other in zip(decoded[1:], decoded[:-1], strict=True)]
    assert [same[number] for number in (0, 1, 5, 6)] == [True] * 4


def test_a_chunk_repeats_only_what_it_has_while_it_is_open(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    with pytest.raises(ValueError, match="no frame to repeat"):
        sink.new_chunk().repeat(0, 0)
    chunk = chunk_of(sink, batch_of(pictures(2)))
    with pytest.raises(ValueError, match="PTS must rise"):
        chunk.repeat(512, 0)
    chunk.repeat(1024, 0)
    list(chunk.decode())
    with pytest.raises(ValueError, match="decoded or kept already"):
        chunk.repeat(2048, 0)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("bframes=2", "order in which they are coded"),
        ("bframes=0:cabac=1", "arithmetic coding"),
        ("bframes=0:cabac=0:weightp=2:ref=2", "without weights"),
        ("bframes=0:cabac=0:weightp=0:interlaced=1", "order in which|interlaced"),
    ],
)
def test_other_codings_are_refused(params: str, message: str) -> None:
    context = CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt, context.time_base = 64, 48, "yuv420p", Fraction(1, 25)
    context.options = {"preset": "medium", "x264-params": params}
    context.flags |= Flags.global_header
    context.open()
    assert context.extradata is not None
    with pytest.raises(ValueError, match=message):
        Repeats.of(context.extradata)
