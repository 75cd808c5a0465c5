"""Who is there: by tracks, by detections without one, of the classes that are asked for."""

import numpy as np

from tests.ops.people import HEIGHT, SEGMENT, WIDTH, TimedBox, cover, covered_mask, detected, inputs_of, noise_frames
from tests.support.fakes import make_segment


def test_a_detection_without_a_track_is_covered_between_the_observed_frames() -> None:
    frames = noise_frames(20)
    detections = [TimedBox(1.0, (30, 20, 45, 60), 0.12), TimedBox(1.0, (70, 20, 85, 60), 0.05)]
    after, _ = cover(frames, inputs_of(SEGMENT, detections=detections, observed_s=(0, 0.6, 1.0, 1.4, 1.9)))
    mask = covered_mask(frames, after)
    assert mask[:, 40, 37].nonzero()[0].tolist() == list(range(6, 15))
    assert not mask[:, 40, 77].any()  # Less sure than min_confidence.


def test_a_person_first_seen_in_the_next_segment_is_covered_at_the_end_of_this_one() -> None:
    frames = noise_frames(40)
    following = make_segment(1, duration_s=4.0, size_px=(WIDTH, HEIGHT))
    inputs = dict(inputs_of(SEGMENT, observed_s=np.arange(0, 3.8, 0.5)))
    inputs["next.detections"] = detected(following, [TimedBox(0.1, (30, 20, 45, 60))])
    after, _ = cover(frames, inputs)
    assert covered_mask(frames, after)[:, 40, 37].nonzero()[0].tolist() == [35, 36, 37, 38, 39]


def test_other_classes_are_not_covered_unless_asked_for() -> None:
    frames = noise_frames(1)
    car = TimedBox(0, (10, 10, 60, 40), label="car")
    assert not covered_mask(frames, cover(frames, inputs_of(SEGMENT, [[car]], [car]))[0]).any()
    asked = cover(frames, inputs_of(SEGMENT, [[car]]), targets=("person", "vehicle"))[0]
    assert covered_mask(frames, asked)[0, 25, 35]
