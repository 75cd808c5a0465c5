"""Segments as columns are the segments that were put in."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from schemas.values import Segment
from storage.archive.segments import segment_maker, split_by_camera
from tests.support.fakes import make_segment, segment_columns


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    index = draw(st.integers(0, 50))
    return replace(
        make_segment(index, camera=draw(st.sampled_from(["a", "b"]))),
        time_base=Fraction(1, draw(st.integers(1, 90_000))),
        segment_id=str(draw(st.uuids())),
    )


@given(st.lists(segments(), max_size=8))
def test_they_come_back_by_camera_start_and_id(given_segments: list[Segment]) -> None:
    expected = sorted(given_segments, key=lambda each: (each.camera, each.start, each.segment_id))
    found = segment_columns(given_segments)
    assert list(map(segment_maker(found), range(len(found)))) == expected
    assert [segment_maker(found.slice(index, 1))(0) for index in range(len(found))] == expected
    cameras = {camera: table["segment_id"].to_pylist() for camera, table in split_by_camera(found).items()}
    assert cameras == {
        camera: [each.segment_id for each in expected if each.camera == camera]
        for camera in {each.camera for each in expected}
    }
