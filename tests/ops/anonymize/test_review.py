"""What was encoded is verified, and what is found is covered, until nothing is found or nothing is published."""

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
import pyarrow as pa
import pytest

from ops.anonymize.cover.modes import plain_ground
from ops.anonymize.frame_coverage import FrameCoverage, pack_mask
from ops.anonymize.review import LATE_FRAMES, WIDENING_ROUNDS, Reviewer
from ops.anonymize.session import AnonymizeSession
from ops.anonymize.stats import SegmentStats
from ops.anonymize.verify.verifier import Check, Finding
from schemas.errors import CoverageError
from schemas.values import CameraView, Float64, FrameBatch, Uint8
from tests.ops.people import FIXED, GREY, TURNING, TimedBox, background_row, inputs_of, noise_frames, opened
from tests.support.fakes import FakeServices, MemorySink, make_batch, make_segment, make_unit

SIZE = (240, 160)
SEGMENT = make_segment(duration_s=6.0, size_px=SIZE)
WALL = cv2.GaussianBlur(noise_frames(1, 5, SIZE)[0], (0, 0), 3)
HEAD = (100.0, 40.0, 112.0, 56.0)


class FakeVerifier:
    """Finds something while a rule says so: of a frame's number in the chunk, and the mask of what must be covered."""

    def __init__(self, rule: Callable[[int, Uint8], bool], by: Check = "residual") -> None:
        self._rule = rule
        self._by = by
        self.head_shares: Float64 = np.ones(0)
        self.verified = self.paint_only = 0

    def verify(self, decoded: Uint8, coverage: FrameCoverage, paint_only: bool) -> list[Finding]:
        self.verified += 1
        self.paint_only += int(paint_only)
        number = (coverage.time_us - round(SEGMENT.start.timestamp() * 1e6)) // 100_000
        return [Finding(np.array(HEAD), self._by)] if self._rule(number, coverage.mask) else []


def reviewed(
    verifier: FakeVerifier, count: int = 6, sampled_us: int = 0, repeats: Sequence[int] = ()
) -> tuple[Uint8, SegmentStats, MemorySink]:
    """Frames of a wall as they are kept, with what was counted."""
    sink, stats = MemorySink("part.mp4"), SegmentStats(SEGMENT, ())
    batch = make_batch(np.repeat(WALL[None], count, axis=0), SEGMENT)
    chunk = sink.new_chunk()
    chunk.write(batch)
    none, boxes, mask = np.empty(0, np.int64), np.empty((0, 4)), np.zeros(SIZE[::-1], np.uint8)
    flat = np.array([GREY], np.uint8)
    coverages = [
        FrameCoverage(pts, time_us, mask.shape[1], pack_mask(mask), flat, boxes, none, True, repeats=number in repeats)
        for number, (pts, time_us) in enumerate(zip(batch.pts.tolist(), batch.times_us.tolist(), strict=True))
    ]
    Reviewer(sink, verifier, stats, GREY, sampled_us).keep(chunk, coverages)  # type: ignore[arg-type]
    return np.concatenate([each.frames for each in sink.batches]), stats, sink


def grey_in(frame: Uint8, box: Sequence[float]) -> bool:
    x1, y1, x2, y2 = map(int, box)
    return bool((frame[y1:y2, x1:x2] == GREY).all())


def test_a_chunk_in_which_nothing_is_found_is_kept_as_it_is() -> None:
    verifier = FakeVerifier(lambda number, mask: False)
    frames, stats, sink = reviewed(verifier)
    assert (frames == WALL).all()
    assert (verifier.verified, stats.verified, stats.findings, stats.widened, len(sink.chunks)) == (6, 6, 0, 0, 1)


def test_what_is_found_is_covered_there_and_in_the_neighbours() -> None:
    verifier = FakeVerifier(lambda number, mask: number == 3 and not mask.any())
    frames, stats, sink = reviewed(verifier)
    assert (verifier.verified, verifier.paint_only) == (12, 5), "encoded again, the others are checked for paint only"
    assert [grey_in(frame, HEAD) for frame in frames] == [False, False, True, True, True, False]
    assert (stats.findings, stats.widened, stats.whole, len(sink.chunks), len(sink.kept)) == (1, 3, 0, 2, 1)
    assert [review["reason"] for review in stats.reviews().to_pylist()] == ["covered more: residual"]


