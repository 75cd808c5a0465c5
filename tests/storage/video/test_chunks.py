"""Chunks: encoded, decoded as often as asked, and kept once or not at all."""

import gc
from pathlib import Path

import av
import numpy as np
import pytest

from schemas.errors import CoverageError
from storage.video.chunks import EncodedChunk
from tests.storage.video.encoded import (
    batch_of,
    chunk_of,
    pictures,
    sink_of,
    whole,
)


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


def test_decoding_twice_and_after_keeping_gives_the_same(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    chunk = chunk_of(sink, batch_of(pictures(5)), batch_of(pictures(4, first=5), 5))
    first, again = whole(list(chunk.decode())), whole(list(chunk.decode()))
    sink.keep(chunk)
    kept = whole(list(chunk.decode()))
    for other in (again, kept):
        np.testing.assert_array_equal(other.frames, first.frames)
        np.testing.assert_array_equal(other.times_us, first.times_us)


def test_decoding_changes_nothing(tmp_path: Path) -> None:
    images = pictures(9)
    for name in ("decoded.mp4", "kept.mp4"):
        sink = sink_of(tmp_path, name)
        chunk = chunk_of(sink, batch_of(images))
        if name == "decoded.mp4":
            list(chunk.decode())
        sink.keep(chunk)
        sink.close()
    assert (tmp_path / "decoded.mp4").read_bytes() == (tmp_path / "kept.mp4").read_bytes()


def test_a_chunk_ends_when_it_is_decoded_or_kept(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    decoded, kept = chunk_of(sink, batch_of(pictures(3))), chunk_of(sink, batch_of(pictures(3)))
    decoded.decode()
    sink.keep(kept)
    for chunk in (decoded, kept):
        with pytest.raises(ValueError, match="decoded or kept already"):
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


def test_an_empty_chunk_adds_nothing(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    nothing = sink.new_chunk()
    nothing.write(batch_of(pictures(1)[:0]))
    assert list(nothing.decode()) == []
    sink.keep(nothing)
    sink.keep(chunk_of(sink, batch_of(pictures(2))))
    sink.keep(sink.new_chunk())
    assert sink.close().frames == 2


def test_decoded_batches_are_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunk = chunk_of(sink_of(tmp_path), batch_of(pictures(12)))
    shown = whole(list(chunk.decode()))
    for gathered_bytes, most, sizes in ((10**9, 5, [5, 5, 2]), (208 * 120 * 3 - 1, 5, [1] * 12), (10**9, 64, [12])):
        monkeypatch.setattr("storage.video.gathering.GATHERED_BYTES", gathered_bytes)
        monkeypatch.setattr("storage.video.chunks._BATCH_FRAMES", most)
        batches = list(chunk.decode())
        assert [len(batch) for batch in batches] == sizes
        np.testing.assert_array_equal(whole(batches).times_us, batch_of(pictures(12)).times_us)
        np.testing.assert_array_equal(whole(batches).frames, shown.frames)


def test_how_frames_come_in_batches_does_not_matter(tmp_path: Path) -> None:
    images = pictures(9)
    one = chunk_of(sink_of(tmp_path), batch_of(images))
    many = chunk_of(sink_of(tmp_path), *(batch_of(images[n : n + 1], n) for n in range(9)))
    for chunk in (one, many):
        chunk.end()
    assert [bytes(packet) for packet in one.packets] == [bytes(packet) for packet in many.packets]


def test_a_chunk_that_cannot_be_shown_is_not_vouched_for(tmp_path: Path) -> None:
    def damaged(how: str) -> EncodedChunk:
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
            list(damaged(how).decode())
