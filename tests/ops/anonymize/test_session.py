"""A session vouches only for what was observed, and leaves nothing behind."""

from collections.abc import Sequence

import pytest

from schemas.errors import CoverageError
from tests.ops.people import SEGMENT, cover, inputs_of, noise_frames, opened
from tests.support.fakes import FakeServices, make_batch, make_unit


@pytest.mark.parametrize("observed_s", [(), (0.0,), (0.0, 3.9), (3.0,)])
def test_frames_that_no_detector_observed_are_not_vouched_for(observed_s: Sequence[float]) -> None:
    with pytest.raises(CoverageError, match="observed no frame within 1 s"):
        cover(noise_frames(40), inputs_of(SEGMENT, observed_s=observed_s), max_unobserved_s=1.0)


def test_an_abandoned_session_removes_its_file() -> None:
    services = FakeServices()
    unit = make_unit([SEGMENT])
    session = opened().start(unit, inputs_of(SEGMENT), services)
    session.abandon()
    assert not services.sinks
    session.feed(make_batch(noise_frames(2), SEGMENT))
    session.abandon()
    assert services.sinks[unit.unit].aborted


def test_a_segment_without_frames_gives_no_part() -> None:
    services = FakeServices()
    session = opened().start(make_unit([SEGMENT]), inputs_of(SEGMENT), services)
    assert session.finish({})["anonymized_segments"].num_rows == 0
    assert not services.sinks


def test_frames_that_are_near_in_time_only_are_not_vouched_for() -> None:
    with pytest.raises(CoverageError, match="observed no frame within 3 frames"):
        cover(noise_frames(40), inputs_of(SEGMENT, observed_s=(0.0, 4.0, 8.0, 12.0, 16.0)), max_unobserved_frames=3)