def test_what_a_detector_finds_is_covered_until_it_runs_again() -> None:
    verifier = FakeVerifier(lambda number, mask: number == 3 and not mask.any(), "detector")
    frames, _, _ = reviewed(verifier, sampled_us=250_000)
    assert [grey_in(frame, HEAD) for frame in frames] == [False, True, True, True, True, True]


def test_what_is_found_in_a_repeat_is_covered_in_the_frame_that_it_repeats_and_in_all_its_repeats() -> None:
    verifier = FakeVerifier(lambda number, mask: number == 4 and not mask.any(), "detector")
    frames, stats, _ = reviewed(verifier, count=8, repeats=(2, 3, 4, 5))
    assert [grey_in(frame, HEAD) for frame in frames] == [True, True, True, True, True, True, True, False]
    assert (stats.findings, stats.repeated, verifier.paint_only) == (1, 4, 3), "frame 1 and its repeats are seen anew"


def test_what_is_found_again_and_again_is_covered_whole() -> None:
    frames, stats, sink = reviewed(FakeVerifier(lambda number, mask: number == 3 and not mask.all()))
    assert [bool((frame == GREY).all()) for frame in frames] == [False, False, False, True, False, False]
    assert (stats.whole, stats.given_up, len(sink.chunks)) == (1, 1, WIDENING_ROUNDS + 2)
    (review,) = [each for each in stats.reviews().to_pylist() if "whole" in each["reason"]]
    assert review["risk"] == pytest.approx(0.9)


def test_a_chunk_in_which_each_encoding_shows_something_elsewhere_is_covered_whole_in_the_end() -> None:
    rounds: list[int] = []

    def elsewhere(number: int, mask: Uint8) -> bool:
        if number == 0:
            rounds.append(len(rounds))
        return number == len(rounds) and not mask.all()

    frames, stats, _ = reviewed(FakeVerifier(elsewhere, "paint"), count=9)
    assert all((frame == GREY).all() for frame in frames)
    assert (stats.whole, stats.given_up) == (9, 9), "all of them count against max_whole_share"


def test_what_no_covering_hides_is_refused() -> None:
    with pytest.raises(CoverageError, match=r"after \d encodings a person may still be visible .*by face"):
        reviewed(FakeVerifier(lambda number, mask: True, "face"))


# The whole session.


def session_of(
    camera: CameraView, inputs: Mapping[str, pa.Table], **params: object
) -> tuple[AnonymizeSession, FakeServices]:
    services = FakeServices()
    return opened(**params).start(make_unit([SEGMENT], camera), inputs, services), services


def kept(services: FakeServices) -> Uint8:
    return np.concatenate([batch.frames for batch in services.sinks[SEGMENT.segment_id].batches])


def test_long_segments_are_kept_chunk_by_chunk_and_whole() -> None:
    session, services = session_of(TURNING, inputs_of(SEGMENT, [[TimedBox(0, HEAD), TimedBox(5.9, HEAD)]]), chunk_s=1.0)
    frames = noise_frames(60, size=SIZE)
    session.feed(make_batch(frames, SEGMENT))
    (row,) = session.finish({})["anonymized_segments"].to_pylist()
    sink = services.sinks[SEGMENT.segment_id]
    assert len(sink.kept) == 6
    assert row["frames"] == 60
    assert np.concatenate([batch.pts for batch in sink.batches]).tolist() == make_batch(frames, SEGMENT).pts.tolist()
    assert all(grey_in(frame, HEAD) for frame in kept(services))


@pytest.mark.parametrize("mode", ["silhouette", "remove"])
def test_frames_that_cannot_be_decoded_and_those_just_before_are_covered_whole(mode: str) -> None:
    inputs = inputs_of(SEGMENT, backgrounds=background_row(SEGMENT, WALL))
    session, services = session_of(FIXED, inputs, mode=mode, repeat_unchanged=False)
    batch = make_batch(np.repeat(WALL[None], 10, axis=0), SEGMENT)
    lost = np.zeros(10, bool)
    lost[6:8] = True
    session.feed(
        FrameBatch(np.where(lost[:, None, None, None], np.uint8(0), batch.frames), batch.pts, batch.times_us, lost)
    )
    (row,) = session.finish({})["anonymized_segments"].to_pylist()
    whole = [bool((frame == GREY).all()) for frame in kept(services)]
    assert whole == [6 - LATE_FRAMES <= number < 8 for number in range(10)]
    assert (row["frames_lost"], row["frames_whole"]) == (2, 2 + LATE_FRAMES)


