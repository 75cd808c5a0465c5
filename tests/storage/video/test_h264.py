"""Keyframes that follow each other have different numbers, and a new number changes no pixel."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from storage.blobs import LocalBlobs
from storage.video.h264 import renumber_idr
from storage.video.writer import merge_parts
from tests.storage.video.encoded import (
    CUTS,
    batch_of,
    chunk_of,
    decode_with_ffmpeg,
    idr_numbers,
    luma,
    pictures,
    sink_of,
    whole,
)
from tests.support.fakes import make_segment


@pytest.mark.parametrize("cuts", [CUTS, (1,) * 12, (1,), (2, 1, 1, 2)], ids=str)
def test_neighbouring_keyframes_have_different_numbers(tmp_path: Path, cuts: tuple[int, ...]) -> None:
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
    np.testing.assert_array_equal(decode_with_ffmpeg(tmp_path / merged.path, 208, 120), luma(tmp_path / merged.path))


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


def test_only_keyframes_of_the_encoder_get_a_number(tmp_path: Path) -> None:
    chunk = chunk_of(sink_of(tmp_path), batch_of(pictures(2)))
    chunk.end()
    key, follower = (bytes(packet) for packet in chunk.packets)
    with pytest.raises(ValueError, match="no IDR picture"):
        renumber_idr(follower, chunk.extradata, 300)
    with pytest.raises(ValueError, match="255 to 510, got 3"):
        renumber_idr(key, chunk.extradata, 3)
    with pytest.raises(ValueError, match="no sequence parameter set"):
        renumber_idr(key, b"", 300)
