"""Frames of a view that drifts or shakes are moved to one place; still ones, and those that move far, are left."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ops.background import Background, BackgroundParams
from ops.masked_median import masked_median
from ops.steadying import Steadying, moved_detections, steadying
from ops.view_shift import STILL, ViewShift
from schemas.op import Tables
from schemas.values import Float64, Uint8
from tests.ops.moving_views import MARGIN_PX, drift, moved, noisy, pets_pictures, shake, wide_view, window
from tests.ops.people import TimedBox, detected, late_tables, pictures
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit

WIDE = wide_view()
FPS = 2.0


def background_of(frames: list[Uint8], seen: list[TimedBox] | None = None) -> Tables:
    """What the op gives for frames, two a second."""
    segment = make_segment(0, len(frames) / FPS, FPS, (frames[0].shape[1], frames[0].shape[0]))
    session = Background(BackgroundParams()).start(make_unit([segment]), {}, FakeServices())
    session.feed(make_batch(np.stack(frames), segment, 0, FPS))
    return session.finish(late_tables(segment, seen or []))


def row_of(tables: Tables) -> dict[str, object]:
    (row,) = tables["backgrounds"].to_pylist()
    return row


def test_still_frames_are_not_touched() -> None:
    frames = [noisy(window(WIDE), number) for number in range(8)]
    assert steadying(frames) is None
    tables = background_of(frames)
    assert (row_of(tables)["steadied"], row_of(tables)["reference_time"]) == (False, None)
    samples = np.stack(frames)
    median, _ = masked_median(samples, np.ones(samples.shape[:3], np.bool_))
    assert (pictures(tables)[0] == median).all(), "not resampled: the median, to the byte"


@pytest.mark.parametrize("shifts", [drift(21, 20.0), shake(21, 6.0)], ids=["drift", "shake"])
def test_a_moving_view_gives_as_sharp_a_background_as_a_still_one(shifts: list[tuple[float, float]]) -> None:
    still = background_of([noisy(window(WIDE), number) for number in range(21)])
    frames = [noisy(frame, number) for number, frame in enumerate(moved([WIDE] * 21, shifts))]
    tables = background_of(frames)
    assert row_of(tables)["steadied"] is True
    assert row_of(tables)["noise"] <= row_of(still)["noise"] + 0.5
    found = steadying(frames)
    assert found is not None
    # The background has the reference's place: its own picture fits it.
    inner = (slice(40, -40), slice(40, -40))
    off = np.abs(pictures(tables)[0][inner].astype(int) - window(WIDE, *shifts[found.reference])[inner])
    assert np.percentile(off, 95) <= 12


def test_what_comes_in_at_the_border_is_unknown_where_no_sample_shows_it() -> None:
    frames = moved([WIDE] * 11, drift(11, 20.0))
    found = steadying(frames)
    assert found is not None and 3 <= found.reference <= 7
    nothing = np.zeros(frames[0].shape[:2], np.bool_)
    first, last = found.covered(0, nothing), found.covered(10, nothing)
    assert last[:, :4].all() or last[:, -4:].all()
    assert first[:, :4].all() or first[:, -4:].all()
    assert not (first & last).any()


def test_a_view_that_moves_too_far_or_shows_nothing_stays_as_it_is() -> None:
    wide = wide_view((1600, 320))
    assert steadying([wide[:, 40 * number : 40 * number + 560] for number in range(20)]) is None
    assert steadying([noisy(np.full((240, 320, 3), 8, np.uint8), number) for number in range(5)]) is None
    assert steadying([window(WIDE)]) is None


def test_frames_that_moved_too_far_are_left_out() -> None:
    frames = [window(WIDE, right) for right in (0, 2, 4, 39, 3, 1, 5)]
    found = steadying(frames)
    assert found is not None
    assert [each is None for each in found.motions] == [False, False, False, True, False, False, False]
    with pytest.raises(ValueError, match="frame 3 of 7"):
        found.frame(3, frames[3])
    assert row_of(background_of(frames))["samples"] == 6


def test_a_person_who_stands_in_a_drifting_view_stays_out_of_the_background() -> None:
    shifts = drift(21, 20.0)
    clean = [noisy(frame, number) for number, frame in enumerate(moved([WIDE] * 21, shifts))]
    frames, seen = [frame.copy() for frame in clean], []
    for number in range(15):
        left = 200 + round(shifts[number][0])
        cv2.rectangle(frames[number], (left, 100), (left + 30, 180), (20, 20, 220), -1)
        # Looked at ten times a second.
        seen += [TimedBox(number / FPS + tenth / 10, (left, 100, left + 31, 181)) for tenth in range(5)]
    without, _ = pictures(background_of(clean))
    for boxes in (seen, []):
        background, unknown = pictures(background_of(frames, boxes))
        off = np.abs(background.astype(int) - without).max(axis=2)[unknown == 0]
        assert (np.count_nonzero(off > 60) > 1000) == (not boxes), "they would be there if nobody had found them"


def test_boxes_move_as_their_frames() -> None:
    found = Steadying(0, [STILL, ViewShift(offset=10 - 4j), None])
    box: Float64 = np.array([[20.0, 30.0, 50.0, 90.0]])
    assert found.boxes(0, box) == pytest.approx(box)
    assert found.boxes(1, box) == pytest.approx(box - [10, -4, 10, -4])
    turned = Steadying(0, [STILL, ViewShift(1j)])
    assert turned.boxes(1, box) == pytest.approx(np.array([[30, -50, 90, -20]]))
    segment = make_segment()
    rows = detected(segment, [TimedBox(0.1, tuple(box[0])), TimedBox(5.1, tuple(box[0]))])
    start_us = int(segment.start.timestamp() * 1e6)
    out = moved_detections(rows, [start_us, start_us + 5_000_000], [0, 1], found)
    assert out["x1"].to_pylist() == [20, 10]
    assert out["y2"].to_pylist() == [90, 94]
    assert out.schema == rows.schema


@pytest.fixture(scope="module")
def still(assets: Path) -> dict[str, object]:
    """The background of real pictures in a window that does not move."""
    return row_of(background_of([window(picture) for picture in pets_pictures(assets)]))


@pytest.mark.parametrize("shifts", [drift(30, 14.0), shake(30, 3.0), drift(30, -30.0)], ids=["drift", "shake", "far"])
def test_real_pictures_in_a_moving_window_are_as_sharp_as_in_a_still_one(
    assets: Path, still: dict[str, object], shifts: list[tuple[float, float]]
) -> None:
    row = row_of(background_of(moved(pets_pictures(assets), shifts)))
    assert row["steadied"] is True and still["steadied"] is False
    assert row["noise"] == pytest.approx(still["noise"], abs=0.4)
    assert MARGIN_PX >= 30