@pytest.mark.parametrize("mode", ["silhouette", "solid", "remove", "pixelate", "blur", "tracks-only"])
@pytest.mark.parametrize("camera", [FIXED, TURNING])
def test_privacy_masks_are_flat_in_every_mode(mode: str, camera: CameraView) -> None:
    garden = ((10.0, 10.0), (40.0, 10.0), (40.0, 30.0), (10.0, 30.0))
    view = CameraView("cam1", "Camera 1", "UTC", camera.fixed, privacy_masks=(garden,))
    session, services = session_of(view, inputs_of(SEGMENT, backgrounds=background_row(SEGMENT, WALL)), mode=mode)
    session.feed(make_batch(WALL[None], SEGMENT))
    session.finish({})
    assert grey_in(kept(services)[0], (10, 10, 40, 30))


def test_in_a_replaced_scene_privacy_masks_hide_people_and_do_not_show_where_they_are() -> None:
    garden = ((0.0, 0.0), (110.0, 0.0), (110.0, 160.0), (0.0, 160.0))
    view = CameraView("cam1", "Camera 1", "UTC", fixed=False, privacy_masks=(garden,))
    inputs = inputs_of(SEGMENT, [[TimedBox(0, (80.0, 20.0, 140.0, 140.0))]])
    session, services = session_of(view, inputs, mode="replace")
    session.feed(make_batch(WALL[None], SEGMENT))
    session.finish({})
    frame = kept(services)[0]
    assert (frame[:, :110] == plain_ground(GREY)).all()
    assert grey_in(frame, (115, 30, 140, 130))


def test_of_heads_only_the_head_is_covered() -> None:
    box = (80.0, 20.0, 120.0, 140.0)
    session, services = session_of(TURNING, inputs_of(SEGMENT, [[TimedBox(0, box)]]), targets=("head",))
    frames = noise_frames(1, size=SIZE)
    session.feed(make_batch(frames, SEGMENT))
    session.finish({})
    assert grey_in(kept(services)[0], (85, 20, 115, 50))
    assert (kept(services)[0, 90:140] == frames[0, 90:140]).all()


@pytest.mark.parametrize(("source", "whole"), [("motion", True), ("model", False)])
def test_with_motion_alone_a_frame_that_cannot_be_compared_is_covered_whole(source: str, whole: bool) -> None:
    inputs = dict(inputs_of(SEGMENT, backgrounds=background_row(SEGMENT, WALL)))
    observed = inputs["observed_frames"]
    column = observed.schema.get_field_index("source")
    inputs["observed_frames"] = observed.set_column(column, "source", pa.array([source] * observed.num_rows))
    session, services = session_of(FIXED, inputs)
    session.feed(make_batch(np.full((1, *WALL.shape), 3, np.uint8), SEGMENT))  # The light is off.
    (row,) = session.finish({})["anonymized_segments"].to_pylist()
    assert bool((kept(services) == GREY).all()) is whole
    assert row["background_frames"] == 0


def test_a_person_seen_in_part_is_covered_behind_what_hides_them() -> None:
    frame = WALL.copy()
    frame[100:140, 100:130] = 40  # Legs below a sign, where a track ended a second ago.
    body = (100.0, 40.0, 130.0, 140.0)
    inputs = inputs_of(SEGMENT, [[TimedBox(0, body)]], backgrounds=background_row(SEGMENT, WALL))
    session, services = session_of(FIXED, inputs)
    session.feed(make_batch(np.repeat(frame[None], 15, axis=0), SEGMENT))
    session.finish({})
    assert grey_in(kept(services)[-1], (108, 42, 122, 58))


def test_the_tracks_of_a_segment_say_how_well_heads_are_covered() -> None:
    walk = [TimedBox(0.0, (20.0, 20.0, 50.0, 120.0)), TimedBox(1.0, (60.0, 20.0, 90.0, 120.0))]
    session, _ = session_of(TURNING, inputs_of(SEGMENT, [walk]))
    session.feed(make_batch(noise_frames(12, size=SIZE), SEGMENT))
    (row,) = session.finish({})["anonymized_tracks"].to_pylist()
    assert (row["frames"], row["leaks"], row["least_head_cover"], row["height_px"]) == (11, 0, 1.0, 100.0)
