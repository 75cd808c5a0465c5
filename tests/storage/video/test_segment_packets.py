"""A segment's packets begin at its keyframe and end with it, whatever the file's index and its damage."""

from pathlib import Path

import pytest

from schemas.errors import CorruptFootage
from storage.video.segment_packets import open_at_segment
from storage.video.source import packet_pts
from tests.storage.video.reading import EVERY, read, segments_of
from tests.support.failing_disk import fail_demuxing


@pytest.mark.parametrize("index_misleads", [False, True])
def test_packets_begin_at_the_keyframe_and_hold_the_segment(
    good: Path, monkeypatch: pytest.MonkeyPatch, index_misleads: bool
) -> None:
    if index_misleads:
        monkeypatch.setattr("storage.video.segment_packets._seek", lambda *_: None)
    segments = segments_of(good)
    for segment in segments:
        with open_at_segment(good, segment) as (_, _, packets):
            found = list(packets)
        assert found[0].is_keyframe and packet_pts(found[0]) == segment.start_pts
        within = [packet.pts for packet in found if segment.start_pts <= (packet.pts or 0) < segment.end_pts]
        assert len(within) == segment.frames
        assert packets.ended == (segment is segments[-1])


def test_a_segment_behind_damage_that_ends_the_file_cannot_be_decoded(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = segments_of(good)[-1]
    fail_demuxing(monkeypatch, 30, disk_fails=False)
    monkeypatch.setattr("storage.video.segment_packets._seek", lambda *_: None)  # an index that misleads
    with pytest.raises(CorruptFootage, match="decode_error"):
        read(good, last, EVERY)
