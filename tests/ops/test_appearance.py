"""The colours of people whom the detector found are measured in pictures that are kept until it is done."""

from collections.abc import Sequence

import cv2
import numpy as np
import pyarrow as pa
import pytest

from ops.appearance import Appearance, AppearanceParams, SmallPictures
from ops.tracking.colours import SIZE
from schemas.tables import TABLES
from schemas.values import FrameBatch, Uint8
from tests.ops.people import TimedBox, detected
from tests.support.fakes import FakeServices, make_batch, make_segment, make_unit

FPS = 5.0
SEGMENT = make_segment(0, 4.0, FPS, (640, 480))
PERSON = (100.0, 40.0, 200.0, 320.0)


def street(number: int) -> Uint8:
    """Half the size of the source: somebody in a red shirt and blue trousers, and a light that comes and goes."""
    frame = np.full((240, 320, 3), 120, np.uint8)
    frame[20:90, 50:100], frame[90:160, 50:100] = (40, 40, 200), (200, 60, 40)
    frame[:8, 300:] = 250 if number % 2 else 30
    return frame


def measured(frames: Sequence[Uint8], boxes: Sequence[TimedBox], batch: int = 100) -> pa.Table:
    session = Appearance(AppearanceParams()).start(make_unit([SEGMENT]), {}, FakeServices())
    whole = make_batch(np.stack(frames), SEGMENT, 0, FPS)
    for first in range(0, len(whole), batch):
        part = slice(first, first + batch)
        session.feed(FrameBatch(whole.frames[part], whole.pts[part], whole.times_us[part]))
    return session.finish({"detections": detected(SEGMENT, boxes)})["appearances"]


def test_each_person_in_a_sampled_frame_has_a_row_with_the_colours_of_their_clothes() -> None:
    boxes = [TimedBox(number / 10, PERSON) for number in range(20)]  # detect looks twice as often
    rows = measured([street(number) for number in range(10)], boxes)
    assert rows["detection"].to_pylist() == list(range(0, 20, 2))
    assert rows.schema.equals(TABLES["appearances"].schema, check_metadata=True)
    colours = np.stack([np.frombuffer(each, np.uint8) for each in rows["colours"].to_pylist()])
    assert colours.shape == (10, SIZE) and colours.any(axis=1).all()
    upper, lower = colours[:, 26:36], colours[:, 62:72]  # b*, from blue to yellow
    assert (upper[:, 5:].any(axis=1) & ~upper[:, :5].any(axis=1)).all(), "red"
    assert (lower[:, :5].any(axis=1) & ~lower[:, 5:].any(axis=1)).all(), "blue"


def test_things_people_of_low_score_and_people_outside_have_none() -> None:
    boxes = [
        TimedBox(0.0, PERSON, label="car"),
        TimedBox(0.0, PERSON, confidence=0.2),
        TimedBox(0.2, (700, 0, 720, 40)),
    ]
    assert measured([street(0), street(1)], boxes).num_rows == 0
    assert measured([street(0)], []).num_rows == 0


def test_a_segment_without_frames_gives_an_empty_table() -> None:
    session = Appearance(AppearanceParams()).start(make_unit([SEGMENT]), {}, FakeServices())
    assert session.finish({"detections": detected(SEGMENT, [TimedBox(0.0, PERSON)])})["appearances"].num_rows == 0


def test_batches_change_nothing() -> None:
    frames, boxes = [street(number) for number in range(10)], [TimedBox(number / 5, PERSON) for number in range(10)]
    assert measured(frames, boxes, 3).equals(measured(frames, boxes))


def test_a_picture_that_shows_the_same_is_kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    coded: list[int] = []
    encode = cv2.imencode
    monkeypatch.setattr(cv2, "imencode", lambda *args: coded.append(1) or encode(*args))
    kept = SmallPictures(10_000_000)
    for number in range(12):
        kept.add(street(number // 6), number)
    assert len(coded) == 2
    shown = dict(kept.pictures({0, 5, 6, 11, 99}))
    assert list(shown) == [0, 5, 6, 11]
    assert (shown[0] == shown[5]).all() and (shown[0] != shown[6]).any()


def test_memory_is_bounded_and_what_is_kept_stays_evenly_spread() -> None:
    noise = [np.random.default_rng(number).integers(0, 256, (120, 160, 3), dtype=np.uint8) for number in range(64)]
    kept = SmallPictures(200_000)
    for number, frame in enumerate(noise):
        kept.add(frame, number)
    assert kept._bytes <= 200_000
    times = [time_us for time_us, _ in kept.pictures(set(range(64)))]
    assert len(times) >= 4 and len(set(np.diff(times))) == 1


def test_what_shows_the_same_as_a_dropped_picture_is_kept_anew() -> None:
    ramp = np.tile(np.linspace(0, 60, 160, dtype=np.uint8)[None, :, None], (120, 1, 3))
    different = [ramp + np.uint8(60 * number) for number in range(4)]
    shown = [*different, *[different[-1]] * 5]
    kept = SmallPictures(10_000_000)
    for number, picture in enumerate(shown[:3]):
        kept.add(picture, number)
    kept._most_bytes = kept._bytes  # the fourth, of an odd number, is one too many, and is not kept itself
    for number, picture in enumerate(shown[3:], 3):
        kept.add(picture, number)
    found = dict(kept.pictures(set(range(9))))
    assert list(found) == [0, 2, 4, 6, 8]
    for time_us, picture in found.items():
        assert cv2.absdiff(picture, shown[time_us]).max() < 10
