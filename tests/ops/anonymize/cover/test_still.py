"""Frames in which nobody is and nothing changed are repeated, and verified as what they are: the same picture."""

import cv2
import numpy as np
import pytest

from ops.anonymize.cover.still import StillView
from ops.anonymize.params import AnonymizeParams
from schemas.values import FrameBatch, Uint8
from tests.ops.anonymize.test_review import SEGMENT, SIZE, WALL, kept, session_of
from tests.ops.people import FIXED, TURNING, TimedBox, background_row, inputs_of, opened
from tests.support.fakes import FakeServices, make_batch, make_unit

BOX = (100.0, 40.0, 130.0, 140.0)


def noisy(count: int, level: float = 1.5) -> Uint8:
    """Frames of an empty wall, each with its own noise."""
    noise = np.random.default_rng(3).normal(0, level, (count, *WALL.shape))
    return np.clip(WALL + noise.round(), 0, 255).astype(np.uint8)


def same_as_before(frames: Uint8) -> list[bool]:
    return [bool((one == other).all()) for one, other in zip(frames[1:], frames[:-1], strict=True)]


def test_a_view_is_the_same_until_something_changes_in_it() -> None:
    still, (first, other) = StillView(0.4), noisy(2)
    assert not still.shows(first), "nothing may be repeated yet"
    still.remember(first, 0, covered=False)
    assert still.shows(other)
    changed = other.copy()
    changed[60:68, 60:68] += np.uint8(12)
    assert not still.shows(changed)
    assert not still.shows(cv2.resize(other, (120, 80)))
    still.forget()
    assert not still.shows(other)


@pytest.mark.parametrize("camera", [FIXED, TURNING], ids=["fixed", "turning"])
def test_an_empty_view_is_repeated_within_each_chunk(camera: object) -> None:
    session, services = session_of(camera, inputs_of(SEGMENT, backgrounds=background_row(SEGMENT, WALL)), chunk_s=2.0)  # type: ignore[arg-type]
    session.feed(make_batch(noisy(60), SEGMENT))
    (row,) = session.finish({})["anonymized_segments"].to_pylist()
    new = [number for number, same in enumerate([False, *same_as_before(kept(services))]) if not same]
    assert new == [0, 20, 40], "each chunk begins with a frame of its own"
    assert (row["frames"], row["frames_repeated"], row["verified_frames"], row["covered_frames"]) == (60, 57, 60, 0)


def test_whoever_may_be_there_is_covered_in_every_frame() -> None:
    walk = [TimedBox(2.0, BOX), TimedBox(3.0, BOX)]
    inputs = inputs_of(SEGMENT, [walk], backgrounds=background_row(SEGMENT, WALL))
    session, services = session_of(FIXED, inputs, chunk_s=6.0, extend_s=0.5, linger_s=0.0)
    session.feed(make_batch(noisy(60), SEGMENT))
    (row,) = session.finish({})["anonymized_segments"].to_pylist()
    same = [False, *same_as_before(kept(services))]
    assert not any(same[15:36]), "from half a second before the track to half a second after it"
    assert all(same[1:15]) and all(same[38:])
    assert row["frames_repeated"] == sum(same)


def test_a_repeat_never_shows_what_changed_too_little_to_be_noticed() -> None:
    frames = noisy(20, 0.0)
    frames[10:, 40:140, 100:130] += np.uint8(4)
    session, services = session_of(FIXED, inputs_of(SEGMENT, backgrounds=background_row(SEGMENT, WALL)))
    session.feed(make_batch(frames, SEGMENT))
    session.finish({})
    assert (kept(services) == frames[0]).all()


def test_slow_changes_are_told_from_the_frame_that_is_shown_not_from_the_last_one() -> None:
    frames = np.stack([np.clip(WALL.astype(np.int16) + number // 2, 0, 255) for number in range(40)]).astype(np.uint8)
    session, services = session_of(FIXED, inputs_of(SEGMENT, backgrounds=background_row(SEGMENT, WALL)))
    session.feed(make_batch(frames, SEGMENT))
    session.finish({})
    off = np.abs(kept(services).astype(int) - frames).max(axis=(1, 2, 3))
    assert 0 < off.max() <= 7


def test_lost_frames_are_no_repeats_and_nothing_repeats_them() -> None:
    session, services = session_of(FIXED, inputs_of(SEGMENT, backgrounds=background_row(SEGMENT, WALL)))
    batch, lost = make_batch(noisy(10), SEGMENT), np.zeros(10, bool)
    lost[6:8] = True
    session.feed(FrameBatch(batch.frames, batch.pts, batch.times_us, lost))
    (row,) = session.finish({})["anonymized_segments"].to_pylist()
    same = [False, *same_as_before(kept(services))]
    assert same == [False, *[True] * 5, False, True, False, True], "two lost frames are both flat"
    assert (row["frames_lost"], row["frames_repeated"], row["frames_whole"]) == (2, 6, 2)


def test_what_is_taken_for_nobody_stays_visible_and_is_counted_in_repeats_too() -> None:
    frames = noisy(20)
    frames[:, 90:130, 60:90] = 230  # a box that was put there
    services = FakeServices()
    inputs = inputs_of(SEGMENT, backgrounds=background_row(SEGMENT, WALL))
    op = opened(verify_fps=0.0)
    session = op.start(make_unit([SEGMENT], FIXED), inputs, services)
    anonymizer = session._anonymizer
    anonymizer._score = lambda frame, box: 0.0
    anonymizer._judge, session._verifier._judge = map(anonymizer.new_judge, (False, True))
    session.feed(make_batch(frames, SEGMENT))
    (row,) = session.finish({})["anonymized_segments"].to_pylist()
    assert (row["covered_frames"], row["dismissed_frames"], row["frames_repeated"]) == (0, 20, 19)


def test_what_may_be_somebody_stays_covered_in_repeats() -> None:
    frames = noisy(20)
    frames[:, 60:130, 60:90] = 230  # a box that was put there, and no network to judge it
    session, services = session_of(FIXED, inputs_of(SEGMENT, backgrounds=background_row(SEGMENT, WALL)), hold_s=0.4)
    session.feed(make_batch(frames, SEGMENT))
    (row,) = session.finish({})["anonymized_segments"].to_pylist()
    assert (row["covered_frames"], row["frames_repeated"], row["frames_widened"]) == (20, 14, 0)
    assert not (np.abs(kept(services)[:, 62:128, 62:88].astype(int) - 230) < 40).all(axis=-1).any()


def test_repeats_can_be_switched_off() -> None:
    assert AnonymizeParams().repeat_unchanged
    inputs = inputs_of(SEGMENT, backgrounds=background_row(SEGMENT, WALL))
    session, services = session_of(FIXED, inputs, repeat_unchanged=False)
    session.feed(make_batch(noisy(20), SEGMENT))
    (row,) = session.finish({})["anonymized_segments"].to_pylist()
    assert row["frames_repeated"] == 0
    assert not any(same_as_before(kept(services)))
    assert kept(services).shape == (20, SIZE[1], SIZE[0], 3)
