"""Whom only the second detector finds is covered, and a first one that misses most of them vouches for nobody."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from schemas.errors import CoverageError
from tests.ops.people import FIXED, SEGMENT, TimedBox, background_row, cover, covered_mask, inputs_of, noise_frames

STILL = (30.0, 20.0, 45.0, 60.0)
LOOKS_S = (0.0, 1.0, 2.0, 3.0)


def mask_with(second: Sequence[TimedBox], tracks: Sequence[Sequence[TimedBox]] = (), count: int = 40) -> np.ndarray:
    frames = noise_frames(count)
    after, _ = cover(frames, inputs_of(SEGMENT, tracks, observed_s=LOOKS_S, second=second))
    return covered_mask(frames, after)


def test_a_person_whom_only_the_second_detector_finds_is_covered_until_its_next_look() -> None:
    mask = mask_with([TimedBox(1.0, STILL, 0.2)])
    assert mask[:, 40, 37].nonzero()[0].tolist() == list(range(0, 21))


def test_between_two_looks_the_cover_walks_along_with_a_person() -> None:
    mask = mask_with([TimedBox(1.0, (10, 20, 25, 60), 0.3), TimedBox(2.0, (50, 20, 65, 60), 0.3)])
    assert mask[15, 35, 30:45].all()
    apart = mask_with([TimedBox(1.0, (0, 20, 10, 60), 0.3), TimedBox(2.0, (80, 20, 90, 62), 0.3)])
    assert not apart[15, 35, 40:50].any(), "nobody walks two body heights a second"


def test_whom_a_track_explains_is_not_covered_twice() -> None:
    track = [TimedBox(0.0, STILL), TimedBox(3.9, STILL)]
    beside = (34.0, 18.0, 49.0, 58.0)
    assert (mask_with([TimedBox(1.0, beside)], [track]) == mask_with([], [track])).all()
    assert mask_with([TimedBox(1.0, (60.0, 20.0, 75.0, 60.0))], [track])[10, 40, 67]


def test_other_classes_of_the_second_detector_are_left_alone() -> None:
    assert not mask_with([TimedBox(1.0, STILL, 0.9, "car")]).any()


@pytest.mark.parametrize("backgrounds", [None, background_row(SEGMENT, noise_frames(1)[0])])
def test_a_detector_that_misses_most_of_what_the_other_sees_is_refused(backgrounds: pa.Table | None) -> None:
    walk = [TimedBox(time_s, (5 + 25 * place, 20, 20 + 25 * place, 60)) for time_s in LOOKS_S for place in range(3)]
    with pytest.raises(CoverageError, match="detect found 0 of 12 people whom the second detector surely sees"):
        cover(noise_frames(2), inputs_of(SEGMENT, observed_s=LOOKS_S, second=walk, backgrounds=backgrounds), FIXED)
    tracks = [[TimedBox(0.0, one.box), TimedBox(3.9, one.box)] for one in walk[:2]]
    cover(noise_frames(2), inputs_of(SEGMENT, tracks, observed_s=LOOKS_S, second=walk, backgrounds=backgrounds), FIXED)


def test_a_signpost_that_one_detector_takes_for_a_person_refuses_nothing() -> None:
    sign = [TimedBox(0.1 * number, STILL) for number in range(30)]
    cover(noise_frames(2), inputs_of(SEGMENT, observed_s=[each.time_s for each in sign], second=sign), FIXED)
    unsure = [TimedBox(time_s, (20 * place, 20, 15 + 20 * place, 60), 0.4) for time_s in LOOKS_S for place in range(4)]
    cover(noise_frames(2), inputs_of(SEGMENT, observed_s=LOOKS_S, second=unsure), FIXED)


def test_without_a_background_one_detector_alone_is_refused_unless_told_otherwise() -> None:
    inputs = inputs_of(SEGMENT, second=None)
    with pytest.raises(CoverageError, match="needs a second detector with other weights, and there is none"):
        cover(noise_frames(1), inputs)
    cover(noise_frames(1), inputs, two_detectors=False)
    vouched = inputs_of(SEGMENT, second=None, backgrounds=background_row(SEGMENT, noise_frames(1)[0]))
    cover(noise_frames(1), vouched, FIXED)
    observed = inputs["observed_frames"]
    hog = observed.drop_columns("source").append_column("source", pa.array(["hog"] * len(observed)))
    with pytest.raises(CoverageError, match="two_detectors"):
        cover(noise_frames(1), {**inputs, "second_detections": inputs["detections"], "second_observed_frames": hog})
