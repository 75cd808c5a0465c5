"""One person is left visible, and nobody else."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pyarrow as pa

from ops.anonymize.locate.others import FootageDetections
from ops.anonymize.locate.second_look import SecondLook
from ops.anonymize.reveal import Reveal, is_flat, untracked_detections, visible_mask
from schemas.tables import TABLES
from schemas.values import Uint8
from tests.support.fakes import START, make_segment

SIZE = (120, 160)
NOWHERE = np.zeros(SIZE, np.uint8)
START_US = round(START.timestamp() * 1e6)
SEGMENT = make_segment(size_px=(160, 120))

Box = tuple[float, float, float, float]


def points(track: str, boxes: Sequence[tuple[float, Box]], label: str = "person") -> pa.Table:
    """Points of a track: seconds after the start, and box."""
    return TABLES["track_points"].conform(
        {
            "camera": ["cam1"] * len(boxes),
            "track_id": [track] * len(boxes),
            "time": [START + timedelta(seconds=at) for at, _ in boxes],
            "pts": [round(at * 1000) for at, _ in boxes],
            "segment_id": [SEGMENT.segment_id] * len(boxes),
            "label": [label] * len(boxes),
            **{name: [box[place] for _, box in boxes] for place, name in enumerate(("x1", "y1", "x2", "y2"))},
            "state": ["observed"] * len(boxes),
        }
    )


def detections(*boxes: tuple[float, Box], label: str = "person") -> pa.Table:
    return TABLES["detections"].conform(
        {
            "camera": ["cam1"] * len(boxes),
            "segment_id": [SEGMENT.segment_id] * len(boxes),
            "time": [START + timedelta(seconds=at) for at, _ in boxes],
            "pts": [round(at * 1000) for at, _ in boxes],
            "detection": list(range(len(boxes))),
            "label": [label] * len(boxes),
            "confidence": [0.3] * len(boxes),
            **{name: [box[place] for _, box in boxes] for place, name in enumerate(("x1", "y1", "x2", "y2"))},
            "source": ["model"] * len(boxes),
        }
    )


def original() -> Uint8:
    return np.random.default_rng(1).integers(0, 255, (*SIZE, 3), dtype=np.uint8)


def covered() -> Uint8:
    frame = np.full((*SIZE, 3), 90, np.uint8)
    frame[:, ::8] = 160
    return frame


def second_look(*boxes: tuple[float, Box]) -> SecondLook:
    """What a second detector found, which looked at a frame per second."""
    looked = START_US + np.arange(0, 20_000_000, 1_000_000)
    times = np.array([START_US + round(at * 1e6) for at, _ in boxes], np.int64)
    return SecondLook(looked, times, np.array([box for _, box in boxes]), np.full(len(boxes), 0.2), True)


def reveal(
    *tracks: pa.Table,
    seen: pa.Table | None = None,
    static: Uint8 = NOWHERE,
    second: SecondLook | None = None,
    track_id: str = "me",
) -> Reveal:
    looked = START_US + np.arange(0, 20_000_000, 100_000)
    found = detections() if seen is None else seen
    return Reveal(track_id, FootageDetections(pa.concat_tables(tracks), found, looked, {"person"}, second), static)


def shown_pixels(found: Reveal, at_s: float) -> Uint8:
    """Where the original is seen, ``(H, W)``; and nothing is changed that was given."""
    before, after = original(), covered()
    image = found.apply(before, after, START_US + round(at_s * 1e6))
    assert np.array_equal(before, original()) and np.array_equal(after, covered())
    if image is None:
        return NOWHERE
    differs = (image != covered()).any(axis=2)
    assert np.array_equal(image[differs], before[differs])
    return differs.astype(np.uint8) * 255


def test_in_a_replaced_scene_only_the_silhouette_is_uncovered() -> None:
    plain = np.full((*SIZE, 3), 190, np.uint8)
    plain[30:90, 45:60] = 90
    looked = START_US + np.arange(0, 20_000_000, 100_000)
    found = Reveal("me", FootageDetections(ME, detections(), looked, {"person"}, None), NOWHERE, (190, 190, 190))
    image = found.apply(original(), plain, START_US + 500_000)
    assert image is not None
    ys, xs = np.nonzero((image != plain).any(axis=2))
    assert (xs.min(), xs.max() + 1, ys.min(), ys.max() + 1) == (47, 58, 32, 88), "but for an edge, which is blended"
    assert np.array_equal(image[32:88, 47:58], original()[32:88, 47:58])
    covered_whole = np.full((*SIZE, 3), 90, np.uint8)
    for nothing in (covered_whole, np.full((*SIZE, 3), 190, np.uint8)):
        assert found.apply(original(), nothing, START_US + 500_000) is None


ME = points("me", [(0, (20, 20, 50, 100)), (1, (60, 20, 90, 100))])


def test_only_the_unpadded_box_is_shown_and_it_moves_with_the_person() -> None:
    found = shown_pixels(reveal(ME), 0.5)
    ys, xs = np.nonzero(found)
    assert (xs.min(), xs.max() + 1, ys.min(), ys.max() + 1) == (40, 70, 20, 100)
    assert found[20:100, 40:70].mean() > 250


def test_before_and_after_and_in_long_gaps_nothing_is_shown() -> None:
    gap = points("me", [(0, (20, 20, 50, 100)), (1, (20, 20, 50, 100)), (4, (20, 20, 50, 100))])
    found = reveal(gap)
    assert [bool(shown_pixels(found, at).any()) for at in (0, 1, 1.01, 3.9, 4, 4.01)] == [True] * 2 + [False] * 2 + [
        True,
        False,
    ]
    assert shown_pixels(reveal(points("me", [(1, (20, 20, 50, 100))])), 1).any()


def test_a_person_before_the_person_stays_covered_padding_and_all() -> None:
    other = points("you", [(-4, (40, 10, 80, 110)), (5, (40, 10, 80, 110))])
    found = shown_pixels(reveal(ME, other), 0)
    ys, xs = np.nonzero(found)
    assert xs.max() < 40 - 8, "padded by a fifth of 40 pixels"
    assert xs.min() == 20 and ys.min() == 20


def test_one_who_was_there_a_moment_ago_stays_covered() -> None:
    other = points("you", [(5, (20, 20, 50, 100)), (6, (20, 20, 50, 100))])
    me = points("me", [(at, (20, 20, 50, 100)) for at in range(12)])
    found = reveal(me, other)
    assert [bool(shown_pixels(found, at).any()) for at in (2.5, 3.5, 5.5, 7.5, 8.5)] == [True, *[False] * 3, True]


def test_one_who_is_lost_for_long_and_found_in_the_same_place_stays_covered() -> None:
    other = points("you", [(0, (20, 20, 50, 100))])
    again = points("you again", [(10, (22, 20, 52, 100))])
    me = points("me", [(at, (20, 20, 50, 100)) for at in range(12)])
    assert not shown_pixels(reveal(me, other, again), 5).any()


def test_a_detection_that_belongs_to_no_track_is_somebody_else() -> None:
    found = reveal(ME, seen=detections((0.5, (40, 20, 70, 60))))
    shown = shown_pixels(found, 0.5)
    assert shown.any() and not shown[:60].any()


STANDING = points("me", [(at / 2, (20, 20, 50, 100)) for at in range(9)])


def test_a_person_whom_only_the_second_look_finds_stays_covered_inside_the_box() -> None:
    assert shown_pixels(reveal(STANDING), 2)[20:100, 20:50].all()
    found = reveal(STANDING, second=second_look((2, (30, 40, 44, 70))))
    for at_s, hidden in ((0.9, False), (1.1, True), (2, True), (2.9, True), (3.1, False)):
        shown = shown_pixels(found, at_s)
        assert shown[40:70, 30:44].any() != hidden, at_s
        assert shown[95, 25], "the rest of the box is shown"


def test_between_two_second_looks_the_cover_walks_along() -> None:
    found = reveal(STANDING, second=second_look((1, (22, 30, 32, 60)), (2, (38, 30, 48, 60))))
    assert not shown_pixels(found, 1.5)[30:60, 30:40].any()


def test_the_second_look_finds_the_person_shown_too_and_another_as_alike_stays_covered() -> None:
    mine, alike = (20.0, 21.0, 50.0, 99.0), (28.0, 20.0, 58.0, 100.0)
    assert shown_pixels(reveal(STANDING, second=second_look((2, mine))), 2)[20:100, 20:50].all()
    both = shown_pixels(reveal(STANDING, second=second_look((2, alike), (2, mine))), 2)
    assert not both[20:100, 28:].any(), "one finding is the person, the other is not"


def test_a_finding_far_from_points_of_the_own_track_is_somebody_else() -> None:
    gap = points("me", [(0, (20, 20, 50, 100)), (4, (20, 20, 50, 100)), (5, (20, 20, 50, 100))])
    found = reveal(gap, second=second_look((3, (20, 20, 50, 100))))
    assert not shown_pixels(found, 4).any() and shown_pixels(found, 4.5).any()


def ride(track: str, label: str = "bicycle") -> pa.Table:
    """A two-wheeler that passes below the person's head."""
    return points(track, [(at / 4, (10 + 5 * at, 90, 40 + 5 * at, 115)) for at in range(9)], label)


