"""The units of a camera, and which reads which."""

from dataclasses import replace
from datetime import timedelta

from jobs.planning.layout import CameraLayout
from schemas.op import Neighbour, Scope
from schemas.values import Segment
from storage.archive.segments import split_by_camera
from tests.support.fakes import make_segment, segment_columns

DAY = timedelta(days=1)


def moved(segment: Segment, **more: object) -> Segment:
    """A segment of the next day."""
    return replace(segment, start=segment.start + DAY, end=segment.end + DAY, date="2026-03-03", **more)


SEGMENTS = [
    make_segment(0),
    make_segment(1),
    moved(make_segment(0), segment_id="n0", footage_id="next"),
    moved(make_segment(2), segment_id="n2", footage_id="next"),
]
LAYOUT = CameraLayout("cam1", split_by_camera(segment_columns(SEGMENTS))["cam1"])


def as_lists(indices):
    return [list(sources) for sources in indices]


def test_units_are_in_order_of_time():
    assert list(LAYOUT.units[Scope.SEGMENT].unit_ids) == [segment.segment_id for segment in SEGMENTS]
    assert list(LAYOUT.units[Scope.FOOTAGE].unit_ids) == [SEGMENTS[0].footage_id, "next"]
    assert list(LAYOUT.units[Scope.CAMERA_DAY].dates) == ["2026-03-02", "2026-03-03"]
    assert [LAYOUT.segment(index) for index in range(4)] == SEGMENTS


def test_a_read_finds_its_sources():
    segment, day, footage = Scope.SEGMENT, Scope.CAMERA_DAY, Scope.FOOTAGE
    assert as_lists(LAYOUT.source_indices(segment, segment, Neighbour.SELF)) == [[0], [1], [2], [3]]
    assert as_lists(LAYOUT.source_indices(segment, segment, Neighbour.NEXT)) == [[1], [], [], []], "n2 starts too late"
    assert as_lists(LAYOUT.source_indices(day, segment, Neighbour.SELF)) == [[0, 1], [2, 3]]
    assert as_lists(LAYOUT.source_indices(footage, segment, Neighbour.SELF)) == [[0, 1], [2, 3]]
    assert as_lists(LAYOUT.source_indices(day, segment, Neighbour.PREVIOUS_DAY)) == [[], [0, 1]]
    assert as_lists(LAYOUT.source_indices(day, day, Neighbour.SELF)) == [[0], [1]]
    assert as_lists(LAYOUT.source_indices(day, day, Neighbour.PREVIOUS_DAY)) == [[], [0]]
    assert as_lists(LAYOUT.source_indices(footage, footage, Neighbour.SELF)) == [[0], [1]]
    assert as_lists(LAYOUT.source_indices(segment, day, Neighbour.SELF)) == [[], [], [], []]


def test_another_cut_has_another_hash():
    other = [replace(SEGMENTS[0], end_pts=SEGMENTS[0].end_pts - 1), *SEGMENTS[1:]]
    layout = CameraLayout("cam1", split_by_camera(segment_columns(other))["cam1"])
    for scope in Scope:
        mine, theirs = LAYOUT.units[scope].cuts, layout.units[scope].cuts
        assert mine[0] != theirs[0] and mine[-1] == theirs[-1]
    assert len(set(LAYOUT.units[Scope.SEGMENT].cuts)) == 4
