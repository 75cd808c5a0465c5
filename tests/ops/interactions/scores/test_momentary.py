import pytest

from ops.interactions.scores.momentary import widened
from schemas.activities import ActivityFile, ActivityInstance

FILE = ActivityFile(10, ((1, 101), (151, 161)))


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ((50, 51), (41, 61)),
        ((50, 58), (44, 64)),
        ((50, 70), (50, 70)),
        ((50, 90), (50, 90)),
        ((2, 3), (1, 21)),
        ((100, 101), (81, 101)),
        ((155, 156), (151, 161)),
        ((120, 121), (120, 121)),
    ],
)
def test_twenty_frames_lie_around_the_middle_within_what_counts(
    frames: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert widened(ActivityInstance.of("enters", "a.mp4", *frames, 1), 20, FILE).frames == (expected,)


def test_an_instance_in_several_ranges_stays() -> None:
    parts = ActivityInstance("enters", "a.mp4", ((10, 11), (20, 21)), 1)

    assert widened(parts, 20, FILE) == parts