def test_riders_whom_nobody_found_stay_covered() -> None:
    shown = shown_pixels(reveal(STANDING, ride("bike")), 1)
    assert not shown[73:100, 30:50].any() and shown[20:60, 20:50].any()
    assert shown_pixels(reveal(STANDING, ride("car", "car")), 1)[20:100, 20:50].all(), "cars are not covered here"
    loose = shown_pixels(reveal(STANDING, seen=detections((1, (30, 90, 60, 115)), label="motorcycle")), 1)
    assert not loose[73:100, 30:50].any() and loose[20:60, 20:50].any()


def test_the_person_shown_may_ride() -> None:
    me = points("me", [(at / 4, (12 + 5 * at, 70, 38 + 5 * at, 112)) for at in range(9)])
    assert shown_pixels(reveal(me, ride("bike")), 1)[70:112, 34:56].all()


def test_of_a_track_of_a_two_wheeler_no_rider_is_shown() -> None:
    assert not shown_pixels(reveal(ride("me")), 1).any()


def test_privacy_masks_are_never_shown() -> None:
    static = NOWHERE.copy()
    static[:50] = 255
    shown = shown_pixels(reveal(ME, static=static), 0)
    assert shown[50:].any() and not shown[:50].any()


def test_a_frame_that_is_covered_whole_stays_so() -> None:
    whole = np.full((*SIZE, 3), (139, 116, 100), np.uint8)
    noisy = np.clip(whole + np.random.default_rng(2).integers(-2, 3, whole.shape), 0, 255).astype(np.uint8)
    assert is_flat(whole) and is_flat(noisy) and not is_flat(covered())
    assert reveal(ME).apply(original(), noisy, START_US) is None


