"""Stretches are of one camera, a minute or less, the same each time; the two parts share none."""

from datetime import timedelta
from itertools import pairwise

import pytest

from jobs.drawn_stretches import draw_stretches, part_of
from jobs.site import open_site
from tests.jobs.test_drawn_frames import timeline
from tests.support.fakes import make_segment


def test_a_segments_parts_follow_each_other() -> None:
    segment = make_segment(index=3, duration_s=100.0, fps=30.0)
    parts = [part_of(segment, number, 3) for number in range(3)]
    assert (parts[0].start, parts[-1].end) == (segment.start, segment.end)
    assert (parts[0].start_pts, parts[-1].end_pts) == (segment.start_pts, segment.end_pts)
    for before, after in pairwise(parts):
        assert (before.end, before.end_pts) == (after.start, after.start_pts)
        assert (before.end_pts - segment.footage_start_pts) * segment.time_base == pytest.approx(
            (before.end - segment.footage_start).total_seconds(), abs=1e-3
        )
    assert {part.frames for part in parts} == {1000}
    assert {part.segment_id for part in parts} == {segment.segment_id}


def test_hours_alternate_and_parts_share_nothing(fresh_site) -> None:
    site, segments = open_site(fresh_site), timeline({"a": range(24), "b": range(24)})
    drawn = draw_stretches(site, segments, "a", 24)
    assert len(drawn.validation) == len(drawn.test) == 12
    both = [*drawn.validation, *drawn.test]
    assert {segment.camera for segment in both} == {"a"}
    assert len({segment.start.hour for segment in both}) == 24, "each hour gives one"
    assert all(segment.duration_s == 60 for segment in both)
    assert len({(segment.segment_id, segment.start) for segment in both}) == 24
    assert drawn == draw_stretches(site, segments, "a", 24)


def test_little_footage_gives_shorter_stretches_and_none_gives_none(fresh_site) -> None:
    site, segments = open_site(fresh_site), timeline({"a": [3]}).slice(0, 1)
    both = draw_stretches(site, segments, "a", 8)
    assert [len(both.validation), len(both.test)] == [4, 4]
    assert {segment.duration_s for segment in (*both.validation, *both.test)} == {30.0}
    few = draw_stretches(site, segments, "a", 4)
    assert {segment.duration_s for segment in (*few.validation, *few.test)} == {60.0}
    none = draw_stretches(site, segments, "b", 8)
    assert (none.validation, none.test) == ((), ())


def test_a_part_ends_within_its_segment() -> None:
    segment = make_segment(duration_s=61.0)
    last = part_of(segment, 1, 2)
    assert last.end - last.start == timedelta(seconds=30.5)
