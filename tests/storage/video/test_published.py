"""Frames of published video are read from any time to any other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.values import FrameBatch
from storage.blobs import LocalBlobs
from storage.video.published import read_frames, read_frames_at, read_ticks
from storage.video.writer import PartWriter, write_frames
from tests.storage.video.encoded import batch_of, pictures
from tests.support import clips
from tests.support.fakes import make_segment

SIZE = (207, 61)
FRAMES = 30


@pytest.fixture
def published(tmp_path: Path) -> Path:
    sink = PartWriter(LocalBlobs(tmp_path), "video.mp4", make_segment(size_px=SIZE), index_first=True)
    write_frames(sink, [batch_of(pictures(FRAMES, *SIZE))])
    return tmp_path / "video.mp4"


@pytest.mark.parametrize(("since", "until"), [(0, FRAMES - 1), (0, 3), (7, 7), (11, FRAMES - 1), (20, 99), (40, 50)])
def test_frames_are_those_of_the_asked_time_and_no_others(published: Path, since: int, until: int) -> None:
    ticks = read_ticks(published)
    wanted = ticks[since : until + 1]
    edges = (wanted[0], wanted[-1]) if wanted else (ticks[-1] + 1, ticks[-1] + 9)
    found = list(read_frames(published, SIZE, *edges))
    assert [at for at, _ in found] == wanted
    assert [clips.frame_number(image) for _, image in found] == list(range(FRAMES))[since : until + 1]
    assert all(image.shape == (61, 207, 3) for _, image in found)


def test_frames_are_found_by_their_ticks(published: Path) -> None:
    ticks = read_ticks(published)
    found = list(read_frames_at(published, [ticks[4], ticks[4] + 1, ticks[19]], SIZE))
    assert [(at, clips.frame_number(image)) for at, image in found] == [(ticks[4], 4), (ticks[19], 19)]


def test_players_find_the_index_first(published: Path) -> None:
    content = published.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_frames_that_end_with_an_error_leave_no_file(tmp_path: Path) -> None:
    def frames() -> Iterator[FrameBatch]:
        yield batch_of(pictures(300))
        raise KeyboardInterrupt

    sink = PartWriter(LocalBlobs(tmp_path), "video.mp4", make_segment())
    with pytest.raises(KeyboardInterrupt):
        write_frames(sink, frames())
    assert list(tmp_path.iterdir()) == []


def test_chunks_follow_each_other(tmp_path: Path) -> None:
    """More frames than one chunk has."""
    batches = [batch_of(pictures(1, first=number), number) for number in range(260)]
    sink = PartWriter(LocalBlobs(tmp_path), "video.mp4", make_segment(duration_s=20))
    assert write_frames(sink, batches).frames == 260
    numbers = [clips.frame_number(image) for _, image in read_frames(tmp_path / "video.mp4", (208, 120))]
    assert numbers == list(range(260))