def test_a_mask_never_takes_in_a_pixel_that_is_partly_outside() -> None:
    mask = visible_mask(np.array([10.5, 10.2, 20.9, 20.1]), np.array([[14.9, 0, 15.1, 120]]), NOWHERE)
    ys, xs = np.nonzero(mask)
    assert sorted(set(xs.tolist())) == [11, 12, 13, 16, 17, 18, 19] and (ys.min(), ys.max()) == (11, 19)
    outside = visible_mask(np.array([-50.0, -50, -10, -10]), np.empty((0, 4)), NOWHERE)
    assert not outside.any()


def test_where_the_person_is_at_all() -> None:
    found = reveal(ME)
    assert found.is_within(START_US, START_US) and found.is_within(START_US + 900_000, START_US + 5_000_000)
    assert not found.is_within(START_US + 1_000_001, START_US + 5_000_000)
    assert not reveal(ME, track_id="nobody").is_within(0, START_US * 2)


def test_detections_belong_to_tracks_by_their_points() -> None:
    mine: list[tuple[float, Box]] = [(0, (20, 20, 50, 100)), (1, (60, 20, 90, 100))]
    lone: tuple[float, Box] = (1, (5, 5, 9, 30))
    dropped: tuple[float, Box] = (1, (100, 20, 130, 90))
    seen = detections(*mine, lone, dropped)
    tracklets = pa.table(
        {
            "frame_segment_id": [SEGMENT.segment_id] * 3,
            "pts": [0, 1000, 1000],
            **{
                name: pa.array([box[place] for _, box in (*mine, dropped)], pa.float32())
                for place, name in enumerate(("x1", "y1", "x2", "y2"))
            },
            "detection": pa.array([0, 1, 3], pa.int32()),
        }
    )
    found = untracked_detections(seen, tracklets, ME, {"person"})
    assert found["detection"].to_pylist() == [2, 3], "one that no tracklet holds, one whose track has no such point"
    assert untracked_detections(seen, tracklets, ME, {"car"}).num_rows == 0
