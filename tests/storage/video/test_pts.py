from hypothesis import given
from hypothesis import strategies as st

from storage.video.pts import OrderedPts

PTS = st.integers(-50, 50)
STEP = st.tuples(st.sampled_from(["add", "discard"]), PTS)


@given(st.lists(STEP), st.lists(PTS), PTS, PTS)
def test_ranges_are_those_of_a_set(steps: list[tuple[str, int]], more: list[int], begin: int, end: int) -> None:
    ordered, expected = OrderedPts(), set[int]()
    for name, pts in steps:
        getattr(ordered, name)(pts)
        getattr(expected, name)(pts)
    ordered.update(more)
    expected.update(more)
    assert list(ordered) == sorted(expected)
    assert ordered.between(begin, end) == sorted(pts for pts in expected if begin <= pts < end)
